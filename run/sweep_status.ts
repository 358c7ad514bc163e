/** How far the runs of a list are, as their folders, their logs and Slurm's queue say. */
import { join } from "node:path";
import { exists } from "../base/files.ts";
import { localLog } from "./executors/local.ts";
import type { QueuedTask } from "./executors/queue.ts";
import { linesAtWork, readSubmitted, type Submitted } from "./executors/submitted.ts";
import { UsageError } from "./flags.ts";
import { isLocked } from "./lock.ts";
import { type ManifestLine, readManifest } from "./manifest_file.ts";
import { isFinished, LOGS, RunList } from "./run_list.ts";
import { findRun, type StoredRun } from "./stored_run.ts";

/** `missing`: neither finished nor at work, and nothing went wrong: not begun, or stopped. */
export type LineStatus = "done" | "running" | "queued" | "failed" | "missing";

/** How far a line is. */
export interface LineReport {
  readonly line: ManifestLine;
  readonly status: LineStatus;
  readonly run: StoredRun | undefined;
  /** The newest file with what its run said, if there is one. */
  readonly log: string | undefined;
}

/**
 * How far the lines of all lists in `folder` are.
 *
 * @param options.askQueue Asked where something was handed to Slurm that is not finished.
 * @throws {UsageError} where there is no list.
 */
export async function sweepStatus(
  folder: string,
  { askQueue }: { readonly askQueue: () => Promise<readonly QueuedTask[]> },
): Promise<readonly LineReport[]> {
  const list = new RunList(await linesIn(folder), folder);
  const submitted = await readSubmitted(folder);
  const runs = await Promise.all(list.lines.map((_, index) => findRun(list.place(index))));
  const done = runs.map((run, index) => run !== undefined && isFinished(list.lines[index], run));
  const work = submitted.size === 0 || !done.includes(false)
    ? new Map()
    : linesAtWork(list.lines, { submitted, queue: await askQueue() });
  return await Promise.all(list.lines.map(async (line, index): Promise<LineReport> => {
    const run = runs[index], log = await newestLog(list, index, submitted);
    const at = work.get(line.folder);
    const status = done[index]
      ? "done"
      : at !== undefined
      ? at.started ? "running" : "queued"
      : await isLocked(list.place(index))
      ? "running"
      : run?.summary?.status === "stopped" || log === undefined
      ? "missing"
      // It says so itself, or has ended without a word: refused before it began, or killed.
      : "failed";
    return { line, status, run, log };
  }));
}

/** The last line of a log that says something. */
export async function lastLine(log: string): Promise<string> {
  const lines = (await Deno.readTextFile(log)).split("\n");
  return lines.findLast((line) => line.trim() !== "")?.trim() ?? "";
}

/** The lines of every list in a folder: comparisons may have several. */
async function linesIn(folder: string): Promise<readonly ManifestLine[]> {
  const names: string[] = [];
  if (await exists(folder)) {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".jsonl") && !name.startsWith(".") && name !== "log.jsonl") names.push(name);
    }
  }
  if (names.length === 0) {
    throw new UsageError(
      `DIR must be the folder of a sweep, comparison or assignment: current value is "${folder}"`,
    );
  }
  const lists = await Promise.all(names.sort().map((name) => readManifest(join(folder, name))));
  return lists.flat();
}

async function newestLog(list: RunList, index: number, submitted: Submitted): Promise<string | undefined> {
  const candidates = [localLog(list, index)];
  for (const [name, lines] of submitted) {
    const at = lines.findIndex(({ folder }) => folder === list.lines[index].folder);
    if (at >= 0) candidates.push(join(list.folder, LOGS, `${name}-${at}.log`));
  }
  let newest: { path: string; time: number } | undefined;
  for (const path of candidates) {
    const time = (await Deno.stat(path).catch(() => undefined))?.mtime?.getTime();
    if (time !== undefined && time >= (newest?.time ?? 0)) newest = { path, time };
  }
  return newest?.path;
}
