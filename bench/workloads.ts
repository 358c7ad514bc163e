/**
 * The workloads: their shapes, their arithmetic, and the numbers that they start from.
 *
 * Every number is a formula of its place (`hashed`), so that each peer, in whatever language, starts from the same
 * weights and data without a file between them. `bench/tfjs.ts` has the workloads as tfjs code, `bench/peers/` has
 * them in the peers' own.
 */

/** Numbers in [low, high) given by a formula: element i of the tensor is `hashed(seed, i)` scaled to that range. */
export interface Formula {
  readonly shape: readonly number[];
  readonly seed: number;
  readonly low: number;
  readonly high: number;
}

/** What a benchmark times: one call of it is a step. */
export interface Workload {
  readonly name: string;
  /**
   * Floating-point operations of a step: two for each multiply-add of a matrix product or convolution, forward and
   * in both gradients (the first layer has no gradient to its input). Elementwise work and the optimizer are not
   * counted.
   */
  readonly flops: number;
  /** Compute threads that a peer may use. Absent: all cores. */
  readonly threads?: number;
  /** Relative difference of two runners' losses that is worth a word. Absent: 1e-3. */
  readonly tolerance?: number;
}

/** The hash of MurmurHash3's last step, as a number in [0, 1) with 24 bits. */
export function hashed(seed: number, index: number): number {
  let word = (index + Math.imul(seed, 0x9e3779b9)) >>> 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return ((word ^ (word >>> 16)) >>> 8) / 0x1000000;
}

/** The elements of a formula, row-major. */
export function elements(formula: Formula): Float32Array<ArrayBuffer> {
  const { shape, seed, low, high } = formula;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const result = new Float32Array(size);
  // The largest product has 67 million in each factor: a callback each would take most of a minute.
  for (let index = 0; index < size; index++) result[index] = low + (high - low) * hashed(seed, index);
  return result;
}

/** Weight number `seed` of a model: uniform with variance 1 / fanIn. */
function weight(seed: number, shape: readonly number[], fanIn: number): Formula {
  const limit = Math.sqrt(3 / fanIn);
  return { shape, seed, low: -limit, high: limit };
}

/** 784-512-48-512-784: LeakyReLU 0.2 after each 512, tanh at 48, mean squared error, Adam 1e-3. */
export const DENSE = {
  widths: [784, 512, 48, 512, 784],
  batch: 128,
} as const;

/** 120-256-256-8: exact GELU (the erf form) after each 256, softmax cross-entropy with target distributions. */
export const MLP = {
  widths: [120, 256, 256, 8],
  batch: 512,
} as const;

/**
 * 3x32x32 images; convolutions 4x4, stride 2, padding 1 to 32, 64, 128 channels and transposed ones back to 64, 32, 3;
 * LeakyReLU 0.2 after all but the last, mean squared error, Adam 1e-3.
 */
export const CONV = {
  size: 32,
  kernel: 4,
  channels: [3, 32, 64, 128, 64, 32, 3],
  batch: 64,
} as const;

/**
 * The joint step of `models/binary_autoencoder.ts` with its dense network: 784-512-48 signs-512-512-784, layer
 * normalization and LeakyReLU 0.01 in the hidden layers, batches drawn from `images` images.
 */
export const BINARY = {
  layers: {
    encoder1: [784, 512],
    encoder2: [512, 48],
    decoder1: [48, 512],
    decoder2: [512, 512],
    decoder3: [512, 784],
  },
  images: 1024,
  batch: 128,
  rate: 1e-3,
} as const;

/**
 * The step of `models/seq2hist.ts`: one-hot prefixes 15 x 9, two hidden layers of ReLU, logits times 16, cross-entropy
 * with the histograms of the distinct prefixes of `count` sequences; Adam with a second decay of 0.99.
 */
export const HISTOGRAM = {
  layers: { hidden1: [135, 256], hidden2: [256, 256], output: [256, 8] },
  vocabulary: 8,
  length: 16,
  count: 1024,
  batch: 512,
  rate: 1e-3,
} as const;
/** The step of `models/cifar_classifier.ts` as configured, on images in colour; the whitening's kernel is not trained. */
export const CIFAR = {
  kernels: {
    "whitening": [2, 2, 3, 24],
    "block1/conv1": [3, 3, 24, 64],
    "block1/conv2": [3, 3, 64, 64],
    "block2/conv1": [3, 3, 64, 128],
    "block2/conv2": [3, 3, 128, 128],
    "block3/conv1": [3, 3, 128, 128],
    "block3/conv2": [3, 3, 128, 128],
    "output": [128, 10],
  },
  size: 32,
  channels: 3,
  classes: 10,
  batch: 500,
  rate: 1e-4,
} as const;

