/**
 * Sequence to token: the prefix goes in, the next token comes out, and the target is that one token.
 *
 * The plainest autoregressive model: p(Z) = prod_i p(z_i | z_<i), trained by maximum likelihood on (prefix, next
 * token) pairs as they stand in the training sequences. Where a prefix has several continuations the pairs disagree,
 * and only their average, over many steps, is the histogram that `seq2hist` is given at once.
 *
 * After: Bengio, Ducharme, Vincent, Jauvin (2003), "A neural probabilistic language model", JMLR 3.
 * Departures: one-hot prefixes of any length with an "absent" token, an embedding only of large vocabularies, and logits that are the last
 * layer's outputs times 8: certainty needs large logits, and small weights learn them slowly.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { compile } from "../engine/device.ts";
import { adam, cosineRate } from "../engine/optimizers.ts";
import type { SequenceShape } from "../run/demand.ts";
import {
  factorization,
  type FitOptions,
  runMemorization,
  type SequenceExperiment,
  sequenceModel,
} from "../run/memorize.ts";
import { chosenSizes, type NetworkFlags, networkFlags } from "../run/network_flags.ts";
import { train } from "../run/training.ts";
import type { Description } from "../run/write_report.ts";
import {
  forward,
  networkDemand,
  PREFIX_PART,
  type PrefixModel,
  prefixNetwork,
  type PrefixSize,
  withEmbedding,
} from "./prefix_network.ts";

// What a trained model can do.
export { forward, logProbabilities, sample } from "./prefix_network.ts";

/** Everything that decides what is built and how it learns. */
export interface Seq2TokenConfig extends PrefixSize {
  readonly model: "seq2token";
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

/** A model: its configuration, its network and the weights. */
export interface Seq2Token extends PrefixModel {
  readonly config: Seq2TokenConfig;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2TokenConfig): Seq2Token {
  const network = prefixNetwork(config, LOGIT_SCALE);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** Mean cross-entropy in nats of the tokens int32 [B] that follow the prefixes; its floor is the data's entropy. */
export function loss(model: Seq2Token, prefixes: tf.Tensor2D, next: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, prefixes)); // [B, V]
    const chosen = tf.oneHot(next, model.config.vocabulary); // [B, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, chosen), 1)));
  });
}

/** Trains on pairs drawn uniformly: a training sequence, and a position in it. */
export async function fit(model: Seq2Token, options: FitOptions): Promise<void> {
  const { run, sequences, ...training } = options, { device } = training;
  const { vocabulary, length, batch, learningRate, seed } = model.config;
  const tokens = tf.tensor2d(sequences.tokens, [sequences.count, length], "int32");
  const optimizer = adam(model.weights, { beta2: 0.99 });
  const step = await compile(device, ({ index, position, rate }) => {
    const rows = tf.gather(tokens, index); // [B, T]
    const before = tf.less(tf.range(0, length, 1, "int32"), tf.expandDims(position, 1)); // [B, T]
    const all = tf.where(before, rows, tf.fill(rows.shape, vocabulary, "int32"));
    const prefixes = tf.slice2d(all, [0, 0], [batch, length - 1]); // [B, T-1]
    const here = tf.oneHot(position, length, 1, 0, "int32");
    const next: tf.Tensor1D = tf.sum(tf.mul(rows, here), 1); // [B]
    const { value, grads } = tf.variableGrads(
      () => loss(model, prefixes, next),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  }, {
    index: { shape: [batch], dtype: "int32" },
    position: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
  });
  const random = stream(seed).fork("batches");
  await train(run, {
    ...training,
    phase: "seq2token",
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
  const { length, batch, learningRate } = model.config;
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
    formula: factorization(
      length,
      "Each factor is the softmax of the network's output for the prefix $z_{<i}$.",
    ),
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy", unit: "nats" },
    code: [prefixNetwork, loss],
  };
}

function configure(
  { vocabulary, length }: SequenceShape,
  { seed, ...chosen }: { readonly seed: number } & NetworkFlags,
): Seq2TokenConfig {
  return withEmbedding({ model: "seq2token", ...chosenSizes(SEQ2TOKEN, chosen), vocabulary, length, seed });
}

/** The experiment of `train-seq2token`. */
export const EXPERIMENT = {
  name: "train-seq2token",
  summary:
    "Train a next-token model on codes of images, text, melodies or numbers until it has memorized them.",
  configure,
  demand: (shape, flags) => networkDemand(configure(shape, flags), shape),
  build,
  describe,
  defaultSteps: ({ count }) => Math.max(2500, 16 * count),
  fit,
  ...PREFIX_PART,
  flags: networkFlags,
} satisfies SequenceExperiment<Seq2Token, typeof networkFlags>;

export const MODEL = sequenceModel(EXPERIMENT);

if (import.meta.main) await runMemorization(EXPERIMENT);
