import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  adam,
  averaged,
  cosineRate,
  momentum,
  movingAverages,
  oneCycleRate,
  type Optimizer,
  sgd,
  warmDecay,
  type Weights,
} from "../../engine/optimizers.ts";

await tf.setBackend("cpu");

const START = [1, -2, 3, 0.5];

/** Three updates on a small quadratic with `update`, from START. */
function descend(update: (weight: tf.Variable, f: () => tf.Scalar) => void): Float32Array {
  const weight = tf.variable(tf.tensor2d(START, [2, 2]));
  const f = (): tf.Scalar =>
    tf.sum(tf.mul(tf.square(tf.sub(weight, 0.3)), tf.tensor2d([1, 2, 3, 4], [2, 2])));
  for (let step = 0; step < 3; step++) tf.tidy(() => update(weight, f));
  return weight.dataSync() as Float32Array;
}

function ours(make: (weights: Weights) => Optimizer, rate: number): Float32Array {
  let optimizer: Optimizer | undefined;
  return descend((weight, f) => {
    optimizer ??= make({ w: weight });
    optimizer.applyGradients(tf.variableGrads(f, [weight]).grads, tf.scalar(rate));
  });
}

function theirs(optimizer: tf.Optimizer): Float32Array {
  return descend((weight, f) => {
    optimizer.minimize(f, false, [weight]);
  });
}

function assertClose(actual: Float32Array, expected: Float32Array): void {
  actual.forEach((value, index) => {
    assert.ok(
      Math.abs(value - expected[index]) < 2e-6 * (1 + Math.abs(expected[index])),
      `${actual} ${expected}`,
    );
  });
}

Deno.test("sgd, momentum and adam make tfjs's own updates", () => {
  assertClose(ours(sgd, 0.05), theirs(tf.train.sgd(0.05)));
  assertClose(
    ours((weights) => momentum(weights, { momentum: 0.9 }), 0.02),
    theirs(tf.train.momentum(0.02, 0.9)),
  );
  assertClose(
    ours((weights) => momentum(weights, { momentum: 0.9, nesterov: true }), 0.02),
    theirs(tf.train.momentum(0.02, 0.9, true)),
  );
  assertClose(ours((weights) => adam(weights), 0.1), theirs(tf.train.adam(0.1)));
});

Deno.test("weight decay shrinks kernels by rate times decay, and leaves vectors alone", () => {
  const kernel = tf.variable(tf.tensor2d([2], [1, 1])), bias = tf.variable(tf.tensor1d([2]));
  const optimizer = adam({ kernel, bias }, { weightDecay: 0.5 });
  optimizer.applyGradients({ [kernel.name]: tf.zeros([1, 1]), [bias.name]: tf.zeros([1]) }, tf.scalar(0.1));
  assert.ok(Math.abs(kernel.dataSync()[0] - 2 * (1 - 0.1 * 0.5)) < 1e-6);
  assert.equal(bias.dataSync()[0], 2);
});

Deno.test("a factor makes a weight's own rate", () => {
  assertClose(
    ours((weights) => adam(weights, { factors: { w: 0.25, other: 3 } }), 0.1),
    ours((weights) => adam(weights), 0.025),
  );
});

Deno.test("the cosine starts at its peak after the warm-up, and ends at 0", () => {
  assert.equal(cosineRate(0, { steps: 10, peak: 2 }), 2);
  assert.ok(Math.abs(cosineRate(5, { steps: 10, peak: 2 }) - 1) < 1e-12);
  assert.equal(cosineRate(10, { steps: 10, peak: 2 }), 0);
  assert.equal(cosineRate(0, { steps: 1e9, peak: 2, warmup: 4 }), 0.5);
});

Deno.test("with momentum, weight decay is a part of the gradient", () => {
  const weight = tf.variable(tf.tensor1d([2]));
  const optimizer = momentum({ weight }, { momentum: 0.5, weightDecay: 0.25 });
  for (const expected of [2 - 0.1 * 1.5, 1.85 - 0.1 * (0.75 + 1 + 0.25 * 1.85)]) {
    optimizer.applyGradients({ [weight.name]: tf.ones([1]) }, tf.scalar(0.1));
    assertClose(weight.dataSync() as Float32Array, Float32Array.of(expected));
  }
});

Deno.test("averages follow the weights, which go on from there", () => {
  const weight = tf.variable(tf.tensor1d([4])), averages = averaged({ weight });
  const [average] = Object.values(averages.slots);
  assert.deepEqual(Object.keys(averages.slots), ["weight/average"]);
  const moved = (to: number, decay: number): number[] => {
    weight.assign(tf.tensor1d([to]));
    averages.update(tf.scalar(decay));
    return [weight.dataSync()[0], average.dataSync()[0]];
  };
  assert.deepEqual([moved(8, 0.75), moved(1, 0), moved(9, 1)], [[5, 5], [1, 1], [1, 1]]);
});

Deno.test("one cycle rises to its peak and falls, each in a line", () => {
  const cycle = { steps: 100, peak: 2, rise: 0.25, start: 0.2, end: 0.1 };
  const rates = [0, 5, 25, 100].map((step) => oneCycleRate(step, cycle));
  assertClose(Float32Array.from(rates), Float32Array.of(0.4, 0.4 + 1.6 / 5, 2, 0.2));
  assert.ok(Math.abs(oneCycleRate(7, { ...cycle, steps: Infinity }) - 0.4) < 1e-12);
});

Deno.test("moving averages follow the weights without moving them, until they are adopted", () => {
  const weight = tf.variable(tf.tensor1d([4])), averages = movingAverages({ weight });
  weight.assign(tf.tensor1d([8]));
  averages.update(tf.scalar(0.75));
  assert.deepEqual([weight.dataSync()[0], averages.slots["weight/average"].dataSync()[0]], [8, 5]);
  averages.adopt();
  assert.equal(weight.dataSync()[0], 5);
  // Adopted values are copies: the weight is trained on, the average stays.
  weight.assign(tf.tensor1d([1]));
  assert.equal(averages.slots["weight/average"].dataSync()[0], 5);
});

Deno.test("the decay of averages warms up from a tenth to its most", () => {
  assert.deepEqual([0, 8, 1e6].map((step) => warmDecay(step, 0.999)), [0.1, 0.5, 0.999]);
});
