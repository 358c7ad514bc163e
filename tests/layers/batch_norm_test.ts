import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { compile } from "../../engine/device.ts";
import { batchNorm, type BatchNormOptions } from "../../layers/batch_norm.ts";
import { sequential, trained, type Training } from "../../layers/layer.ts";
import { deviceTest } from "../engine/devices.ts";
import { checkGradients } from "../models/trial.ts";
import { checkLayer, close } from "./check.ts";

await tf.setBackend("cpu");

function learning(): Training {
  return { random: stream(0), counter: tf.scalar(0, "int32") };
}

Deno.test("a batch gets mean 0 and variance 1, the buffers its share, evaluation theirs, by hand", () => {
  const network = sequential([2], [batchNorm("n", { momentum: 0.5, epsilon: 0 })]);
  const weights = network.init(stream(0));
  weights["n/gain"].assign(tf.tensor1d([2, 1]));
  weights["n/shift"].assign(tf.tensor1d([0, 10]));
  // Means 2 and 0; variances of the population 1 and 4, unbiased 2 and 8.
  const x = tf.tensor2d([1, -2, 3, 2], [2, 2]);
  close(network.apply(weights, x, learning()).dataSync(), [-2, 9, 2, 11]);
  close(weights["n/mean"].dataSync(), [1, 0]);
  close(weights["n/variance"].dataSync(), [1.5, 4.5]);
  const deviations = [Math.sqrt(1.5), Math.sqrt(4.5)];
  close(network.apply(weights, x).dataSync(), [
    0,
    10 - 2 / deviations[1],
    2 * 2 / deviations[0],
    10 + 2 / deviations[1],
  ]);
});

Deno.test("buffers are no parameters, are not trained, and what is switched off has no weights", () => {
  const network = sequential([4, 4, 3], [batchNorm("n")]), weights = network.init(stream(0));
  assert.deepEqual(Object.keys(weights), ["n/gain", "n/shift", "n/mean", "n/variance"]);
  assert.deepEqual(Object.keys(trained(weights)), ["n/gain", "n/shift"]);
  assert.equal(network.parameters, 6);
  const bare = sequential([3], [batchNorm("n", { scale: false, center: false })]);
  assert.deepEqual([Object.keys(bare.init(stream(0))), bare.parameters], [["n/mean", "n/variance"], 0]);
});

Deno.test("its shapes and its gradient in evaluation hold", async () => {
  await checkLayer([3, 2, 4], batchNorm("n"));
  await checkLayer([4], batchNorm("n", { scale: false }));
});

Deno.test("the gradient of training is that of central differences, through the batch's own statistics too", async () => {
  for (const options of [{}, { scale: false }, { center: false }] satisfies BatchNormOptions[]) {
    const network = sequential([2, 2, 3], [batchNorm("n", options)]), weights = network.init(stream(3));
    const x = tf.variable(tf.tensor(stream(1).normals(36), [3, 2, 2, 3]));
    const slopes = tf.tensor(stream(2).normals(36), [3, 2, 2, 3]);
    await checkGradients(
      { ...trained(weights), x },
      () => tf.tidy(() => tf.mean(tf.mul(slopes, tf.square(network.apply(weights, x, learning()))))),
    );
  }
});

Deno.test("weights that are no variables cannot learn, in a sentence", () => {
  const network = sequential([1], [batchNorm("n")]), weights = network.init(stream(0));
  const fixed = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight.clone()]));
  assert.throws(
    () => network.apply(fixed, tf.ones([2, 1]), learning()),
    /Cannot train n as its running statistics must be variables/,
  );
});

deviceTest("the compiled step assigns the buffers as stock tfjs does, gradients and all", async (device) => {
  const network = sequential([3, 3, 5], [batchNorm("n", { momentum: 0.4 })]);
  const compiled = network.init(stream(0)), stock = network.init(stream(0));
  const slopes = tf.tensor(stream(2).normals(180), [4, 3, 3, 5]);
  const batches = [1, 2].map((seed) => stream(seed).normals(180, 2));
  const loss = (weights: typeof stock, x: tf.Tensor, counter: tf.Scalar): tf.Scalar =>
    tf.mean(tf.mul(slopes, tf.square(network.apply(weights, x, { random: stream(0), counter }))));
  const grads = (weights: typeof stock, x: tf.Tensor, counter: tf.Scalar) => {
    const { value, grads } = tf.variableGrads(
      () => loss(weights, x, counter),
      Object.values(trained(weights)),
    );
    const { "n/gain": gain, "n/shift": shift } = weights;
    return { value, gain: grads[gain.name], shift: grads[shift.name] };
  };
  const step = await compile(device, ({ x, counter }) => grads(compiled, x, counter), {
    x: { shape: [4, 3, 3, 5] },
    counter: { shape: [], dtype: "int32" },
  });
  for (const x of batches) await step.run({ x, counter: Int32Array.of(0) });
  const given = await step.read();
  await device.pull(Object.values(compiled));
  step.dispose();
  const wanted = batches.map((x) => grads(stock, tf.tensor(x, [4, 3, 3, 5]), tf.scalar(0, "int32")));
  for (const name of ["value", "gain", "shift"] as const) {
    close(given[name], wanted.flatMap((results) => [...results[name].dataSync()]), 1e-5);
  }
  for (const name of Object.keys(stock)) close(compiled[name].dataSync(), stock[name].dataSync(), 1e-5);
});
