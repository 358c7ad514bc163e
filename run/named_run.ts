/** Runs as people name them on a command line. */
import { dirname, join } from "node:path";
import { exists } from "../base/files.ts";
import { listRuns, RUNS } from "./stored_run.ts";

/** The word that names the newest run. */
const LATEST = "latest";

/**
 * The folder that `name` means: itself where it is there, the run of this name in `runs/`, or for "latest" the newest
 * run in there. A name that means nothing is returned as it is: whoever reads it says so.
 */
export async function runFolder(name: string): Promise<string> {
  if (await exists(name)) return name;
  if (name === LATEST) {
    const runs = await listRuns(RUNS);
    // Those inside another run are parts of it.
    return runs.find(({ folder }) => dirname(folder) === RUNS)?.folder ?? name;
  }
  const inside = join(RUNS, name);
  return await exists(inside) ? inside : name;
}
