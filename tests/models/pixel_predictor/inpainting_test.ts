import assert from "node:assert/strict";
import { stream } from "../../../base/random.ts";
import { openDevice } from "../../../engine/open.ts";
import { build, logProbabilities } from "../../../models/pixel_predictor.ts";
import {
  drawWindows,
  filled,
  fillingAccuracy,
  fillings,
  type Window,
} from "../../../models/pixel_predictor/inpainting.ts";
import type { PixelConfig } from "../../../run/pixel_experiment.ts";
import type { PixelSet } from "../../../run/pixel_source.ts";

const LENGTH = 25;
const CONFIG: PixelConfig = {
  ...{
    model: "pixel-predictor",
    cell: "lstm",
    units: 5,
    layers: 2,
    pixels: LENGTH,
    width: 5,
    pool: 1,
    classes: 2,
  },
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
const SET: PixelSet = {
  bits: Uint8Array.from(stream(7).uniforms(6 * LENGTH), (value) => value > 0 ? 1 : 0),
  labels: new Uint8Array(6),
  ...{ count: 6, length: LENGTH, width: 5, classes: 2 },
};

const device = await openDevice("wasm", { threads: 1 });
Deno.test.afterAll(async () => await device[Symbol.asyncDispose]());

for (const cell of ["lstm", "gru"] as const) {
  Deno.test(`${cell}: fillings have the shares of whole images, and the best is never below the truth`, async () => {
    const model = build({ ...CONFIG, cell });
    // Far from its start, so that fillings differ.
    for (const weight of Object.values(model.weights)) weight.assign(weight.mul(2));
    for (const side of [1, 2]) {
      const windows = [
        ...drawWindows(SET, { count: 40, side, mixed: true, random: stream(side) }),
        // At both ends of the sequence.
        { image: 0, places: side === 1 ? [1] : [1, 2, 6, 7] },
        { image: 1, places: side === 1 ? [24] : [18, 19, 23, 24] },
      ];
      const found = await fillings(model, { device, set: SET, windows }), kinds = 2 ** (side * side);
      for (const [at, { logs, best, truth }] of found.entries()) {
        const bits = new Uint8Array(kinds * LENGTH);
        for (let filling = 0; filling < kinds; filling++) {
          bits.set(filled(SET, windows[at], filling), filling * LENGTH);
        }
        const whole = await logProbabilities(model, { device, set: { ...SET, bits, count: kinds } });
        const total = whole.reduce((sum, log) => sum + Math.exp(log), 0);
        whole.forEach((log, filling) => assert.ok(Math.abs(log - Math.log(total) - logs[filling]) < 1e-4));
        assert.equal(logs[best], Math.max(...logs));
        assert.ok(logs[best] >= logs[truth]);
        const { image } = windows[at];
        assert.deepEqual(
          filled(SET, windows[at], truth),
          SET.bits.slice(image * LENGTH, (image + 1) * LENGTH),
        );
      }
    }
  });
}

Deno.test("windows: around a mixed one both values stand, none has the first pixel, all lie in the image", () => {
  for (const side of [1, 2]) {
    const windows = drawWindows(SET, { count: 200, side, mixed: false, random: stream(0) });
    const tops = new Set(windows.map(({ places }) => places[0]));
    assert.equal(tops.size, (6 - side) ** 2 - 1);
    assert.ok(!tops.has(0));
    for (const { places } of windows) {
      assert.equal(places.length, side * side);
      assert.ok(places[0] % 5 <= 5 - side && places.at(-1)! < LENGTH);
    }
  }
  const lone: PixelSet = { ...SET, count: 1, bits: new Uint8Array(LENGTH) };
  lone.bits[12] = 1;
  const ring = drawWindows(lone, { count: 100, side: 1, mixed: true, random: stream(0) });
  assert.deepEqual([...new Set(ring.map(({ places }) => places[0]))].sort((a, b) => a - b), [
    6,
    7,
    8,
    11,
    13,
    16,
    17,
    18,
  ]);
  lone.bits[12] = 0;
  assert.throws(
    () => drawWindows(lone, { count: 1, side: 1, mixed: true, random: stream(0) }),
    /both values/,
  );
});

Deno.test("accuracy is the share of missing pixels, not of windows", () => {
  const windows: Window[] = [{ image: 0, places: [1, 2, 6, 7] }, { image: 0, places: [1, 2, 6, 7] }];
  const logs = new Float64Array(16);
  assert.equal(fillingAccuracy(windows, [{ logs, best: 5, truth: 5 }, { logs, best: 5, truth: 4 }]), 7 / 8);
});
