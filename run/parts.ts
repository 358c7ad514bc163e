/** Parts of a run that are runs themselves: an autoencoder whose codes it learns. */
import { exists } from "../base/files.ts";
import { copyRun } from "./run_folder.ts";
import { findRun, identity, listRuns, type RunConfig, RUNS, type StoredRun } from "./stored_run.ts";

/** How far a part is. */
export type Part =
  | { readonly state: "completed" | "begun"; readonly stored: StoredRun }
  | { readonly state: "absent" };

/**
 * The part in `folder`: as it stands there, or as a copy of a completed run in `runs/` of the same configuration.
 *
 * @param options.settled Whether the run has learned from the part already, so that it must not be made anew.
 * @param options.afresh Whether it must not be a copy.
 * @throws {Error} where what should be there is gone, unfinished or damaged.
 */
export async function findPart(folder: string, options: {
  readonly config: RunConfig;
  readonly settled: boolean;
  readonly afresh: boolean;
  readonly note: (line: string) => void;
}): Promise<Part> {
  const { config, settled, afresh, note } = options;
  const stored = await findRun(folder);
  if (stored?.summary?.status === "completed") return { state: "completed", stored };
  if (settled) {
    const what = stored === undefined ? "is gone or damaged" : "is unfinished";
    throw new Error(
      `Cannot use ${folder} as it ${what}, and what was learned from it stands beside it: bring it back, or start a ` +
        "new run",
    );
  }
  if (stored !== undefined) return { state: "begun", stored };
  if (await exists(folder)) {
    throw new Error(
      `Cannot use ${folder} as its config.json is damaged: restore it, or remove the folder to have it made anew`,
    );
  }
  for (const candidate of afresh ? [] : await listRuns(RUNS)) {
    if (candidate.summary?.status !== "completed" || identity(candidate.config) !== identity(config)) {
      continue;
    }
    note(`taken from ${candidate.folder}, a completed run of the same configuration`);
    return { state: "completed", stored: await copyRun(candidate, folder) };
  }
  return { state: "absent" };
}
