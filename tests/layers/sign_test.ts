import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { sign } from "../../layers/sign.ts";
import { close } from "./check.ts";

Deno.test("the sign of 0 is +1, and its gradient is that of tanh", async () => {
  await tf.setBackend("cpu");
  const x = tf.tensor2d([-3, -0.5, -1e-9, 0, 1e-9, 0.5, 3], [1, 7]);
  assert.deepEqual([...sign(x).dataSync()], [-1, -1, -1, 1, 1, 1, 1]);
  const weights = tf.tensor2d([1, 2, 3, 4, 5, 6, 7], [1, 7]);
  const slopes = tf.grad((it) => tf.sum(tf.mul(weights, sign(it))))(x);
  const expected = Array.from(x.dataSync(), (value, index) => (index + 1) * (1 - Math.tanh(value) ** 2));
  close(slopes.dataSync(), expected);
});
