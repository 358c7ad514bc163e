/** `deno task runs`: what runs there are, and what of them can go. */
import { dirname, join } from "node:path";
import { exists } from "../base/files.ts";
import { count, duration } from "../report/numbers.ts";
import { metricLabel, metricText } from "../report/metric_names.ts";
import { isLocked, lockFolder } from "../run/lock.ts";
import { listRuns, RUNS, type StoredRun } from "../run/stored_run.ts";
import { boolean, commonFlags, runTool, text, UsageError } from "../run/task.ts";
import { CHECKPOINT } from "../run/checkpoint.ts";

/** A run in the list; what is not known yet is null. */
export interface ListedRun {
  readonly folder: string;
  readonly task: string;
  readonly dataset: string;
  readonly count: number;
  readonly seed: number | null;
  readonly steps: number | null;
  /** "running": a process writes there; "interrupted": none does, and none has ended it. */
  readonly status: "completed" | "stopped" | "failed" | "running" | "interrupted";
  /** Of work, over all sittings. */
  readonly seconds: number | null;
  /** Of all files in the folder. */
  readonly bytes: number;
  /** ISO 8601, in UTC. */
  readonly started: string | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

async function listed({ folder, config, summary }: StoredRun): Promise<ListedRun> {
  const { birthtime, mtime } = await Deno.stat(folder);
  const { seed } = config.flags;
  return {
    folder,
    task: config.task,
    dataset: config.dataset.name,
    count: config.dataset.count,
    seed: typeof seed === "number" ? seed : null,
    steps: summary?.steps ?? null,
    status: summary?.status ?? (await isLocked(folder) ? "running" : "interrupted"),
    seconds: summary?.seconds ?? null,
    bytes: await bytesOf(folder),
    started: (birthtime ?? mtime)?.toISOString() ?? null,
    metrics: summary?.metrics ?? {},
  };
}

async function bytesOf(folder: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) bytes += await bytesOf(path);
    else if (entry.isFile) bytes += (await Deno.stat(path)).size;
  }
  return bytes;
}

/** The list as aligned text. */
function tableOf(runs: readonly ListedRun[]): string {
  const rows = runs.map(({ folder, dataset, count: items, seed, steps, status, seconds, bytes, metrics }) => {
    const [figure] = Object.entries(metrics);
    return [
      folder,
      `${count(items)} ${dataset}`,
      seed === null ? "" : String(seed),
      steps === null ? "" : count(steps),
      status,
      seconds === null ? "" : duration(seconds),
      `${(bytes / 1e6).toFixed(1)} MB`,
      figure === undefined ? "" : `${metricLabel(figure[0])} ${metricText(figure[0], figure[1] ?? NaN)}`,
    ];
  });
  const all = [["run", "data", "seed", "steps", "status", "time", "size", "figure"], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()).join(
    "\n",
  );
}

/** Removes the checkpoints of completed runs, those inside other runs included, and returns the bytes that were freed. */
async function clean(runs: readonly StoredRun[]): Promise<number> {
  let freed = 0;
  for (const { folder, summary } of runs) {
    const path = join(folder, CHECKPOINT);
    if (summary?.status !== "completed" || summary.ended === "budget" || !(await exists(path))) continue;
    const lock = await lockFolder(folder);
    freed += (await Deno.stat(path)).size;
    await Deno.remove(path);
    lock.release();
  }
  return freed;
}

if (import.meta.main) {
  await runTool({
    name: "runs",
    summary:
      "List the runs there are: what each learned, how it ended, how long it took and how large it is.",
    flags: {
      folder: text({ placeholder: "DIR", default: RUNS, help: "where they lie" }),
      clean: boolean({
        help: "remove the checkpoints of completed runs, which only --resume with more --steps needs",
      }),
      debug: commonFlags.debug,
    },
    run: async ({ folder, clean: cleaning }, session) => {
      if (folder !== RUNS && !(await exists(folder))) {
        throw new UsageError(`--folder must name a folder: current value is "${folder}"`);
      }
      const found = await listRuns(folder);
      if (cleaning) {
        const bytes = await clean(found);
        session.note(`${(bytes / 1e6).toFixed(1)} MB of checkpoints removed`);
        return { bytes };
      }
      const runs = await Promise.all(found.filter((run) => !isInside(run, found)).map(listed));
      session.note(runs.length === 0 ? `no runs in ${folder}` : tableOf(runs));
      return runs;
    },
  });
}

/** Whether a run is a part of another one, such as its autoencoder. */
function isInside({ folder }: StoredRun, all: readonly StoredRun[]): boolean {
  return all.some((other) => other.folder === dirname(folder));
}
