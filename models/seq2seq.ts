/**
 * Sequence to sequence: the whole sequence goes in, the distribution of every token comes out, all at once. One pass
 * gives p(Z) = prod_i p(z_i | z_<i), and one step trains all positions, as no output sees its own token or later ones.
 *
 * Two architectures see to that: masks on the weights of a plain network, here, and on the attention of a transformer,
 * in `causal_transformer.ts`.
 *
 * After, the first: MADE, the masked autoencoder for distribution estimation (Germain, Gregor, Murray, Larochelle 2015,
 * arXiv 1502.03509). Masks on the weights leave exactly the paths from earlier tokens to later outputs.
 *
 * Departures: hidden units are divided evenly among the positions, in order, instead of at random, and the input is
 * shifted by one: block i of a hidden layer sees the tokens before position i. Logits are the last layer's outputs
 * times 8: certainty needs large logits, and small weights learn them slowly.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import type { Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { relu, times } from "../layers/activations.ts";
import { extents, type LayerMaker, type Network, sequential } from "../layers/layer.ts";
import { reshape } from "../layers/reshape.ts";
import { zeros } from "../layers/starts.ts";
import { eachRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";
import { epochBatches } from "../run/batches.ts";
import type { Demand, SequenceShape } from "../run/demand.ts";
import {
  factorization,
  type FitOptions,
  runMemorization,
  type SequenceExperiment,
  sequenceModel,
} from "../run/memorize.ts";
import { type SampleOptions, sampleSequences, scoredOnce, type Scorer, together } from "../run/sampling.ts";
import { train } from "../run/training.ts";
import { chosenSizes, networkFlags } from "../run/network_flags.ts";
import { choice, type FlagValues, UsageError } from "../run/task.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";
import { block, transformer, type TransformerSize } from "./causal_transformer.ts";

/** Everything that decides what is built and how it learns. */
export type Seq2SeqConfig = Common & (Masked | Transformer);

interface Sizes {
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
}

interface Common extends Sizes {
  readonly model: "seq2seq";
  /** Sequences in one step (or all of them, where there are fewer). */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  readonly seed: number;
}

interface Masked {
  readonly architecture: "masked";
  /** Units that each position has in each of the two hidden layers. */
  readonly hidden: number;
}

interface Transformer extends Omit<TransformerSize, "vocabulary" | "length"> {
  readonly architecture: "transformer";
}

/** The masked network that reaches the goal: 99 % memorized mass. */
export const SEQ2SEQ = Object.freeze(
  { architecture: "masked", hidden: 32, batch: 256, learningRate: 1e-2 } as const,
);
/** Units in a whole layer above which positions get fewer than that, down to so many each. */
const WIDEST_LAYER = 2048, FEWEST_UNITS = 4;
/** Weights of a masked network above which the default is the transformer, whose positions share theirs. */
const MOST_MASKED = 40_000_000;
/** The transformer that reaches the goal. */
export const SEQ2SEQ_TRANSFORMER = Object.freeze(
  {
    architecture: "transformer",
    layers: 2,
    width: 64,
    heads: 4,
    batch: 256,
    learningRate: 3e-3,
  } as const,
);

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 8;
const WARMUP_STEPS = 50;
/** Sequences evaluated at once. */
const EVALUATION_BATCH = 512;

