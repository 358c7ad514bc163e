/** What must hold for every layer. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { type LayerMaker, type Network, sequential, type Shape, trained } from "../../layers/layer.ts";
import { checkGradients } from "../models/trial.ts";

/** Numbers of the shape [2, ...input] that are all different. */
export function examples(input: Shape, seed = 1): tf.Tensor {
  const shape = [2, ...input], size = shape.reduce((product, extent) => product * extent, 1);
  return tf.tensor(stream(seed).fork("examples").normals(size), shape);
}

/**
 * Asserts that a network of one layer gives what its table says, that the gradient of its weights is that of central
 * differences, and that nothing is left over.
 */
export async function checkLayer(input: Shape, maker: LayerMaker): Promise<Network> {
  await tf.setBackend("cpu");
  const network = sequential(input, [maker]), before = tf.memory().numTensors;
  const weights = network.init(stream(3)), x = examples(input);
  const slopes = examples(network.output, 2);
  const y = network.apply(weights, x);
  assert.deepEqual(y.shape, [2, ...network.output]);
  y.dispose();
  if (Object.keys(trained(weights)).length > 0) {
    await checkGradients(trained(weights), () => tf.mean(tf.mul(slopes, network.apply(weights, x))));
  }
  tf.dispose([x, slopes, weights]);
  assert.equal(tf.memory().numTensors, before);
  return network;
}

/** Asserts that numbers are equal to rounding. */
export function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-6): void {
  assert.equal(actual.length, expected.length);
  for (let at = 0; at < actual.length; at++) {
    const error = Math.abs(actual[at] - expected[at]), limit = tolerance * (1 + Math.abs(expected[at]));
    // Written so that a NaN fails.
    assert.ok(error <= limit, `[${at}]: ${actual[at]}, not ${expected[at]}`);
  }
}
