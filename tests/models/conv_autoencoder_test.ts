import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  build,
  CONV_AUTOENCODER,
  type ConvAutoencoderConfig,
  EXPERIMENT,
} from "../../models/conv_autoencoder.ts";
import { checkLearning, checkLoss, SIZE } from "./autoencoder_checks.ts";
import { checkBuild } from "./trial.ts";

const SMALL: ConvAutoencoderConfig = {
  model: "conv-autoencoder",
  channels: [4, 4, 8],
  ends: "relu",
  image: [SIZE, SIZE, 1],
  batch: 5,
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  epochs: 1,
  seed: 1,
};

Deno.test("28 goes down to 4 and back the way it came", async () => {
  await tf.setBackend("cpu");
  const { encoder, decoder } = build({ ...SMALL, ...CONV_AUTOENCODER.selu, image: [28, 28, 1] });
  const sizes = (
    rows: readonly { readonly output: string }[],
  ): string[] => [...new Set(rows.map(({ output }) => output))];
  assert.deepEqual(sizes(encoder.rows), [
    "N x 1 x 28 x 28",
    "N x 16 x 28 x 28",
    "N x 16 x 14 x 14",
    "N x 32 x 14 x 14",
    "N x 32 x 7 x 7",
    "N x 64 x 7 x 7",
    "N x 64 x 4 x 4",
    "N x 1024",
  ]);
  assert.deepEqual(sizes(decoder.rows), [
    "N x 1024",
    "N x 64 x 4 x 4",
    "N x 32 x 7 x 7",
    "N x 16 x 14 x 14",
    "N x 1 x 28 x 28",
  ]);
  assert.equal(build({ ...SMALL, latent: 2 }).encoder.output[0], 2);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("the gradient is that of central differences", async () => {
  await checkLoss(EXPERIMENT, SMALL);
});

Deno.test("it learns five images by heart, leaks nothing, and is the same when loaded", async () => {
  await checkLearning(EXPERIMENT, { config: SMALL, steps: 250, mse: 1e-2 });
});
