import { findRun, type Place, Run, type RunSetup } from "./run.ts";
import { standardOutput } from "./progress.ts";
import { Session } from "./session.ts";

/**
 * Opens a run folder from a program of one's own, where `runTask` would open it from a command line: the unfinished run
 * that stands in `folder`, which training then goes on with, else a new one.
 *
 * @param setup.progress Whether it prints how training goes on; absent: no.
 * @param setup.task names the program in `config.json`.
 * @throws {Error} where the folder holds a finished run, or one of another task.
 */
export async function openRun(
  folder: string,
  setup: RunSetup & { readonly task: string; readonly progress?: boolean },
): Promise<Run> {
  const { task, progress = false, ...rest } = setup;
  const stored = await findRun(folder);
  if (stored !== undefined && (stored.config.task !== task || stored.summary?.status === "completed")) {
    const what = stored.config.task === task ? "finished run" : `run of ${stored.config.task}`;
    throw new Error(`Cannot train in ${folder} as it holds a ${what}: choose another folder`);
  }
  const place: Place = stored === undefined ? { mode: "fresh", folder } : { mode: "resume", folder, stored };
  const silent = { write: () => {}, terminal: false, columns: () => 80, now: () => performance.now() };
  const run = new Run(new Session(progress ? standardOutput() : silent), { task, flags: {}, place });
  await run.configure(rest);
  return run;
}
