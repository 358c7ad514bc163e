import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { sequential } from "../../layers/layer.ts";
import { linear } from "../../layers/linear.ts";
import { UNIFORM } from "../../layers/starts.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("a linear layer is x times its kernel plus its biases, worked out by hand", async () => {
  await tf.setBackend("cpu");
  const network = sequential([2], [linear("a", 3)]), weights = network.init(stream(0));
  weights["a/kernel"].assign(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]));
  weights["a/bias"].assign(tf.tensor1d([10, 20, 30]));
  const y = network.apply(weights, tf.tensor2d([1, 0, -1, 2], [2, 2]));
  close(y.dataSync(), [11, 22, 33, 17, 28, 39]);
});

Deno.test("it maps the last axis, has a gradient, and starts as it is told", async () => {
  const network = await checkLayer([4, 3], linear("a", 5, { start: UNIFORM }));
  assert.deepEqual([network.output, network.parameters], [[4, 5], 20]);
  const kernel = network.init(stream(9))["a/kernel"].dataSync();
  assert.ok(kernel.every((weight) => Math.abs(weight) <= 1 / Math.sqrt(3)));
  // The default: normal of variance 2 / inputs, biases 0.
  const wide = sequential([400], [linear("a", 100)]).init(stream(9));
  const variance = tf.mean(tf.square(wide["a/kernel"])).dataSync()[0];
  assert.ok(Math.abs(variance - 2 / 400) < 0.05 * 2 / 400, `${variance}`);
  assert.ok(wide["a/bias"].dataSync().every((weight) => weight === 0));
});

Deno.test("without biases it is the products alone", async () => {
  const network = await checkLayer([3], linear("l", 2, { bias: false }));
  assert.deepEqual([Object.keys(network.init(stream(0))), network.parameters], [["l/kernel"], 6]);
});