/** A kernel of the U-Net of `FLOW`: its name, its shape, and at how many places of an image it is applied. */
type FlowKernel = readonly [name: string, shape: readonly number[], places: number];

function flowBlock(name: string, width: number, side: number): readonly FlowKernel[] {
  return [
    [`${name}/conv1`, [3, 3, width, width], side ** 2],
    [`${name}/film`, [128, 2 * width], 1],
    [`${name}/conv2`, [3, 3, width, width], side ** 2],
  ];
}

/** In the order of the model's weights; transposed convolutions are applied at the places of their input. */
const FLOW_KERNELS: readonly FlowKernel[] = [
  ["time/hidden", [64, 128], 1],
  ["time/output", [128, 128], 1],
  ["class", [101, 128], 1],
  ["input", [6, 6, 3, 56], 16 ** 2],
  ...flowBlock("down1/block1", 56, 16),
  ["down1/narrow", [3, 3, 56, 64], 8 ** 2],
  ...flowBlock("down2/block1", 64, 8),
  ["down2/narrow", [3, 3, 64, 80], 4 ** 2],
  ...flowBlock("middle/block1", 80, 4),
  ...flowBlock("middle/block2", 80, 4),
  ["up2/widen", [2, 2, 64, 80], 4 ** 2],
  ["up2/merge", [1, 1, 128, 64], 8 ** 2],
  ...flowBlock("up2/block1", 64, 8),
  ...flowBlock("up2/block2", 64, 8),
  ["up1/widen", [2, 2, 56, 64], 8 ** 2],
  ["up1/merge", [1, 1, 112, 56], 16 ** 2],
  ...flowBlock("up1/block1", 56, 16),
  ...flowBlock("up1/block2", 56, 16),
  ["output", [6, 6, 3, 56], 16 ** 2],
  ["direct/conv1", [5, 5, 3, 16], 32 ** 2],
  ["direct/film", [128, 16], 1],
  ["direct/conv2", [1, 1, 16, 3], 32 ** 2],
];

/** The step of `models/flow.ts` as configured, on images in colour; noise and times are given, so that runners agree. */
export const FLOW = {
  kernels: Object.fromEntries(FLOW_KERNELS.map(([name, shape]) => [name, shape])),
  image: [32, 32, 3],
  classes: 100,
  batch: 48,
  rate: 1e-3,
  decay: 0.999,
} as const;

/** Sequences that a step of `generate` draws. */
export const GENERATED = 10_000;

/** Exact search for the `k` nearest pictures of a base, in Euclidean distance, of each query: MNIST's sizes. */
export const NEAREST = { queries: 10_000, base: 60_000, width: 784, k: 2 } as const;

/** A model of one recurrent layer. */
export interface Recurrence {
  readonly cell: "lstm" | "gru" | "simple";
  readonly gates: number;
  readonly units: number;
  readonly time: number;
  readonly features: number;
  readonly symbols: number;
  readonly batch: number;
  readonly classes: number;
}

/**
 * Whole sequences through a recurrent cell, of whose mean state a linear layer makes the logits of `classes` classes;
 * softmax cross-entropy, Adam 1e-3. `features` are pixels, or an embedding of `symbols` symbols that is learned, too.
 */
export const RECURRENT: Readonly<Record<string, Recurrence>> = {
  "gru-64-784": {
    cell: "gru",
    gates: 3,
    units: 64,
    time: 784,
    features: 1,
    symbols: 0,
    batch: 64,
    classes: 10,
  },
  "lstm-128-784": {
    cell: "lstm",
    gates: 4,
    units: 128,
    time: 784,
    features: 1,
    symbols: 0,
    batch: 64,
    classes: 10,
  },
  "rnn-256-200": {
    cell: "simple",
    gates: 1,
    units: 256,
    time: 200,
    features: 100,
    symbols: 2000,
    batch: 64,
    classes: 2,
  },
};

/** The same at batch 256: enough rows for a GPU. */
export const RECURRENT_256: Readonly<Record<string, Recurrence>> = Object.fromEntries(
  Object.entries(RECURRENT).map(([name, of]) => [`${name}-256`, { ...of, batch: 256 }]),
);

