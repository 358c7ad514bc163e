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
      join(ROOT, "tasks", file),
      ...args,
    ],
    cwd,
  }).output();
  const decoder = new TextDecoder();
  return { code, lines: decoder.decode(stdout).trimEnd().split("\n"), error: decoder.decode(stderr) };
}

/** The metrics of the run in `folder`, which must be complete. */
export async function metricsOf(folder: string): Promise<Readonly<Record<string, number>>> {
  const { status, metrics } = JSON.parse(await Deno.readTextFile(join(folder, "summary.json")));
  if (status !== "completed") throw new Error(`${folder} is ${status}`);
  return metrics;
}
