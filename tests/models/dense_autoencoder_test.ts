import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  build,
  DENSE_AUTOENCODER,
  type DenseAutoencoderConfig,
  EXPERIMENT,
  loss,
} from "../../models/dense_autoencoder.ts";
import { checkLearning, checkLoss, SIZE } from "./autoencoder_checks.ts";
import { checkBuild, silence, valueOf } from "./trial.ts";

const SMALL: DenseAutoencoderConfig = {
  model: "dense-autoencoder",
  architecture: "selu",
  ends: "relu",
  units: [24, 8],
  image: [SIZE, SIZE, 1],
  batch: 5,
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  epochs: 1,
  seed: 1,
};
const RELU = { ...SMALL, architecture: "relu" } as const;

Deno.test("the networks have the sizes that were asked for", async () => {
  await tf.setBackend("cpu");
  const whole = { ...SMALL, image: [28, 28, 1] } as const;
  const affine = (widths: readonly number[]): number =>
    widths.slice(1).reduce((sum, width, index) => sum + width * (widths[index] + 1), 0);
  const parameters = (config: DenseAutoencoderConfig): number => {
    const { encoder, decoder } = build(config);
    return encoder.parameters + decoder.parameters;
  };
  assert.equal(parameters({ ...whole, ...DENSE_AUTOENCODER.selu }), affine([784, 100, 30, 100, 784]));
  assert.equal(
    parameters({ ...whole, ...DENSE_AUTOENCODER.relu, architecture: "relu" }),
    affine([784, 196, 49, 32, 49, 196, 784]),
  );
});

Deno.test("--latent 2 or 32 alone means the ReLU network", () => {
  const { configure } = EXPERIMENT, flags = { architecture: undefined, ends: "relu" } as const;
  assert.deepEqual(
    [undefined, 2, 30, 32].map((latent) => configure({ ...flags, latent }).architecture),
    ["selu", "relu", "selu", "relu"],
  );
  assert.deepEqual(configure({ ...flags, latent: 2 }).units, [196, 49, 2]);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("logits of 0 cost ln 2 a level, levels of 0 what the images hold", async () => {
  await tf.setBackend("cpu");
  const images = tf.tensor4d(new Float32Array(2 * SIZE * SIZE).fill(0.25), [2, SIZE, SIZE, 1]);
  for (const [config, expected] of [[SMALL, Math.LN2], [RELU, 0.25]] as const) {
    const model = build(config);
    silence(model.weights, "output");
    assert.ok(Math.abs(valueOf(() => loss(model, images)) - expected) < 1e-6);
  }
});

Deno.test("the gradients are those of central differences", async () => {
  await checkLoss(EXPERIMENT, SMALL);
  await checkLoss(EXPERIMENT, { ...RELU, ends: "linear" });
});

Deno.test("both learn five images by heart, leak nothing, and are the same when loaded", async () => {
  await checkLearning(EXPERIMENT, { config: SMALL, steps: 200, mse: 1e-3 });
  await checkLearning(EXPERIMENT, { config: { ...RELU, ends: "linear" }, steps: 300, mse: 5e-2 });
});
