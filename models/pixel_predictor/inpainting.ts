/**
 * Exact filling of small gaps, from what stands before and after them: of every filling of a window the probability of
 * the whole image is computed, and p(missing | rest) is their share of the sum.
 */
import * as tf from "@tensorflow/tfjs";
import type { Random } from "../../base/random.ts";
import { compile, type Device } from "../../engine/device.ts";
import type { PixelSet } from "../../run/pixel_source.ts";
import { namedState, stateNames, stateOf } from "./generation.ts";
import { advance, bitNats, type PixelPredictor } from "./network.ts";

/** A square of missing pixels in an image of a set. */
export interface Window {
  readonly image: number;
  /** Where the missing pixels stand in the sequence, ascending; not at its beginning, which nothing predicts. */
  readonly places: readonly number[];
}

/** The fillings of a window. */
export interface Fillings {
  /** ln p(filling | rest) of each, [2 ^ missing]; bit i of a filling's number is the missing pixel i. */
  readonly logs: Float64Array;
  /** The most probable, and the true one. */
  readonly best: number;
  readonly truth: number;
}

/** Rows scored at once, and rows of an image by which the lengths of what follows a window differ within a batch. */
const ROWS = 256, BUCKET_ROWS = 4;
/** Places drawn for each window that is asked for, at most. */
const TRIES = 10_000;

/**
 * Draws windows of `side` x `side` pixels, image and place uniformly, the one with the first pixel left out.
 *
 * @param options.mixed only where the pixels around it have both values: others are mostly background, and easy.
 * @throws {RangeError} where there seems to be none.
 */
export function drawWindows(
  set: PixelSet,
  options: {
    readonly count: number;
    readonly side: number;
    readonly mixed: boolean;
    readonly random: Random;
  },
): Window[] {
  const { count, side, mixed, random } = options, { width, length, bits } = set;
  const height = Math.floor(length / width), windows: Window[] = [];
  if (height < side || width < side) {
    throw new RangeError(
      `Cannot draw windows of ${side} x ${side} as an image has ${height} rows: give more pixels`,
    );
  }
  for (let tries = 0; windows.length < count; tries++) {
    if (tries > TRIES * count) {
      throw new RangeError(
        "Cannot draw windows as no pixels around them have both values: give other images",
      );
    }
    const image = random.integer(set.count);
    const top = random.integer(height - side + 1), left = random.integer(width - side + 1);
    if (top === 0 && left === 0) continue;
    const places: number[] = [], around = new Set<number>();
    for (let row = top - 1; row <= top + side; row++) {
      for (let column = left - 1; column <= left + side; column++) {
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const inside = row >= top && row < top + side && column >= left && column < left + side;
        if (inside) places.push(row * width + column);
        else around.add(bits[image * length + row * width + column]);
      }
    }
    if (!mixed || around.size === 2) windows.push({ image, places });
  }
  return windows;
}

/** The pixels of an image with a window filled. */
export function filled(set: PixelSet, { image, places }: Window, filling: number): Uint8Array {
  const bits = set.bits.slice(image * set.length, (image + 1) * set.length);
  places.forEach((place, at) => bits[place] = (filling >> at) & 1);
  return bits;
}

/**
 * The probabilities of all fillings of each window: what stands before the first missing pixel is read once for all
 * fillings, what follows it once for each. All windows must have as many pixels.
 */
