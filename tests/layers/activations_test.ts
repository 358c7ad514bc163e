import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { gelu, leakyRelu, relu, selu, sigmoid, silu, tanh, times } from "../../layers/activations.ts";
import { sequential } from "../../layers/layer.ts";
import { checkLayer, close } from "./check.ts";

Deno.test("each activation is its formula", async () => {
  const x = [-2, -0.5, 0, 0.5, 2];
  for (
    const [maker, type, expected] of [
      [relu, "ReLU", [0, 0, 0, 0.5, 2]],
      [leakyRelu(0.01), "LeakyReLU 0.01", [-0.02, -0.005, 0, 0.5, 2]],
      // Values of PyTorch's functions, to six places.
      [selu, "SELU", [-1.520167, -0.691758, 0, 0.525351, 2.101402]],
      [gelu, "GELU", [-0.0455, -0.154269, 0, 0.345731, 1.9545]],
      [silu, "SiLU", [-0.238406, -0.18877, 0, 0.31123, 1.761594]],
      [tanh, "Tanh", x.map(Math.tanh)],
      [sigmoid, "Sigmoid", x.map((value) => 1 / (1 + Math.exp(-value)))],
      [times(16), "Times 16", x.map((value) => 16 * value)],
    ] as const
  ) {
    await checkLayer([5], maker);
    const network = sequential([5], [maker]);
    assert.deepEqual(network.rows[1], { type, output: "N x 5" });
    close(network.apply({}, tf.tensor2d(x, [1, 5])).dataSync(), expected, 2e-6);
  }
});
