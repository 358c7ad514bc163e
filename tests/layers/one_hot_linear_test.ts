import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { sequential } from "../../layers/layer.ts";
import { oneHotLinear } from "../../layers/one_hot_linear.ts";
import { UNIFORM } from "../../layers/starts.ts";
import { checkGradients } from "../models/trial.ts";
import { close } from "./check.ts";

Deno.test("it is a linear layer of the flat one-hot row, whether multiplied or looked up", async () => {
  await tf.setBackend("cpu");
  for (const symbols of [4, 300]) {
    const network = sequential([2], [oneHotLinear("a", { symbols, units: 3, start: UNIFORM })]);
    assert.deepEqual([network.output, network.parameters], [[3], 2 * symbols * 3 + 3]);
    const weights = network.init(stream(1)), x = tf.tensor2d([0, 3, symbols - 1, 1], [2, 2], "int32");
    const kernel = weights["a/kernel"].arraySync() as number[][],
      bias = weights["a/bias"].arraySync() as number[];
    const rows = [[0, symbols + 3], [symbols - 1, symbols + 1]];
    close(
      network.apply(weights, x).dataSync(),
      rows.flatMap(([a, b]) => bias.map((start, unit) => start + kernel[a][unit] + kernel[b][unit])),
    );
    const slopes = tf.tensor2d([1, -2, 3, 0.5, 1, -1], [2, 3]);
    await checkGradients(weights, () => tf.sum(tf.mul(slopes, network.apply(weights, x))));
  }
});
