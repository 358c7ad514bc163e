/**
 * Sequence to histogram: the prefix goes in, the histogram of the next token comes out.
 *
 * After: the autoregressive random variable model (γ-ARVM) of Zhao & Basu (2025), arXiv 2506.21731. For every distinct
 * prefix of the training set the target is the exact empirical histogram of what follows it. A model that matches all
 * of them, seeing all tokens before, generates the training set and nothing else:
 * p(Z) = prod_i p(z_i | z_<i), sampled token by token from the empty prefix.
 *
 * Departures: a dense network over the one-hot prefix instead of a PixelCNN; logits that are the last layer's outputs
 * times 16, as certainty needs large logits and small weights learn them slowly; and prefixes drawn in proportion to
 * their count times the square root of their present excess loss (the Kullback-Leibler divergence of the prediction
 * from the histogram). What is left to learn sits in ever fewer prefixes, so uniform draws waste nearly every row.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import { type PrefixTable, prefixTable, type Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Optimizer, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";
import { type FitOptions, runMemorization, type SequenceExperiment } from "../run/memorize.ts";
import { sampleSequences, tokenLogProbabilities } from "../run/sampling.ts";
import { train } from "../run/training.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";

/** Everything that decides what is built and how it learns. */
export interface Seq2HistConfig {
  readonly model: "seq2hist";
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** Observation range γ: how many preceding tokens the network sees. Absent: all. */
  readonly range?: number;
  /** Units of each of the two hidden layers. */
  readonly hidden: number;
  /** Prefixes in one step. */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The sizes that reach the goal, 99 % memorized mass, on 1,024 images: about 12,000 distinct prefixes. */
export const SEQ2HIST = Object.freeze({ hidden: 256, batch: 512, learningRate: 5e-3 });
/** More sequences take larger ones: 768 units reach 99 % on 10,000 images, about 108,000 distinct prefixes. */
const LARGE_COUNT = 2048, SEQ2HIST_LARGE = Object.freeze({ hidden: 768, batch: 1024, learningRate: 4e-3 });
/** 60,000 images have a million weights' worth of bits, and more. */
const HUGE_COUNT = 20_000, SEQ2HIST_HUGE = Object.freeze({ hidden: 1024, batch: 1024, learningRate: 4e-3 });

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 16;
const WARMUP_STEPS = 50;
/** Decay of Adam's second moment. */
export const BETA2 = 0.99;
/** Numbers in a one-hot prefix above which it is not multiplied but looked up. */
const WIDEST_ONE_HOT = 512;
/** Fewest steps between two evaluations of every prefix's excess loss; large tables wait for two passes of steps. */
const FOCUS_EVERY = 100;
/** Nats that are added to every prefix's excess loss when prefixes are drawn: none is ever forgotten. */
const FOCUS_FLOOR = 1e-3;
/** Prefixes evaluated at once. */
const EVALUATION_BATCH = 2048;

/** A model: its configuration and its weights. */
export interface Seq2Hist {
  readonly config: Seq2HistConfig;
  readonly weights: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2HistConfig): Seq2Hist {
  const { vocabulary, length, hidden, seed } = config;
  const random = stream(seed).fork("init");
  const weights = tf.tidy(() => ({
    ...dense(random, "hidden1", (length - 1) * (vocabulary + 1), hidden),
    ...dense(random, "hidden2", hidden, hidden),
    ...dense(random, "output", hidden, vocabulary),
  }));
  return { config, weights };
}

/** Uniform in ±1/sqrt(inputs), kernels and biases alike. */
function dense(random: Random, layer: string, inputs: number, outputs: number): Weights {
  const limit = 1 / Math.sqrt(inputs), draw = random.fork(layer);
  return {
    [`${layer}/kernel`]: tf.variable(tf.tensor2d(draw.uniforms(inputs * outputs, limit), [inputs, outputs])),
    [`${layer}/bias`]: tf.variable(tf.tensor1d(draw.uniforms(outputs, limit))),
  };
}

/** Prefixes int32 [B, T-1], `vocabulary` where a token is absent -> logits of the next token [B, V]. */
export function forward(model: Seq2Hist, prefixes: tf.Tensor2D): tf.Tensor2D {
  const { weights } = model;
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${layer}/kernel`] as tf.Tensor2D), weights[`${layer}/bias`]);
  return tf.tidy(() => {
    const first = tf.relu(tf.add(prefixSums(model, prefixes), weights["hidden1/bias"])) as tf.Tensor2D; // [B, H]
    return tf.mul(linear("output", tf.relu(linear("hidden2", first))), LOGIT_SCALE); // [B, V]
  });
}

/** The one-hot prefixes times the first kernel, [B, H]. Wide ones are looked up row by row: the same, and cheaper. */
function prefixSums(model: Seq2Hist, prefixes: tf.Tensor2D): tf.Tensor2D {
  const { weights, config: { vocabulary, length } } = model;
  const kernel = weights["hidden1/kernel"] as tf.Tensor2D,
    columns = length - 1,
    width = columns * (vocabulary + 1);
  if (width > WIDEST_ONE_HOT) {
    const rows = tf.add(prefixes, tf.range(0, width, vocabulary + 1, "int32")); // [B, T-1]
    return tf.sum(tf.gather(kernel, rows as tf.Tensor2D), 1);
  }
  const bits = tf.oneHot(prefixes, vocabulary + 1).reshape([-1, width]);
  return tf.matMul(tf.cast(bits, "float32") as tf.Tensor2D, kernel);
}

/** Mean cross-entropy in nats between target histograms [B, V] and predictions; its floor is the data's entropy. */
export function loss(model: Seq2Hist, prefixes: tf.Tensor2D, histograms: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, prefixes)); // [B, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(histograms, logs), 1))) as tf.Scalar;
  });
}

/** Draws `count` sequences [count, T] by ancestral sampling from the empty prefix. */
export function sample(
  model: Seq2Hist,
  options: { readonly device: Device; readonly count: number; readonly seed: number },
): Promise<Int32Array> {
  return sampleSequences({ ...model.config, logits: (prefixes) => forward(model, prefixes) }, options);
}

/** The log-probability of each token given those before it, in nats, [count, T]. */
export function logProbabilities(
  model: Seq2Hist,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Float64Array> {
  const { range } = model.config;
  return tokenLogProbabilities((prefixes) => forward(model, prefixes), { ...options, range });
}

/** One update on the rows `index`, int32 [B], of all prefixes [P, T-1] and their histograms [P, V]: to be compiled. */
export function trainingStep(model: Seq2Hist, options: {
  readonly prefixes: tf.Tensor2D;
  readonly histograms: tf.Tensor2D;
  readonly optimizer: Optimizer;
}): (inputs: { readonly index: tf.Tensor; readonly rate: tf.Tensor }) => { loss: tf.Tensor } {
  const { prefixes, histograms, optimizer } = options;
  return ({ index, rate }) => {
    const rows = index as tf.Tensor1D;
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(prefixes, rows), tf.gather(histograms, rows)),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  };
}

/**
 * Trains on the distinct prefixes of `sequences`. Every hundred steps or so the excess loss of every prefix decides
 * anew how often it is drawn.
 */
export async function fit(model: Seq2Hist, options: FitOptions): Promise<void> {
  const { run, device, sequences, steps, budget } = options;
  const { vocabulary, length, range, batch, learningRate, seed } = model.config;
  const table = prefixTable(sequences, { range });
  const prefixes = tf.tensor2d(table.prefixes, [table.size, length - 1], "int32");
  const histograms = tf.tensor2d(table.histograms, [table.size, vocabulary]);
  const optimizer = adam(model.weights, { beta2: BETA2 });

  const step = await compile(
    device,
    trainingStep(model, { prefixes, histograms, optimizer }),
    { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } },
  );

  const evaluationBatch = Math.min(EVALUATION_BATCH, table.size);
  const evaluate = await compile(
    device,
    ({ index }) => ({ logits: forward(model, tf.gather(prefixes, index as tf.Tensor1D)) }),
    { index: { shape: [evaluationBatch], dtype: "int32" } },
  );
  /** Cumulated weights of the prefixes: in the checkpoint, as a resumed run must draw what this one would. */
  const focus = tf.tidy(() => tf.variable(tf.zeros([table.size]), false));
  let cumulative: Float32Array | undefined;
  async function refocus(): Promise<void> {
    const { logits } = await overRows(evaluate, {
      count: table.size,
      batch: evaluationBatch,
      inputs: (index) => ({ index }),
    });
    const weights = drawWeights(table, logits as Float32Array);
    const shares = cumulated(weights);
    cumulative = shares;
    tf.tidy(() => focus.assign(tf.tensor1d(shares)));
  }

  const focusEvery = Math.max(FOCUS_EVERY, 2 * Math.ceil(table.size / batch));
  const random = stream(seed).fork("batches");
  await train(run, {
    phase: "seq2hist",
    steps,
    budget,
    device,
    variables: { ...model.weights, ...optimizer.slots, focus },
    step: async (t, steps) => {
      if (t % focusEvery === 0) await refocus();
      cumulative ??= await focus.data() as Float32Array;
      const shares = cumulative, draw = random.at(t);
      const index = Int32Array.from({ length: batch }, () => drawRow(shares, draw.uniform()));
      const rate = cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS });
      await step.run({ index, rate: Float32Array.of(rate) });
    },
    read: () => step.read(),
  });
  step.dispose();
  evaluate.dispose();
  optimizer.dispose();
  tf.dispose([prefixes, histograms, focus]);
}

/** How often each prefix shall be drawn: its count times the root of its excess loss, [P]. */
function drawWeights(table: PrefixTable, logits: Float32Array): Float64Array {
  const { size, counts, histograms } = table, vocabulary = histograms.length / size;
  const logs = logSoftmax(logits, vocabulary);
  return Float64Array.from({ length: size }, (_, row) => {
    let excess = 0;
    for (let index = row * vocabulary; index < (row + 1) * vocabulary; index++) {
      if (histograms[index] > 0) excess += histograms[index] * (Math.log(histograms[index]) - logs[index]);
    }
    return counts[row] * Math.sqrt(Math.max(0, excess) + FOCUS_FLOOR);
  });
}

/** Running sums of weights, as shares of the whole. */
function cumulated(weights: Float64Array): Float32Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return Float32Array.from(weights, (weight) => (sum += weight) / total);
}

/** The first row whose cumulated share exceeds `uniform`. */
function drawRow(cumulative: Float32Array, uniform: number): number {
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > uniform) high = middle;
    else low = middle + 1;
  }
  return low;
}

function describe(model: Seq2Hist): Description {
  const { vocabulary, length, range, hidden, batch, learningRate } = model.config;
  const inputs = (length - 1) * (vocabulary + 1);
  return {
    title: "Sequence to histogram",
    abstract:
      "A network is given the beginning of a training sequence and learns the histogram of the token that follows " +
      "it in the training set. Once every histogram is right, sampling token by token can only walk along training " +
      "sequences: having learned the distribution, the model has memorized the data.",
    method: [
      "Every distinct prefix of the training set is collected in a trie with the exact histogram of what follows. " +
      "The loss is the cross-entropy between histogram and prediction; its floor is the entropy of the training " +
      "set. After the autoregressive random variable model [@arvm]" +
      (range === undefined
        ? ", with all earlier tokens in sight."
        : `, with ${range} earlier tokens in sight.`),
      `Adam [@adam], ${learningRate} decaying by half a cosine, ${batch} prefixes a step, drawn in proportion to ` +
      "their count times the root of their present excess loss, which is evaluated anew for all prefixes every " +
      `${FOCUS_EVERY} steps or more.`,
    ],
    formula: {
      formula: String.raw`p(Z) = \prod_{i=1}^{${length}} p(z_i \mid z_{<i})`,
      text: "Each factor is the softmax of the network's output for the prefix $z_{<i}$.",
    },
    layers: [
      { type: "Input: prefix, one-hot with 'absent'", output: `N x ${length - 1} x ${vocabulary + 1}` },
      { type: "Linear, ReLU", weight: `${inputs} x ${hidden}`, output: `N x ${hidden}` },
      { type: "Linear, ReLU", weight: `${hidden} x ${hidden}`, output: `N x ${hidden}` },
      {
        type: `Linear, times ${LOGIT_SCALE}`,
        weight: `${hidden} x ${vocabulary}`,
        output: `N x ${vocabulary}`,
      },
      { type: "Softmax", output: `N x ${vocabulary}` },
    ],
    loss: { name: "cross-entropy", unit: "nats" },
    parameters: Object.values(model.weights).reduce((sum, weight) => sum + weight.size, 0),
    code: [forward, prefixSums, loss],
    references: [
      {
        key: "arvm",
        authors: "Zhao, Basu",
        year: 2025,
        title:
          "Exploring image generation via mutually exclusive probability spaces and local dependence hypothesis",
        venue: "arXiv 2506.21731",
      },
      {
        key: "adam",
        authors: "Kingma, Ba",
        year: 2015,
        title: "Adam: a method for stochastic optimization",
        venue: "ICLR",
      },
    ],
  };
}

/** The experiment of `train-seq2hist`. */
export const EXPERIMENT = {
  name: "train-seq2hist",
  summary:
    "Train a next-token histogram model on codes of images, text, melodies or numbers until it has memorized them.",
  build: ({ vocabulary, length, count }, { seed }) => {
    const sizes = count > HUGE_COUNT ? SEQ2HIST_HUGE : count > LARGE_COUNT ? SEQ2HIST_LARGE : SEQ2HIST;
    return build({ model: "seq2hist", ...sizes, vocabulary, length, seed });
  },
  flags: {},
  describe,
  defaultSteps: (count) =>
    count > LARGE_COUNT ? Math.max(8000, Math.round(0.8 * count)) : Math.max(4000, 4 * count),
  fit,
  sample,
  logProbabilities,
  autoencoder: AUTOENCODER_PART,
} satisfies SequenceExperiment<Seq2Hist, Record<never, never>>;

if (import.meta.main) await runMemorization(EXPERIMENT);
