/**
 * AddNIST: three digits, one a colour channel, and the label is their sum less one.
 * Geada et al., "Insights from the use of previously unseen neural architecture search datasets" (CVPR 2024), made for
 * the NAS Unseen-Data challenge. Its files are not used: the set is made anew by its rule.
 *
 * An image has the digits r, g, b in its channels, and its label is r + g + b - 1 in 0..19: all ordered triples with
 * a sum of 1 to 20. The triples of a label are taken equally often, and of each triple the three images are drawn
 * uniformly from those of their digits: 3,000 images a class for training and validation together, shuffled and split
 * 45,000 to 15,000, and 500 a class for the test. Training and validation take digits from the training images
 * only, the test from the test images only.
 *
 * Departures: no image is drawn twice (the authors' generator repeats about 29 %); and the seed is fixed.
 */
import { createHash } from "node:crypto";
import { type Random, stream } from "../base/random.ts";
import type { Images } from "./image_set.ts";
import { openImages } from "./images.ts";

/** How many images each split holds. */
export const ADDNIST_COUNTS = { train: 45_000, valid: 15_000, test: 10_000 } as const;
/** What an image is used for. */
export type AddnistSplit = keyof typeof ADDNIST_COUNTS;
/** Labels are 0 <= label < 20. */
export const ADDNIST_CLASSES = 20;

/** Fixed for ever: another seed would be another data set. */
const SEED = 20_210_601;
const CHANNELS = 3;

/** Which images. */
export interface AddnistSelection {
  /** Whose digits are added. */
  readonly source: "mnist" | "digits";
  /** Folder of MNIST's files. Absent: `.cache/data/mnist`. */
  readonly dataDir?: string;
  readonly split: AddnistSplit;
  /** The first so many images of the split. Absent: all. */
  readonly count?: number;
  /** How many digits of the source are drawn from, the first ones. Absent: all of its split. */
  readonly pool?: number;
}

/** A split of AddNIST: pixels [count, 28, 28, 3] of bytes. */
export interface AddnistSet extends Images {
  readonly name: string;
  readonly split: AddnistSplit;
  readonly offset: 0;
  readonly count: number;
  readonly available: number;
  readonly sha256: string;
  /** [count, 3]: the digit in each channel, which training on sums must not see. */
  readonly digits: Uint8Array;
  /** [count, 3]: which image of the source it is. */
  readonly sources: Int32Array;
}

/** Ordered triples of digits whose sum less one is `label`. */
export function triplesOf(label: number): readonly (readonly [number, number, number])[] {
  const triples: [number, number, number][] = [];
  for (let r = 0; r < 10; r++) {
    for (let g = 0; g < 10; g++) {
      const b = label + 1 - r - g;
      if (b >= 0 && b < 10) triples.push([r, g, b]);
    }
  }
  return triples;
}

/**
 * Makes a split.
 *
 * @throws {RangeError} where the source has too few digits for so many distinct images, or `count` asks for too many.
 */
export async function openAddnist(selection: AddnistSelection): Promise<AddnistSet> {
  const { source, dataDir, split, pool } = selection;
  const available = ADDNIST_COUNTS[split], count = selection.count ?? available;
  if (!(Number.isInteger(count) && count >= 1 && count <= available)) {
    throw new RangeError(
      `Cannot make ${count} images of AddNIST's ${split} split as it holds ${available}: lower --count`,
    );
  }
  const half = split === "test" ? "test" : "train";
  const digits = await openImages({ dataset: source, dataDir, split: half, count: pool });
  const random = stream(SEED).fork(half);
  const perClass = half === "test"
    ? ADDNIST_COUNTS.test / ADDNIST_CLASSES
    : (ADDNIST_COUNTS.train + ADDNIST_COUNTS.valid) / ADDNIST_CLASSES;
  const drawn = drawTriples(digits.labels, { perClass, random });
  const order = random.fork("order").permutation(ADDNIST_CLASSES * perClass);
  const first = split === "valid" ? ADDNIST_COUNTS.train : 0;

  const { height, width } = digits, area = height * width;
  const pixels = new Uint8Array(count * area * CHANNELS), labels = new Uint8Array(count);
  const found = new Uint8Array(count * CHANNELS), sources = new Int32Array(count * CHANNELS);
  for (let image = 0; image < count; image++) {
    const row = order[first + image];
    labels[image] = Math.floor(row / perClass);
    for (let channel = 0; channel < CHANNELS; channel++) {
      const index = drawn[row * CHANNELS + channel], base = image * area * CHANNELS + channel;
      sources[image * CHANNELS + channel] = index;
      found[image * CHANNELS + channel] = digits.labels[index];
      for (let at = 0; at < area; at++) pixels[base + at * CHANNELS] = digits.pixels[index * area + at];
    }
  }
  const sha256 = createHash("sha256").update(pixels).update(labels).digest("hex");
  return {
    name: `addnist-${source}`,
    split,
    offset: 0,
    count,
    available,
    height,
    width,
    channels: CHANNELS,
    classes: ADDNIST_CLASSES,
    pixels,
    labels,
    digits: found,
    sources,
    sha256,
  };
}

/** Three images for each row, [20 x perClass, 3], label by label; no three are taken twice. */
function drawTriples(
  labels: Uint8Array,
  { perClass, random }: { readonly perClass: number; readonly random: Random },
): Int32Array {
  const byDigit = Array.from({ length: 10 }, () => [] as number[]);
  labels.forEach((digit, index) => byDigit[digit].push(index));
  const drawn = new Int32Array(ADDNIST_CLASSES * perClass * CHANNELS);
  for (let label = 0; label < ADDNIST_CLASSES; label++) {
    const draw = random.fork(`label ${label}`);
    const triples = triplesOf(label);
    // Where a class does not share out evenly, chance says which triples have one image more.
    const turn = draw.permutation(triples.length);
    const taken = new Set<number>();
    for (let item = 0; item < perClass; item++) {
      const triple = triples[turn[item % triples.length]];
      const choices = triple.map((digit) => byDigit[digit]);
      // Half of all combinations at most, so that a free one is soon found.
      if (choices.reduce((product, { length }) => product * length, 1) < 2 * perClass) {
        throw new RangeError(
          `Cannot make ${perClass} distinct images of label ${label} as the source has ${labels.length} digits ` +
            "only: take more of them",
        );
      }
      let indices: number[], key: number;
      do {
        indices = choices.map((images) => images[draw.integer(images.length)]);
        key = (indices[0] * labels.length + indices[1]) * labels.length + indices[2];
      } while (taken.has(key));
      taken.add(key);
      drawn.set(indices, (label * perClass + item) * CHANNELS);
    }
  }
  return drawn;
}
