import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { groupNorm } from "../../layers/group_norm.ts";
import { chain, sequential } from "../../layers/layer.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("each group of an image gets mean 0 and variance 1, then each channel its gain and shift", async () => {
  await tf.setBackend("cpu");
  const network = sequential([1, 2, 4], [groupNorm("n", { groups: 2 })]), weights = network.init(stream(0));
  weights["n/gain"].assign(tf.tensor1d([1, 2, 1, 1]));
  weights["n/shift"].assign(tf.tensor1d([0, 0, 0, 5]));
  // The first group holds 1, 3, 5, 7, the second 0, 0, 2, 2.
  const y = network.apply(weights, tf.tensor4d([1, 3, 0, 0, 5, 7, 2, 2], [1, 1, 2, 4]));
  const wide = Math.sqrt(5 + 1e-5), narrow = Math.sqrt(1 + 1e-5);
  const expected = [-3 / wide, -2 / wide, -1 / narrow, 5 - 1 / narrow];
  close(y.dataSync(), [...expected, 1 / wide, 6 / wide, 1 / narrow, 5 + 1 / narrow]);
});

Deno.test("it has a gradient, which passes on to what is before it", async () => {
  await checkLayer([3, 2, 4], chain(conv2d("c", { filters: 4, kernel: 1 }), groupNorm("n", { groups: 2 })));
});

Deno.test("without gain and shift it has no weights, and groups of unequal size are refused", () => {
  assert.equal(sequential([2, 2, 4], [groupNorm("n", { groups: 2, affine: false })]).parameters, 0);
  assert.throws(() => groupNorm("n", { groups: 3 })([2, 2, 4]), /multiple of its 3 groups: they are 4/);
});
