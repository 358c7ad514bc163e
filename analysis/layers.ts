/**
 * Six layers in plain TypeScript, each with exactly the parameters that the assignment names, over one channel.
 * Sums are made in double precision and rounded to float32 once.
 */

/** Largest of each two neighbours: MaxPool1d(kernel 2, stride 1, padding 0). [L] -> [L - 1]. */
export function maxPool(input: Float32Array): Float32Array {
  return windows(input, 2).map((at) => Math.max(input[at], input[at + 1]));
}

/** Mean of each two neighbours: AvgPool1d(kernel 2, stride 1, padding 0). [L] -> [L - 1]. */
export function averagePool(input: Float32Array): Float32Array {
  return windows(input, 2).map((at) => (input[at] + input[at + 1]) / 2);
}

/**
 * What deep learning calls a convolution (the filter is not reversed): stride 1, padding 0, no bias.
 * [L], [K] -> [L - K + 1].
 */
export function convolve(input: Float32Array, filter: Float32Array): Float32Array {
  return windows(input, filter.length).map((at) =>
    filter.reduce((sum, weight, index) => sum + weight * input[at + index], 0)
  );
}

/** 1 / (1 + e^-x), without overflow on either side. */
export function sigmoid(input: Float32Array): Float32Array {
  return input.map((x) => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
}

/** What `batchNorm` learns and keeps, of its one channel. */
export interface BatchNormState {
  readonly gain: number;
  readonly shift: number;
  readonly runningMean: number;
  readonly runningVariance: number;
}

/** A new channel: gain 1, shift 0, running mean 0 and variance 1. */
export const NEW_BATCH_NORM: BatchNormState = { gain: 1, shift: 0, runningMean: 0, runningVariance: 1 };

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/**
 * BatchNorm1d(1, eps 1e-5, momentum 0.1, affine, running statistics) in training: the output is normalized with the
 * batch's mean and *biased* variance (divided by n), the running variance moves a tenth towards the *unbiased* one
 * (divided by n - 1).
 *
 * @throws {RangeError} for fewer than two values: they have no unbiased variance.
 */
export function batchNormInTraining(
  input: Float32Array,
  state: BatchNormState,
): { readonly output: Float32Array; readonly state: BatchNormState } {
  const count = input.length;
  if (count < 2) {
    throw new RangeError(`Cannot normalize in training as more than 1 value must be given: ${count} is`);
  }
  const mean = input.reduce((sum, x) => sum + x, 0) / count;
  const squares = input.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const towards = (old: number, value: number) => (1 - MOMENTUM) * old + MOMENTUM * value;
  return {
    output: normalize(input, { ...state, runningMean: mean, runningVariance: squares / count }),
    state: {
      ...state,
      runningMean: towards(state.runningMean, mean),
      runningVariance: towards(state.runningVariance, squares / (count - 1)),
    },
  };
}

/** The same layer in evaluation: normalized with the running statistics, which stay. */
export function batchNormInEvaluation(input: Float32Array, state: BatchNormState): Float32Array {
  return normalize(input, state);
}

function normalize(input: Float32Array, state: BatchNormState): Float32Array {
  const scale = state.gain / Math.sqrt(state.runningVariance + EPSILON);
  return input.map((x) => (x - state.runningMean) * scale + state.shift);
}

/** Linear(inputs, outputs, bias): y = W x + b, the weight [outputs, inputs] as PyTorch stores it. */
export function linear(
  input: Float32Array,
  { weight, bias }: { readonly weight: Float32Array; readonly bias: Float32Array },
): Float32Array {
  if (weight.length !== input.length * bias.length) {
    throw new RangeError(
      `Cannot apply a linear layer as its weight must hold ${bias.length} x ${input.length} numbers: ` +
        `it holds ${weight.length}`,
    );
  }
  return bias.map((start, row) =>
    input.reduce((sum, x, column) => sum + weight[row * input.length + column] * x, start)
  );
}

/** Where each window of `size` neighbours begins; its results are float32. */
function windows(input: Float32Array, size: number): { map(of: (at: number) => number): Float32Array } {
  const count = input.length - size + 1;
  if (size < 1 || count < 1) {
    throw new RangeError(`Cannot slide a window of ${size} over ${input.length} values: give more values`);
  }
  return { map: (of) => Float32Array.from({ length: count }, (_, at) => of(at)) };
}
