/**
 * The network of `seq2token` and `seq2hist`: the beginning of a sequence goes in, the logits of the next token come out.
 *
 * Two dense hidden layers over the one-hot prefix, a token that is not there being a symbol of its own; where the
 * vocabulary is so large that one-hot prefixes would take more than 4 million weights, over an embedding of it. Logits are the
 * last layer's outputs times a constant: certainty needs large logits, and small weights learn them slowly.
 */
import type * as tf from "@tensorflow/tfjs";
import type { Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { relu, times } from "../layers/activations.ts";
import { embedding } from "../layers/embedding.ts";
import { type Network, sequential } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { oneHotLinear } from "../layers/one_hot_linear.ts";
import { flatten } from "../layers/reshape.ts";
import { normalOfVariance, UNIFORM } from "../layers/starts.ts";
import { type Demand, prefixDemand, type SequenceShape } from "../run/demand.ts";
import {
  prefixScorer,
  type SampleOptions,
  sampleSequences,
  scoredOnce,
  type Scorer,
} from "../run/sampling.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";

/** The size of the network. */
export interface PrefixSize {
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** Units of each of the two hidden layers. */
  readonly hidden: number;
  /** Numbers that stand for a token of the prefix. Absent: the prefix is one-hot. */
  readonly embedding?: number;
}

/** Weights of a layer of one-hot prefixes above which an embedding takes its place, of so many numbers a token. */
const MOST_ONE_HOT = 4_000_000, EMBEDDING = 64;

/** `size` with an embedding where the vocabulary is too large for one-hot prefixes. */
export function withEmbedding<Size extends PrefixSize>(size: Size): Size {
  const { vocabulary, length, hidden } = size;
  return (length - 1) * (vocabulary + 1) * hidden > MOST_ONE_HOT ? { ...size, embedding: EMBEDDING } : size;
}

/** What such a network and its training take. */
export function networkDemand(size: PrefixSize & { readonly batch: number }, shape: SequenceShape): Demand {
  const { parameters } = prefixNetwork(size, 1), { batch, vocabulary, hidden } = size;
  return { weights: parameters, others: prefixDemand(shape) + 8 * batch * (vocabulary + hidden) };
}

/** A model of prefixes: that network, or another with the same input and output. */
export interface PrefixModel {
  readonly config: Omit<PrefixSize, "hidden"> & {
    /** Observation range γ: how many preceding tokens the network sees. Absent: all. */
    readonly range?: number;
  };
  readonly network: Network;
  readonly weights: Weights;
}

/** The network; logits are its last layer's outputs times `scale`. */
export function prefixNetwork(
  { vocabulary, length, hidden, embedding: units }: PrefixSize,
  scale: number,
): Network {
  const start = UNIFORM, symbols = vocabulary + 1;
  const first = units === undefined ? [oneHotLinear("hidden1", { symbols, units: hidden, start })] : [
    embedding("tokens", { symbols, units, start: normalOfVariance(1) }),
    flatten,
    linear("hidden1", hidden, { start }),
  ];
  return sequential([length - 1], [
    ...first,
    relu,
    linear("hidden2", hidden, { start }),
    relu,
    linear("output", vocabulary, { start }),
    times(scale),
  ]);
}

/** Prefixes int32 [B, T-1], `vocabulary` where a token is absent -> logits of the next token [B, V]. */
export function forward({ network, weights }: PrefixModel, prefixes: tf.Tensor2D): tf.Tensor2D {
  return network.apply(weights, prefixes);
}

/** Draws `count` sequences [count, T] by ancestral sampling, from the tokens that are given on. */
export function sample(model: PrefixModel, options: SampleOptions): Promise<Int32Array> {
  return sampleSequences({ ...model.config, logits: (prefixes) => forward(model, prefixes) }, options);
}

/** Scores sequences by the model as it learns. */
export function scorer(
  model: PrefixModel,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Scorer> {
  const { range } = model.config;
  return prefixScorer((prefixes) => forward(model, prefixes), { ...options, range });
}

/** The log-probability of each token given those before it, in nats, [count, T]. */
export function logProbabilities(
  model: PrefixModel,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Float64Array> {
  return scoredOnce(scorer(model, options));
}

/** What the experiments of both models have in common. */
export const PREFIX_PART = { flags: {}, sample, scorer, autoencoder: AUTOENCODER_PART };
