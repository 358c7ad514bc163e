import assert from "node:assert/strict";
import {
  bestRate,
  findings,
  type Outcome,
  parseSizes,
  subsetBlocks,
} from "../../tasks/compare_cifar_subsets.ts";

const OUTCOMES: readonly Outcome[] = [
  { images: 10, rate: 46, train: [1, 1], test: [0.1, 0.2] },
  { images: 50_000, rate: 11.5, train: [0.98], test: [0.92] },
];

Deno.test("sizes are numbers or all", () => {
  assert.deepEqual(parseSizes("1,10,all"), [1, 10, undefined]);
  for (const bad of ["0", "1,,2", "1.5", "some"]) {
    assert.throws(() => parseSizes(bad), /--sizes must be whole numbers/);
  }
});

Deno.test("the step size is that of the best on held-out images, the recipe's where none was tried", () => {
  const tried = [[2, 0.3], [4, 0.5], [8, 0.5]].map(([rate, validationAccuracy]) => ({
    rate,
    validationAccuracy,
  }));
  assert.deepEqual([bestRate(tried), bestRate([])], [4, 11.5]);
});

Deno.test("the table has means, deviations and differences; the plot a logarithmic axis", () => {
  const [table, plot] = subsetBlocks(OUTCOMES);
  assert.ok(table.kind === "table" && plot.kind === "plot" && plot.plot.kind === undefined);
  assert.deepEqual(table.table.rows, [
    ["10", "2", "46", "100.00 % ± 0.00 %", "15.00 % ± 7.07 %", "85.00 % ± 7.07 %"],
    ["50,000", "1", "11.5", "98.00 %", "92.00 %", "6.00 %"],
  ]);
  assert.equal(plot.plot.x.scale, "log");
  assert.deepEqual(plot.plot.series.map(({ y }) => Array.from(y, (value) => value.toFixed(2))), [
    ...[["1.00", "0.98"], ["0.15", "0.92"], ["0.85", "0.06"]],
  ]);
  assert.match(findings(OUTCOMES), /goes from 85.00 % ± 7.07 % to 6.00 %/);
});
