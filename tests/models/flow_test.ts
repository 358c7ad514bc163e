import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { readTensors } from "../../base/safetensors.ts";
import { openImages } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { randomNumbers } from "../../engine/random.ts";
import {
  build,
  drawMixing,
  EXPERIMENT,
  fit,
  FLOW,
  type FlowConfig,
  loss,
  MODEL,
  open,
  trainingFlop,
} from "../../models/flow.ts";
import { generate } from "../../run/generated_images.ts";
import { readLog } from "../../run/log.ts";
import { close } from "../layers/check.ts";
import { checkBuild, checkGradients, openTrial, silence } from "./trial.ts";

const FULL: FlowConfig = { model: "flow", ...FLOW, image: [32, 32, 3], classes: 100, seed: 0 };
const SMALL: FlowConfig = {
  ...{ ...FULL, image: [12, 10, 3], classes: 2, widths: [8, 8, 16], embedding: 8, batch: 4, solverSteps: 3 },
  seed: 1,
};
await tf.setBackend("cpu");

Deno.test("it has 938,526 parameters and a step of 21 GFLOP; a million parameters are refused", () => {
  const { parameters, weights } = build(FULL);
  const all = Object.values(weights).reduce((sum, { size }) => sum + size, 0);
  assert.deepEqual([parameters, all], [938_526, 938_526]);
  assert.equal((trainingFlop(FULL) * FLOW.batch / 1e9).toFixed(1), "20.7");
  tf.dispose(weights);
  assert.throws(() => build({ ...FULL, widths: [64, 96, 96] }), /must have fewer than 1,000,000 parameters/);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("a network that says nothing has the loss of the velocity's own size, 1 + the images' mean square", () => {
  const model = build(SMALL), random = stream(7), counter = tf.scalar(3, "int32");
  silence(model.weights, "output");
  silence(model.weights, "direct/conv2");
  const size = 8 * 12 * 10 * 3, images = stream(2).uniforms(size);
  const value = tf.tidy(() =>
    loss(model, tf.tensor4d(images, [8, 12, 10, 3]), {
      labels: tf.zeros([8], "int32"),
      ...drawMixing([8, 12, 10, 3], { times: SMALL.times, random, counter }),
    }).dataSync()[0]
  );
  const { key } = random.fork("noise");
  const noise = randomNumbers(size, { distribution: "normal", key, counter: 3 });
  const drawn = images.reduce((sum, image, at) => sum + (image - noise[at]) ** 2, 0) / size;
  assert.ok(Math.abs(value - drawn) < 1e-5);
  assert.ok(Math.abs(value - (1 + 1 / 3)) < 0.1, String(value));
});

Deno.test("the gradient is that of central differences", async () => {
  const model = build(SMALL), counter = tf.scalar(1, "int32");
  const images = tf.tensor4d(stream(1).uniforms(2 * 360), [2, 12, 10, 3]),
    labels = tf.tensor1d([0, 2], "int32");
  const chosen = [
    "time/hidden",
    "class",
    "input",
    "down1/block1/film",
    "middle/block1/conv1",
    "up2/merge",
    "output",
    "direct/conv1",
    "direct/film",
    "direct/conv2",
  ];
  const weights = Object.fromEntries(chosen.map((name) => [name, model.weights[`${name}/kernel`]]));
  await checkGradients(
    weights,
    () =>
      loss(model, images, {
        labels,
        ...drawMixing(images.shape, { times: SMALL.times, random: stream(3), counter }),
      }),
  );
});

Deno.test("noise moves along a constant velocity for one unit of time, with guidance as without", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  for (const guidance of [1, 2.5]) {
    const model = build({ ...SMALL, guidance });
    silence(model.weights, "output");
    silence(model.weights, "direct/conv2");
    model.weights["output/bias"].assign(tf.tensor1d([0.5, 0, -1]));
    const generator = await open(model, { device, batch: 2 });
    const noise = stream(5).normals(2 * 360);
    const images = await generator.draw(noise, Int32Array.of(0, 1));
    close(images, noise.map((value, at) => value + [0.5, 0, -1][at % 3]), 1e-5);
    generator.dispose();
  }
});

Deno.test("it learns one batch, keeps its averages, leaves nothing over, draws the same again and when loaded", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const images = await openImages({ dataset: "digits", split: "train", count: 4, size: 12 });
  const config: FlowConfig = { ...SMALL, image: [12, 12, 1], classes: images.classes, learningRate: 1e-2 };
  const model = build(config), run = await openTrial(device), before = tf.memory().numTensors;
  const first = { ...model.weights["input/kernel"].dataSync() };
  await fit(model, { run, device, images, steps: 400 });
  const drawn = await generate(EXPERIMENT, { model, device, count: 5, seed: 9 });
  assert.equal(tf.memory().numTensors, before);
  const log = await readLog(run.path("log.jsonl"));
  const losses = log.map(({ loss }) => Number(loss)).filter(Number.isFinite);
  assert.ok(losses[losses.length - 1] < 0.9, String(losses));
  const { tensors } = await readTensors(join(run.folder, "checkpoint.safetensors"));
  const [kernel, average] = ["", "/average"].map((kind) => tensors.get(`input/kernel${kind}`)?.data);
  assert.notDeepEqual(average, kernel);
  assert.deepEqual(model.weights["input/kernel"].dataSync(), average);
  assert.notDeepEqual({ ...average }, first);
  // A sample does not depend on how many there are; another seed gives others.
  const two = await generate(EXPERIMENT, { model, device, count: 2, seed: 9 });
  assert.deepEqual(two.pixels, drawn.pixels.subarray(0, two.pixels.length));
  const other = await generate(EXPERIMENT, { model, device, count: 2, seed: 10 });
  assert.notDeepEqual(other.pixels, two.pixels);
  await run.saveWeights(model.weights, { model: "flow", config });
  const loaded = await MODEL.load(run.folder, device);
  assert.deepEqual(await loaded.generate({ count: 5, seed: 9 }), drawn);
});
