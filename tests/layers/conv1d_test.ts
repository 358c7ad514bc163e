import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { conv1d, maxOverTime } from "../../layers/conv1d.ts";
import { sequential } from "../../layers/layer.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("a convolution along time sums windows of vectors, without padding", async () => {
  const network = await checkLayer([5, 2], conv1d("c", { filters: 3, width: 2 }));
  assert.deepEqual(network.output, [4, 3]);
  assert.equal(network.parameters, 2 * 2 * 3 + 3);
  // By hand: one filter that takes the first number now and twice the second a step later, plus 1.
  const one = sequential([3, 2], [conv1d("c", { filters: 1, width: 2 })]);
  const weights = {
    "c/kernel": tf.tensor3d([1, 0, 0, 2], [2, 2, 1]),
    "c/bias": tf.tensor1d([1]),
  };
  const x = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]);
  close(one.apply(weights, x).dataSync(), [1 + 2 * 4 + 1, 3 + 2 * 6 + 1]);
});

Deno.test("a text shorter than a filter is refused", () => {
  assert.throws(
    () => sequential([2, 4], [conv1d("c", { filters: 1, width: 3 })]),
    /must be 3 long at least: it is 2/,
  );
});

Deno.test("the maximum over time is each unit's own", async () => {
  const network = await checkLayer([4, 3], maxOverTime);
  const x = tf.tensor3d([1, 9, -1, 4, 2, -5, 3, 3, -2, 0, 0, -9], [1, 4, 3]);
  close(network.apply({}, x).dataSync(), [4, 9, -1]);
});
