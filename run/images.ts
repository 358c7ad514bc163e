/** The images of tasks: what their flags say, and what that opens. */
import { createHash } from "node:crypto";
import { type Random, stream } from "../base/random.ts";
import {
  hasTestSplit,
  IMAGE_DATASETS,
  type ImageDataset,
  type ImageSet,
  openImages,
} from "../data/images.ts";
import type { Session } from "./session.ts";
import { choice, commonFlags, integer, text } from "./flags.ts";

/** The flags of every task that learns images. */
export const imageFlags = {
  ...commonFlags,
  dataset: choice(IMAGE_DATASETS, { default: "digits", help: "what to learn" }),
  dataDir: text({
    placeholder: "DIR",
    help: "where the data set's files lie; for images a folder of PNG or JPEG files, or an .npy or .npz " +
      "(default: .cache/data/<name>)",
  }),
  size: integer({
    min: 1,
    max: 4096,
    help:
      "height and width that images are cropped and averaged to (default: 32 for pictures, else their own)",
  }),
  channels: choice(["1", "3"], { help: "grey or colour (default: as the images have it)" }),
};

/** What a task's flags say about its images. */
export interface ImageFlags {
  readonly dataset: ImageDataset;
  readonly dataDir: string | undefined;
  readonly offset: number | undefined;
  readonly count: number | undefined;
  readonly size?: number | undefined;
  readonly channels?: "1" | "3" | undefined;
}

/** As many images are learned where `--count` does not say. */
const MOST = 1024;

/**
 * The training images that a task's flags choose: `--count` of them, else as many as there are up to `most`.
 *
 * @param options.holdOut Whether images of one's own without a test split keep every fifth of each label for
 * `openTestImages`. Absent: no.
 * @param options.asNumbers Whether all are held as numbers, too, and drawn again. Absent: no.
 * @param options.session Shows how far reading is.
 * @throws {RangeError} naming the flag that asks for more than there is.
 */
export async function openTrainingImages(
  flags: ImageFlags,
  options: {
    readonly most?: number;
    readonly holdOut?: boolean;
    readonly asNumbers?: boolean;
    readonly session?: Session;
  } = {},
): Promise<ImageSet> {
  const { offset, count } = flags, { most = MOST, holdOut, asNumbers, session } = options;
  const onProgress = session && ((done: number, total: number): Promise<void> => {
    if (done === 1) session.follow("reading images", total);
    return session.between();
  });
  return await openImages({
    ...{ ...sourceOf(flags), split: "train", offset, count, atMost: most },
    ...{ holdOut, asNumbers, onProgress },
  });
}

/** The whole test split of the set, in the shape of its training images; `asNumbers` as there. */
export async function openTestImages(
  flags: ImageFlags,
  training: Pick<ImageSet, "channels">,
  { asNumbers }: { readonly asNumbers?: boolean } = {},
): Promise<ImageSet> {
  const channels = training.channels as 1 | 3;
  return await openImages({ ...sourceOf(flags), split: "test", channels, asNumbers });
}

/** The same, as numbers, where the set has a test split of its own; undefined where none of its images is meant for that. */
export async function openHeldOutImages(
  flags: ImageFlags,
  training: ImageSet,
): Promise<ImageSet | undefined> {
  return await hasTestSplit(sourceOf(flags))
    ? await openTestImages(flags, training, { asNumbers: true })
    : undefined;
}

function sourceOf({ dataset, dataDir, size, channels }: ImageFlags) {
  return { dataset, dataDir, size, channels: channels === undefined ? undefined : Number(channels) as 1 | 3 };
}

/** The images of `rows` as a set of their own. */
export function chosenImages(images: ImageSet, rows: Int32Array): ImageSet {
  const area = images.pixels.length / images.count, pixels = new Uint8Array(rows.length * area);
  rows.forEach((row, at) => pixels.set(images.pixels.subarray(row * area, (row + 1) * area), at * area));
  const labels = Uint8Array.from(rows, (row) => images.labels[row]);
  const sha256 = createHash("sha256").update(pixels).update(labels).digest("hex");
  return { ...images, count: rows.length, pixels, labels, sha256 };
}

/**
 * `count` images of each class, drawn without repeats, in random order.
 *
 * @throws {RangeError} where a class has fewer.
 */
export function rowsPerClass(
  { labels, classes, name }: Pick<ImageSet, "labels" | "classes" | "name">,
  { count, random }: { readonly count: number; readonly random: Random },
): Int32Array {
  const taken = new Int32Array(classes);
  const rows = random.permutation(labels.length).filter((row) => taken[labels[row]]++ < count);
  const fewest = Math.min(...taken);
  if (fewest < count) {
    throw new RangeError(
      `Cannot learn ${count} images of each class as ${name} has ${fewest} of one: lower --per-class, or raise --count`,
    );
  }
  return Int32Array.from(rows);
}

/** Images of a shape whose levels and labels are drawn: for what looks at a step alone. */
export function drawnImages(
  shape: Pick<ImageSet, "height" | "width" | "channels" | "classes" | "count">,
): ImageSet {
  const { height, width, channels, classes, count } = shape, random = stream(0).fork("explain");
  const drawn = (length: number, values: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from({ length }, () => random.integer(values));
  return {
    ...shape,
    ...{ name: "drawn", split: "train", offset: 0, available: count, sha256: "" },
    pixels: drawn(count * height * width * channels, 256),
    labels: drawn(count, classes),
  };
}

/** Images as numbers in 0..1, as they lie: [count, height, width, channels]. */
export function levels({ pixels }: Pick<ImageSet, "pixels">): Float32Array {
  return Float32Array.from(pixels, (byte) => byte / 255);
}

/** The chosen images as numbers in 0..1, [rows, height, width, channels]. */
export function chosenLevels(
  { pixels, height, width, channels }: Pick<ImageSet, "pixels" | "height" | "width" | "channels">,
  rows: Int32Array,
): Float32Array {
  const area = height * width * channels, chosen = new Float32Array(rows.length * area);
  rows.forEach((row, at) => {
    for (let i = 0; i < area; i++) chosen[at * area + i] = pixels[row * area + i] / 255;
  });
  return chosen;
}
