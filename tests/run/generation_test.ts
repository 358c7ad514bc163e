import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { openImages } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { copiesOf, copyMetrics } from "../../run/copies.ts";
import { generate, keptSamples, onTheSphere } from "../../run/generated_images.ts";
import { checkParameters, makeImages, trainingBatch } from "../../run/generation.ts";
import { close } from "../layers/check.ts";
import { openTrial } from "../models/trial.ts";

await tf.setBackend("cpu");
const images = await openImages({ dataset: "digits", split: "train", count: 12, size: 12 });
const [area, shape] = [144, [12, 12, 1] as const];

/** A generator that makes, of any noise, the training image that its class names. */
const PARROT = {
  name: "train-parrot",
  summary: "",
  build: () => ({ config: { model: "parrot", image: shape, classes: 10, seed: 0 }, weights: {} }),
  describe: () => ({
    ...{ title: "A parrot", abstract: "", method: [], parameters: 0, code: [] },
    ...{ formula: { formula: "x", text: "" }, loss: { name: "", unit: "" } },
  }),
  defaultSteps: 1,
  fit: () => Promise.resolve(),
  noise: () => 6,
  open: () =>
    Promise.resolve({
      runs: 1,
      draw: (_noise: Float32Array, labels: Int32Array) =>
        Promise.resolve(
          Float32Array.from(
            { length: labels.length * area },
            (_, at) => images.pixels[labels[Math.floor(at / area)] * area + at % area] / 127.5 - 1,
          ),
        ),
      dispose: () => {},
    }),
};

Deno.test("halfway between two noises of equal length is as long as they are", () => {
  const a = Float32Array.of(3, 0, 0), b = Float32Array.of(0, 3, 0);
  close(onTheSphere(a, b, 0), a);
  close(onTheSphere(a, b, 1), b, 1e-6);
  close(onTheSphere(a, b, 0.5), [3 * Math.SQRT1_2, 3 * Math.SQRT1_2, 0]);
  close(onTheSphere(a, a, 0.5), a);
});

Deno.test("images in colour are mirrored half of the time, grey ones never, and go from -1 to 1", () => {
  const one = { height: 1, width: 2, classes: 1, labels: Uint8Array.of(0) };
  const colour = { ...one, channels: 3, pixels: Uint8Array.of(0, 51, 102, 153, 204, 255) };
  const rows = new Int32Array(200), batch = trainingBatch(colour, { rows, flips: stream(1) });
  const straight = [-1, -0.6, -0.2, 0.2, 0.6, 1], mirrored = [0.2, 0.6, 1, -1, -0.6, -0.2];
  let flipped = 0;
  for (let row = 0; row < 200; row++) {
    const shown = batch.subarray(6 * row, 6 * row + 6), isFlipped = shown[0] > 0;
    close(shown, isFlipped ? mirrored : straight);
    if (isFlipped) flipped++;
  }
  assert.ok(flipped > 70 && flipped < 130, String(flipped));
  const grey = { ...one, channels: 1, pixels: Uint8Array.of(0, 255) };
  close(trainingBatch(grey, { rows: new Int32Array(20), flips: stream(1) }), Array(20).fill([-1, 1]).flat());
});

Deno.test("a model of a million parameters is refused", () => {
  checkParameters(999_999);
  assert.throws(() => checkParameters(1_000_000), /fewer than 1,000,000 parameters: it has 1,000,000/);
});

Deno.test("each rule finds its copies: equal, of 25 dB, and much nearer to one than to the next", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const plain = (...levels: number[]) => new Uint8Array(levels.flatMap((level) => Array(area).fill(level)));
  const learned = { ...images, count: 3, pixels: plain(0, 128, 255) };
  // 10 log10(255² / 10²) = 28.1 dB, 22.1 dB of 20; from 64 two are as far.
  const copies = await copiesOf(plain(0, 10, 20, 64), { images: learned, device });
  assert.deepEqual([copies.exact, copies.psnr, copies.near, copies.any], [1, 2, 3, 3]);
  assert.deepEqual([...copies.rows.subarray(0, 3)], [0, 0, 0]);
  assert.equal(copies.psnrs[0], Infinity);
  assert.ok(Math.abs(copies.psnrs[1] - 28.13) < 0.01 && Math.abs(copies.psnrs[2] - 22.11) < 0.01);
  assert.equal(copyMetrics(copies, 10_000).memorized_of_10000, 3);
  assert.ok(!("memorized_of_10000" in copyMetrics(copies, 4)));
});

Deno.test("in colour a mirrored training image is a copy, and is not its own second nearest", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const pixels = Uint8Array.of(0, 10, 20, 200, 210, 220, 90, 100, 80, 90, 100, 80);
  const learned = { ...images, count: 2, height: 1, width: 2, channels: 3, pixels };
  // The first image mirrored; nearly the second, which is its own mirror image; and the first as it is.
  const samples = Uint8Array.of(200, 210, 220, 0, 10, 20, 91, 100, 80, 90, 100, 80, ...pixels.subarray(0, 6));
  const copies = await copiesOf(samples, { images: learned, device });
  assert.deepEqual([copies.exact, copies.near, copies.any], [2, 3, 3]);
  assert.deepEqual([...copies.rows], [0, 1, 0]);
});

Deno.test("a parrot's samples are all copies; its run has samples, pictures and a report", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const model = PARROT.build(), run = await openTrial(device);
  await makeImages(PARROT, { model, run, device, images, steps: 1, samples: 70 });
  const { metrics } = run.summary!;
  assert.deepEqual([metrics.copies_exact, metrics.copies_near, metrics.samples], [70, 70, 70]);
  const { shape, ...kept } = await keptSamples(run.folder);
  assert.deepEqual(shape, [12, 12, 1]);
  assert.deepEqual(kept, await generate(PARROT, { model, device, count: 70, seed: 0 }));
  assert.deepEqual(kept.pixels.subarray(0, 10 * area), images.pixels.subarray(0, 10 * area));
  assert.deepEqual([...kept.labels.subarray(8, 12)], [8, 9, 0, 1]);
  for (const name of ["samples.png", "interpolations.png", "nearest.png"]) {
    assert.ok((await Deno.stat(run.path(name))).size > 0);
  }
  const page = await Deno.readTextFile(join(run.folder, "report.html"));
  assert.match(page, /Copies of training images/);
});