/** The weights of such a model, by what they are; biases start at 0. */
export function recurrentWeights(
  { gates, units, features, symbols, classes }: Recurrence,
): Readonly<Record<"kernel" | "recurrentKernel" | "output" | "embedding", Formula>> {
  return {
    kernel: weight(0, [features, gates * units], features),
    recurrentKernel: weight(1, [units, gates * units], units),
    output: weight(2, [units, classes], units),
    embedding: weight(3, [symbols, features], 1),
  };
}

/** What the model sees: pixels [B, T, 1] in [0, 1), or symbols [B, T]: the integer parts; and classes, likewise. */
export function recurrentData(
  { batch, time, symbols, classes }: Recurrence,
): Readonly<Record<"input" | "classes", Formula>> {
  return {
    input: symbols === 0
      ? { shape: [batch, time, 1], seed: 109, low: 0, high: 1 }
      : { shape: [batch, time], seed: 109, low: 0, high: symbols },
    classes: { shape: [batch], seed: 110, low: 0, high: classes },
  };
}

/** FLOPs of a step of such a model; pixels have no gradient. */
export function recurrentFlops(
  { gates, units, time, features, symbols, batch, classes }: Recurrence,
): number {
  const inner = 3 * units, outer = (symbols === 0 ? 2 : 3) * features;
  return 2 * batch * (time * gates * units * (inner + outer) + 3 * units * classes);
}

/** Rows, columns and depth of the matrix product. */
export const MATMUL_SIZE = 512;

/** The weights [in, out] of a dense network; biases start at 0. */
export function denseWeights(widths: readonly number[]): Formula[] {
  return widths.slice(1).map((width, layer) => weight(layer, [widths[layer], width], widths[layer]));
}

/** The filters [4, 4, in, out] of the convolutions, then [4, 4, out, in] of the transposed ones. */
export function convWeights(): Formula[] {
  const { kernel, channels } = CONV;
  return channels.slice(1).map((out, layer) => {
    const from = channels[layer];
    // A stride of 2 leaves a transposed convolution a quarter of its window for each element.
    return layer < 3
      ? weight(layer, [kernel, kernel, from, out], kernel * kernel * from)
      : weight(layer, [kernel, kernel, out, from], kernel * kernel * from / 4);
  });
}

/** The batch that a workload sees in every step. */
export const DATA = {
  dense: { shape: [DENSE.batch, 784], seed: 100, low: 0, high: 1 },
  mlp: { shape: [MLP.batch, 120], seed: 101, low: -1, high: 1 },
  /** Divided by the sum of its row. */
  mlpTargets: { shape: [MLP.batch, 8], seed: 102, low: 0, high: 1 },
  conv: { shape: [CONV.batch, CONV.size, CONV.size, 3], seed: 103, low: 0, high: 1 },
  binary: { shape: [BINARY.images, 784], seed: 106, low: 0, high: 1 },
  /** Its integer parts. */
  tokens: { shape: [HISTOGRAM.count, HISTOGRAM.length], seed: 107, low: 0, high: HISTOGRAM.vocabulary },
  photographs: { shape: [CIFAR.batch, CIFAR.size, CIFAR.size, CIFAR.channels], seed: 111, low: 0, high: 1 },
  /** Its integer parts. */
  labels: { shape: [CIFAR.batch], seed: 112, low: 0, high: CIFAR.classes },
  flowImages: { shape: [FLOW.batch, ...FLOW.image], seed: 113, low: -1, high: 1 },
  /** Of variance 1. */
  flowNoise: { shape: [FLOW.batch, ...FLOW.image], seed: 114, low: -Math.sqrt(3), high: Math.sqrt(3) },
  flowTimes: { shape: [FLOW.batch], seed: 115, low: 0, high: 1 },
  /** Its integer parts; the last means any class. */
  flowLabels: { shape: [FLOW.batch], seed: 116, low: 0, high: FLOW.classes + 1 },
  left: { shape: [MATMUL_SIZE, MATMUL_SIZE], seed: 104, low: 0, high: 1 },
  right: { shape: [MATMUL_SIZE, MATMUL_SIZE], seed: 105, low: 0, high: 1 },
} as const satisfies Readonly<Record<string, Formula>>;

/** The kernels [..., out] of layers that have names; biases start at 0. */
export function namedKernels(
  layers: Readonly<Record<string, readonly number[]>>,
): Readonly<Record<string, Formula>> {
  return Object.fromEntries(
    Object.entries(layers).map(([name, shape], layer) => {
      const fanIn = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
      return [name, weight(layer, shape, fanIn)];
    }),
  );
}

/** Seed of the draws of rows. */
const ROWS_SEED = 108;

