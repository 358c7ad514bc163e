import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { readTensors } from "../../base/safetensors.ts";
import { openImages } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { trained } from "../../layers/layer.ts";
import {
  build,
  DCGAN,
  type DcganConfig,
  discriminatorLoss,
  EXPERIMENT,
  fit,
  forward,
  generatorLoss,
  MODEL,
} from "../../models/dcgan.ts";
import { generate } from "../../run/generated_images.ts";
import { checkBuild, checkGradients, openTrial, silence, valueOf } from "./trial.ts";

const FULL: DcganConfig = { model: "dcgan", ...DCGAN, image: [32, 32, 3], classes: 100, seed: 0 };
const SMALL: DcganConfig = {
  ...{
    ...FULL,
    image: [12, 10, 3],
    latent: 4,
    generator: [6, 5, 4],
    discriminator: [4, 5, 6],
    batch: 4,
    seed: 1,
  },
};
await tf.setBackend("cpu");

/** Images and noise of four examples, and a training step. */
function examples() {
  const images = tf.tensor4d(stream(1).uniforms(4 * 360), [4, 12, 10, 3]);
  const noise = tf.tensor2d(stream(2).normals(16), [4, 4]);
  return { images, noise, training: { random: stream(3), counter: tf.scalar(0, "int32") } };
}

Deno.test("both networks have 861,028 parameters together, and a million are refused", () => {
  const { parameters, weights, criticism } = build(FULL);
  assert.equal(parameters, 861_028);
  tf.dispose([weights, criticism]);
  assert.throws(() => build({ ...FULL, generator: [192, 128, 64] }), /fewer than 1,000,000 parameters/);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  const both = (seed: number) => {
    const { weights, criticism } = build({ ...SMALL, seed });
    return { weights: { ...weights, ...criticism } };
  };
  await checkBuild(both);
});

Deno.test("images are made in the range of the training images, -1 to 1", () => {
  const model = build({ ...SMALL, image: [28, 28, 1] });
  model.weights["generator/output/bias"].assign(tf.tensor1d([40]));
  const made = forward(model, tf.zeros([2, 4]));
  assert.deepEqual(made.shape, [2, 28, 28, 1]);
  assert.ok(made.dataSync().every((level) => level === 1));
});

Deno.test("a discriminator that says nothing has a loss of 2 ln 2, and the generator one of ln 2", () => {
  const model = build(SMALL), { images, noise, training } = examples();
  silence(model.criticism, "discriminator/output");
  const told = valueOf(() => discriminatorLoss(model, images, { noise, training }));
  assert.ok(Math.abs(told - 2 * Math.LN2) < 1e-6);
  assert.ok(Math.abs(valueOf(() => generatorLoss(model, noise, training)) - Math.LN2) < 1e-6);
});

Deno.test("the gradient of each network is that of central differences", async () => {
  const model = build(SMALL), { images, noise, training } = examples();
  // Weights as small as at the start put every sum near the kink of its ReLU.
  for (const weight of Object.values({ ...trained(model.weights), ...trained(model.criticism) })) {
    tf.tidy(() => weight.assign(tf.mul(weight, 10)));
  }
  await checkGradients(trained(model.criticism), () => discriminatorLoss(model, images, { noise, training }));
  await checkGradients(trained(model.weights), () => generatorLoss(model, noise, training));
});

Deno.test("both networks learn, nothing is left over, and samples are the same again and when it is loaded", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const images = await openImages({ dataset: "digits", split: "train", count: 8, size: 12 });
  const config: DcganConfig = { ...SMALL, image: [12, 12, 1], classes: images.classes, learningRate: 2e-3 };
  const model = build(config), run = await openTrial(device), before = tf.memory().numTensors;
  const { weights, criticism } = build(config);
  await fit(model, { run, device, images, steps: 30 });
  for (const [start, end] of [[weights, model.weights], [criticism, model.criticism]]) {
    for (const [name, weight] of Object.entries(start)) {
      assert.notDeepEqual(end[name].dataSync(), weight.dataSync(), name);
    }
  }
  const drawn = await generate(EXPERIMENT, { model, device, count: 3, seed: 2 });
  assert.equal(tf.memory().numTensors, before + Object.keys(weights).length + Object.keys(criticism).length);
  // What both optimizers know stands in the checkpoint, or going on would not be exact.
  const { tensors } = await readTensors(join(run.folder, "checkpoint.safetensors"));
  for (
    const name of ["beta1_power", "criticizing/beta1_power", "criticizing/discriminator/output/kernel/v"]
  ) {
    assert.ok(tensors.has(name), name);
  }
  await run.saveWeights(model.weights, { model: "dcgan", config });
  const loaded = await MODEL.load(run.folder, device);
  assert.deepEqual(await loaded.generate({ count: 3, seed: 2 }), drawn);
});
