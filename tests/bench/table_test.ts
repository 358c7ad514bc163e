import assert from "node:assert/strict";
import { disagreements, median, table } from "../../bench/table.ts";

Deno.test("the median is the middle, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([10, 1, 4, 2]), 3);
  assert.equal(median([5]), 5);
});

Deno.test("the table gives ratios to the reference and reasons in the figures' place", () => {
  const text = table([
    { workload: "mlp", runner: "a", ms: 20, gflops: 10, runs: 11 },
    { workload: "mlp", runner: "b", ms: 5, gflops: 40, runs: 11, range: [4, 6] },
    { workload: "mlp", runner: "c", ms: null, gflops: null, runs: 0, reason: "has no kernel" },
  ], { reference: "b", peak: () => 80 });
  const [head, a, b, c] = text.split("\n");
  assert.match(head, /^workload +runner +ms\/step +range +x b +GFLOP\/s +of peak +runs$/);
  assert.match(a, /^mlp +a +20\.0 +4\.00 +10\.0 +13% +11$/);
  assert.match(b, /^mlp +b +5\.00 +4\.00-6\.00 +1\.00 +40\.0 +50% +11$/);
  assert.match(c, /^mlp +c +not run: has no kernel$/);
});

Deno.test("a loss that differs, or is not a number, is told with its step", () => {
  const losses = [
    { runner: "a", losses: [1, 2, 3] },
    { runner: "b", losses: [1.0005, 2, 3.1] },
    { runner: "c", losses: [1, NaN] },
    { runner: "d", losses: [1] },
  ];
  assert.deepEqual(disagreements(losses, 1e-3), [
    "the loss of step 3 is 3.1 with b but 3 with a",
    "the loss of step 2 is NaN with c but 2 with a",
  ]);
});
