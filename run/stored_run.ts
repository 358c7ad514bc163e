/** Runs as they stand in their folders: what their files say, and how they are found. */
import { join } from "node:path";
import { exists, isRecord, isTemporary, readJson } from "../base/files.ts";

/** The folder that holds every run whose place was not chosen. */
export const RUNS = "runs";

/** Flags that say how a run is made and not what it computes. */
const NOT_CONFIGURATION: ReadonlySet<string> = new Set(["out", "resume", "force", "debug"]);

/** What a run learned from. */
export interface DatasetFacts {
  readonly name: string;
  readonly split: string;
  readonly offset: number;
  readonly count: number;
  readonly sha256: string;
}

/** What a run was given: `config.json`. */
export interface RunConfig {
  readonly task: string;
  /** Every flag as resolved, by its name in code; null where absent. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly versions: { readonly engram: string; readonly deno: string; readonly tfjs: string };
  readonly device: { readonly kind: string; readonly description: string };
  readonly dataset: DatasetFacts;
  /** The model's own configuration, as the model defines it. */
  readonly model: unknown;
}

/** How a run ended: `summary.json`. */
export interface RunSummary {
  readonly task: string;
  readonly status: "completed" | "stopped" | "failed";
  /** Of work, over all sittings. */
  readonly seconds: number;
  readonly steps: number;
  /** Number of trained numbers; null where the run ended before it said so. */
  readonly parameters: number | null;
  readonly device: string;
  readonly dataset: DatasetFacts;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** A run folder as found. */
export interface StoredRun {
  readonly folder: string;
  readonly config: RunConfig;
  /** Absent while a run is at work, and after it was killed. */
  readonly summary?: RunSummary;
}

/** The run in `folder`; undefined where that is no run folder. */
export async function findRun(folder: string): Promise<StoredRun | undefined> {
  const config = await readIfThere(join(folder, "config.json"));
  if (!isRunConfig(config)) return undefined;
  const summary = await readIfThere(join(folder, "summary.json"));
  return isRunSummary(summary) ? { folder, config, summary } : { folder, config };
}

/** Every run in `folder` and the runs inside these, the newest first. */
export async function listRuns(folder: string): Promise<readonly StoredRun[]> {
  const found: { run: StoredRun; time: number }[] = [];
  const look = async (parent: string, depth: number): Promise<void> => {
    if (!(await exists(parent))) return;
    for await (const entry of Deno.readDir(parent)) {
      if (!entry.isDirectory) continue;
      const path = join(parent, entry.name);
      const run = await findRun(path);
      if (run === undefined) continue;
      const { mtime } = await Deno.stat(join(path, "config.json"));
      found.push({ run, time: mtime?.getTime() ?? 0 });
      if (depth > 0) await look(path, depth - 1);
    }
  };
  await look(folder, 1);
  const order = (a: StoredRun, b: StoredRun) => a.folder < b.folder ? 1 : -1;
  return found.sort((a, b) => b.time - a.time || order(a.run, b.run)).map(({ run }) => run);
}

/** What a folder that `--out` names is. */
export type FolderKind = "absent" | "empty" | "run" | "foreign";

/** What is at `path`. A folder counts as a run only if it holds a `config.json` that a task wrote. */
export async function folderKind(path: string): Promise<FolderKind> {
  if (!(await exists(path))) return "absent";
  if (!(await Deno.stat(path)).isDirectory) return "foreign";
  if (await findRun(path) !== undefined) return "run";
  for await (const entry of Deno.readDir(path)) {
    if (!isTemporary(entry.name)) return "foreign";
  }
  return "empty";
}

/** What two runs that compute the same have in common. */
export function identity(config: RunConfig): string {
  const flags = Object.entries(config.flags).filter(([name, value]) =>
    !NOT_CONFIGURATION.has(name) && value !== null && value !== undefined
  );
  return canonical({ ...config, flags: Object.fromEntries(flags) });
}

/** JSON with sorted names. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part: unknown) =>
      isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) : part,
  );
}

/** The facts alone, without the data that may come with them. */
export function facts({ name, split, offset, count, sha256 }: DatasetFacts): DatasetFacts {
  return { name, split, offset, count, sha256 };
}

function isRunConfig(value: unknown): value is RunConfig {
  return isRecord(value) && typeof value.task === "string" && isRecord(value.flags) &&
    isRecord(value.versions) && typeof value.versions.engram === "string" && isRecord(value.dataset);
}

function isRunSummary(value: unknown): value is RunSummary {
  return isRecord(value) && typeof value.task === "string" && typeof value.status === "string";
}

async function readIfThere(path: string): Promise<unknown> {
  try {
    return await readJson(path);
  } catch {
    // Unreadable, absent or no JSON: not ours.
    return undefined;
  }
}
