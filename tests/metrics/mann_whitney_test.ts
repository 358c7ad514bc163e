import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { copyingTest, mannWhitney } from "../../metrics/mann_whitney.ts";

Deno.test("the rank test gives the figures worked out by hand", () => {
  // 1 < 2 < 3 < 4: the first set wins no pair; U = 0, mean 2, variance 2 * 2 * 5 / 12.
  const { above, z } = mannWhitney([1, 2], [3, 4]);
  assert.equal(above, 0);
  assert.ok(Math.abs(z + 2 / Math.sqrt(20 / 12)) < 1e-12);
  // The other way around it is the same with the other sign.
  assert.equal(mannWhitney([3, 4], [1, 2]).z, -z);
});

Deno.test("ties share their ranks, and what is equal everywhere tells nothing", () => {
  // Pairs: (1,1) half, (1,2) lost, (2,1) won, (2,2) half: 2 of 4.
  assert.deepEqual(mannWhitney([1, 2], [1, 2]), { above: 0.5, z: 0 });
  assert.deepEqual(mannWhitney([7, 7, 7], [7, 7]), { above: 0.5, z: 0 });
  // Ranks 1.5 1.5 3: U = 1.5 + 1.5 - 3 = 0 of 2, variance 2/12 * (4 - 6/6) = 1/2.
  assert.ok(Math.abs(mannWhitney([5, 5], [6]).z + 1 / Math.sqrt(0.5)) < 1e-12);
});

Deno.test("an empty set is an error", () => {
  assert.throws(() => mannWhitney([], [1]), /one of the two sets is empty/);
});

Deno.test("the copying test is small for equal distributions, far below 0 for nearer samples", () => {
  const random = stream(3).fork("copying");
  const draw = (scale: number) => ({
    distances: Float64Array.from({ length: 500 }, () => scale * (1 + random.uniform())),
    cells: Int32Array.from({ length: 500 }, (_, index) => index % 5),
  });
  const same = copyingTest(draw(1), draw(1)), near = copyingTest(draw(0.5), draw(1));
  assert.ok(Math.abs(same.global.value) < 3 && Math.abs(same.cells!.value) < 2);
  assert.ok(near.global.value < -20 && near.cells!.value < -8);
  assert.equal(near.each.length, 5);
  assert.ok(Math.abs(near.global.high - near.global.low - 2 * 1.959964) < 1e-5);
});

Deno.test("cells are weighted by their held-out items, and small ones are left out", () => {
  const cell = (name: number, count: number, from: number) => ({
    distances: Array.from({ length: count }, (_, index) => from + index),
    cells: Array(count).fill(name),
  });
  const join = (...parts: ReturnType<typeof cell>[]) => ({
    distances: parts.flatMap((part) => part.distances),
    cells: parts.flatMap((part) => part.cells),
  });
  // In cell 0 all samples are nearer, in cell 1 farther; cell 2 has too few samples.
  const test = copyingTest(
    join(cell(0, 10, 0), cell(1, 10, 100), cell(2, 3, 0)),
    join(cell(0, 30, 50), cell(1, 10, 0), cell(2, 50, 50)),
  );
  assert.deepEqual(test.each.map(({ cell, samples, heldOut }) => [cell, samples, heldOut]), [[0, 10, 30], [
    1,
    10,
    10,
  ]]);
  const [a, b] = test.each;
  // All 300 pairs lost, of mean 150 and variance 300 * 41 / 12; all 100 won.
  assert.ok(Math.abs(a.z + 150 / Math.sqrt(300 * 41 / 12)) < 1e-12);
  assert.ok(Math.abs(b.z - 50 / Math.sqrt(100 * 21 / 12)) < 1e-12);
  assert.ok(Math.abs(test.cells!.value - (30 * a.z + 10 * b.z) / 40) < 1e-12);
});
