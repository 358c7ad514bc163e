import assert from "node:assert/strict";
import { membership, operatingCurve } from "../../metrics/mod.ts";

Deno.test("scores that tell members from others, that do not, and that do half", () => {
  const all = membership([5, 6], [1, 2]);
  assert.deepEqual([all.auc, ...all.points.map(({ truePositives }) => truePositives)], [1, 1, 1]);
  const blind = membership([1, 1], [1, 1]);
  assert.deepEqual([blind.auc, ...blind.points.map(({ truePositives }) => truePositives)], [0.5, 0, 0]);
  // Of 3 > 2, 3 > 0, 1 > 0 and 1 < 2.
  assert.equal(membership([3, 1], [2, 0]).auc, 0.75);
});

Deno.test("so many others may be taken for members as the rate says, and no more", () => {
  const others = Array.from({ length: 1000 }, (_, index) => index);
  const members = [999.5, 998.5, 990.5, 500];
  const { points } = membership(members, others, { rates: [0, 0.001, 0.01, 0.6] });
  assert.deepEqual(points.map(({ truePositives }) => truePositives), [0.25, 0.5, 0.75, 1]);
  assert.ok(points[0].interval.low > 0 && points[0].interval.high < 0.8);
});

Deno.test("the curve goes through every threshold once, equal scores together", () => {
  const { falsePositives, truePositives } = operatingCurve([3, 1, 1], [2, 1]);
  assert.deepEqual(falsePositives, [0, 0, 0.5, 1]);
  assert.deepEqual(truePositives, [0, 1 / 3, 1 / 3, 1]);
});
