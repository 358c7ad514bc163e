/**
 * Lists of runs, for comparisons, sweeps and assignments: each line is a run of its own, made here or by Slurm. What is
 * finished is kept, so that a list that was stopped goes on where it was.
 */
import { join } from "node:path";
import { shellWord } from "./command.ts";
import type { ExecutorFlags } from "./executors/flags.ts";
import { runLocally } from "./executors/local.ts";
import { runOnSlurm, type SlurmOptions } from "./executors/slurm.ts";
import { type ManifestLine, writeManifest } from "./manifest_file.ts";
import { RunList } from "./run_list.ts";
import { Deferred, type Session } from "./session.ts";
import type { StoredRun } from "./stored_run.ts";

export { executorFlags } from "./executors/flags.ts";
export { type ManifestLine, readManifest, writeManifest } from "./manifest_file.ts";

/** Where and how a list is run. */
export interface ManifestOptions {
  /** What the list is part of, mostly a run. */
  readonly within: {
    /** Holds the folders of all lines, and the list itself. */
    readonly folder: string;
    readonly session: Session;
    /** What goes on when all runs have ended. */
    readonly again: SlurmOptions["again"];
  };
  readonly executor: ExecutorFlags;
  /** The list's file in the folder, `NAME.jsonl`; absent: `runs`. */
  readonly name?: string;
}

/**
 * Runs the lines that are not finished yet, and returns the runs of all lines in their order. A line that fails does
 * not keep the others from being run, but for those that need it.
 *
 * @throws {Error} naming the first run that failed, when all that can be done is done.
 * @throws {UsageError} where a line names no task, shares its folder, or finds a run of other flags there.
 * @throws {Deferred} where the runs are made elsewhere, or were only to be shown.
 */
export async function runManifest(
  lines: readonly ManifestLine[],
  options: ManifestOptions,
): Promise<readonly StoredRun[]> {
  return await (await attemptManifest(lines, options)).results();
}

/** `runManifest` that says in the list which runs failed, and throws nothing for them. */
export async function attemptManifest(
  lines: readonly ManifestLine[],
  { within: { folder, session, again }, executor, name = "runs" }: ManifestOptions,
): Promise<RunList> {
  const list = new RunList(lines, folder);
  await list.findFinished();
  if (!executor.dryRun) await writeManifest(join(folder, `${name}.jsonl`), lines);
  if (executor.executor === "slurm") await runOnSlurm(list, { session, executor, again });
  else if (executor.dryRun) showCommands(list, session);
  else if (!executor.collect) await runLocally(list, { session });
  return list;
}

/** Prints what would be started here. */
function showCommands(list: RunList, session: Session): never {
  for (const index of list.open) {
    session.note([Deno.execPath(), ...list.words(index)].map(shellWord).join(" "));
  }
  throw new Deferred(`${list.open.length} runs; nothing was started`, { nothingBegun: true });
}
