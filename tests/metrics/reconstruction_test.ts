import assert from "node:assert/strict";
import { constantColumns, reconstructionErrors } from "../../metrics/mod.ts";

Deno.test("errors are means over all levels, PSNR the mean over images", () => {
  const { mse, l1, bce, psnr } = reconstructionErrors([1, 0, 1, 1], [0.5, 0.5, 0.75, 1], { size: 2 });
  assert.equal(mse, (0.25 + 0.25 + 0.0625) / 4);
  assert.equal(l1, 1.25 / 4);
  assert.ok(Math.abs(bce - (2 * Math.LN2 - Math.log(0.75)) / 4) < 1e-6);
  assert.ok(Math.abs(psnr - (10 * Math.log10(4) + 10 * Math.log10(32)) / 2) < 1e-9);
});

Deno.test("a level that is certain and wrong costs as much as one of 1e-7", () => {
  assert.ok(Math.abs(reconstructionErrors([1], [-3], { size: 1 }).bce + Math.log(1e-7)) < 1e-9);
});

Deno.test("a column is constant where all rows are the same in it", () => {
  assert.equal(constantColumns([0, 1, 2, 0, 1, 3, 0, 1, 2], 3), 2);
});
