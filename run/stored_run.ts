/** Runs as they stand in their folders: what their files say, and how they are found. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { exists, isRecord, isTemporary, readJson } from "../base/files.ts";
import { SITTING_FLAGS, UsageError } from "./flags.ts";

/** The folder that holds every run whose place was not chosen. */
export const RUNS = "runs";

/** Flags that say how a run is made and not what it computes. */
const NOT_CONFIGURATION: ReadonlySet<string> = new Set(["out", "resume", "force", "debug"]);

/** What a run learned from. */
export interface DatasetFacts {
  /** As `--dataset` has it. */
  readonly name: string;
  /** Which part of it. */
  readonly split: string;
  /** The first item within the split. */
  readonly offset: number;
  /** How many items. */
  readonly count: number;
  /** Of the items, in hexadecimal. */
  readonly sha256: string;
}

/** What a run was given: `config.json`. */
export interface RunConfig {
  /** As in deno.json's tasks. */
  readonly task: string;
  /** Every flag as resolved, by its name in code; null where absent. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** What it ran on. */
  readonly versions: { readonly engram: string; readonly deno: string; readonly tfjs: string };
  /** Where it computed. */
  readonly device: { readonly kind: string; readonly description: string };
  /** What it learned from. */
  readonly dataset: DatasetFacts;
  /** The model's own configuration, as the model defines it. */
  readonly model: unknown;
  /** SHA-256 of what it learned from beside the data set: `codes`. */
  readonly hashes?: Readonly<Record<string, string>>;
}

/** How a run ended: `summary.json`. */
export interface RunSummary {
  /** As in deno.json's tasks. */
  readonly task: string;
  /** How it ended. */
  readonly status: "completed" | "stopped" | "failed";
  /** Of work, over all sittings. */
  readonly seconds: number;
  /** Optimizer updates made. */
  readonly steps: number;
  /** Number of trained numbers; null where the run ended before it said so. */
  readonly parameters: number | null;
  /** Where it computed. */
  readonly device: string;
  /** What it learned from. */
  readonly dataset: DatasetFacts;
  /** What was measured, by name; null where it was no finite number. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Why training ended. Absent where the run trained nothing, or ended early. */
  readonly ended?: "steps" | "budget" | "goal";
}

/** A run folder as found. */
export interface StoredRun {
  /** Where it lies. */
  readonly folder: string;
  /** What it was given. */
  readonly config: RunConfig;
  /** Absent while a run is at work, and after it was killed. */
  readonly summary?: RunSummary;
}

/**
 * The run in `folder`; undefined where that is no run folder.
 *
 * @throws {SyntaxError} where it is one and its summary is damaged.
 */
export async function findRun(folder: string): Promise<StoredRun | undefined> {
  const config = await readIfThere(join(folder, "config.json"));
  if (!isRunConfig(config)) return undefined;
  const path = join(folder, "summary.json");
  if (!(await exists(path))) return { folder, config };
  const summary = await readJson(path);
  if (!isRunSummary(summary)) {
    throw new SyntaxError(
      `Cannot use ${path} as it is damaged: restore it, or remove it to go on with the run`,
    );
  }
  return { folder, config, summary };
}

/**
 * The completed run of `task` that the flag `--name` names.
 *
 * @throws {UsageError} where there is none.
 */
export async function completedRun(
  name: string,
  { from, task }: { readonly from: string; readonly task: string },
): Promise<StoredRun> {
  const found = await findRun(from);
  if (found?.config.task !== task || found.summary?.status !== "completed") {
    throw new UsageError(
      `--${name} must name a completed run of ${task}: current value is "${from}"${
        found === undefined && await exists(join(from, "config.json")) ? ", whose config.json is damaged" : ""
      }`,
    );
  }
  return found;
}

/** Every run in `folder` and the runs inside these, the newest first. */
export async function listRuns(folder: string): Promise<readonly StoredRun[]> {
  const found: { run: StoredRun; time: number }[] = [];
  const look = async (parent: string, depth: number): Promise<void> => {
    if (!(await exists(parent))) return;
    for await (const entry of Deno.readDir(parent)) {
      // Hidden ones are being made or replaced.
      if (!entry.isDirectory || entry.name.startsWith(".")) continue;
      const path = join(parent, entry.name);
      const run = await findRun(path).catch(() => undefined);
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
export function identity({ hashes: _, ...config }: RunConfig): string {
  const flags = Object.entries(config.flags).filter(([name, value]) =>
    !NOT_CONFIGURATION.has(name) && value !== null && value !== undefined
  );
  return canonical({ ...config, flags: Object.fromEntries(flags) });
}

/** Flags that may differ between the sittings of one run. */
export const CHANGEABLE: ReadonlySet<string> = new Set([
  ...NOT_CONFIGURATION,
  "device",
  "threads",
  "steps",
  "budget",
  ...SITTING_FLAGS,
]);
/** Flags that say where something lies: what lies there has a hash. */
const PLACES: ReadonlySet<string> = new Set(["dataDir", "file", "autoencoder"]);

/**
 * SHA-256 of all that a checkpoint belongs to: the task, the flags that no sitting may change, the data, the codes, the
 * model's configuration. The same in every sitting of a run, and in equal runs.
 */
export function fingerprint({ task, flags, dataset, model, hashes }: RunConfig): string {
  const fixed = Object.entries(flags).filter(([name, value]) =>
    !CHANGEABLE.has(name) && !PLACES.has(name) && value !== null && value !== undefined
  );
  const belongs = { task, flags: Object.fromEntries(fixed), dataset, model, hashes };
  return createHash("sha256").update(canonical(belongs)).digest("hex");
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
  if (!isRecord(value) || !isRecord(value.versions) || !isRecord(value.device)) return false;
  const { task, flags, versions, dataset, hashes = {} } = value;
  return typeof task === "string" && isRecord(flags) && typeof versions.engram === "string" &&
    isDataset(dataset) && isRecord(hashes) && Object.values(hashes).every((hash) => typeof hash === "string");
}

function isDataset(value: unknown): value is DatasetFacts {
  if (!isRecord(value)) return false;
  const { name, split, offset, count, sha256 } = value;
  return [name, split, sha256].every((text) => typeof text === "string") && isCount(offset) && isCount(count);
}

function isRunSummary(value: unknown): value is RunSummary {
  if (!isRecord(value)) return false;
  const { task, status, seconds, steps, metrics } = value;
  const statuses: readonly unknown[] = ["completed", "stopped", "failed"];
  return typeof task === "string" && statuses.includes(status) && typeof seconds === "number" &&
    seconds >= 0 &&
    isCount(steps) && isRecord(metrics) &&
    Object.values(metrics).every((metric) => metric === null || typeof metric === "number");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

async function readIfThere(path: string): Promise<unknown> {
  try {
    return await readJson(path);
  } catch {
    // Unreadable, absent or no JSON: not ours.
    return undefined;
  }
}
