import { availableImages, type ImageDataset, type ImageSet, openImages } from "../data/images.ts";

/**
 * The training images that a task's flags choose: `--count` of them, else as many as there are up to `most`.
 *
 * @throws {RangeError} naming the flag that asks for more than there is.
 */
export async function openTrainingImages(
  flags: {
    readonly dataset: ImageDataset;
    readonly dataDir: string | undefined;
    readonly offset: number;
    readonly count: number | undefined;
  },
  most = 1024,
): Promise<ImageSet> {
  const { dataset, dataDir, offset, count } = flags;
  const source = { dataset, dataDir, split: "train" } as const;
  const rest = await availableImages(source) - offset;
  return await openImages({ ...source, offset, count: count ?? Math.min(most, rest) });
}

/** Images as numbers in 0..1, as they lie: [count, height, width, channels]. */
export function levels({ pixels }: Pick<ImageSet, "pixels">): Float32Array {
  return Float32Array.from(pixels, (byte) => byte / 255);
}
