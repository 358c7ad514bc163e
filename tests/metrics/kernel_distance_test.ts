import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { kernelDistance, squaredDiscrepancy } from "../../metrics/kernel_distance.ts";

Deno.test("worked by hand: one feature, two samples each", () => {
  // Within (0, 1): 1³; within (1, 2): 3³; between: 1, 1, 2³, 3³.
  assert.equal(squaredDiscrepancy([0, 1], [1, 2], 1), 1 + 27 - 2 * (1 + 1 + 8 + 27) / 4);
  assert.throws(() => squaredDiscrepancy([0], [1, 2], 1), /at least 2 rows of 1: they hold 1 and 2/);
});

Deno.test("it is about 0 for two sets of one distribution, and clearly above for two of different ones", () => {
  const random = stream(0).fork("features"), draw = () => random.normals(400 * 3);
  const options = { size: 3, subsets: 20, rows: 100, seed: 0 };
  const a = draw(), b = draw(), moved = draw().map((value) => value + 1);
  const same = kernelDistance(a, b, options), other = kernelDistance(a, moved, options);
  assert.ok(Math.abs(same.value) < 0.1 * other.value, `${same.value} ${other.value}`);
  assert.ok(other.interval.low > 0 && other.interval.low < other.value && other.value < other.interval.high);
  assert.deepEqual(kernelDistance(a, b, options), same);
  assert.throws(() => kernelDistance(a, b, { ...options, rows: 401 }), /at most 400 samples: .* 20 of 401/);
});
