import assert from "node:assert/strict";
import { distinctCodes, signsOf } from "../../../models/binary_autoencoder/distinct_codes.ts";

function codesOf(rows: readonly (readonly number[])[]): string[] {
  const bits = rows[0].length, codes = distinctCodes(Float32Array.from(rows.flat()), bits);
  return rows.map((_, row) =>
    Array.from(codes.subarray(row * bits, (row + 1) * bits), (sign) => sign > 0 ? "+" : "-").join("")
  );
}

Deno.test("the sign of 0 is +1", () => {
  assert.deepEqual(signsOf(Float32Array.of(-0.1, -0, 0, 3)), Int8Array.of(-1, 1, 1, 1));
});

Deno.test("without collisions the codes are the signs, and equal images share theirs", () => {
  assert.deepEqual(codesOf([[1, -2, 0], [-1, 2, 3], [1, -2, 0]]), ["+-+", "-++", "+-+"]);
});

Deno.test("of two images with one code the later turns its least certain sign that gives a free code", () => {
  assert.deepEqual(codesOf([[1, 1, 1], [3, 0.5, 2]]), ["+++", "+-+"]);
  // The code +-+ is the last image's own, so that the second one turns its next sign.
  assert.deepEqual(codesOf([[1, 1, 1], [3, 0.5, 2], [1, -1, 1]]), ["+++", "++-", "+-+"]);
  // An image that comes again goes where it went before.
  assert.deepEqual(codesOf([[1, 1, 1], [3, 0.5, 2], [3, 0.5, 2], [3, 0.4, 2]]), ["+++", "+-+", "+-+", "++-"]);
});

Deno.test("an image around which no code is free keeps its own", () => {
  assert.deepEqual(codesOf([[1, 1], [2, 1], [3, 1], [4, 1]]), ["++", "+-", "-+", "++"]);
});
