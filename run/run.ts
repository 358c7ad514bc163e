/** The run folder: what an experiment writes, where, and how it is found and continued. */
import * as tf from "@tensorflow/tfjs";
import { basename, dirname, join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { exists, isRecord, isTemporary, readJson, removeTemporaries, writeJson } from "../base/files.ts";
import { readTensors, type StoredTensor, type TensorFile, writeTensors } from "../base/safetensors.ts";
import { UsageError } from "./flags.ts";
import type { Session } from "./session.ts";

/** The folder that holds every run whose place was not chosen. */
export const RUNS = "runs";

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

/** Names to variables, in the order in which they are stored. */
export type NamedVariables = Readonly<Record<string, tf.Variable>>;

/** What a task tells a run before it trains. */
export interface RunSetup {
  /** Other fields, such as the data themselves, are not recorded. */
  readonly dataset: DatasetFacts;
  readonly device: { readonly kind: string; readonly description: string };
  /** The model's configuration: JSON. */
  readonly model?: unknown;
}

/** Where training was when it was last saved. */
export interface Checkpoint {
  readonly step: number;
  /** Seconds of training so far, over all sittings. */
  readonly seconds: number;
  /** Whether training ended because its goal was reached. */
  readonly reached: boolean;
  /** What was last logged, for the progress line and the result. */
  readonly values: Readonly<Record<string, number>>;
}

/** Where a run shall go. */
export type Place =
  | { readonly mode: "fresh"; readonly folder?: string }
  | { readonly mode: "replace"; readonly folder: string }
  | { readonly mode: "resume"; readonly folder: string; readonly stored: StoredRun };

const CHECKPOINT = "checkpoint.safetensors";
const WEIGHTS = "weights.safetensors";
/** Flags that say how a run is made and not what it computes. */
const NOT_CONFIGURATION: ReadonlySet<string> = new Set(["out", "resume", "force", "debug"]);

/** One experiment's folder: see DESIGN.md for what it holds. */
export class Run {
  readonly session: Session;
  readonly task: string;
  readonly #flags: Readonly<Record<string, unknown>>;
  readonly #place: Place;
  readonly #startedAt = performance.now();
  #folder: string | undefined;
  #config: RunConfig | undefined;
  #summary: RunSummary | undefined;
  #checkpoint: Checkpoint | undefined;
  #earlier = 0;
  #children: Run[] = [];
  #trained = false;

  constructor(
    session: Session,
    options: {
      readonly task: string;
      readonly flags: Readonly<Record<string, unknown>>;
      readonly place: Place;
    },
  ) {
    this.session = session;
    this.task = options.task;
    this.#flags = options.flags;
    this.#place = options.place;
  }

  /** A finished run as it stands in its folder. */
  static finished(session: Session, stored: StoredRun): Run {
    const { folder, config, summary } = stored;
    const place: Place = { mode: "resume", folder, stored };
    const run = new Run(session, { task: config.task, flags: config.flags, place });
    run.#folder = folder;
    run.#config = config;
    run.#summary = summary;
    return run;
  }

  /** The run folder. */
  get folder(): string {
    if (this.#folder === undefined) {
      throw new Error("Cannot write to the run folder as run.configure() must be called first");
    }
    return this.#folder;
  }

  /** The path of a file of the run folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Whether the run is finished: what a child that was copied or done in an earlier sitting already is. */
  get completed(): boolean {
    return this.#summary?.status === "completed";
  }

  /** How the run ended, if it has. */
  get summary(): RunSummary | undefined {
    return this.#summary;
  }

  /** What `config.json` holds. */
  get config(): RunConfig {
    if (this.#config === undefined) {
      throw new Error("Cannot read the configuration as run.configure() must be called first");
    }
    return this.#config;
  }

  /** Prints a line. */
  note(line: string): void {
    this.session.note(line);
  }

  /** Lets signals in: to be awaited inside every long loop outside of `train`. */
  pause(): Promise<void> {
    return this.session.pause();
  }

  /**
   * Opens the run folder and writes `config.json`: to be called once, when everything that can be wrong with the
   * flags and the data was checked, as `--force` removes the old run here.
   */
  async configure(setup: RunSetup): Promise<void> {
    const place = this.#place;
    const { name, count } = setup.dataset;
    if (place.mode === "resume") {
      const before = place.stored.config.dataset;
      if (canonical(before) !== canonical(facts(setup.dataset))) {
        throw new Error(
          `Cannot resume ${place.folder} as its data set ${before.name} has changed: start a new run`,
        );
      }
    }
    let folder: string;
    try {
      folder = await openFolder(place, `${this.task}-${name}-${count}-s${this.#flags.seed ?? 0}`);
      this.#config = this.#describe(setup, folder);
      await removeTemporaries(folder);
      await removeIfThere(join(folder, "summary.json"));
      await writeJson(join(folder, "config.json"), this.#config);
      if (!(await exists(join(folder, CHECKPOINT)))) await Deno.writeTextFile(join(folder, "log.jsonl"), "");
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const wanted = place.folder ?? RUNS;
      throw new Error(`Cannot write to ${wanted} (${(error as Error).message}): choose another --out`);
    }
    this.#folder = folder;
    this.note(`run folder: ${folder}`);
  }

  #describe(setup: RunSetup, folder: string): RunConfig {
    const flags: Record<string, unknown> = {};
    for (const [flag, value] of Object.entries(this.#flags)) flags[flag] = value ?? null;
    if ("count" in this.#flags) flags.count = setup.dataset.count;
    flags.out = folder;
    return {
      task: this.task,
      flags,
      versions: { engram: settings.version, deno: Deno.version.deno, tfjs: tf.version.tfjs },
      device: { kind: setup.device.kind, description: setup.device.description },
      dataset: facts(setup.dataset),
      model: setup.model ?? null,
    };
  }

  /** Adds a line to `log.jsonl`. */
  log(entry: Readonly<Record<string, number | string | null>>): void {
    Deno.writeTextFileSync(this.path("log.jsonl"), JSON.stringify(entry) + "\n", { append: true });
  }

  /** Writes `weights.safetensors`; `metadata.config` is the model's configuration. The variables must be pulled. */
  async saveWeights(
    variables: NamedVariables,
    metadata: { readonly model: string; readonly config: unknown },
  ): Promise<void> {
    const strings = { model: metadata.model, config: JSON.stringify(metadata.config) };
    await writeTensors(this.path(WEIGHTS), await storedTensors(variables), strings);
  }

  /**
   * Declares the run done: writes `summary.json`, last. `metrics` are the final ones, under their standard names.
   */
  async finish(
    result: {
      readonly metrics: Readonly<Record<string, number>>;
      readonly parameters: number;
      /** Absent: as many as `train` made. */
      readonly steps?: number;
    },
  ): Promise<void> {
    await this.session.guard(() => this.#summarize({ status: "completed", ...result }));
  }

  /** Writes `summary.json` for a run that ends early, and for its unfinished children. */
  async abandon(status: "stopped" | "failed"): Promise<void> {
    for (const child of this.#children) await child.abandon(status);
    if (this.#config === undefined || this.completed) return;
    await this.#summarize({ status, metrics: this.#checkpoint?.values ?? {}, parameters: null });
  }

  async #summarize(
    { status, metrics, parameters, steps = this.#checkpoint?.step ?? 0 }: {
      readonly status: RunSummary["status"];
      readonly metrics: Readonly<Record<string, number>>;
      readonly parameters: number | null;
      readonly steps?: number;
    },
  ): Promise<void> {
    const { task, device, dataset } = this.config;
    const seconds = Math.round(this.#earlier * 1000 + performance.now() - this.#startedAt) / 1000;
    const summary = {
      task,
      status,
      seconds,
      steps,
      parameters,
      device: device.description,
      dataset,
      metrics,
    };
    await writeJson(this.path("summary.json"), summary);
    this.#summary = summary;
  }

  /**
   * A run of its own in the folder `name` of this one, for a model that this run needs: the one that is there from
   * an earlier sitting, else a copy of a completed run in `runs/` with equal configuration, else a new one. Train it
   * unless it is `completed`.
   */
  async child(
    name: string,
    options: RunSetup & { readonly task: string; readonly flags: Readonly<Record<string, unknown>> },
  ): Promise<Run> {
    const { task, flags, ...setup } = options;
    const folder = this.path(name);
    const open = async (place: Place): Promise<Run> => {
      const child = new Run(this.session, { task, flags: { ...flags, out: folder }, place });
      this.#children.push(child);
      if (place.mode === "resume" && place.stored.summary?.status === "completed") {
        child.#folder = folder;
        child.#config = place.stored.config;
        child.#summary = place.stored.summary;
      } else {
        await child.configure(setup);
      }
      return child;
    };
    const stored = await findRun(folder);
    if (stored !== undefined) return open({ mode: "resume", folder, stored });
    const fresh: Place = { mode: "fresh", folder };
    const config = new Run(this.session, { task, flags, place: fresh }).#describe(setup, folder);
    for (const candidate of await listRuns(RUNS)) {
      if (candidate.summary?.status !== "completed" || identity(candidate.config) !== identity(config)) {
        continue;
      }
      this.note(`${name}: taken from ${candidate.folder}, a completed run of the same configuration`);
      return open({ mode: "resume", folder, stored: await copyRun(candidate, folder) });
    }
    return open(fresh);
  }

  /**
   * A copy of the completed run `from` of `task` as the child `name`: what `--autoencoder RUN` asks for.
   *
   * @throws {UsageError} where `from` is no completed run of that task.
   */
  async adopt(name: string, options: { readonly from: string; readonly task: string }): Promise<Run> {
    const folder = this.path(name);
    const found = await findRun(options.from);
    if (found?.config.task !== options.task || found.summary?.status !== "completed") {
      throw new UsageError(
        `--${name} must name a completed run of ${options.task}: current value is "${options.from}"`,
      );
    }
    return Run.finished(this.session, await findRun(folder) ?? await copyRun(found, folder));
  }

  /**
   * Puts the state of the last checkpoint into `variables` and cuts the log back to it. Undefined where there is
   * none. `train` calls this.
   */
  async restore(variables: NamedVariables): Promise<Checkpoint | undefined> {
    if (this.#trained) {
      throw new Error("Cannot train twice in one run folder: give the second model a run.child()");
    }
    this.#trained = true;
    const path = this.path(CHECKPOINT);
    if (!(await exists(path))) return undefined;
    const { tensors, metadata } = await readTensors(path);
    assignVariables(variables, tensors, path);
    const log = this.path("log.jsonl");
    await Deno.truncate(log, Math.min(Number(metadata.log_bytes), (await Deno.stat(log)).size));
    const checkpoint: Checkpoint = {
      step: Number(metadata.step),
      seconds: Number(metadata.seconds),
      reached: metadata.reached === "true",
      values: JSON.parse(metadata.values),
    };
    this.#checkpoint = checkpoint;
    this.#earlier = checkpoint.seconds;
    return checkpoint;
  }

  /**
   * Writes `checkpoint.safetensors`. The variables must be pulled. `train` calls this.
   *
   * @throws {RangeError} naming the variable, where one is not finite; the checkpoint before stays.
   */
  async save(variables: NamedVariables, checkpoint: Checkpoint): Promise<void> {
    const tensors = await storedTensors(variables);
    for (const [name, { data }] of Object.entries(tensors)) {
      if (!data.every(Number.isFinite)) throw new RangeError(`${name} is no longer finite`);
    }
    // The log first: a checkpoint must never point behind its end.
    using log = await Deno.open(this.path("log.jsonl"), { read: true, write: true });
    await log.sync();
    await writeTensors(this.path(CHECKPOINT), tensors, {
      step: String(checkpoint.step),
      seconds: String(checkpoint.seconds),
      reached: String(checkpoint.reached),
      values: JSON.stringify(checkpoint.values),
      log_bytes: String((await log.stat()).size),
    });
    this.#checkpoint = checkpoint;
  }
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

/** The weights of a run. */
export function readWeights(folder: string): Promise<TensorFile> {
  return readTensors(join(folder, WEIGHTS));
}

/**
 * Gives tfjs's `variables` the values of `tensors`; `path` is for the errors. Push them where a device owns them.
 *
 * @throws {Error} naming the tensor that is missing, unknown, or of another shape.
 */
export function assignVariables(
  variables: NamedVariables,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): void {
  const fail = (reason: string): never => {
    throw new Error(`Cannot use ${path} as ${reason}: it belongs to another model`);
  };
  for (const [name, variable] of Object.entries(variables)) {
    const stored = tensors.get(name) ?? fail(`it lacks "${name}"`);
    if (String(stored.shape) !== String(variable.shape)) {
      fail(`"${name}" has shape [${stored.shape}] and should have [${variable.shape}]`);
    }
  }
  for (const name of tensors.keys()) {
    if (!Object.hasOwn(variables, name)) fail(`it holds "${name}", which the model lacks`);
  }
  for (const [name, variable] of Object.entries(variables)) {
    const { data } = tensors.get(name)!;
    tf.tidy(() => variable.assign(tf.tensor(data as Float32Array, variable.shape, variable.dtype)));
  }
}

async function storedTensors(variables: NamedVariables): Promise<Record<string, StoredTensor>> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, variable] of Object.entries(variables)) {
    tensors[name] = { shape: variable.shape, data: await variable.data() };
  }
  return tensors;
}

/** Makes the folder of a run, or empties that of the run that it replaces. */
async function openFolder(place: Place, name: string): Promise<string> {
  if (place.mode === "resume") return place.folder;
  if (place.folder !== undefined) {
    const kind = await folderKind(place.folder);
    if (kind === "foreign" || (kind === "run" && place.mode === "fresh")) {
      throw new UsageError(`--out ${place.folder} has come into being meanwhile: choose another`);
    }
    if (kind === "run") await Deno.remove(place.folder, { recursive: true });
    await Deno.mkdir(place.folder, { recursive: true });
    return place.folder;
  }
  await Deno.mkdir(RUNS, { recursive: true });
  for (let attempt = 1;; attempt++) {
    const folder = join(RUNS, attempt === 1 ? name : `${name}-${attempt}`);
    try {
      await Deno.mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** Copies the files of a run, its children not; the copy is there whole or not at all. */
async function copyRun(from: StoredRun, folder: string): Promise<StoredRun> {
  const temporary = join(dirname(folder), `.${basename(folder)}.copy`);
  await removeIfThere(temporary);
  await Deno.mkdir(temporary);
  for await (const entry of Deno.readDir(from.folder)) {
    if (entry.isFile && !isTemporary(entry.name)) {
      await Deno.copyFile(join(from.folder, entry.name), join(temporary, entry.name));
    }
  }
  const config = { ...from.config, flags: { ...from.config.flags, out: folder } };
  await writeJson(join(temporary, "config.json"), config);
  await Deno.rename(temporary, folder);
  return { ...from, folder, config };
}

/** What two runs that compute the same have in common. */
function identity(config: RunConfig): string {
  const flags = Object.entries(config.flags).filter(([name, value]) =>
    !NOT_CONFIGURATION.has(name) && value !== null && value !== undefined
  );
  return canonical({ ...config, flags: Object.fromEntries(flags) });
}

/** JSON with sorted names. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part: unknown) =>
      isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) : part,
  );
}

function facts({ name, split, offset, count, sha256 }: DatasetFacts): DatasetFacts {
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

async function removeIfThere(path: string): Promise<void> {
  if (await exists(path)) await Deno.remove(path, { recursive: true });
}
