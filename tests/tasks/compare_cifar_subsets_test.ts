import assert from "node:assert/strict";
import { join } from "node:path";
import {
  bestRate,
  findings,
  type Outcome,
  parseSizes,
  subsetBlocks,
} from "../../tasks/compare_cifar_subsets.ts";
import { startRuns } from "../program.ts";

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

async function compare(cwd: string, ...rest: readonly string[]): Promise<void> {
  const { code, error } = await startRuns(
    ...[cwd, "tasks/compare_cifar_subsets.ts", "--count", "60", "--validation", "0", "--sizes", "1"] as const,
    ...["--draws", "2", "--steps", "1", "--width", "0.05", "--out", "runs/c", ...rest],
  );
  assert.equal(code, 0, error);
}

Deno.test("runs on images drawn from more are kept when the comparison goes on", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await compare(cwd);
    const folder = join(cwd, "runs", "c"), trial = join(folder, "1-0", "summary.json");
    const before = await Deno.stat(trial);
    await Promise.all(
      ["summary.json", "1-1"].map((name) => Deno.remove(join(folder, name), { recursive: true })),
    );
    await compare(cwd, "--resume");
    assert.deepEqual((await Deno.stat(trial)).mtime, before.mtime);
    const { flags, dataset } = JSON.parse(await Deno.readTextFile(join(folder, "1-1", "config.json")));
    assert.deepEqual([flags.count, dataset.count], [60, 10]);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
