/** Images as sequences of black and white pixels: which learn, which validate, which test. */
import { type ImageSet, openImages } from "../data/images.ts";
import { commonFlags, type FlagValues, integer, UsageError } from "./task.ts";

/** The flags that say which pixels. */
export const pixelFlags = {
  ...commonFlags,
  count: integer({ min: 1, help: "images to learn (default: all that do not validate)" }),
  pool: integer({ min: 1, max: 14, default: 1, help: "side of the squares whose mean becomes one pixel" }),
  pixels: integer({ min: 2, help: "how many pixels of each image are read (default: all)" }),
  test: integer({ min: 1, help: "test images (default: all)" }),
};
/** What they say. */
export type PixelFlags = Pick<
  FlagValues<typeof pixelFlags>,
  "dataset" | "dataDir" | "offset" | "count" | "pool" | "pixels" | "test"
>;

/** Images as sequences. */
export interface PixelSet {
  /** [count, length], 0 or 1, row by row. */
  readonly bits: Uint8Array;
  readonly labels: Uint8Array;
  readonly count: number;
  /** Pixels of each image that are read. */
  readonly length: number;
  /** Pixels in a row. */
  readonly width: number;
  readonly classes: number;
}

/** The three sets of a run; `source` is what the training images were made of. */
export interface PixelSets {
  readonly source: ImageSet;
  readonly train: PixelSet;
  readonly validation: PixelSet;
  readonly test: PixelSet;
}

/** A pixel is 1 where the mean byte of its square is at least this: value / 255 > 0.1. */
export const LEAST_INK = 26;
/** Of MNIST's training file the first 5,000 validate, as in TensorFlow's tutorials; elsewhere a twelfth does. */
const MNIST_VALIDATION = 5000, VALIDATION_SHARE = 1 / 12;

/**
 * Binarizes images: means of `pool` x `pool` bytes, 1 from `LEAST_INK` on, the first `pixels` of each.
 *
 * @throws {UsageError} where the images are coloured, do not part into such squares, or have fewer pixels.
 */
export function binarized(
  images: Pick<ImageSet, "pixels" | "labels" | "count" | "height" | "width" | "channels" | "classes">,
  { pool = 1, pixels }: { readonly pool?: number; readonly pixels?: number } = {},
): PixelSet {
  const { count, height, width, channels, labels, classes } = images;
  if (channels !== 1) throw new UsageError("--dataset must be of grey images: these have colours");
  if (height % pool !== 0 || width % pool !== 0) {
    throw new UsageError(
      `--pool must divide the ${height} x ${width} pixels of an image: current value is ${pool}`,
    );
  }
  const across = width / pool, all = (height / pool) * across, length = pixels ?? all;
  if (length > all) throw new UsageError(`--pixels must be at most ${all}: current value is ${length}`);
  const bits = new Uint8Array(count * length);
  for (let image = 0; image < count; image++) {
    for (let at = 0; at < length; at++) {
      const top = Math.floor(at / across) * pool, left = (at % across) * pool;
      let sum = 0;
      for (let square = 0; square < pool * pool; square++) {
        const row = top + Math.floor(square / pool), column = left + square % pool;
        sum += images.pixels[(image * height + row) * width + column];
      }
      bits[image * length + at] = sum >= LEAST_INK * pool * pool ? 1 : 0;
    }
  }
  return { bits, labels, count, length, width: across, classes };
}

/**
 * Reads the sets that flags choose. Validation images stand before those that learn and never change places with them:
 * `--count` takes the first so many after the whole validation part, and with it an eleventh as many validate, at most
 * all.
 */
export async function openPixelSets(flags: PixelFlags): Promise<PixelSets> {
  const { dataset, dataDir, offset, count, pool, pixels, test } = flags;
  const train = { dataset, dataDir, split: "train" } as const;
  const { available } = await openImages({ ...train, count: 1 });
  const held = dataset === "mnist" ? MNIST_VALIDATION : Math.floor(available * VALIDATION_SHARE);
  const validating = Math.min(held, count === undefined ? held : Math.max(1, Math.ceil(count / 11)));
  const source = await openImages({ ...train, offset: held + offset, count });
  const validation = await openImages({ ...train, offset: 0, count: validating });
  const unseen = await openImages({ dataset, dataDir, split: "test", count: test });
  const read = (images: ImageSet): PixelSet => binarized(images, { pool, pixels });
  return { source, train: read(source), validation: read(validation), test: read(unseen) };
}

/** The test images that flags choose, alone, and what they were made of. */
export async function openPixelTest(
  flags: Pick<PixelFlags, "dataset" | "dataDir" | "pool" | "pixels" | "test">,
): Promise<{ readonly source: ImageSet; readonly set: PixelSet }> {
  const { dataset, dataDir, pool, pixels, test } = flags;
  const source = await openImages({ dataset, dataDir, split: "test", count: test });
  return { source, set: binarized(source, { pool, pixels }) };
}

/** Rows of a set as numbers, [rows, length]. */
export function bitsOf(
  { bits, length }: Pick<PixelSet, "bits" | "length">,
  rows: ArrayLike<number>,
): Float32Array {
  const out = new Float32Array(rows.length * length);
  for (let at = 0; at < rows.length; at++) {
    out.set(bits.subarray(rows[at] * length, (rows[at] + 1) * length), at * length);
  }
  return out;
}

/** The first images of a set. */
export function firstOf(set: PixelSet, most: number): PixelSet {
  const count = Math.min(most, set.count);
  return {
    ...set,
    count,
    bits: set.bits.subarray(0, count * set.length),
    labels: set.labels.subarray(0, count),
  };
}
