import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { openDevice } from "../../engine/open.ts";
import { stream } from "../../base/random.ts";
import { openImages } from "../../data/images.ts";
import { build, EXPERIMENT, forward, loss, MODEL } from "../../models/pixel_classifier.ts";
import { fitPixels, measurePixels, type PixelConfig } from "../../run/pixel_experiment.ts";
import { binarized, type PixelSet } from "../../run/pixel_source.ts";
import { startProgram } from "../program.ts";
import { checkBuild, checkGradients, openTrial, valueOf } from "./trial.ts";

const SMALL: PixelConfig = {
  ...{
    model: "pixel-classifier",
    cell: "gru",
    units: 6,
    layers: 1,
    pixels: 9,
    width: 3,
    pool: 1,
    classes: 3,
  },
  ...{
    firstInk: 0.1,
    batch: 6,
    optimizer: "adam",
    learningRate: 2e-2,
    schedule: "cosine",
    warmup: 5,
    clip: 1,
  },
  ...{ gates: "uniform", recurrentStart: "orthogonal", seed: 1 },
};

/** Six images whose class is told by their first pixels: it must be kept to the end. */
const IMAGES: PixelSet = {
  bits: Uint8Array.from({ length: 54 }, (_, at) => {
    const image = Math.floor(at / 9), place = at % 9;
    return place < 2 ? ((image % 3) >> place) & 1 : (image * place) % 2;
  }),
  labels: Uint8Array.from([0, 1, 2, 0, 1, 2]),
  ...{ count: 6, length: 9, width: 3, classes: 3 },
};

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed, layers: 2 }));
});

for (const cell of ["lstm", "gru"] as const) {
  Deno.test(`${cell}: the gradient is that of central differences, in two layers`, async () => {
    await tf.setBackend("cpu");
    const model = build({ ...SMALL, cell, layers: 2, units: 3 });
    // States are much alike at first: they would stand together on the kink of a ReLU.
    model.weights["hidden/bias"].assign(tf.ones([3]));
    const bits = tf.tensor2d(Float32Array.from(IMAGES.bits), [6, 9]),
      labels = tf.tensor1d([0, 1, 2, 0, 1, 2], "int32");
    await checkGradients(model.weights, () => loss(model, bits, labels));
  });
}

Deno.test("the loss is the mean of -log softmax at the labels, and the last pixel counts", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL);
  const bits = tf.tensor2d(stream(3).uniforms(18).map((x) => x > 0 ? 1 : 0), [2, 9]);
  const labels = tf.tensor1d([2, 0], "int32"), logits = await forward(model, bits).array();
  const nats = [2, 0].map((label, row) =>
    Math.log(logits[row].reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[row][label]
  );
  assert.ok(Math.abs(valueOf(() => loss(model, bits, labels)) - (nats[0] + nats[1]) / 2) < 1e-5);
  const other = await bits.array();
  other[0][8] = 1 - other[0][8];
  assert.notDeepEqual((await forward(model, tf.tensor2d(other)).array())[0], logits[0]);
});

Deno.test("it learns what the first pixels say, and is the same when it is loaded", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const model = build(SMALL), run = await openTrial(device);
  await fitPixels(EXPERIMENT, model, { run, device, images: IMAGES, steps: 150 });
  const scores = await measurePixels(EXPERIMENT, { model, device, set: IMAGES });
  assert.equal(scores.accuracy, 1);
  await run.saveWeights(model.weights, { model: SMALL.model, config: SMALL });
  const loaded = await MODEL.load(run.folder, device);
  assert.deepEqual(await loaded.scores(IMAGES), scores);
});

Deno.test("a GRU learns built-in digits of 14 x 14 pixels, one pixel after the other", async () => {
  const open = async (offset: number, count: number): Promise<PixelSet> =>
    binarized(await openImages({ dataset: "digits", split: "train", offset, count }), { pool: 2 });
  const images = await open(0, 512), unseen = await open(5000, 200);
  await using device = await openDevice("wasm", { threads: 1 });
  const model = build({
    ...SMALL,
    ...{ units: 32, pixels: 196, width: 14, pool: 2, classes: 10, batch: 32, warmup: 20 },
  });
  const run = await openTrial(device), set = { model, device, set: unseen };
  const { loss } = await measurePixels(EXPERIMENT, set);
  assert.ok(Math.abs(loss - Math.log(10)) < 0.05, `${loss}`);
  await fitPixels(EXPERIMENT, model, { run, device, images, steps: 150 });
  const after = await measurePixels(EXPERIMENT, set);
  // Of 200 images chance is right in 20 +- 4.
  assert.ok(after.accuracy > 0.4 && after.loss < 1.6, JSON.stringify(after));
});

Deno.test("as a program: figures of three sets, curves of validation images and none of the test set", async () => {
  const cwd = await Deno.makeTempDir();
  const sizes = ["--count", "66", "--test", "20", "--pool", "2", "--units", "4", "--steps", "4"];
  const flags = [...sizes, "--pixels", "120", "--cell", "lstm", "--out", "run", "--threads", "1"];
  const { code, error } = await startProgram(cwd, "models/pixel_classifier.ts", ...flags);
  assert.equal(code, 0, error);
  const { metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "run/summary.json")));
  assert.deepEqual([metrics.test_images, metrics.validation_images], [20, 6]);
  for (const set of ["test", "train", "validation"]) {
    assert.ok(metrics[`${set}_accuracy`] >= 0 && metrics[`${set}_loss`] > 0, set);
  }
  const log = await Deno.readTextFile(join(cwd, "run/log.jsonl"));
  assert.match(log, /validation_accuracy/);
  assert.doesNotMatch(log, /test_/);
  assert.match(await Deno.readTextFile(join(cwd, "run/report.html")), /read pixel by pixel/);
});
