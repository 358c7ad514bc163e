/** What of a list was handed to Slurm: a file of lines for each array, beside its script, under the name of its job. */
import { join } from "node:path";
import { exists } from "../../base/files.ts";
import { type ManifestLine, readManifest } from "../manifest_file.ts";
import { SUBMITTED } from "../run_list.ts";
import type { QueuedTask } from "./queue.ts";

/** The lines of every array, in its order, by the name of its job. */
export type Submitted = ReadonlyMap<string, readonly ManifestLine[]>;

/** Reads what was handed in from `folder`, that of the list. */
export async function readSubmitted(folder: string): Promise<Submitted> {
  const found = new Map<string, readonly ManifestLine[]>(), place = join(folder, SUBMITTED);
  if (!(await exists(place))) return found;
  for await (const { name } of Deno.readDir(place)) {
    if (name.endsWith(".jsonl") && !name.startsWith(".")) {
      found.set(name.slice(0, -".jsonl".length), await readManifest(join(place, name)));
    }
  }
  return found;
}

/** A line that Slurm has not done with. */
export interface LineAtWork {
  /** Whether one of its tasks has been started. */
  readonly started: boolean;
  /** The numbers of the arrays that hold it. */
  readonly arrays: readonly string[];
}

/** Which of some lines are in Slurm's queue, by their folders. */
export function linesAtWork(
  lines: readonly ManifestLine[],
  { submitted, queue }: { readonly submitted: Submitted; readonly queue: readonly QueuedTask[] },
): Map<string, LineAtWork> {
  const wanted = new Set(lines.map(({ folder }) => folder)), work = new Map<string, LineAtWork>();
  for (const { name, index, array, started } of queue) {
    const line = index === undefined ? undefined : submitted.get(name)?.[index];
    if (line === undefined || !wanted.has(line.folder)) continue;
    const before = work.get(line.folder);
    work.set(line.folder, {
      started: started || (before?.started ?? false),
      arrays: [...before?.arrays ?? [], array],
    });
  }
  return work;
}
