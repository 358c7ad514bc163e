/** The files of a run's folder. */
import { join } from "node:path";
import { writeTensors } from "../base/safetensors.ts";
import { appendLog, type LogEntry } from "./log.ts";
import type { RunRecord } from "./record.ts";
import type { RunFolder } from "./run_folder.ts";
import type { RunConfig, RunSummary } from "./stored_run.ts";
import { type NamedVariables, storedTensors, WEIGHTS } from "./weights.ts";

/** A run folder that is written to, or that of a finished run. */
export class RunFiles {
  /**
   * The folder that is written to.
   *
   * @internal
   */
  protected opened: RunFolder | undefined;
  /** Where a run stands that is only read. */
  protected finishedIn: string | undefined;
  /**
   * What is written of the run.
   *
   * @internal
   */
  protected record: RunRecord | undefined;

  /** The run folder, where it is now: a run that replaces another moves when it is complete. */
  get folder(): string {
    const folder = this.finishedIn ?? this.opened?.path;
    if (folder === undefined) {
      throw new Error("Cannot write to the run folder as run.configure() must be called first");
    }
    return folder;
  }

  /** The path of a file of the run folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Whether the run is finished: what a child that was copied or done in an earlier sitting already is. */
  get completed(): boolean {
    return this.summary?.status === "completed";
  }

  /** How the run ended, if it has. */
  get summary(): RunSummary | undefined {
    return this.record?.summary;
  }

  /** What `config.json` holds. */
  get config(): RunConfig {
    return this.written.config;
  }

  /**
   * What is written of the run, which must be configured.
   *
   * @internal
   */
  protected get written(): RunRecord {
    if (this.record === undefined) {
      throw new Error("Cannot read the configuration as run.configure() must be called first");
    }
    return this.record;
  }

  /**
   * Holds the run to something that it learned from and that stands in no data set, such as an autoencoder's codes: the
   * first time its SHA-256 is written into `config.json`, later on it is compared.
   *
   * @throws {Error} where it is another.
   */
  async bind(name: string, sha256: string): Promise<void> {
    const { hashes = {} } = this.config;
    if (hashes[name] === sha256) return;
    if (hashes[name] !== undefined) {
      throw new Error(
        `Cannot use ${this.folder} as its ${name} are not those that it was made with: bring them back, or start a ` +
          "new run",
      );
    }
    await this.recordHash(name, sha256);
  }

  /** Writes the SHA-256 of something that the run made, such as codes, into `config.json`: its readers compare it. */
  async recordHash(name: string, sha256: string): Promise<void> {
    if (this.opened === undefined) return;
    await this.written.configure(this.folder, { hashes: { ...this.config.hashes, [name]: sha256 } });
  }

  /** Writes the number of steps that training chose into `config.json`, so that `--resume` keeps it. */
  async recordSteps(steps: number): Promise<void> {
    await this.written.configure(this.folder, { flags: { ...this.config.flags, steps } });
  }

  /** Adds a line to `log.jsonl`. */
  log(entry: LogEntry): void {
    appendLog(this.path("log.jsonl"), entry);
  }

  /** Writes `weights.safetensors`; `metadata.config` is the model's configuration. The variables must be pulled. */
  async saveWeights(
    variables: NamedVariables,
    metadata: { readonly model: string; readonly config: unknown },
  ): Promise<void> {
    const strings = { model: metadata.model, config: JSON.stringify(metadata.config) };
    await writeTensors(this.path(WEIGHTS), await storedTensors(variables), strings);
  }
}
