import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { sequential } from "../../layers/layer.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("zeros around are those that the table prints, at any size and stride", async () => {
  for (
    const [size, kernel, stride, padding, zeros, outputs] of [
      [28, 5, 2, "same", "1, 2", 14],
      [32, 4, 2, "same", 1, 16],
      [7, 3, 1, "same", 1, 7],
      [7, 2, 3, "same", "0, 1", 3],
      [9, 1, 1, "same", 0, 9],
      [9, 3, 2, "valid", 0, 4],
      [6, 1, 4, "same", 0, 2],
    ] as const
  ) {
    const network = await checkLayer([size, size, 2], conv2d("c", { filters: 3, kernel, stride, padding }));
    assert.deepEqual(network.output, [outputs, outputs, 3]);
    assert.equal(network.rows[1].padding, zeros);
    // A kernel of ones counts the pixels that an output sees: the zeros are where the table says.
    const weights = network.init(stream(0));
    weights["c/kernel"].assign(tf.ones([kernel, kernel, 2, 3]));
    const [before] = String(zeros).split(", ").map(Number);
    const seen = (at: number): number => {
      const first = at * stride - before;
      return Math.min(size, first + kernel) - Math.max(0, first);
    };
    const counted = network.apply(weights, tf.ones([1, size, size, 2])).dataSync();
    close(
      counted,
      Array.from(
        { length: outputs * outputs * 3 },
        (_, at) => 2 * seen(Math.floor(at / 3 / outputs)) * seen(Math.floor(at / 3) % outputs),
      ),
    );
  }
});

Deno.test("a kernel larger than the image is refused where nothing is added", () => {
  const maker = conv2d("c", { filters: 1, kernel: 5, padding: "valid" });
  assert.throws(
    () => sequential([4, 9, 1], [maker]),
    /Cannot build c as its input must be as large as its 5x5/,
  );
});

Deno.test("without biases it is the products alone, and a frozen kernel counts but gets no gradient", async () => {
  const network = await checkLayer(
    [3, 3, 2],
    conv2d("c", { filters: 2, kernel: 2, bias: false, frozen: true }),
  );
  const weights = network.init(stream(0));
  assert.deepEqual(Object.keys(weights), ["c/kernel"]);
  assert.deepEqual([weights["c/kernel"].trainable, network.parameters], [false, 16]);
  assert.ok(network.apply(weights, tf.zeros([1, 3, 3, 2])).dataSync().every((sum) => sum === 0));
});

Deno.test("a kernel may be wider than high", async () => {
  const network = await checkLayer([3, 4, 1], conv2d("c", { filters: 1, kernel: [1, 3], bias: false }));
  assert.deepEqual([network.rows[1].weight, network.rows[1].padding], ["1 x 1 x 1 x 3", "0 x 1"]);
  const kernel = tf.tensor4d([1, 10, 100], [1, 3, 1, 1]);
  const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6], [1, 3, 4, 1]);
  const sums = [...network.apply({ "c/kernel": kernel }, image).dataSync()];
  assert.deepEqual(sums, [210, 321, 432, 43, 650, 765, 876, 87, 890, 789, 678, 67]);
});
