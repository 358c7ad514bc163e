import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { distort, distorted as distortedRows } from "../../run/affine.ts";

const NONE = { rotation: 0, scale: 0, shear: 0, shift: 0 };

/** A bar across, [12, 12, 1]. */
const BAR = Uint8Array.from({ length: 144 }, (_, at) => at >= 48 && at < 96 && at % 12 > 0 ? 255 : 0);

function distorted(
  step: number,
  limits = { rotation: 0.26, scale: 0.15, shear: 0.3, shift: 2 },
): Float32Array {
  const out = new Float32Array(144);
  distort(BAR, { index: 0, size: 12, channels: 1, limits, random: stream(3).at(step), out });
  return out;
}

Deno.test("a distorted image is a function of its stream, stays within its levels, and moves", () => {
  assert.deepEqual(distorted(5), distorted(5));
  assert.notDeepEqual(distorted(5), distorted(6));
  for (let step = 0; step < 20; step++) {
    const out = distorted(step), sum = out.reduce((total, level) => total + level, 0);
    assert.ok(out.every((level) => level >= 0 && level <= 1 + 1e-6));
    // A bar of 44 pixels loses what leaves the picture, and little else.
    assert.ok(sum > 26 && sum < 66, `${sum} of 44`);
  }
});

Deno.test("nothing moves where nothing may, and a shift moves by as much as was drawn", () => {
  assert.deepEqual(distorted(0, NONE), Float32Array.from(BAR, (byte) => byte / 255));
  const random = stream(3).at(0), draws = Array.from({ length: 5 }, () => 2 * random.uniform() - 1);
  const moved = distorted(0, { ...NONE, shift: 4 });
  // The image is read 4 times the draw further down: its rows are mixed bilinearly.
  const down = 4 * draws[4], row = 6, from = row + down, top = Math.floor(from), share = from - top;
  const level = (at: number): number => at < 4 || at >= 8 ? 0 : 1;
  const middle = moved[row * 12 + 6], expected = (1 - share) * level(top) + share * level(top + 1);
  assert.ok(Math.abs(middle - expected) < 1e-6, `${middle}, not ${expected}`);
});

Deno.test("channels move together, or each for itself", () => {
  const pair = Uint8Array.from({ length: 288 }, (_, at) => BAR[at >> 1]);
  const drawn = (apart: boolean): readonly Float32Array[] => {
    const out = new Float32Array(288), limits = { rotation: 0.26, scale: 0.15, shear: 0.3, shift: 2 };
    distort(pair, { index: 0, size: 12, channels: 2, apart, limits, random: stream(3).at(5), out });
    return [0, 1].map((channel) => out.filter((_, at) => at % 2 === channel));
  };
  const [first, second] = drawn(false), [own, other] = drawn(true);
  assert.deepEqual([first, second, own], [distorted(5), first, first]);
  assert.notDeepEqual(other, own);
});

Deno.test("rows are chosen and drawn one after the other from one stream", () => {
  const pixels = Uint8Array.of(...BAR, ...BAR.map((byte) => 255 - byte)), random = stream(3).at(5);
  const limits = { rotation: 0.26, scale: 0.15, shear: 0.3, shift: 2 }, one = new Float32Array(144);
  const rows = distortedRows(
    { pixels, height: 12, channels: 1 },
    Int32Array.of(1, 0),
    { limits, random: stream(3).at(5) },
  );
  for (const [row, index] of [1, 0].entries()) {
    distort(pixels, { index, size: 12, channels: 1, limits, random, out: one });
    assert.deepEqual(rows.subarray(144 * row, 144 * (row + 1)), one);
  }
});
