import assert from "node:assert/strict";
import { openDevice } from "../../../engine/open.ts";
import { build, EXPERIMENT } from "../../../models/pixel_predictor.ts";
import { memory, nearestOf, remembered } from "../../../models/pixel_predictor/memory.ts";
import { fitPixels, type PixelConfig } from "../../../run/pixel_experiment.ts";
import type { PixelSet } from "../../../run/pixel_source.ts";
import { openTrial } from "../trial.ts";

const CONFIG: PixelConfig = {
  ...{ model: "pixel-predictor", cell: "gru", units: 8, layers: 1, pixels: 6, width: 3, pool: 1, classes: 2 },
  ...{
    firstInk: 0.5,
    batch: 4,
    optimizer: "adam",
    learningRate: 3e-2,
    schedule: "cosine",
    warmup: 5,
    clip: 1,
  },
  ...{ gates: "uniform", recurrentStart: "orthogonal", seed: 1 },
};
/** Four images of which two are equal. */
const TRAIN: PixelSet = {
  bits: Uint8Array.from([0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0]),
  labels: new Uint8Array(4),
  ...{ count: 4, length: 6, width: 3, classes: 2 },
};

const device = await openDevice("wasm", { threads: 1 });
Deno.test.afterAll(async () => await device[Symbol.asyncDispose]());

Deno.test("the mass counts equal images once, agrees with the samples, and grows with learning", async () => {
  const model = build(CONFIG), run = await openTrial(device), sets = { device, train: TRAIN, test: TRAIN };
  const before = await memory(model, sets);
  await fitPixels(EXPERIMENT, model, { run, device, images: TRAIN, steps: 300 });
  const after = await memory(model, sets);
  assert.equal(after.distinct_sequences, 3);
  assert.ok(before.memorized_mass < 0.5 && after.memorized_mass > 0.95 && after.memorized_mass <= 1 + 1e-5);
  for (const { memorized_mass, memorized_fraction } of [before, after]) {
    // 500 samples: five deviations of a share at most.
    const deviation = Math.sqrt(memorized_mass * Math.max(0, 1 - memorized_mass) / 500);
    assert.ok(Math.abs(memorized_fraction - memorized_mass) <= 5 * deviation + 1e-3);
  }
  assert.ok(after.sample_distance < before.sample_distance);
  assert.equal(after.test_distance, 0);
});

Deno.test("nearest: the most alike, and the pixels in which it differs", async () => {
  const bits = Uint8Array.from([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1]);
  const { rows, distances } = await nearestOf(bits, { train: TRAIN, device });
  assert.deepEqual([[...Array.from(rows)], [...distances]], [[1, 0], [0, 2]]);
});

Deno.test("what is shown as remembered is what was counted", async () => {
  const model = build(CONFIG), run = await openTrial(device);
  await fitPixels(EXPERIMENT, model, { run, device, images: TRAIN, steps: 300 });
  const { memorized_fraction, sample_distance } = await memory(model, { device, train: TRAIN, test: TRAIN });
  const { tiles } = await remembered(model, { device, train: TRAIN, count: 500 });
  const few = await remembered(model, { device, train: TRAIN, count: 3 });
  assert.deepEqual(few.tiles, tiles.slice(0, 3));
  assert.equal(tiles.filter(({ kind }) => kind === "memorized").length, memorized_fraction * 500);
  assert.equal(tiles.reduce((sum, { distance = NaN }) => sum + distance, 0) / 500, sample_distance);
});
