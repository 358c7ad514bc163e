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

/** Runs `tasks/<file>`, which starts runs of its own, in the folder `cwd`. */
export async function startList(cwd: string, file: string, ...args: readonly string[]): Promise<Outcome> {
  const { text, ...outcome } = await run(cwd, join("tasks", file), args, [`--allow-run=${Deno.execPath()}`]);
  return { ...outcome, lines: text.trimEnd().split("\n") };
}

/** What a program printed, and its exit code. */
interface Printed {
  readonly code: number;
  readonly text: string;
  readonly error: string;
}

/** Runs a program of the project, given by its path in it, in the folder `cwd`. */
export async function startProgram(
  cwd: string,
  program: string,
  ...args: readonly string[]
): Promise<Printed> {
  return await run(cwd, program, args, []);
}

async function run(
  cwd: string,
  program: string,
  args: readonly string[],
  permissions: readonly string[],
): Promise<Printed> {
  const files = ["--allow-read", "--allow-write"], config = ["--config", join(ROOT, "deno.json")];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", ...config, ...files, ...permissions, join(ROOT, program), ...args],
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
