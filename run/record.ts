/** What a run writes of itself: `config.json` when it begins, `summary.json` when it ends. */
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { writeJson } from "../base/files.ts";
import { SITTING_FLAGS } from "./flags.ts";
import {
  canonical,
  type DatasetFacts,
  facts,
  type RunConfig,
  type RunSummary,
  type StoredRun,
} from "./stored_run.ts";

/** What a task tells a run before it trains. */
export interface RunSetup {
  /** Other fields, such as the data themselves, are not recorded. */
  readonly dataset: DatasetFacts;
  /** How many items the flags' `count` gave, where the data set's were chosen from them; absent: these are all. */
  readonly chosenFrom?: number;
  /** Where it computes. */
  readonly device: { readonly kind: string; readonly description: string };
  /** The model's configuration: JSON. */
  readonly model?: unknown;
}

/** The configuration of a run of `task`, whose `flags` are as resolved, by their names in code. */
export function describeRun(setup: RunSetup, options: {
  readonly task: string;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly folder: string;
  /** What an earlier sitting recorded. */
  readonly before?: RunConfig;
}): RunConfig {
  const { task, folder, before } = options;
  const flags: Record<string, unknown> = {};
  for (const [flag, value] of Object.entries(options.flags)) {
    if (!SITTING_FLAGS.has(flag)) flags[flag] = value ?? null;
  }
  // A task may have no such flag.
  if ("count" in flags) flags.count = setup.chosenFrom ?? setup.dataset.count;
  flags.out = folder;
  return {
    task,
    flags,
    versions: { engram: settings.version, deno: Deno.version.deno, tfjs: tf.version.tfjs },
    device: { kind: setup.device.kind, description: setup.device.description },
    dataset: facts(setup.dataset),
    model: setup.model ?? null,
    ...(before?.hashes === undefined ? {} : { hashes: before.hashes }),
  };
}

/**
 * Makes sure that a run goes on with the data that it began with.
 *
 * @throws {Error} where they are others.
 */
export function checkDataset({ folder, config }: StoredRun, dataset: DatasetFacts): void {
  if (canonical(config.dataset) === canonical(facts(dataset))) return;
  throw new Error(
    `Cannot resume ${folder} as its data set ${config.dataset.name} has changed: start a new run`,
  );
}

/** The two files, as they stand in a folder. */
export class RunRecord {
  config: RunConfig;
  summary: RunSummary | undefined;

  constructor(config: RunConfig, summary?: RunSummary) {
    this.config = config;
    this.summary = summary;
  }

  /** Writes `config.json`, with `changes`. */
  async configure(folder: string, changes: Partial<RunConfig> = {}): Promise<void> {
    this.config = { ...this.config, ...changes };
    await writeJson(join(folder, "config.json"), this.config);
  }

  /** Writes `summary.json`. */
  async summarize(
    folder: string,
    summary: Omit<RunSummary, "task" | "device" | "dataset">,
  ): Promise<void> {
    const { task, device, dataset } = this.config;
    const { status, seconds, steps, parameters, metrics, ended } = summary;
    this.summary = {
      task,
      status,
      seconds: Math.round(seconds * 1000) / 1000,
      steps,
      parameters,
      device: device.description,
      dataset,
      metrics,
      ...(ended === undefined ? {} : { ended }),
    };
    await writeJson(join(folder, "summary.json"), this.summary);
  }
}
