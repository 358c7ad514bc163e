/**
 * Sequence to histogram: the prefix goes in, the histogram of the next token comes out.
 *
 * After: the autoregressive random variable model (γ-ARVM) of Zhao & Basu (2025), arXiv 2506.21731. For every distinct
 * prefix of the training set the target is the exact empirical histogram of what follows it. A model that matches all
 * of them, seeing all tokens before, generates the training set and nothing else:
 * p(Z) = prod_i p(z_i | z_<i), sampled token by token from the empty prefix.
 *
 * Departures: a dense network over the one-hot prefix instead of a PixelCNN, and prefixes drawn in proportion to
 * their count times their present excess loss (Kullback-Leibler divergence from histogram to prediction) plus a
 * floor. The loss that is left sits in few prefixes, so uniform draws waste nearly every row: 1,024 images in 6,000
 * steps of 512 prefixes give 0.997 memorized mass with it and 0.93 without.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import { type PrefixTable, prefixTable, type Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { categorical } from "../engine/random.ts";
import { overRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";

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

/** The configuration that reaches the goal: 99 % memorized mass on 1,024 images. */
export const SEQ2HIST = Object.freeze({ hidden: 256, batch: 512, learningRate: 1e-2 });

const WARMUP_STEPS = 50;
/** Steps between two evaluations of every prefix's excess loss. */
const FOCUS_EVERY = 100;
/** Nats of excess loss that every prefix is given on top when prefixes are drawn. */
const FOCUS_FLOOR = 0.01;
/** Prefixes evaluated at once. */
const EVALUATION_BATCH = 2048;
/** Sequences generated at once. */
const SAMPLE_BATCH = 1000;

/** A model: its configuration and its weights. */
export interface Seq2Hist {
  readonly config: Seq2HistConfig;
  readonly weights: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2HistConfig): Seq2Hist {
  const { vocabulary, length, hidden, seed } = config;
  const random = stream(seed).fork("init");
  return {
    config,
    weights: {
      ...dense(random, "hidden1", (length - 1) * (vocabulary + 1), hidden),
      ...dense(random, "hidden2", hidden, hidden),
      ...dense(random, "output", hidden, vocabulary),
    },
  };
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
  const { weights, config: { vocabulary, length } } = model;
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${layer}/kernel`] as tf.Tensor2D), weights[`${layer}/bias`]);
  return tf.tidy(() => {
    const bits = tf.oneHot(prefixes, vocabulary + 1).reshape([-1, (length - 1) * (vocabulary + 1)]);
    const first = tf.relu(linear("hidden1", tf.cast(bits, "float32") as tf.Tensor2D)); // [B, H]
    return linear("output", tf.relu(linear("hidden2", first))); // [B, V]
  });
}

/** Mean cross-entropy in nats between target histograms [B, V] and predictions; its floor is the data's entropy. */
export function loss(model: Seq2Hist, prefixes: tf.Tensor2D, histograms: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, prefixes)); // [B, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(histograms, logs), 1))) as tf.Scalar;
  });
}
