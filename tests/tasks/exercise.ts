/** Runs an exercise's task as a user does. */
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");

/** What a task printed, and its exit code. */
export interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
  readonly error: string;
}

/** Runs `tasks/<file>` in the folder `cwd`. */
export async function start(cwd: string, file: string, ...args: readonly string[]): Promise<Outcome> {
  const { text, ...outcome } = await startProgram(cwd, join("tasks", file), ...args);
  return { ...outcome, lines: text.trimEnd().split("\n") };
}

/** Runs a program of the project, given by its path in it, in the folder `cwd`. */
export async function startProgram(
  cwd: string,
  program: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string; readonly error: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--quiet",
        "--no-check",
        "--config",
        join(ROOT, "deno.json"),
        "--allow-read",
        "--allow-write",
      ],
      join(ROOT, program),
      ...args,
    ],
    cwd,
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** The metrics of the run in `folder`, which must be complete. */
export async function metricsOf(folder: string): Promise<Readonly<Record<string, number>>> {
  const { status, metrics } = JSON.parse(await Deno.readTextFile(join(folder, "summary.json")));
  if (status !== "completed") throw new Error(`${folder} is ${status}`);
  return metrics;
}
