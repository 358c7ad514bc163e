import assert from "node:assert/strict";
import { binarized, bitsOf, LEAST_INK, openPixelSets } from "../../run/pixel_source.ts";

const FLAGS = {
  dataset: "digits",
  dataDir: undefined,
  offset: 0,
  pool: 2,
  pixels: undefined,
  test: 5,
} as const;

Deno.test("a pixel is ink from byte 26 on: above a tenth of 255", () => {
  const images = {
    ...{ pixels: Uint8Array.from([0, 25, 26, 255]), labels: Uint8Array.of(3), count: 1 },
    ...{ height: 2, width: 2, channels: 1, classes: 10 },
  };
  assert.equal(LEAST_INK, Math.floor(0.1 * 255) + 1);
  assert.deepEqual([...binarized(images).bits], [0, 0, 1, 1]);
  assert.deepEqual([...binarized(images, { pixels: 3 }).bits], [0, 0, 1]);
  // (0 + 25 + 26 + 255) / 4 = 76.5.
  assert.deepEqual([...binarized(images, { pool: 2 }).bits], [1]);
  assert.throws(() => binarized(images, { pixels: 5 }), /--pixels must be at most 4/);
  assert.throws(() => binarized(images, { pool: 3 }), /--pool must divide/);
  assert.throws(() => binarized({ ...images, channels: 3 }), /grey/);
});

Deno.test("rows that are asked for stand one after the other", () => {
  assert.deepEqual([...bitsOf({ bits: Uint8Array.from([1, 0, 0, 1, 1, 1]), length: 2 }, [2, 0])], [
    1,
    1,
    1,
    0,
  ]);
});

Deno.test("images that validate stand before those that learn, whatever --count is", async () => {
  const few = await openPixelSets({ ...FLAGS, count: 11 }),
    more = await openPixelSets({ ...FLAGS, count: 22 });
  assert.deepEqual([few.validation.count, few.train.count, few.test.count], [1, 11, 5]);
  assert.equal(more.validation.count, 2);
  // A twelfth of the 60,000 built-in digits.
  assert.equal(few.source.offset, 5000);
  assert.deepEqual(more.train.bits.subarray(0, few.train.bits.length), few.train.bits);
  assert.equal(few.train.length, 196);
});