/** A model: its configuration, its network and the weights. */
export interface Seq2Seq {
  readonly config: Seq2SeqConfig;
  readonly network: Network;
  readonly weights: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2SeqConfig): Seq2Seq {
  const network = config.architecture === "masked" ? maskedNetwork(config) : transformer(config);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** The masked network: tokens int32 [B, T] -> logits [B, T, V]; those at position i depend on tokens before i only. */
export function maskedNetwork({ vocabulary, length, hidden }: Sizes & Masked): Network {
  return sequential([length], [
    maskedLinear("hidden1", { length, units: hidden, sees: "before", symbols: vocabulary }),
    relu,
    maskedLinear("hidden2", { length, units: hidden, sees: "up to" }),
    relu,
    maskedLinear("output", { length, units: vocabulary, sees: "up to" }),
    times(LOGIT_SCALE),
    reshape([length, vocabulary]),
  ]);
}

/** Numbers in a one-hot row above which it is not multiplied but looked up: the same, and cheaper. */
const WIDEST_ONE_HOT = 512;

/** Blocks, one a position, of the inputs and outputs of a masked layer. */
interface Blocks {
  readonly length: number;
  /** Outputs of one block. */
  readonly units: number;
  /** Which blocks of its inputs an output sees: those before its own, or its own too. */
  readonly sees: "before" | "up to";
  /** Where the inputs are int32 [B, T], seen one-hot: how many symbols there are. */
  readonly symbols?: number;
}

/** A linear layer, [B, T x inputs] -> [B, T x units], whose mask leaves the paths from the blocks that each block sees. */
function maskedLinear(name: string, { length, units, sees, symbols }: Blocks): LayerMaker {
  return ([width]) => {
    const from = symbols ?? width / length, rows = length * from, columns = length * units;
    const shape = [rows, columns], output = [columns];
    const blockOf = (size: number, each: number): Int32Array =>
      Int32Array.from({ length: size }, (_, at) => Math.floor(at / each));
    /** 1 where a row of the given block has a path, else 0. */
    const mask = (blocks: Int32Array): tf.Tensor => {
      const [input, own] = [tf.tensor2d(blocks, [blocks.length, 1]), tf.tensor1d(blockOf(columns, units))];
      return tf.cast(sees === "before" ? tf.less(input, own) : tf.lessEqual(input, own), "float32");
    };
    return {
      rows: [{ type: "Masked linear", weight: shape.join(" x "), output: extents(output) }],
      output,
      weights: {
        [`${name}/kernel`]: { shape, start: (random) => maskedStart(random, { length, from, units, sees }) },
        [`${name}/bias`]: { shape: [columns], start: (random) => zeros(random, { size: columns }) },
      },
      apply: (weights, x) => {
        const kernel = weights[`${name}/kernel`];
        return tf.add(symbols === undefined ? product(kernel, x) : sums(kernel, x), weights[`${name}/bias`]);
      },
    };

    function product(kernel: tf.Tensor, x: tf.Tensor): tf.Tensor {
      return tf.matMul(x, tf.mul(kernel, mask(blockOf(rows, from))));
    }

    /** The one-hot sequences times the kernel. Wide ones are looked up row by row: the same, and cheaper. */
    function sums(kernel: tf.Tensor, tokens: tf.Tensor): tf.Tensor {
      if (rows <= WIDEST_ONE_HOT) {
        const bits = tf.cast(tf.oneHot(tokens, from), "float32");
        return product(kernel, tf.reshape(bits, [-1, rows]));
      }
      // All rows of a position have one mask. An absent token reads some row, but no output that may see it is used.
      const first = tf.range(0, rows, from, "int32"); // [T]
      const at = tf.add(tf.minimum(tokens, tf.scalar(from - 1, "int32")), first); // [B, T]
      return tf.sum(tf.mul(tf.gather(kernel, at), mask(blockOf(length, 1))), 1); // of [B, T, T*H]
    }
  };
}

/** Uniform in ±1/sqrt(inputs that the unit sees), 0 where it does not see. */
function maskedStart(random: Random, blocks: Blocks & { readonly from: number }): Float32Array {
  const { length, from, units, sees } = blocks, columns = length * units;
  return random.uniforms(length * from * columns).map((value, at) => {
    const input = Math.floor(Math.floor(at / columns) / from), own = Math.floor(at % columns / units);
    const seen = sees === "before" ? own : own + 1,
      limit = Math.fround(1 / Math.sqrt(Math.max(1, seen * from)));
    return value * limit * (input < seen ? 1 : 0);
  });
}

/** Tokens int32 [B, T] -> logits [B, T, V]; those at position i depend on tokens before i only. */
export function forward(model: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor3D {
  const { config: { architecture, length }, network, weights } = model;
  if (architecture === "masked") return network.apply(weights, tokens);
  return tf.tidy(() => {
    const before = tf.concat([start(model, tokens), tf.slice(tokens, [0, 0], [-1, length - 1])], 1); // [B, T]
    return network.apply(weights, before);
  });
}

/** A column of the token that stands for none, [B, 1]. */
function start({ config }: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor2D {
  return tf.fill([tokens.shape[0], 1], config.vocabulary, "int32");
}

/** Mean cross-entropy a token, in nats, of sequences int32 [B, T]; its floor is the training set's entropy / T. */
export function loss(model: Seq2Seq, tokens: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, tokens)); // [B, T, V]
    const chosen = tf.oneHot(tokens, model.config.vocabulary); // [B, T, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, chosen), -1)));
  });
}

