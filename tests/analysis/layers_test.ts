import assert from "node:assert/strict";
import {
  averagePool,
  batchNormInEvaluation,
  batchNormInTraining,
  convolve,
  linear,
  maxPool,
  NEW_BATCH_NORM,
  sigmoid,
} from "../../analysis/layers.ts";
import stored from "../../analysis/layers_from_torch.json" with { type: "json" };

const floats = (...values: number[]): Float32Array => Float32Array.from(values);

function assertClose(actual: Float32Array, expected: readonly number[], tolerance = 2e-7): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, index) => {
    assert.ok(Math.abs(value - expected[index]) <= tolerance, `${index}: ${value} is not ${expected[index]}`);
  });
}

Deno.test("windows of two at stride 1 give one value less: no padding, no rounding up", () => {
  assert.deepEqual(maxPool(floats(3, -1, -2, 5)), floats(3, -1, 5));
  assert.deepEqual(averagePool(floats(3, -1, -2, 5)), floats(1, -1.5, 1.5));
  assert.throws(() => maxPool(floats(1)), /a window of 2 over 1 values/);
});

Deno.test("a convolution does not reverse its filter", () => {
  assert.deepEqual(convolve(floats(1, 2, 4, 8), floats(1, 0, -10)), floats(1 - 40, 2 - 80));
  assert.throws(() => convolve(floats(1, 2), floats(1, 2, 3)), /a window of 3 over 2 values/);
});

Deno.test("the sigmoid does not overflow, and is symmetric", () => {
  assertClose(sigmoid(floats(0, Math.log(3), -Math.log(3), 1000, -1000)), [0.5, 0.75, 0.25, 1, 0]);
});

Deno.test("batch normalization: biased variance in the output, unbiased in the running one", () => {
  // Mean 3, squares 4 + 4 = 8: biased variance 4, unbiased 8.
  const { output, state } = batchNormInTraining(floats(1, 5), { ...NEW_BATCH_NORM, gain: 3, shift: 10 });
  assertClose(output, [10 - 6 / Math.sqrt(4.00001), 10 + 6 / Math.sqrt(4.00001)], 1e-6);
  assert.ok(Math.abs(state.runningMean - 0.3) < 1e-12);
  assert.ok(Math.abs(state.runningVariance - (0.9 + 0.8)) < 1e-12);
  const evaluated = batchNormInEvaluation(floats(0.3, 2.3), state);
  assertClose(evaluated, [10, 10 + 6 / Math.sqrt(1.70001)], 1e-6);
  assert.throws(
    () => batchNormInTraining(floats(1), NEW_BATCH_NORM),
    /more than 1 value must be given: 1 is/,
  );
});

Deno.test("a linear layer multiplies rows of its weight", () => {
  const weight = floats(1, 2, 3, 4, 5, 6), bias = floats(0.5, -1);
  assert.deepEqual(linear(floats(1, 10, 100), { weight, bias }), floats(321.5, 653));
  assert.throws(() => linear(floats(1, 2), { weight, bias }), /must hold 2 x 2 numbers: it holds 6/);
});

Deno.test("all six agree with what PyTorch computed", () => {
  const input = floats(...stored.input), { outputs } = stored;
  assertClose(maxPool(input), outputs.max_pool, 0);
  assertClose(averagePool(input), outputs.average_pool);
  assertClose(convolve(input, floats(...stored.filter)), outputs.convolution, 5e-7);
  assertClose(sigmoid(input), outputs.sigmoid);
  const { output, state } = batchNormInTraining(input, NEW_BATCH_NORM);
  assertClose(output, outputs.batch_norm_training, 5e-7);
  assertClose(floats(state.runningMean, state.runningVariance), outputs.batch_norm_statistics);
  assertClose(batchNormInEvaluation(input, state), outputs.batch_norm_evaluation, 5e-7);
  const weights = { weight: floats(...stored.linear.weight), bias: floats(...stored.linear.bias) };
  assertClose(linear(input, weights), outputs.linear, 5e-7);
});
