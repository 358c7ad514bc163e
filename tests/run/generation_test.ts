import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { openImages } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { generate, keptSamples } from "../../run/generated_images.ts";
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
