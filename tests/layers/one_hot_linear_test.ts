import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { relu } from "../../layers/activations.ts";
import { sequential } from "../../layers/layer.ts";
import { oneHotLinear } from "../../layers/one_hot_linear.ts";
import { UNIFORM } from "../../layers/starts.ts";
import { checkGradients } from "../models/trial.ts";
import { deviceTest, evaluate } from "../engine/devices.ts";
import { close } from "./check.ts";

deviceTest(
  "compiled, it gives what a product gives, and its gradient; what is no symbol adds nothing",
  async (device) => {
    const symbols = 5, layer = sequential([3], [oneHotLinear("a", { symbols, units: 6 }), relu]);
    const weights = layer.init(stream(1)), random = stream(2), names = Object.keys(weights);
    weights["a/bias"].assign(tf.tensor1d(random.normals(6)));
    const tokens = Int32Array.from({ length: 7 * 3 }, () => random.integer(symbols + 2) - 1); // -1 ... symbols
    const slopes = tf.tensor2d(random.normals(7 * 6), [7, 6]);
    const step = (x: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.mul(slopes, layer.apply(weights, x))) as tf.Scalar,
        Object.values(weights),
      );
      return { loss: value, ...Object.fromEntries(names.map((name) => [name, grads[weights[name].name]])) };
    };
    const shape = [7, 3];
    const found = await evaluate(device, { x: { data: tokens, shape } }, ({ x }) => step(x));
    const expected = step(tf.tensor2d(tokens, [7, 3], "int32"));
    for (const [name, tensor] of Object.entries(expected)) close(found[name], [...tensor.dataSync()]);
  },
);

Deno.test("it is a linear layer of the flat one-hot row, whether multiplied or looked up", async () => {
  await tf.setBackend("cpu");
  for (const symbols of [4, 5000]) {
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
