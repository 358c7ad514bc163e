/** Starts programs of the project as their tasks do. */
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** What a program printed, and its exit code. */
export interface Outcome {
  readonly code: number;
  readonly text: string;
  readonly lines: readonly string[];
  readonly error: string;
}

/** A program of the project, given by its path in it, in the folder `cwd`; with `starts` it may start others. */
export function command(
  cwd: string,
  [program, ...args]: readonly string[],
  { starts = false } = {},
): Deno.Command {
  const permissions = starts ? [`--allow-run=${Deno.execPath()}`] : [];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--config",
      join(ROOT, "deno.json"),
      "--allow-read",
      "--allow-write",
    ]
      .concat(permissions, join(ROOT, program), args),
    cwd,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a program of the project, given by its path in it, in the folder `cwd`. */
export async function startProgram(
  cwd: string,
  program: string,
  ...args: readonly string[]
): Promise<Outcome> {
  return await outcome(command(cwd, [program, ...args]));
}

/** Runs a program that starts runs of its own. */
export async function startRuns(cwd: string, program: string, ...args: readonly string[]): Promise<Outcome> {
  return await outcome(command(cwd, [program, ...args], { starts: true }));
}

async function outcome(program: Deno.Command): Promise<Outcome> {
  const { code, stdout, stderr } = await program.output(), decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  return { code, text, lines: text.trimEnd().split("\n"), error: decoder.decode(stderr) };
}

/** The metrics of the run in `folder`, which must be complete. */
export async function metricsOf(folder: string): Promise<Readonly<Record<string, number>>> {
  const { status, metrics } = JSON.parse(await Deno.readTextFile(join(folder, "summary.json")));
  if (status !== "completed") throw new Error(`${folder} is ${status}`);
  return metrics;
}
