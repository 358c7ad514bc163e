/** Every kind of data that the memorization experiment knows, by the name that `--dataset` gives it. */
import { csvSource } from "./csv_source.ts";
import { flagName, UsageError } from "./flags.ts";
import { type AutoencoderPart, imageSource } from "./image_source.ts";
import { melodySource } from "./melody_source.ts";
import type { SequenceFlags, SequenceSource } from "./sequence_source.ts";
import { textSource } from "./text_source.ts";

/** Flags that mean something to some kinds of data only, and which kinds read them. */
const READ_BY: Readonly<Partial<Record<keyof SequenceFlags, readonly SequenceFlags["dataset"][]>>> = {
  file: ["text", "melody", "csv"],
  window: ["text", "melody"],
  stride: ["text", "melody"],
  unit: ["text"],
  dataDir: ["digits", "mnist", "idx"],
  autoencoder: ["digits", "mnist", "idx"],
  autoencoderSteps: ["digits", "mnist", "idx"],
};

/**
 * Opens what the flags choose; nothing is written yet.
 *
 * @throws {UsageError} naming a flag that this kind of data does not read.
 */
export async function openSource(
  flags: SequenceFlags,
  { autoencoder }: { readonly autoencoder: AutoencoderPart },
): Promise<SequenceSource> {
  const { dataset } = flags;
  for (const [name, kinds] of Object.entries(READ_BY)) {
    if (flags[name as keyof SequenceFlags] !== undefined && !kinds.includes(dataset)) {
      throw new UsageError(
        `--${flagName(name)} goes with --dataset ${kinds.join(", ")} and not with ${dataset}: leave it out`,
      );
    }
  }
  switch (dataset) {
    case "text":
      return await textSource(flags);
    case "melody":
      return await melodySource(flags);
    case "csv":
      return await csvSource(flags);
    default:
      return await imageSource({ ...flags, dataset }, autoencoder);
  }
}
