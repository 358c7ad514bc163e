import * as tf from "@tensorflow/tfjs";
import { openImages } from "../../../data/images.ts";
import { channelStatistics, whiteningFilters } from "../../../models/cifar_classifier/whitening.ts";
import { close } from "../../layers/check.ts";

await tf.setBackend("cpu");

Deno.test("mean and deviation of each channel, worked out by hand; a flat channel is left alone", () => {
  const images = { height: 1, width: 2, channels: 2, classes: 1, labels: Uint8Array.of(0) };
  const statistics = channelStatistics({ ...images, pixels: Uint8Array.of(0, 51, 255, 51) });
  close(statistics.mean, [0.5, 0.2]);
  close(statistics.deviation, [0.5, 1]);
});

Deno.test("whitened patches have the second moments of the identity, and the second half is the first negated", async () => {
  const digits = await openImages({ dataset: "digits", split: "train", count: 30, size: 10, channels: 3 });
  // Three channels that differ: levels, their squares, and a ramp, so that no patch direction is empty.
  const pixels = digits.pixels.map((byte, at) =>
    at % 3 === 0 ? byte : at % 3 === 1 ? byte ** 2 / 255 : (at * 37 + byte) % 256
  );
  const images = { ...digits, pixels }, statistics = channelStatistics(images), size = 12;
  const filters = whiteningFilters(images, { kernel: 2, statistics, epsilon: 0 });
  const levels = tf.tensor4d(Float32Array.from(pixels, (byte) => byte / 255), [30, 10, 10, 3]);
  const standard = tf.div(tf.sub(levels, tf.tensor1d(statistics.mean)), tf.tensor1d(statistics.deviation));
  const kernel = tf.tensor4d(filters, [2, 2, 3, 2 * size]);
  const outputs = tf.reshape(tf.conv2d(standard as tf.Tensor4D, kernel, 1, "valid"), [-1, 2 * size]);
  const first = outputs.slice([0, 0], [-1, size]), second = outputs.slice([0, size], [-1, size]);
  const moments = tf.div(tf.matMul(first, first, true), outputs.shape[0]);
  close(moments.dataSync(), tf.eye(size).dataSync(), 1e-3);
  close(second.dataSync(), tf.neg(first).dataSync(), 1e-4);
});
