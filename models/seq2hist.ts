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
import { stream } from "../base/random.ts";
import { type PrefixTable, prefixTable } from "../data/sequences.ts";
import { compile } from "../engine/device.ts";
import { adam, cosineRate, type Optimizer } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";
import { cumulated, drawRow } from "../run/batches.ts";
import type { SequenceShape } from "../run/demand.ts";
import {
  factorization,
  type FitOptions,
  runMemorization,
  type SequenceExperiment,
  sequenceModel,
} from "../run/memorize.ts";
import { type FlagValues, integer } from "../run/task.ts";
import { chosenSizes, networkFlags } from "../run/network_flags.ts";
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
export { forward, logProbabilities, sample, scorer } from "./prefix_network.ts";

/** Everything that decides what is built and how it learns. */
export interface Seq2HistConfig extends PrefixSize {
  readonly model: "seq2hist";
  /** Observation range γ: how many preceding tokens the network sees. Absent: all. */
  readonly range?: number;
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
/** Steps that a few prefixes take all the same. */
const FEWEST_STEPS = 1000;
/** Decay of Adam's second moment. */
export const BETA2 = 0.99;
/** Fewest steps between two evaluations of every prefix's excess loss; large tables wait for two passes of steps. */
const FOCUS_EVERY = 100;
/** Nats that are added to every prefix's excess loss when prefixes are drawn: none is ever forgotten. */
const FOCUS_FLOOR = 1e-3;
/** Prefixes evaluated at once. */
const EVALUATION_BATCH = 2048;

/** A model: its configuration, its network and the weights. */
export interface Seq2Hist extends PrefixModel {
  readonly config: Seq2HistConfig;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2HistConfig): Seq2Hist {
  const network = prefixNetwork(config, LOGIT_SCALE);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** Mean cross-entropy in nats between target histograms [B, V] and predictions; its floor is the data's entropy. */
export function loss(model: Seq2Hist, prefixes: tf.Tensor2D, histograms: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, prefixes)); // [B, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(histograms, logs), 1)));
  });
}

/** One update on the rows `index`, int32 [B], of all prefixes [P, T-1] and their histograms [P, V]: to be compiled. */
export function trainingStep(model: Seq2Hist, options: {
  readonly prefixes: tf.Tensor2D;
  readonly histograms: tf.Tensor2D;
  readonly optimizer: Optimizer;
}): (inputs: { readonly index: tf.Tensor1D; readonly rate: tf.Scalar }) => { loss: tf.Tensor } {
  const { prefixes, histograms, optimizer } = options;
  return ({ index, rate }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(prefixes, index), tf.gather(histograms, index)),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  };
}

/**
 * Trains on the distinct prefixes of `sequences`. Every hundred steps or so the excess loss of every prefix decides
 * anew how often it is drawn.
 */
export async function fit(model: Seq2Hist, options: FitOptions): Promise<void> {
  const { run, sequences, ...training } = options, { device } = training;
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
    ({ index }) => ({ logits: forward(model, tf.gather(prefixes, index)) }),
    { index: { shape: [evaluationBatch], dtype: "int32" } },
  );
  /** Cumulated weights of the prefixes: in the checkpoint, as a resumed run must draw what this one would. */
  const focus = tf.tidy(() => tf.variable(tf.zeros([table.size]), false));
  let cumulative: Float32Array | undefined;
  async function refocus(): Promise<void> {
    const size = { count: table.size, batch: evaluationBatch };
    const { logits } = await overRows(evaluate, { ...size, inputs: (index) => ({ index }) });
    cumulative = cumulated(drawWeights(table, logits as Float32Array));
    tf.tidy(() => focus.assign(tf.tensor1d(cumulative!)));
  }

  const random = stream(seed).fork("batches");
  await train(run, {
    ...training,
    phase: "seq2hist",
    variables: { ...model.weights, ...optimizer.slots, focus },
    renew: { every: Math.max(FOCUS_EVERY, 2 * Math.ceil(table.size / batch)), run: refocus },
    step: async (t, steps) => {
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

function describe(model: Seq2Hist): Description {
  const { length, range, batch, learningRate } = model.config;
  return {
    title: `Sequence to histogram${range === undefined ? "" : `, range ${range}`}`,
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

const FLAGS = {
  ...networkFlags,
  range: integer({
    min: 0,
    help: "observation range: how many tokens before the next one it sees (default: all)",
  }),
};

function configure(
  { vocabulary, length, count }: SequenceShape,
  { seed, range, ...chosen }: { readonly seed: number } & FlagValues<typeof FLAGS>,
): Seq2HistConfig {
  const sizes = count > HUGE_COUNT ? SEQ2HIST_HUGE : count > LARGE_COUNT ? SEQ2HIST_LARGE : SEQ2HIST;
  return withEmbedding({
    model: "seq2hist",
    ...chosenSizes(sizes, chosen),
    vocabulary,
    length,
    ...range === undefined ? {} : { range },
    seed,
  });
}

/** The experiment of `train-seq2hist`. */
export const EXPERIMENT = {
  name: "train-seq2hist",
  summary:
    "Train a next-token histogram model on codes of images, text, melodies or numbers until it has memorized them.",
  configure,
  demand: (shape, flags) => networkDemand(configure(shape, flags), shape),
  build,
  describe,
  defaultSteps: (sequences, { range }) => {
    const { count } = sequences;
    const steps = count > LARGE_COUNT ? Math.max(8000, Math.round(0.8 * count)) : Math.max(4000, 4 * count);
    if (range === undefined) return steps;
    // Seen through a short range many prefixes are one, and there is less to learn.
    const share = prefixTable(sequences, { range }).size / prefixTable(sequences).size;
    return Math.max(FEWEST_STEPS, Math.round(share * steps));
  },
  fit,
  ...PREFIX_PART,
  flags: FLAGS,
} satisfies SequenceExperiment<Seq2Hist, typeof FLAGS>;

export const MODEL = sequenceModel(EXPERIMENT);

if (import.meta.main) await runMemorization(EXPERIMENT);
