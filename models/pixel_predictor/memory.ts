/** How much of its training set a pixel predictor draws again. */
import { stream } from "../../base/random.ts";
import type { Device } from "../../engine/device.ts";
import { wilson } from "../../metrics/mod.ts";
import { HAIRLINE, type SheetSection, type Tile } from "../../report/grid.ts";
import { PALETTE } from "../../report/palette.ts";
import { nearest } from "../../run/nearest.ts";
import type { PixelSet } from "../../run/pixel_source.ts";
import { sampled } from "./generation.ts";
import { logProbabilities, type PixelPredictor } from "./network.ts";
import { pixelImage } from "./pixel_image.ts";

/** Images drawn to be compared with those that it learned. */
const SAMPLES = 500;

/**
 * Measures memory: the exact mass, which is the sum of the model's probability of each distinct training image; the
 * share of samples that are training images, bit for bit; and the distance of samples and of test images to the nearest
 * training image, in pixels. Samples that are not nearer than test images are not copies.
 */
export async function memory(
  model: PixelPredictor,
  options: { readonly device: Device; readonly train: PixelSet; readonly test: PixelSet },
): Promise<Record<string, number>> {
  const { device, train, test } = options, { length } = train;
  const logs = await logProbabilities(model, { device, set: train }), seen = new Set<string>();
  let mass = 0;
  logs.forEach((log, image) => {
    const key = train.bits.subarray(image * length, (image + 1) * length).join("");
    if (!seen.has(key)) mass += Math.exp(log);
    seen.add(key);
  });
  const bits = await drawn(model, { device, count: SAMPLES });
  const near = (await nearestOf(bits, { train, device })).distances;
  const far =
    (await nearestOf(test.bits.subarray(0, Math.min(SAMPLES, test.count) * length), { train, device }))
      .distances;
  const copies = near.filter((distance) => distance === 0).length;
  const { low, high } = wilson(copies, SAMPLES);
  const mean = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    memorized_mass: mass,
    memorized_fraction: copies / SAMPLES,
    memorized_fraction_low: low,
    memorized_fraction_high: high,
    distinct_sequences: seen.size,
    samples: SAMPLES,
    sample_distance: mean(near),
    test_distance: mean(far),
  };
}

/** The first `count` of the images whose memory is measured, each above the training image nearest to it. */
export async function remembered(
  model: PixelPredictor,
  { device, train, count }: { readonly device: Device; readonly train: PixelSet; readonly count: number },
): Promise<SheetSection> {
  const { length, width } = train, bits = await drawn(model, { device, count });
  const { rows, distances } = await nearestOf(bits, { train, device });
  const image = (of: Uint8Array, at: number) =>
    pixelImage(of.subarray(at * length, (at + 1) * length), { length, width });
  return {
    legend: [
      { colour: PALETTE.vermilion, text: "memorized: a training image, bit for bit" },
      { colour: HAIRLINE, text: "new: below it the training image that is nearest" },
    ],
    tiles: Array.from({ length: count }, (_, at): Tile => {
      const distance = distances[at];
      return {
        image: [image(bits, at), image(train.bits, rows[at])],
        label: distance === 0 ? `#${rows[at]}` : `${distance} pixels off`,
        frame: distance === 0 ? PALETTE.vermilion : undefined,
        kind: distance === 0 ? "memorized" : "new",
        distance,
      };
    }),
  };
}

/** Images of the model's own, [count, pixels]; fewer are the first of more. */
async function drawn(
  model: PixelPredictor,
  { device, count }: { readonly device: Device; readonly count: number },
): Promise<Uint8Array> {
  return (await sampled(model, { device, count, random: stream(model.config.seed).fork("memory") })).bits;
}

/** The training image that is nearest to each image [count, length], and in how many pixels the two differ. */
export async function nearestOf(
  bits: Uint8Array,
  { train, device }: { readonly train: PixelSet; readonly device: Device },
): Promise<{ readonly rows: ArrayLike<number>; readonly distances: Float64Array }> {
  const width = train.length;
  const { rows, distances } = await nearest(
    { values: bits, count: bits.length / width, width },
    { values: train.bits, count: train.count, width },
    { device, k: 1 },
  );
  // Bits differ by 1 or not at all.
  return { rows, distances: distances.map((distance) => Math.round(distance ** 2)) };
}
