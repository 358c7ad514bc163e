import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { conv2dTranspose } from "../../layers/conv2d_transpose.ts";
import { sequential } from "../../layers/layer.ts";
import { checkLayer, close, examples } from "./check.ts";

Deno.test("it is the transpose of the convolution with the same kernel: <conv(x), y> = <x, transposed(y)>", async () => {
  await tf.setBackend("cpu");
  for (
    const [kernel, stride, padding, printed, size] of [
      [4, 2, "same", 1, 8],
      [4, 1, "same", "1, 2", 4],
      [3, 2, "same", "0, 1", 8],
      [2, 2, "valid", 0, 8],
    ] as const
  ) {
    const transposed = await checkLayer(
      [size / stride, size / stride, 3],
      conv2dTranspose("c", { filters: 2, kernel, stride, padding }),
    );
    assert.deepEqual(transposed.output, [size, size, 2]);
    assert.equal(transposed.rows[1].padding, printed);
    const forth = sequential([size, size, 2], [conv2d("c", { filters: 3, kernel, stride, padding })]);
    const weights = transposed.init(stream(1)), x = examples(forth.input), y = examples(transposed.input, 2);
    const biases = { "c/bias": tf.zeros([3]), "c/kernel": weights["c/kernel"] };
    const left = tf.sum(tf.mul(forth.apply(biases, x), y)).dataSync();
    const right = tf.sum(tf.mul(x, transposed.apply(weights, y))).dataSync();
    close(left, right, 1e-5);
  }
});

Deno.test("an odd output of a stride of two is what a convolution brings back to the input", async () => {
  const network = await checkLayer(
    [4, 4, 2],
    conv2dTranspose("t", { filters: 3, kernel: 3, stride: 2, size: [7, 7] }),
  );
  assert.deepEqual(network.output, [7, 7, 3]);
  assert.equal(network.rows[1].padding, 1);
  assert.throws(
    () => conv2dTranspose("t", { filters: 3, kernel: 3, stride: 2, size: [9, 7] })([4, 4, 2]),
    /a stride of 2 must bring 9x7 back to its input, 4x4/,
  );
});
