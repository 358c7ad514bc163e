/** How much of its training set a pixel predictor draws again. */
import { stream } from "../../base/random.ts";
import type { Device } from "../../engine/device.ts";
import { wilson } from "../../metrics/mod.ts";
import { nearest } from "../../run/nearest.ts";
import type { PixelSet } from "../../run/pixel_source.ts";
import { sampled } from "./generation.ts";
import { logProbabilities, type PixelPredictor } from "./network.ts";

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
  const random = stream(model.config.seed).fork("memory");
  const { bits } = await sampled(model, { device, count: SAMPLES, random });
  const near = await differences(bits, { train, device }),
    far = await differences(test.bits.subarray(0, Math.min(SAMPLES, test.count) * length), { train, device });
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

/** In how many pixels each image [count, length] differs from the training image that is nearest to it. */
export async function differences(
  bits: Uint8Array,
  { train, device }: { readonly train: PixelSet; readonly device: Device },
): Promise<Float64Array> {
  const width = train.length;
  const { distances } = await nearest(
    { values: bits, count: bits.length / width, width },
    { values: train.bits, count: train.count, width },
    { device, k: 1 },
  );
  // Bits differ by 1 or not at all.
  return distances.map((distance) => Math.round(distance ** 2));
}