/** Draws `count` sequences [count, T] by ancestral sampling, token by token, from the tokens that are given on. */
export function sample(model: Seq2Seq, options: SampleOptions): Promise<Int32Array> {
  return sampleSequences({
    ...model.config,
    logits: (prefixes, position, at) =>
      tf.reshape(nextLogits(model, prefixes, { position, at }), [-1, model.config.vocabulary]),
  }, options);
}

/** Prefixes int32 [B, T-1] of `at` tokens, `position` at most (absent: just as many) -> logits of the next [B, 1, V]. */
function nextLogits(
  model: Seq2Seq,
  prefixes: tf.Tensor2D,
  { position, at }: { readonly position: number; readonly at?: tf.Scalar },
): tf.Tensor3D {
  const { config, network, weights } = model, none = start(model, prefixes);
  // What stands at and after `position` has no path to its logits: a transformer does not even compute it.
  const all: tf.Tensor3D = config.architecture === "masked"
    ? network.apply(weights, tf.concat([prefixes, none], 1))
    : transformer(config, position + 1).apply(
      weights,
      tf.slice(tf.concat([none, prefixes], 1), [0, 0], [-1, position + 1]),
    );
  if (at === undefined) return tf.slice(all, [0, position, 0], [-1, 1, -1]);
  const places = all.shape[1], chosen = tf.reshape(tf.oneHot(at, places, 1, 0, "float32"), [1, places, 1]);
  return tf.sum(tf.mul(all, chosen), 1, true);
}

