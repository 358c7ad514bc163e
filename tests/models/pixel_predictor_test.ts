import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { openDevice } from "../../engine/open.ts";
import {
  build,
  continued,
  EXPERIMENT,
  logProbabilities,
  loss,
  MODEL,
  type PixelPredictor,
  sampled,
} from "../../models/pixel_predictor.ts";
import { truthNats } from "../../models/pixel_predictor/generation.ts";
import { fitPixels, measurePixels, type PixelConfig } from "../../run/pixel_experiment.ts";
import type { PixelSet } from "../../run/pixel_source.ts";
import { startProgram } from "../program.ts";
import { checkBuild, checkGradients, openTrial, silence, valueOf } from "./trial.ts";

const SMALL: PixelConfig = {
  ...{ model: "pixel-predictor", cell: "gru", units: 4, layers: 1, pixels: 6, width: 3, pool: 1, classes: 2 },
  ...{
    firstInk: 0.25,
    batch: 2,
    optimizer: "adam",
    learningRate: 3e-2,
    schedule: "cosine",
    warmup: 5,
    clip: 1,
  },
  ...{ gates: "uniform", recurrentStart: "orthogonal", seed: 1 },
};
const IMAGES: PixelSet = {
  bits: Uint8Array.from([0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1]),
  labels: Uint8Array.from([0, 1]),
  ...{ count: 2, length: 6, width: 3, classes: 2 },
};

/** All 64 images of six pixels. */
const ALL: PixelSet = {
  ...IMAGES,
  count: 64,
  bits: Uint8Array.from({ length: 384 }, (_, at) => (Math.floor(at / 6) >> (at % 6)) & 1),
  labels: new Uint8Array(64),
};

const device = await openDevice("wasm", { threads: 1 });
Deno.test.afterAll(async () => await device[Symbol.asyncDispose]());

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed, layers: 2 }));
});

for (const cell of ["lstm", "gru"] as const) {
  Deno.test(`${cell}: the gradient is that of central differences, in two layers`, async () => {
    await tf.setBackend("cpu");
    const model = build({ ...SMALL, cell, layers: 2, units: 3 });
    const bits = tf.tensor2d(Float32Array.from(IMAGES.bits), [2, 6]);
    await checkGradients(model.weights, () => loss(model, bits));
  });

  Deno.test(`${cell}: the probabilities of all images sum to 1, and no pixel is seen before it is predicted`, async () => {
    const model = build({ ...SMALL, cell, layers: 2 });
    const logs = await logProbabilities(model, { device, set: ALL });
    const sum = logs.reduce((sum, log) => sum + Math.exp(log), 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, String(sum));
  });

  Deno.test(`${cell}: what is drawn costs what it costs when it is read, and more rows draw the same`, async () => {
    const model = build({ ...SMALL, cell, layers: 2 }), random = stream(4);
    const { bits, logProbabilities: logs } = await sampled(model, { device, count: 5, random });
    const read = await logProbabilities(model, { device, set: { ...ALL, bits, count: 5 } });
    read.forEach((log, image) => assert.ok(Math.abs(log - logs[image]) < 1e-5));
    const more = await sampled(model, { device, count: 7, random });
    assert.deepEqual(more.bits.subarray(0, bits.length), bits);
    const given = { device, given: 2, steps: 4 };
    const drawn = await continued(model, { ...given, bits: Uint8Array.from([0, 1, 1, 1]), random });
    const whole = Uint8Array.from([0, 1, ...drawn.bits.subarray(0, 4), 1, 1, ...drawn.bits.subarray(4)]);
    const nats = await truthNats(model, { ...given, bits: whole });
    nats.forEach((value, at) => assert.ok(Math.abs(value - drawn.nats[at]) < 1e-5));
  });
}

Deno.test("a predictor that says nothing pays ln 2 a pixel; an image's nats are those of all its predictions", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL);
  silence(model.weights, "output");
  const bits = tf.tensor2d(Float32Array.from(IMAGES.bits), [2, 6]);
  assert.ok(Math.abs(valueOf(() => loss(model, bits)) - Math.LN2) < 1e-6);
  const scores = await measurePixels(EXPERIMENT, { model, device, set: IMAGES });
  assert.ok(Math.abs(scores.nats_per_pixel - Math.LN2) < 1e-6);
  assert.ok(Math.abs(scores.nats_per_image - 5 * Math.LN2) < 1e-5);
  // The first pixel's share, .25, comes to it in whole images.
  const [first, second] = await logProbabilities(model, { device, set: IMAGES });
  assert.ok(Math.abs(first - Math.log(0.75) + 5 * Math.LN2) < 1e-5);
  assert.ok(Math.abs(second - Math.log(0.25) + 5 * Math.LN2) < 1e-5);
});

Deno.test("it learns two images by heart, draws them, and is the same when it is loaded", async () => {
  const model: PixelPredictor = build({ ...SMALL, units: 8 }), run = await openTrial(device);
  await fitPixels(EXPERIMENT, model, { run, device, images: IMAGES, steps: 300 });
  const scores = await measurePixels(EXPERIMENT, { model, device, set: IMAGES });
  assert.ok(scores.nats_per_pixel < 0.05, String(scores.nats_per_pixel));
  const drawn = await continued(model, {
    ...{ device, bits: Uint8Array.from([0, 1]), given: 1, steps: 5, random: stream(1) },
  });
  assert.deepEqual([...drawn.bits], [...IMAGES.bits.subarray(1, 6), ...IMAGES.bits.subarray(7)]);
  await run.saveWeights(model.weights, { model: SMALL.model, config: model.config });
  assert.deepEqual(await (await MODEL.load(run.folder, device)).scores(IMAGES), scores);
});

Deno.test("as a program: nats per pixel and per image of three sets, and continuations", async () => {
  const cwd = await Deno.makeTempDir();
  const sizes = ["--count", "66", "--test", "20", "--pool", "2", "--units", "4", "--steps", "4"];
  const flags = [...sizes, "--layers", "2", "--out", "run", "--threads", "1"];
  const { code, error } = await startProgram(cwd, "models/pixel_predictor.ts", ...flags);
  assert.equal(code, 0, error);
  const { metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "run/summary.json")));
  for (const set of ["test", "train", "validation"]) {
    assert.ok(
      Math.abs(metrics[`${set}_nats_per_image`] / metrics[`${set}_nats_per_pixel`] - 195) < 1e-2,
      set,
    );
  }
  assert.doesNotMatch(await Deno.readTextFile(join(cwd, "run/log.jsonl")), /test_/);
  assert.match(await Deno.readTextFile(join(cwd, "run/report.html")), /Continuations/);
});
