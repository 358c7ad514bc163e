import assert from "node:assert/strict";
import { isAuthentic, isNearCopy, occurrences, psnrOfSquare } from "../../metrics/copying.ts";

Deno.test("an equal item is a copy whatever is second; several equally near ones are none", () => {
  assert.ok(isNearCopy({ d1: 0, dk: 5 }, 1 / 3));
  assert.ok(isNearCopy({ d1: 0, dk: 0 }, 1 / 3));
  assert.ok(isNearCopy({ d1: 0.9, dk: 3 }, 1 / 3));
  assert.ok(!isNearCopy({ d1: 1, dk: 3 }, 1 / 3));
  assert.ok(!isNearCopy({ d1: 2, dk: 2 }, 1 / 3));
});

Deno.test("authentic is what is farther from its nearest item than that item from the others", () => {
  assert.ok(isAuthentic(2, 1));
  assert.ok(!isAuthentic(1, 1));
  assert.ok(!isAuthentic(0, 0));
  assert.ok(isAuthentic(0.1, 0));
});

Deno.test("the PSNR of a squared difference", () => {
  // One level of 255 in each of four pixels: MSE 1.
  assert.ok(Math.abs(psnrOfSquare(4, { size: 4, peak: 255 }) - 20 * Math.log10(255)) < 1e-12);
  assert.equal(psnrOfSquare(0, { size: 4, peak: 1 }), Infinity);
});

Deno.test("items are counted, and -1 is none", () => {
  assert.deepEqual(Array.from(occurrences([2, -1, 0, 2], 3)), [1, 0, 2]);
});