export async function fillings(
  model: PixelPredictor,
  { device, set, windows }: {
    readonly device: Device;
    readonly set: PixelSet;
    readonly windows: readonly Window[];
  },
): Promise<Fillings[]> {
  const { length, width } = set, { units, layers } = model.config, names = stateNames(model);
  const kinds = 2 ** windows[0].places.length,
    batch = Math.max(1, Math.floor(ROWS / kinds)),
    rows = batch * kinds;
  const before = await compile(
    device,
    ({ bits, lengths }) => namedState(advance(model, bits, { lengths }).end),
    { bits: { shape: [batch, length] }, lengths: { shape: [batch], dtype: "int32" } },
  );
  const bucketOf = ({ places }: Window): number =>
    Math.min(length - 1, Math.ceil((length - places[0]) / (BUCKET_ROWS * width)) * BUCKET_ROWS * width);
  const results = new Array<Fillings>(windows.length);
  for (const bucket of new Set(windows.map(bucketOf))) {
    const members = [...windows.keys()].filter((at) => bucketOf(windows[at]) === bucket);
    const shape = { shape: [rows, bucket] as const };
    const states: Record<string, { shape: readonly [number, number] }> = {};
    for (const name of names) states[name] = { shape: [rows, units] };
    const inputs: Record<string, { shape: readonly [number, number] }> = {
      read: shape,
      next: shape,
      counts: shape,
      ...states,
    };
    const after = await compile(device, ({ read, next, counts, ...state }) => {
      const { logits } = advance(model, read, { initial: stateOf(state, layers) });
      return { nats: tf.sum(tf.mul(bitNats(logits, next), counts), 1) };
    }, inputs);
    for (let start = 0; start < members.length; start += batch) {
      // Where windows run out the last is repeated.
      const own = Array.from({ length: batch }, (_, at) => members[Math.min(start + at, members.length - 1)]);
      const known = new Float32Array(batch * length), lengths = new Int32Array(batch);
      own.forEach((at, row) => {
        const { image, places } = windows[at];
        known.set(set.bits.subarray(image * length, (image + 1) * length), row * length);
        lengths[row] = places[0] - 1;
      });
      await before.run({ bits: known, lengths });
      const state = await before.read();
      const read = new Float32Array(rows * bucket), next = read.slice(), counts = read.slice();
      own.forEach((at, window) => {
        const first = windows[at].places[0];
        for (let filling = 0; filling < kinds; filling++) {
          const bits = filled(set, windows[at], filling), row = window * kinds + filling;
          for (let t = first; t < length; t++) {
            read[row * bucket + t - first] = bits[t - 1];
            next[row * bucket + t - first] = bits[t];
            counts[row * bucket + t - first] = 1;
          }
        }
      });
      const repeated = Object.fromEntries(names.map((name) => {
        const values = new Float32Array(rows * units), once = state[name];
        for (let row = 0; row < rows; row++) {
          const window = Math.floor(row / kinds);
          for (let unit = 0; unit < units; unit++) values[row * units + unit] = once[window * units + unit];
        }
        return [name, values];
      }));
      await after.run({ read, next, counts, ...repeated });
      const { nats } = await after.read();
      own.forEach((at, window) => {
        if (start + window >= members.length) return;
        results[at] = fillingsOf(
          set,
          windows[at],
          Float64Array.from(nats.subarray(window * kinds, (window + 1) * kinds)),
        );
      });
    }
    after.dispose();
  }
  before.dispose();
  return results;
}

/** Normalizes what fillings cost, and asserts what exact search guarantees. */
function fillingsOf(set: PixelSet, { image, places }: Window, nats: Float64Array): Fillings {
  const least = Math.min(...nats);
  const total = nats.reduce((sum, value) => sum + Math.exp(least - value), 0);
  const logs = nats.map((value) => least - value - Math.log(total));
  const truth = places.reduce((sum, place, at) => sum + (set.bits[image * set.length + place] << at), 0);
  const best = nats.indexOf(least);
  if (!(logs[best] >= logs[truth])) {
    throw new Error(
      `Cannot fill image ${image} as its most probable filling must not be less probable than the truth: ` +
        `ln p is ${logs[best]} and ${logs[truth]}; train the model again`,
    );
  }
  return { logs, best, truth };
}

/** The share of missing pixels that the most probable fillings tell right. */
export function fillingAccuracy(windows: readonly Window[], found: readonly Fillings[]): number {
  let right = 0, missing = 0;
  found.forEach(({ best, truth }, at) => {
    windows[at].places.forEach((_, bit) => {
      if (((best ^ truth) >> bit & 1) === 0) right++;
      missing++;
    });
  });
  return right / missing;
}
