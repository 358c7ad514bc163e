import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { sequential } from "../../layers/layer.ts";
import { averagePool, globalMaxPool, maxPool } from "../../layers/pool.ts";
import { checkLayer } from "./check.ts";

Deno.test("each window gives its largest number, and an odd row and column a window of their own", async () => {
  const network = await checkLayer([3, 3, 1], maxPool(2));
  assert.deepEqual(network.output, [2, 2, 1]);
  const image = tf.tensor4d([9, 1, 2, 3, 4, 5, -6, -7, -8], [1, 3, 3, 1]);
  assert.deepEqual([...network.apply({}, image).dataSync()], [9, 5, -6, -8]);
});

Deno.test("28 becomes 14, 7 and 4", () => {
  assert.deepEqual(sequential([28, 28, 2], [maxPool(2), maxPool(2), maxPool(2)]).output, [4, 4, 2]);
});

Deno.test("without padding a window that crosses the border is left out", async () => {
  const network = await checkLayer([3, 5, 1], maxPool(2, { padding: "valid" }));
  assert.deepEqual(network.output, [1, 2, 1]);
  const image = tf.tensor4d([1, 2, 3, 4, 9, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9], [1, 3, 5, 1]);
  assert.deepEqual([...network.apply({}, image).dataSync()], [6, 8]);
  assert.throws(
    () => sequential([2, 2, 1], [maxPool(3, { padding: "valid" })]),
    /must be at least 3x3: it is 2x2/,
  );
});

Deno.test("a global max-pool finds each channel's largest number", async () => {
  const network = await checkLayer([2, 2, 2], globalMaxPool);
  const image = tf.tensor4d([1, -8, 2, -7, 3, -6, 0, -9], [1, 2, 2, 2]);
  assert.deepEqual([...network.apply({}, image).dataSync()], [3, -6]);
});

Deno.test("windows may overlap, and padding is not counted in a mean", async () => {
  const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
  const around = await checkLayer([3, 3, 1], averagePool(3, { stride: 1 }));
  assert.deepEqual([...around.apply({}, image).dataSync()], [3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7]);
  const inside = await checkLayer([3, 3, 1], maxPool(2, { stride: 1, padding: "valid" }));
  assert.deepEqual([...inside.apply({}, image).dataSync()], [5, 6, 8, 9]);
});
