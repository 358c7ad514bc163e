/**
 * The network of `seq2token` and `seq2hist`: the beginning of a sequence goes in, the logits of the next token come out.
 *
 * Two dense hidden layers over the one-hot prefix, a token that is not there being a symbol of its own. Logits are the
 * last layer's outputs times a constant: certainty needs large logits, and small weights learn them slowly.
 */
import type * as tf from "@tensorflow/tfjs";
import type { Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { relu, times } from "../layers/activations.ts";
import { type Network, sequential } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { oneHotLinear } from "../layers/one_hot_linear.ts";
import { UNIFORM } from "../layers/starts.ts";
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
export function prefixNetwork({ vocabulary, length, hidden }: PrefixSize, scale: number): Network {
  const start = UNIFORM;
  return sequential([length - 1], [
    oneHotLinear("hidden1", { symbols: vocabulary + 1, units: hidden, start }),
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
