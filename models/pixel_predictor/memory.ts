/** How much of its training set a pixel predictor draws again. */
import { stream } from "../../base/random.ts";
import type { Device } from "../../engine/device.ts";
import { wilson } from "../../metrics/mod.ts";
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
  const near = nearest(bits, train),
    far = nearest(test.bits.subarray(0, Math.min(SAMPLES, test.count) * length), train);
  const copies = near.filter((distance) => distance === 0).length;
  const { low, high } = wilson(copies, SAMPLES);
  const mean = (values: Uint32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
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
export function nearest(bits: Uint8Array, { bits: learned, length, count }: PixelSet): Uint32Array {
  return Uint32Array.from({ length: bits.length / length }, (_, image) => {
    let least = length;
    for (let other = 0; other < count; other++) {
      let distance = 0;
      for (let at = 0; at < length && distance < least; at++) {
        distance += bits[image * length + at] ^ learned[other * length + at];
      }
      least = Math.min(least, distance);
    }
    return least;
  });
}
