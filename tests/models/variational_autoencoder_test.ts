import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import {
  build,
  EXPERIMENT,
  loss,
  type VariationalAutoencoderConfig,
} from "../../models/variational_autoencoder.ts";
import { checkLearning, checkLoss, SIZE } from "./autoencoder_checks.ts";
import { checkBuild, silence, valueOf } from "./trial.ts";

const SMALL: VariationalAutoencoderConfig = {
  model: "variational-autoencoder",
  hidden: 32,
  latent: 3,
  image: [SIZE, SIZE, 1],
  batch: 5,
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  epochs: 1,
  seed: 1,
};

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("the divergence is 1/2 sum(sigma² + mu² - 1 - log sigma²), beside a cross-entropy of ln 2", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL), counter = tf.scalar(0, "int32");
  silence(model.weights, "output");
  silence(model.weights, "distribution");
  const images = tf.zeros([2, SIZE, SIZE, 1]) as tf.Tensor4D;
  const value = () => valueOf(() => loss(model, images, { random: stream(1), counter }));
  // A standard normal latent diverges by nothing.
  assert.ok(Math.abs(value() - Math.LN2) < 1e-6);
  // Means 1, 2, 3 and log-variances 0, 1, 2.
  model.weights["distribution/bias"].assign(tf.tensor1d([1, 2, 3, 0, 1, 2]));
  const divergence = (1 + Math.E + Math.E ** 2 + 14 - 3 - 3) / 2;
  assert.ok(Math.abs(value() - Math.LN2 - divergence / (SIZE * SIZE)) < 1e-5);
});

Deno.test("the gradient is that of central differences", async () => {
  await checkLoss(EXPERIMENT, SMALL);
});

Deno.test("it learns five images, leaks nothing, and is the same when loaded", async () => {
  await checkLearning(EXPERIMENT, { config: SMALL, steps: 300, mse: 2e-2 });
});
