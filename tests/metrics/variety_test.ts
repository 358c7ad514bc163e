import assert from "node:assert/strict";
import { classVariety, meanPairDistance } from "../../metrics/variety.ts";

Deno.test("classes that are named, and how many alike they are worth", () => {
  assert.deepEqual(classVariety([2, 2, 2], 4), { coverage: 0.25, effective: 1 });
  const { coverage, effective } = classVariety([0, 1, 0, 1, 3, 3], 4);
  assert.equal(coverage, 0.75);
  assert.ok(Math.abs(effective - 3) < 1e-12);
  // Shares of 3/4 and 1/4.
  const nats = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25);
  assert.ok(Math.abs(classVariety([0, 0, 0, 1], 2).effective - Math.exp(nats)) < 1e-12);
});

Deno.test("the mean distance of pairs, worked out by hand", () => {
  // 5, 10 and 5 apart.
  assert.ok(Math.abs(meanPairDistance([0, 0, 3, 4, 6, 8], 2) - 20 / 3) < 1e-12);
  assert.equal(meanPairDistance([1, 1, 1, 1], 2), 0);
  assert.throws(() => meanPairDistance([1, 2], 2), /at least 2 rows of 2: current value is 1/);
});
