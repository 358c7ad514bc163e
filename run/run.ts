/** The run folder: what an experiment writes, where, and how it is found and continued. */
import { join } from "node:path";
import { exists, removeTemporaries, writeAtomically } from "../base/files.ts";
import { CHECKPOINT, type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { resumeCommand, stoppedLine } from "./command.ts";
import { UsageError } from "./flags.ts";
import { checkDataset, describeRun, RunRecord, type RunSetup } from "./record.ts";
import { RunFiles } from "./run_files.ts";
import { findPart } from "./parts.ts";
import { copyRun, type Place, removeIfThere, RunFolder } from "./run_folder.ts";
import type { Session } from "./session.ts";
import { completedRun, findRun, fingerprint, RUNS, type RunSummary, type StoredRun } from "./stored_run.ts";
import type { NamedVariables } from "./weights.ts";

// One door to what a run folder is, for tasks and models.
export type { Checkpoint } from "./checkpoint.ts";
export type { RunSetup } from "./record.ts";
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

/** Share of the time left that a part of a run, such as its autoencoder, may take of --budget. */
const CHILD_SHARE = 0.5;

/** What makes a run. */
interface RunOptions {
  /** The task that made it, as deno.json calls it. */
  readonly task: string;
  /** Every flag as resolved, by its name in code. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** The run that this one is a part of. */
  readonly parent?: Run;
}

/** One experiment's folder: see DESIGN.md for what it holds. */
export class Run extends RunFiles {
  /** The sitting that it is made in. */
  readonly session: Session;
  /** The task that made it, as deno.json calls it. */
  readonly task: string;
  readonly #flags: Readonly<Record<string, unknown>>;
  readonly #place: Place;
  readonly #parent: Run | undefined;
  readonly #startedAt = performance.now();
  #checkpoint: Checkpoint | undefined;
  #earlier = 0;
  #ended: RunSummary["ended"];
  #children: { readonly name: string; readonly run: Run }[] = [];
  #trained = false;

  /** Opens nothing yet: `configure` does, and `openRun` for programs of one's own. */
  constructor(session: Session, options: RunOptions) {
    super();
    this.session = session;
    this.task = options.task;
    this.#flags = options.flags;
    this.#place = options.place;
    this.#parent = options.parent;
  }

  /** A finished run as it stands in its folder: only read, and so are its parts. */
  static finished(session: Session, stored: StoredRun): Run {
    const { folder, config, summary } = stored;
    const place: Place = { mode: "resume", folder, stored };
    const run = new Run(session, { task: config.task, flags: config.flags, place });
    run.finishedIn = folder;
    run.record = new RunRecord(config, summary);
    return run;
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
   * flags and the data was checked. A run that --force replaces stays until this one is complete.
   */
  async configure(setup: RunSetup): Promise<void> {
    const place = this.#place, before = place.mode === "resume" ? place.stored : undefined;
    const { name, count } = setup.dataset;
    if (before !== undefined) checkDataset(before, setup.dataset);
    try {
      this.opened = await RunFolder.open(place, `${this.task}-${name}-${count}-s${this.#flags.seed ?? 0}`);
      const { path, target, replaces } = this.opened, { task } = this;
      const flags = this.#flags;
      this.record = new RunRecord(
        describeRun(setup, { task, flags, folder: target, before: before?.config }),
      );
      await removeTemporaries(path);
      await this.record.configure(path);
      if (!(await exists(join(path, CHECKPOINT)))) await writeAtomically(join(path, "log.jsonl"), "");
      this.note(
        `run folder: ${target}${replaces ? " (the run there stays until this one is complete)" : ""}`,
      );
    } catch (error) {
      if (error instanceof UsageError || !(error instanceof Error) || error.message.startsWith("Cannot ")) {
        throw error;
      }
      const wanted = place.folder ?? RUNS;
      throw new Error(`Cannot write to ${wanted} (${error.message}): choose another --out`);
    }
  }

  /** Whether --budget was given and --steps was not: then training chooses the number of steps that fits. */
  get choosesSteps(): boolean {
    const place = this.#place;
    return "steps" in this.#flags && (this.#flags.steps ?? null) === null && this.session.limited &&
      (place.mode !== "resume" || this.isPart || place.stored.config.flags.budget !== null);
  }

  /** Whether the run is a part of another one. */
  get isPart(): boolean {
    return this.#parent !== undefined;
  }

  /** Seconds that may pass until the command, or this part of it, has taken what --budget allows; else Infinity. */
  get secondsLeft(): number {
    return this.session.secondsLeft * (this.isPart ? CHILD_SHARE : 1);
  }

  /** The task and flags that go on with this run. */
  get again(): { readonly task: string; readonly flags: Readonly<Record<string, string | boolean>> } {
    return { task: this.task, flags: { out: this.opened?.target ?? this.folder, resume: true } };
  }

  /** The command that goes on with this run, or with the one that it is a part of. */
  get resumeCommand(): string {
    return this.#parent?.resumeCommand ?? resumeCommand(this.task, this.opened?.target ?? this.folder);
  }

  /**
   * Declares the run done: writes `summary.json`, last, and takes the place of the run that it replaces. `metrics` are
   * the final ones, under their standard names.
   */
  async finish(
    result: {
      readonly metrics: Readonly<Record<string, number>>;
      readonly parameters: number;
      /** Absent: as many as `train` made. */
      readonly steps?: number;
    },
  ): Promise<void> {
    await this.session.guard(async () => {
      await this.#summarize({ status: "completed", ended: this.#ended, ...result });
      await this.opened?.swap();
      for (const { name, run } of this.#children) if (run.completed) run.finishedIn = this.path(name);
      this.opened?.close();
    });
  }

  /** Writes `summary.json` for a run that ends early, and for its unfinished children; says how to go on. */
  async abandon(status: "stopped" | "failed"): Promise<void> {
    for (const { run } of this.#children) await run.abandon(status);
    const folder = this.opened;
    if (folder === undefined || this.completed) return;
    const place = this.#place;
    if (place.mode === "resume" && !this.#trained && place.stored.summary?.status === "completed") {
      // Nothing was done: the run is what it was.
      await this.written.configure(folder.path, place.stored.config);
      return folder.close();
    }
    await this.#summarize({ status, metrics: this.#checkpoint?.values ?? {}, parameters: null });
    folder.close();
    if (this.isPart) return;
    if (folder.replaces && status === "failed") await this.discard();
    if (status === "stopped") {
      const last = [this, ...this.#children.map(({ run }) => run)].find((run) => run.savedStep !== undefined);
      const saved = last?.savedStep === undefined
        ? undefined
        : { step: last.savedStep, folder: folder.target, part: last === this ? undefined : last.task };
      this.note(stoppedLine(this.resumeCommand, saved));
    }
    if (folder.replaces) this.note(`the run that stands in ${folder.target} stays as it was`);
  }

  /** The step of the last checkpoint, if there is one. */
  get savedStep(): number | undefined {
    return this.#checkpoint?.step;
  }

  /** Removes what this sitting made, where nothing of it is worth keeping: flags that were refused late. */
  async discard(): Promise<void> {
    if ([this, ...this.#children.map(({ run }) => run)].some((run) => run.savedStep !== undefined)) return;
    await this.opened?.discard();
    this.opened?.close();
    this.opened = undefined;
  }

  async #summarize(result: {
    readonly status: RunSummary["status"];
    readonly metrics: Readonly<Record<string, number>>;
    readonly parameters: number | null;
    readonly steps?: number;
    readonly ended?: RunSummary["ended"];
  }): Promise<void> {
    await this.written.summarize(this.folder, {
      ...result,
      steps: result.steps ?? this.#checkpoint?.step ?? 0,
      seconds: this.#earlier + (performance.now() - this.#startedAt) / 1000,
    });
  }

  /**
   * A run of its own in the folder `name` of this one, for a model that this run needs: the one that is there from
   * an earlier sitting, else (but for `afresh`) a copy of a completed run in `runs/` with equal configuration, else a
   * new one. Train it unless it is `completed`.
   *
   * @throws {Error} where this run has learned from a part that is there no more.
   */
  async child(
    name: string,
    options: RunSetup & {
      readonly task: string;
      readonly flags: Readonly<Record<string, unknown>>;
      readonly afresh?: boolean;
    },
  ): Promise<Run> {
    const { task, flags, afresh = false, ...setup } = options, folder = this.path(name);
    const out = join(this.opened?.target ?? this.folder, name);
    const settled = this.finishedIn !== undefined || this.config.hashes !== undefined;
    const part = await findPart(folder, {
      config: describeRun(setup, { task, flags, folder: out }),
      settled,
      afresh,
      note: (line) => this.note(`${name}: ${line}`),
    });
    if (part.state === "completed") return this.#part(name, part.stored);
    const place: Place = part.state === "begun"
      ? { mode: "resume", folder, stored: part.stored }
      : { mode: "fresh", folder };
    // A number of steps that an earlier sitting chose stays.
    const chosen = part.state === "begun" ? part.stored.config.flags.steps ?? undefined : undefined;
    const own = { ...flags, steps: flags.steps ?? chosen, out };
    const child = new Run(this.session, { task, flags: own, place, parent: this });
    this.#children.push({ name, run: child });
    await child.configure(setup);
    return child;
  }

  /**
   * A copy of the completed run `from` of `task` as the child `name`: what `--autoencoder RUN` asks for.
   *
   * @throws {UsageError} where `from` is no completed run of that task.
   */
  async adopt(name: string, options: { readonly from: string; readonly task: string }): Promise<Run> {
    const folder = this.path(name);
    return this.#part(
      name,
      await findRun(folder) ?? await copyRun(await completedRun(name, options), folder),
    );
  }

  /** A finished part of this run. */
  #part(name: string, stored: StoredRun): Run {
    const run = Run.finished(this.session, stored);
    this.#children.push({ name, run });
    return run;
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
    // From here on the run is no longer what its summary says.
    await removeIfThere(this.path("summary.json"));
    const path = this.path(CHECKPOINT);
    if (!(await exists(path))) return undefined;
    this.#checkpoint = await readCheckpoint(path, {
      variables,
      log: this.path("log.jsonl"),
      run: fingerprint(this.config),
    });
    this.#earlier = this.#checkpoint.seconds;
    return this.#checkpoint;
  }

  /**
   * Writes `checkpoint.safetensors`. The variables must be pulled. `train` calls this.
   *
   * @throws {RangeError} naming the variable, where one is not finite; the checkpoint before stays.
   */
  async save(variables: NamedVariables, checkpoint: Checkpoint): Promise<void> {
    await writeCheckpoint(this.path(CHECKPOINT), {
      variables,
      checkpoint,
      log: this.path("log.jsonl"),
      run: fingerprint(this.config),
    });
    this.#checkpoint = checkpoint;
  }

  /** Why training ended: stands in the summary. `train` calls this. */
  end(reason: NonNullable<RunSummary["ended"]>): void {
    this.#ended = reason;
  }
}
