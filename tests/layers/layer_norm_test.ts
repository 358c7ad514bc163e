import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { layerNorm } from "../../layers/layer_norm.ts";
import { sequential } from "../../layers/layer.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("each row gets mean 0 and variance 1, then its gain and shift, worked out by hand", async () => {
  await tf.setBackend("cpu");
  const network = sequential([4], [layerNorm("n")]), weights = network.init(stream(0));
  weights["n/gain"].assign(tf.tensor1d([1, 1, 2, 1]));
  weights["n/shift"].assign(tf.tensor1d([0, 0, 0, 5]));
  const y = network.apply(weights, tf.tensor2d([1, 3, 5, 7], [1, 4])), root = Math.sqrt(5 + 1e-5);
  close(y.dataSync(), [-3 / root, -1 / root, 2 / root, 5 + 3 / root]);
});

Deno.test("it normalizes the last axis, and has a gradient", async () => {
  await checkLayer([3, 4], layerNorm("n"));
});
