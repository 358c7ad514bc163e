/**
 * Sequence to token: the prefix goes in, the next token comes out, and the target is that one token.
 *
 * The plainest autoregressive model: p(Z) = prod_i p(z_i | z_<i), trained by maximum likelihood on (prefix, next
 * token) pairs as they stand in the training sequences. Where a prefix has several continuations the pairs disagree,
 * and only their average, over many steps, is the histogram that `seq2hist` is given at once.
 *
 * After: Bengio, Ducharme, Vincent, Jauvin (2003), "A neural probabilistic language model", JMLR 3.
 * Departures: one-hot prefixes of any length with an "absent" token, no embedding, and logits that are the last
 * layer's outputs times 8: certainty needs large logits, and small weights learn them slowly.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import type { Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { type FitOptions, runMemorization, type SequenceExperiment } from "../run/memorize.ts";
import { sampleSequences, tokenLogProbabilities } from "../run/sampling.ts";
import { train } from "../run/training.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";

/** Everything that decides what is built and how it learns. */
export interface Seq2TokenConfig {
  readonly model: "seq2token";
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** Units of each of the two hidden layers. */
  readonly hidden: number;
  /** (prefix, next token) pairs in one step. */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The configuration that reaches the goal: 99 % memorized mass. */
export const SEQ2TOKEN = Object.freeze({ hidden: 256, batch: 512, learningRate: 5e-3 });

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 8;
const WARMUP_STEPS = 50;
/** Numbers in a one-hot prefix above which it is not multiplied but looked up. */
const WIDEST_ONE_HOT = 512;

/** A model: its configuration and its weights. */
export interface Seq2Token {
  readonly config: Seq2TokenConfig;
  readonly weights: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2TokenConfig): Seq2Token {
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
export function forward(model: Seq2Token, prefixes: tf.Tensor2D): tf.Tensor2D {
  const { weights } = model;
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${layer}/kernel`] as tf.Tensor2D), weights[`${layer}/bias`]);
  return tf.tidy(() => {
    const first = tf.relu(tf.add(prefixSums(model, prefixes), weights["hidden1/bias"])) as tf.Tensor2D; // [B, H]
    return tf.mul(linear("output", tf.relu(linear("hidden2", first))), LOGIT_SCALE); // [B, V]
  });
}

/** The one-hot prefixes times the first kernel, [B, H]. Wide ones are looked up row by row: the same, and cheaper. */
function prefixSums(model: Seq2Token, prefixes: tf.Tensor2D): tf.Tensor2D {
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

/** Mean cross-entropy in nats of the tokens int32 [B] that follow the prefixes; its floor is the data's entropy. */
export function loss(model: Seq2Token, prefixes: tf.Tensor2D, next: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, prefixes)); // [B, V]
    const chosen = tf.oneHot(next, model.config.vocabulary); // [B, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, chosen), 1))) as tf.Scalar;
  });
}

/** Draws `count` sequences [count, T] by ancestral sampling from the empty prefix. */
export function sample(
  model: Seq2Token,
  options: { readonly device: Device; readonly count: number; readonly seed: number },
): Promise<Int32Array> {
  return sampleSequences({ ...model.config, logits: (prefixes) => forward(model, prefixes) }, options);
}

/** The log-probability of each token given those before it, in nats, [count, T]. */
export function logProbabilities(
  model: Seq2Token,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Float64Array> {
  return tokenLogProbabilities((prefixes) => forward(model, prefixes), options);
}

/** Trains on pairs drawn uniformly: a training sequence, and a position in it. */
export async function fit(model: Seq2Token, options: FitOptions): Promise<void> {
  const { run, device, sequences, steps, budget } = options;
  const { vocabulary, length, batch, learningRate, seed } = model.config;
  const tokens = tf.tensor2d(sequences.tokens, [sequences.count, length], "int32");
  const optimizer = adam(model.weights, { beta2: 0.99 });
  const step = await compile(device, ({ index, position, rate }) => {
    const rows = tf.gather(tokens, index as tf.Tensor1D); // [B, T]
    const before = tf.less(tf.range(0, length, 1, "int32"), tf.expandDims(position, 1)); // [B, T]
    const prefixes = tf.where(before, rows, tf.fill(rows.shape, vocabulary, "int32") as tf.Tensor2D).slice([
      0,
      0,
    ], [
      batch,
      length - 1,
    ]);
    const here = tf.oneHot(position as tf.Tensor1D, length, 1, 0, "int32");
    const next = tf.sum(tf.mul(rows, here), 1) as tf.Tensor1D; // [B]
    const { value, grads } = tf.variableGrads(
      () => loss(model, prefixes as tf.Tensor2D, next),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  }, {
    index: { shape: [batch], dtype: "int32" },
    position: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
  });
  const random = stream(seed).fork("batches");
  await train(run, {
    phase: "seq2token",
    steps,
    budget,
    device,
    variables: { ...model.weights, ...optimizer.slots },
    step: async (t, steps) => {
      const draw = random.at(t);
      const index = Int32Array.from({ length: batch }, () => draw.integer(sequences.count));
      const position = Int32Array.from({ length: batch }, () => draw.integer(length));
      const rate = cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS });
      await step.run({ index, position, rate: Float32Array.of(rate) });
    },
    read: () => step.read(),
  });
  step.dispose();
  optimizer.dispose();
  tokens.dispose();
}

function describe(model: Seq2Token): Description {
  const { vocabulary, length, hidden, batch, learningRate } = model.config;
  const inputs = (length - 1) * (vocabulary + 1);
  return {
    title: "Sequence to token",
    abstract:
      "A network is given the beginning of a training sequence and learns the one token that follows it there. " +
      "Trained for long enough on few sequences, it can only walk along them: it has memorized its training set.",
    method: [
      "A neural language model [@nplm] trained by maximum likelihood. Each step draws training sequences and a " +
      "position in each, uniformly; the tokens before it go in, the token at it is the target.",
      `Adam [@adam], ${learningRate} decaying by half a cosine, ${batch} pairs a step.`,
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
        key: "nplm",
        authors: "Bengio, Ducharme, Vincent, Jauvin",
        year: 2003,
        title: "A neural probabilistic language model",
        venue: "JMLR 3",
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

/** The experiment of `train-seq2token`. */
export const EXPERIMENT = {
  name: "train-seq2token",
  summary:
    "Train a next-token model on codes of images, text, melodies or numbers until it has memorized them.",
  build: ({ vocabulary, length }, { seed }) =>
    build({ model: "seq2token", ...SEQ2TOKEN, vocabulary, length, seed }),
  flags: {},
  describe,
  defaultSteps: (count) => Math.max(2500, 16 * count),
  fit,
  sample,
  logProbabilities,
  autoencoder: AUTOENCODER_PART,
} satisfies SequenceExperiment<Seq2Token, Record<never, never>>;

if (import.meta.main) await runMemorization(EXPERIMENT);
