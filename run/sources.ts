/** Every kind of data that the memorization experiment knows, by the name that `--dataset` gives it. */
import { IMAGE_DATASETS } from "../data/images.ts";
import { checkSamples } from "./demand.ts";
import { csvSource, showRows } from "./csv_source.ts";
import { flagName, UsageError } from "./flags.ts";
import { type AutoencoderPart, imageSource, storedImageSource } from "./image_source.ts";
import { melodySource, showMelodies } from "./melody_source.ts";
import type { StoredRun } from "./run.ts";
import {
  type HeldOut,
  readStoredSequences,
  type SequenceData,
  type SequenceFlags,
  type SequenceSource,
  type StoredSequences,
} from "./sequence_source.ts";
import type { Session } from "./session.ts";
import { readPrompt, showText, textSource } from "./text_source.ts";

/** Flags that mean something to some kinds of data only, and which kinds read them. */
const READ_BY: Readonly<Partial<Record<keyof SequenceFlags, readonly SequenceFlags["dataset"][]>>> = {
  file: ["text", "melody", "csv"],
  field: ["text"],
  window: ["text", "melody"],
  stride: ["text", "melody"],
  unit: ["text"],
  bins: ["csv"],
  dataDir: IMAGE_DATASETS,
  size: IMAGE_DATASETS,
  channels: IMAGE_DATASETS,
  autoencoder: IMAGE_DATASETS,
  autoencoderSteps: IMAGE_DATASETS,
};

/**
 * Opens what the flags choose; nothing is written yet. `session` shows how far reading is.
 *
 * @throws {UsageError} naming a flag that this kind of data does not read; {RangeError} where samples do not fit.
 */
export async function openSource(
  flags: SequenceFlags,
  { autoencoder }: { readonly autoencoder: AutoencoderPart },
  session?: Session,
): Promise<SequenceSource> {
  const { dataset } = flags;
  for (const [name, kinds] of Object.entries(READ_BY)) {
    if (flags[name as keyof SequenceFlags] !== undefined && !kinds.includes(dataset)) {
      throw new UsageError(
        `--${flagName(name)} goes with --dataset ${kinds.join(", ")} and not with ${dataset}: leave it out`,
      );
    }
  }
  const source = await sourceOf(flags, autoencoder, session);
  checkSamples(flags.samples, source.shape);
  return source;
}

async function sourceOf(
  flags: SequenceFlags,
  autoencoder: AutoencoderPart,
  session: Session | undefined,
): Promise<SequenceSource> {
  const { dataset } = flags;
  switch (dataset) {
    case "text":
      return await textSource(flags);
    case "melody":
      return await melodySource(flags);
    case "csv":
      return await csvSource(flags);
    default:
      return await imageSource({ ...flags, dataset }, autoencoder, session);
  }
}

/** How each kind of data that a run folder keeps whole shows what is generated. */
const SHOW: Readonly<Record<"text" | "melody" | "csv", (kept: StoredSequences) => SequenceData["show"]>> = {
  text: showText,
  melody: showMelodies,
  csv: showRows,
};

/**
 * What a finished run learned, from its folder alone: the files that it came from may have moved.
 *
 * @throws {Error} where the folder does not hold what the run learned.
 */
export async function openStoredSource(
  stored: StoredRun,
  { flags, autoencoder }: { readonly flags: SequenceFlags; readonly autoencoder: AutoencoderPart },
): Promise<SequenceSource> {
  const { folder, config: { dataset } } = stored;
  const { name } = dataset;
  if (name !== "text" && name !== "melody" && name !== "csv") {
    return await storedImageSource(stored, autoencoder, flags);
  }
  const kept = await readStoredSequences(folder, dataset);
  // What was not learned stands in the files alone.
  const heldOut: HeldOut = async (most) => {
    const source = await openSource(flags, { autoencoder });
    if (source.facts.sha256 !== dataset.sha256 || source.heldOut === undefined) {
      throw new Error(
        `Cannot hold anything out for ${folder} as the files that it learned from have changed: bring them back`,
      );
    }
    return await source.heldOut(most);
  };
  const { sequences } = kept;
  return {
    facts: dataset,
    shape: sequences,
    shorten: (length) => `train on sequences of ${length} tokens`,
    open: () =>
      Promise.resolve({
        sequences,
        metrics: {},
        figures: [],
        show: SHOW[name](kept),
        heldOut,
        ...name === "text" ? { read: readPrompt(kept) } : {},
        windows: name !== "csv",
      }),
  };
}
