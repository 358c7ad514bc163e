import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import type { ImageSet } from "../../data/images.ts";
import { accuracy } from "../../metrics/mod.ts";
import {
  build,
  CLASSIFIER,
  type ClassifierConfig,
  EXPERIMENT,
  fit,
  forward,
  loss,
  MODEL,
} from "../../models/classifier.ts";
import { classify } from "../../run/classification.ts";
import { checkBuild, checkGradients, openStock, openTrial, silence, valueOf } from "./trial.ts";

const SMALL: ClassifierConfig = {
  model: "classifier",
  size: 12,
  channels: 1,
  classes: 3,
  filters: [4, 4],
  hidden: 16,
  batch: 6,
  learningRate: 2e-2,
  seed: 1,
};
const device = await openStock();

/** Six images of three classes: a bar across, a bar down, a full square. */
function bars(): ImageSet {
  const pixels = new Uint8Array(6 * 144), labels = Uint8Array.from([0, 1, 2, 0, 1, 2]);
  labels.forEach((label, image) => {
    for (let at = 0; at < 144; at++) {
      const row = Math.floor(at / 12), column = at % 12, inside = (place: number) => place >= 4 && place < 8;
      const on = [inside(row), inside(column), row > 1 && row < 10 && column > 1 && column < 10][label];
      if (on) pixels[image * 144 + at] = image < 3 ? 255 : 160;
    }
  });
  const size = { height: 12, width: 12, channels: 1, classes: 3, count: 6, available: 6, offset: 0 };
  return { name: "bars", split: "train", sha256: "00", ...size, pixels, labels };
}

function tensors(): [tf.Tensor4D, tf.Tensor1D] {
  const { pixels, labels } = bars();
  return [
    tf.tensor4d(Float32Array.from(pixels, (byte) => byte / 255), [6, 12, 12, 1]),
    tf.tensor1d(Int32Array.from(labels), "int32"),
  ];
}

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("the first loss is about ln 10, and ln 10 where the logits are 0", () => {
  const model = build({ ...CLASSIFIER, model: "classifier", size: 28, channels: 1, classes: 10, seed: 0 });
  const images = tf.tensor4d(stream(0).uniforms(4 * 784, 0.5).map((x) => x + 0.5), [4, 28, 28, 1]);
  const labels = tf.tensor1d([0, 3, 5, 9], "int32");
  assert.ok(Math.abs(valueOf(() => loss(model, images, labels)) - Math.log(10)) < 1);
  silence(model.weights, "output");
  assert.ok(Math.abs(valueOf(() => loss(model, images, labels)) - Math.log(10)) < 1e-5);
});

Deno.test("the loss is the mean of -log softmax at the labels", async () => {
  const model = build(SMALL), [images, labels] = tensors();
  const logits = await forward(model, images).array();
  const nats = Array.from(
    bars().labels,
    (label, row) =>
      Math.log(logits[row].reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[row][label],
  );
  const mean = nats.reduce((sum, value) => sum + value, 0) / 6;
  assert.ok(Math.abs(valueOf(() => loss(model, images, labels)) - mean) < 1e-5);
});

Deno.test("it learns six images, leaks nothing, and is the same when it is loaded", async () => {
  const model = build(SMALL), images = bars(), run = await openTrial(device);
  // Where the stock device would go at its first step, not without leaving something behind.
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  await fit(model, { run, device, images, steps: 80 });
  const logits = await classify(EXPERIMENT, { model, device, images });
  assert.equal(tf.memory().numTensors, before);
  assert.equal(accuracy(logits, images.labels), 1);
  await run.saveWeights(model.weights, { model: "classifier", config: model.config });
  assert.deepEqual(await (await MODEL.load(run.folder, device)).classify(images), logits);
});

Deno.test("the gradient is that of central differences", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL), [images, labels] = tensors();
  await checkGradients(model.weights, () => loss(model, images, labels));
});