/** Scores sequences by the model as it learns: one pass gives all tokens of a sequence. */
export async function scorer(
  model: Seq2Seq,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Scorer> {
  const { device, sequences: { tokens, count, length, vocabulary } } = options;
  const table = tf.tensor2d(tokens, [count, length], "int32"),
    batch = Math.min(together(EVALUATION_BATCH, length), count);
  const evaluate = await compile(
    device,
    ({ index }) => ({ logits: forward(model, tf.gather(table, index)) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  return {
    async read() {
      const logs = new Float64Array(tokens.length);
      await eachRows(evaluate, {
        count,
        batch,
        inputs: (index) => ({ index }),
        take: ({ logits }, first) => {
          const known = logSoftmax(logits, vocabulary), end = Math.min(count, first + batch) * length;
          for (let at = first * length; at < end; at++) {
            logs[at] = known[(at - first * length) * vocabulary + tokens[at]];
          }
        },
      });
      return logs;
    },
    dispose() {
      evaluate.dispose();
      table.dispose();
    },
  };
}

/** The log-probability of each token given those before it, in nats, [count, T]. */
export function logProbabilities(
  model: Seq2Seq,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Float64Array> {
  return scoredOnce(scorer(model, options));
}

/** Trains on whole sequences, all positions at once, in epochs. */
export async function fit(model: Seq2Seq, options: FitOptions): Promise<void> {
  const { run, sequences, ...training } = options, { device } = training;
  const { length, learningRate, seed } = model.config;
  const batch = Math.min(model.config.batch, sequences.count);
  const tokens = tf.tensor2d(sequences.tokens, [sequences.count, length], "int32");
  const optimizer = adam(model.weights, { beta2: 0.99 });
  const step = await compile(device, ({ index, rate }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(tokens, index)),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  }, { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } });
  const rows = epochBatches(stream(seed).fork("batches"), { count: sequences.count, batch });
  await train(run, {
    ...training,
    phase: "seq2seq",
    variables: { ...model.weights, ...optimizer.slots },
    step: async (t, steps) => {
      const rate = cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS });
      await step.run({ index: rows(t), rate: Float32Array.of(rate) });
    },
    read: () => step.read(),
  });
  step.dispose();
  optimizer.dispose();
  tokens.dispose();
}

function describe(model: Seq2Seq): Description {
  const { config } = model, { length, batch, learningRate } = config;
  const masked = config.architecture === "masked";
  return {
    title: masked ? "Sequence to sequence" : "Sequence to sequence, a causal transformer",
    abstract:
      "A network is given a whole training sequence and learns all of its tokens at once; masks on its " +
      `${
        masked ? "weights" : "attention"
      } hide from each output the token itself and all later ones. Sampled token ` +
      "by token, it shows how much of what it learned is the training set itself.",
    method: [
      masked
        ? "A masked autoencoder for distribution estimation [@made]: hidden units belong to positions in order, " +
          "block $i$ of the first layer sees the tokens before position $i$, and later layers see the blocks up to " +
          "their own."
        : "A transformer [@transformer] that only looks back: the input is shifted by one position, and each " +
          "position attends to itself and those before. Layer normalization comes before each part [@gpt2].",
      `Adam [@adam], ${learningRate} decaying by half a cosine, ${batch} sequences a step (or all of them).`,
    ],
    formula: factorization(length, "One pass gives all factors; each is a softmax over the tokens."),
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy a token", unit: "nats" },
    code: [...(masked ? [maskedNetwork, maskedLinear] : [transformer, block]), loss],
  };
}

const FLAGS = {
  ...networkFlags,
  hidden: {
    ...networkFlags.hidden,
    help: "units of each position in a hidden layer, or a transformer's width",
  },
  architecture: choice(["masked", "transformer"], {
    help: "a masked network, or a transformer (default: masked, or transformer where that has above " +
      `${MOST_MASKED / 1e6} million weights)`,
  }),
};

function configure(
  { vocabulary, length }: SequenceShape,
  { seed, architecture, ...chosen }: { readonly seed: number } & FlagValues<typeof FLAGS>,
): Seq2SeqConfig {
  const shape = { model: "seq2seq", vocabulary, length, seed } as const;
  // Layers are as wide as all positions together: long sequences have fewer units at each.
  const hidden = Math.max(FEWEST_UNITS, Math.min(SEQ2SEQ.hidden, Math.floor(WIDEST_LAYER / length)));
  const masked = { ...shape, ...chosenSizes({ ...SEQ2SEQ, hidden }, chosen) };
  if (
    (architecture ?? (maskedNetwork(masked).parameters > MOST_MASKED ? "transformer" : "masked")) === "masked"
  ) {
    return masked;
  }
  const { width: own, heads } = SEQ2SEQ_TRANSFORMER;
  const { hidden: width, ...size } = chosenSizes({ ...SEQ2SEQ_TRANSFORMER, hidden: own }, chosen);
  if (width % heads !== 0) {
    throw new UsageError(
      `--hidden must be a multiple of ${heads}, the transformer's heads: current value is ${width}`,
    );
  }
  return { ...shape, ...size, width, batch: together(size.batch, length) };
}

/** What a model and its training take. */
function demand(shape: SequenceShape, flags: Parameters<typeof configure>[1]): Demand {
  const config = configure(shape, flags), { count, length, vocabulary } = shape;
  const batch = Math.min(config.batch, count), logits = length * vocabulary;
  if (config.architecture === "masked") {
    const weights = maskedNetwork(config).parameters;
    // Each kernel has a mask, and is held with it applied.
    return { weights, others: 3 * weights + batch * (8 * length * config.hidden + 5 * logits) };
  }
  const { layers, heads, width } = config;
  const block = 4 * heads * length ** 2 + 16 * length * width;
  return { weights: transformer(config).parameters, others: batch * (layers * block + 5 * logits) };
}

/** The experiment of `train-seq2seq`. */
export const EXPERIMENT = {
  name: "train-seq2seq",
  summary:
    "Train a masked sequence model on codes of images, text, melodies or numbers until it has memorized them.",
  flags: FLAGS,
  configure,
  demand,
  build,
  describe,
  defaultSteps: ({ count }) => Math.max(1000, 4 * count),
  fit,
  sample,
  scorer,
  autoencoder: AUTOENCODER_PART,
} satisfies SequenceExperiment<Seq2Seq, typeof FLAGS>;

export const MODEL = sequenceModel(EXPERIMENT);

if (import.meta.main) await runMemorization(EXPERIMENT);