/** The rows of a table of `count` that a step sees: drawn with replacement. */
export function batchRows(
  step: number,
  { batch, count }: { readonly batch: number; readonly count: number },
): Int32Array<ArrayBuffer> {
  return Int32Array.from(
    { length: batch },
    (_, row) => Math.floor(count * hashed(ROWS_SEED, step * batch + row)),
  );
}

/** The target distributions [512, 8]. */
export function mlpTargets(): Float32Array<ArrayBuffer> {
  const targets = elements(DATA.mlpTargets);
  for (let row = 0; row < targets.length; row += 8) {
    const sum = targets.subarray(row, row + 8).reduce((total, value) => total + value, 0);
    for (let column = 0; column < 8; column++) targets[row + column] /= sum;
  }
  return targets;
}

/** FLOPs of a training step of layers with the given multiply-adds an example. */
function trainingFlops(batch: number, multiplyAdds: readonly number[]): number {
  return 2 * batch * multiplyAdds.reduce((sum, count, layer) => sum + count * (layer === 0 ? 2 : 3), 0);
}

function denseFlops(
  { widths, batch }: { readonly widths: readonly number[]; readonly batch: number },
): number {
  return trainingFlops(batch, widths.slice(1).map((width, layer) => widths[layer] * width));
}

function convFlops(): number {
  const { size, kernel, channels, batch } = CONV;
  // The smaller side of each layer: 16, 8, 4 going in, 4, 8, 16 coming out.
  const sides = [size / 2, size / 4, size / 8, size / 8, size / 4, size / 2];
  return trainingFlops(
    batch,
    sides.map((side, layer) => side * side * kernel * kernel * channels[layer] * channels[layer + 1]),
  );
}

function products(layers: Readonly<Record<string, readonly [number, number]>>): number[] {
  return Object.values(layers).map(([inputs, outputs]) => inputs * outputs);
}

function cifarFlops(): number {
  // Rows and columns of each layer's output; the pooling to 1 x 1 comes before the last.
  const sides = [31, 31, 15, 15, 7, 7, 3, 1];
  return Object.values(CIFAR.kernels).reduce((sum, shape, layer) => {
    const once = 2 * CIFAR.batch * sides[layer] ** 2 * shape.reduce((product, extent) => product * extent, 1);
    // The first layer is frozen, and images need no gradient.
    return sum + (layer === 0 ? 1 : 3) * once;
  }, 0);
}

function flowFlops(): number {
  // Vectors of classes are looked up; neither times nor mixtures need a gradient.
  const passes: Readonly<Record<string, number>> = {
    "class": 0,
    "time/hidden": 2,
    "input": 2,
    "direct/conv1": 2,
  };
  return FLOW_KERNELS.reduce((sum, [name, shape, places]) => {
    const once = 2 * FLOW.batch * places * shape.reduce((product, extent) => product * extent, 1);
    return sum + (passes[name] ?? 3) * once;
  }, 0);
}

/** FLOPs of a product of two square matrices. */
export function matmulFlops(size: number): number {
  return 2 * size ** 3;
}

/** FLOPs of a step of seq2hist. */
export function histogramFlops(batch: number): number {
  return trainingFlops(batch, products(HISTOGRAM.layers));
}

/** Every workload, in the order in which it is run. */
export const WORKLOADS: readonly Workload[] = [
  { name: "dense-autoencoder", flops: denseFlops(DENSE) },
  { name: "mlp", flops: denseFlops(MLP) },
  { name: "conv-autoencoder", flops: convFlops() },
  // A sign that differs by rounding is a bit of the code.
  {
    name: "binary-autoencoder",
    flops: trainingFlops(BINARY.batch, products(BINARY.layers)),
    tolerance: 5e-3,
  },
  { name: "cifar-step", flops: cifarFlops() },
  { name: "flow-unet", flops: flowFlops() },
  { name: "seq2hist", flops: histogramFlops(HISTOGRAM.batch) },
  {
    name: "generate",
    flops: 2 * GENERATED * HISTOGRAM.length *
      products(HISTOGRAM.layers).reduce((sum, count) => sum + count, 0),
    // The mean token: generators draw different numbers.
    tolerance: 5e-2,
  },
  { name: "nearest", flops: 2 * NEAREST.queries * NEAREST.base * NEAREST.width },

  ...Object.entries(RECURRENT).map(([name, of]) => ({ name, flops: recurrentFlops(of) })),
  { name: "matmul-512", flops: matmulFlops(MATMUL_SIZE), threads: 1 },
];
