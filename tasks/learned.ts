/** A finished run of a sequence model with what it learned: for the tasks that ask it something. */
import { join } from "node:path";
import type { Device } from "../engine/device.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load, type LoadedModel } from "../models/mod.ts";
import { checkSamples } from "../run/demand.ts";
import { runFolder } from "../run/named_run.ts";
import { Run, type StoredRun } from "../run/run.ts";
import { type SequenceData, sequenceFlags } from "../run/sequence_source.ts";
import type { Session } from "../run/session.ts";
import { openStoredSource } from "../run/sources.ts";
import { readStoredFlags } from "../run/stored_flags.ts";
import { findRun } from "../run/stored_run.ts";
import { argument, UsageError } from "../run/task.ts";

/** The run that is asked. */
export const learnedArgument = argument({
  placeholder: "RUN",
  help: "a finished run of a sequence model: its folder, its name in runs/, or latest",
});

/** Its model and its training set. */
export interface Learned {
  readonly stored: StoredRun;
  readonly model: Extract<LoadedModel, { readonly sample: unknown }>;
  readonly data: SequenceData;
}

/**
 * Finds the run that `name` means.
 *
 * @throws {UsageError} where it is none that is finished.
 */
export async function findLearned(name: string): Promise<StoredRun> {
  const folder = await runFolder(name), stored = await findRun(folder);
  if (stored?.summary?.status === "completed") return stored;
  const what = stored === undefined ? `current value is "${name}"` : `${folder} has not been finished`;
  throw new UsageError(`RUN must be the folder of a finished run: ${what}`);
}

/**
 * Loads the model of a run and reads what it learned.
 *
 * @throws {Error} where it is no sequence model, or what it learned is damaged.
 */
export async function openLearned(
  stored: StoredRun,
  { device, session, samples }: {
    readonly device: Device;
    readonly session: Session;
    /** How many sequences are to be drawn: refused where they do not fit into memory. */
    readonly samples: number;
  },
): Promise<Learned> {
  const { folder, config } = stored;
  const model = await load(folder, device);
  if (!("sample" in model)) {
    throw new Error(
      `Cannot sample from ${folder} as there is nothing to sample from a ${model.kind}: name a run of a sequence ` +
        "model, such as train-seq2hist",
    );
  }
  const source = await openStoredSource(stored, {
    flags: readStoredFlags(sequenceFlags, config.flags, { path: join(folder, "config.json") }),
    autoencoder: AUTOENCODER_PART,
  });
  checkSamples(samples, source.shape);
  return { stored, model, data: await source.open({ run: Run.finished(session, stored), device }) };
}
