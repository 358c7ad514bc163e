/** The run folder: what an experiment writes, where, and how it is found and continued. */
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { exists, removeTemporaries, writeJson } from "../base/files.ts";
import { writeTensors } from "../base/safetensors.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { UsageError } from "./flags.ts";
import { copyRun, openFolder, type Place, removeIfThere } from "./run_folder.ts";
import type { Session } from "./session.ts";
import {
  canonical,
  type DatasetFacts,
  facts,
  findRun,
  identity,
  listRuns,
  type RunConfig,
  RUNS,
  type RunSummary,
  type StoredRun,
} from "./stored_run.ts";
import { type NamedVariables, storedTensors, WEIGHTS } from "./weights.ts";

// One door to what a run folder is, for tasks and models.
export type { Checkpoint } from "./checkpoint.ts";
export type { Place } from "./run_folder.ts";
export {
  type DatasetFacts,
  findRun,
  listRuns,
  type RunConfig,
  type RunSummary,
  type StoredRun,
} from "./stored_run.ts";
export { assignVariables, type NamedVariables, readWeights } from "./weights.ts";

/** What a task tells a run before it trains. */
export interface RunSetup {
  /** Other fields, such as the data themselves, are not recorded. */
  readonly dataset: DatasetFacts;
  readonly device: { readonly kind: string; readonly description: string };
  /** The model's configuration: JSON. */
  readonly model?: unknown;
}

const CHECKPOINT = "checkpoint.safetensors";
/** Share of the time left that a part of a run, such as its autoencoder, may take of --budget. */
const CHILD_SHARE = 0.5;

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
  readonly #parent: Run | undefined;
  #children: Run[] = [];
  #trained = false;

  constructor(
    session: Session,
    options: {
      readonly task: string;
      readonly flags: Readonly<Record<string, unknown>>;
      readonly place: Place;
      /** The run that this one is a part of. */
      readonly parent?: Run;
    },
  ) {
    this.session = session;
    this.task = options.task;
    this.#flags = options.flags;
    this.#place = options.place;
    this.#parent = options.parent;
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
    flags.count = setup.dataset.count;
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

  /** Whether --budget was given and --steps was not: then training chooses the number of steps that fits. */
  get choosesSteps(): boolean {
    const place = this.#place;
    return "steps" in this.#flags && (this.#flags.steps ?? null) === null && this.session.limited &&
      (place.mode !== "resume" || this.#parent !== undefined || place.stored.config.flags.budget !== null);
  }

  /** Whether the run is a part of another one. */
  get isPart(): boolean {
    return this.#parent !== undefined;
  }

  /** Seconds that may pass until the command, or this part of it, has taken what --budget allows; else Infinity. */
  get secondsLeft(): number {
    return this.session.secondsLeft * (this.isPart ? CHILD_SHARE : 1);
  }

  /** Writes the number of steps that training chose into `config.json`, so that `--resume` keeps it. */
  async recordSteps(steps: number): Promise<void> {
    const { config } = this;
    this.#config = { ...config, flags: { ...config.flags, steps } };
    await writeJson(this.path("config.json"), this.#config);
  }

  /** The command that goes on with this run, or with the one that it is a part of. */
  get resumeCommand(): string {
    return this.#parent?.resumeCommand ?? `deno task ${this.task} --resume --out ${shellWord(this.folder)}`;
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
      // A number of steps that an earlier sitting chose stays.
      const steps = flags.steps ??
        (place.mode === "resume" ? place.stored.config.flags.steps ?? undefined : undefined);
      const child = new Run(this.session, {
        task,
        flags: { ...flags, steps, out: folder },
        place,
        parent: this,
      });
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
    const checkpoint = await readCheckpoint(path, { variables, log: this.path("log.jsonl") });
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
    await writeCheckpoint(this.path(CHECKPOINT), { variables, checkpoint, log: this.path("log.jsonl") });
    this.#checkpoint = checkpoint;
  }
}

/** A word as a shell reads it back. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
