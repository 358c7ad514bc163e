import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { type AddnistSet, openAddnist, triplesOf } from "../../data/addnist.ts";
import type { ImageSet } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { trained } from "../../layers/layer.ts";
import { accuracy } from "../../metrics/mod.ts";
import {
  ADDNIST,
  type AddnistConfig,
  addnistNetwork,
  averagedAccuracy,
  build,
  digitAccuracy,
  digitLogits,
  EXPERIMENT,
  fit,
  forward,
  loss,
  MODEL,
  penalty,
  sumOf,
} from "../../models/addnist.ts";
import { classify, classifyImages } from "../../run/classification.ts";
import { close } from "../layers/check.ts";
import { checkBuild, checkGradients, openTrial, silence, valueOf } from "./trial.ts";

const FULL: AddnistConfig = {
  ...{ model: "addnist", ...ADDNIST, network: "shared", size: 28, distorted: true, seed: 0 },
};
const SMALL: AddnistConfig = {
  ...{ ...FULL, filters: [4, 6, 8], batch: 12, distorted: false, learningRate: 2e-2, seed: 1 },
};
await tf.setBackend("cpu");

/** The first images of the training split: of digits that this project draws, so there is nothing to download. */
const set = await openAddnist({ source: "digits", split: "train", count: 12, pool: 600 });

function imagesOf({ split: _, ...set }: AddnistSet): ImageSet {
  return { ...set, split: "train" };
}

/** Images of noise, and labels. */
function noise(count: number, size = 28): { readonly images: tf.Tensor4D; readonly labels: tf.Tensor1D } {
  const levels = stream(0).uniforms(count * size * size * 3, 0.5).map((level) => level + 0.5);
  return {
    images: tf.tensor4d(levels, [count, size, size, 3]),
    labels: tf.tensor1d(Array.from({ length: count }, (_, image) => 7 * image % 20), "int32"),
  };
}

Deno.test("the digit network has 97,058 parameters, and every network fewer than 100,000", () => {
  const { parameters } = addnistNetwork(FULL);
  assert.equal(parameters, 97_058);
  const generic = addnistNetwork({ ...FULL, network: "generic" }).parameters;
  assert.ok(generic > parameters && generic < 100_000, String(generic));
});

Deno.test("points are lost for each tenth above 99,999 parameters and 10,000 steps, also one begun", () => {
  const points = [[99_999, 10_000], [100_000, 10_000], [110_000, 10_001], [97_058, 200_000]].map((
    [parameters, steps],
  ) => penalty({ parameters, steps }));
  assert.deepEqual(points, [0, 5, 15, 950]);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("a sum has the convolution of two distributions, worked out by hand", () => {
  const p = tf.tensor2d([[0.5, 0.5], [1, 0]]), q = tf.tensor2d([[0.25, 0.25, 0.5], [0, 0, 1]]);
  close(sumOf(p, q).dataSync(), [0.125, 0.25, 0.375, 0.25, 0, 0, 1, 0]);
});

Deno.test("probabilities of labels are sums over the triples of digits", () => {
  const model = build(SMALL), { images } = noise(2);
  const digits = tf.softmax(digitLogits(model, images)).arraySync();
  const expected = digits.flatMap(([r, g, b]) =>
    Array.from(
      { length: 20 },
      (_, label) => triplesOf(label).reduce((sum, [x, y, z]) => sum + r[x] * g[y] * b[z], 0),
    )
  );
  close(tf.exp(forward(model, images)).dataSync(), expected, 1e-5);
});

Deno.test("where every digit is as likely the loss is that of the sums' own frequencies; generic, ln 20", () => {
  const { images, labels } = noise(20);
  const shared = build(SMALL), generic = build({ ...SMALL, network: "generic" });
  for (const { weights } of [shared, generic]) silence(weights, "output");
  const counts = Array.from({ length: 20 }, (_, label) => triplesOf(label).length);
  const all = counts.reduce((sum, count) => sum + count);
  assert.equal(all, 915);
  // Labels are 0 ... 19, once each.
  const nats = counts.reduce((sum, count) => sum - Math.log(count / all), 0) / 20;
  assert.ok(Math.abs(valueOf(() => loss(shared, images, { labels })) - nats) < 1e-5);
  assert.ok(Math.abs(valueOf(() => loss(generic, images, { labels })) - Math.log(20)) < 1e-5);
});

Deno.test("the gradient of a step is that of central differences", async () => {
  const model = build({ ...SMALL, size: 8, filters: [3, 3, 4] }), { images, labels } = noise(16, 8);
  const training = { random: stream(0), counter: tf.scalar(0, "int32") };
  await checkGradients(trained(model.weights), () => loss(model, images, { labels, training }));
});

Deno.test("it learns a dozen sums by heart and is the same when it is loaded; only trained weights move", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  for (const network of ["shared", "generic"] as const) {
    const model = build({ ...SMALL, network }), run = await openTrial(device), images = imagesOf(set);
    const before = tf.memory().numTensors, start = model.weights["conv1/norm/mean"].dataSync().slice();
    await fit(model, { run, device, images, steps: 60 });
    const logits = await classify(EXPERIMENT, { model, device, images });
    assert.equal(tf.memory().numTensors, before);
    assert.equal(accuracy(logits, images.labels), 1, network);
    assert.notDeepEqual(model.weights["conv1/norm/mean"].dataSync(), start);
    await run.saveWeights(model.weights, { model: "addnist", config: model.config });
    assert.deepEqual(await (await MODEL.load(run.folder, device)).classify(images), logits);
  }
});

Deno.test("single digits are read, and the run has curves, figures and a report", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const model = build({ ...SMALL, distorted: true }), run = await openTrial(device), images = imagesOf(set);
  await classifyImages(EXPERIMENT, {
    ...{ model, flags: { steps: 4, budget: undefined }, run, device, images, test: images, heldOut: images },
  });
  const { metrics, steps, parameters } = run.summary!;
  assert.deepEqual([steps, parameters], [4, model.network.parameters]);
  assert.ok(Number(metrics.validation_loss) > 0 && Number(metrics.test_accuracy) >= 0);
  const log = await Deno.readTextFile(run.path("log.jsonl"));
  assert.ok(log.includes("validation_accuracy") && !log.includes("test_accuracy"));
  // One channel's digit is what the network says of it: three equal channels are three equal answers.
  const planes = digitLogits(
    model,
    tf.tile(noise(1).images.slice([0, 0, 0, 0], [1, 28, 28, 1]), [1, 1, 1, 3]),
  );
  const [[first, second]] = planes.arraySync();
  assert.deepEqual(first, second);
  const share = await digitAccuracy(model, { device, set });
  assert.ok(share >= 0 && share <= 1 && Number.isInteger(Math.round(share * 36 * 1e6) / 1e6));
});

Deno.test("averaged views: one answer for all is right as often as it is the label; the same is said again", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const constant = build({ ...SMALL, network: "generic" }), label = set.labels[0];
  silence(constant.weights, "output");
  constant.weights["output/bias"].assign(tf.cast(tf.oneHot(label, 20), "float32"));
  const share = set.labels.filter((other) => other === label).length / set.count;
  assert.equal(await averagedAccuracy(constant, { device, set, views: 3 }), share);
  const run = await openTrial(device), model = build({ ...SMALL, distorted: true });
  await fit(model, { run, device, images: imagesOf(set), steps: 120 });
  const told = await averagedAccuracy(model, { device, set, views: 4 });
  assert.ok(told >= 0.75, String(told));
  assert.equal(await averagedAccuracy(model, { device, set, views: 4 }), told);
});
