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
import { overRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";
import { epochBatches } from "../run/batches.ts";
import { type FitOptions, runMemorization, type SequenceExperiment } from "../run/memorize.ts";
import { sampleSequences } from "../run/sampling.ts";
import { train } from "../run/training.ts";
import { choice } from "../run/task.ts";
import type { Reference } from "../report/html.ts";
import type { LayerRow } from "../layers/layer.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";
import {
  buildTransformer,
  transformerLayers,
  transformerLogits,
  type TransformerSize,
} from "./causal_transformer.ts";

/** Everything that decides what is built and how it learns. */
export type Seq2SeqConfig = Common & (Masked | Transformer);

interface Common {
  readonly model: "seq2seq";
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
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
/** Numbers in a one-hot sequence above which it is not multiplied but looked up. */
const WIDEST_ONE_HOT = 512;
/** Sequences evaluated at once. */
const EVALUATION_BATCH = 512;

/** A model: its configuration, its weights, and which of them exist. */
export interface Seq2Seq {
  readonly config: Seq2SeqConfig;
  readonly weights: Weights;
  /** Masked: 1 where a kernel may connect, else 0: a tensor of the kernel's shape for each layer. */
  readonly masks: Readonly<Record<string, tf.Tensor2D>>;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2SeqConfig): Seq2Seq {
  const random = stream(config.seed).fork("init");
  if (config.architecture === "transformer") {
    return { config, weights: buildTransformer(config, random), masks: {} };
  }
  const { vocabulary, length, hidden } = config;
  const layers = [
    // Block i of the first layer sees tokens before position i; later layers see the blocks up to their own.
    {
      name: "hidden1",
      from: vocabulary,
      to: hidden,
      sees: (input: number, output: number) => input < output,
    },
    { name: "hidden2", from: hidden, to: hidden, sees: (input: number, output: number) => input <= output },
    {
      name: "output",
      from: hidden,
      to: vocabulary,
      sees: (input: number, output: number) => input <= output,
    },
  ];
  const weights: Record<string, tf.Variable> = {}, masks: Record<string, tf.Tensor2D> = {};
  for (const { name, from, to, sees } of layers) {
    const mask = blockMask({ length, from, to, sees });
    masks[name] = mask;
    Object.assign(weights, masked(random.fork(name), name, mask));
  }
  return { config, weights, masks };
}

/** A mask [length*from, length*to] made of blocks: 1 where output block `o` sees input block `i`. */
function blockMask(options: {
  readonly length: number;
  readonly from: number;
  readonly to: number;
  readonly sees: (input: number, output: number) => boolean;
}): tf.Tensor2D {
  const { length, from, to, sees } = options;
  const rows = length * from, columns = length * to;
  const mask = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (sees(Math.floor(row / from), Math.floor(column / to))) mask[row * columns + column] = 1;
    }
  }
  return tf.tensor2d(mask, [rows, columns]);
}

/** Uniform in ±1/sqrt(inputs that the unit sees). */
function masked(random: Random, layer: string, mask: tf.Tensor2D): Weights {
  const [rows, columns] = mask.shape;
  return tf.tidy(() => {
    const limits = tf.rsqrt(tf.maximum(tf.sum(mask, 0), 1)); // [columns]
    const kernel = tf.mul(
      tf.mul(tf.tensor2d(random.uniforms(rows * columns), [rows, columns]), limits),
      mask,
    );
    return {
      [`${layer}/kernel`]: tf.variable(kernel),
      [`${layer}/bias`]: tf.variable(tf.zeros([columns])),
    };
  });
}

/** Tokens int32 [B, T] -> logits [B, T, V]; those at position i depend on tokens before i only. */
export function forward(model: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor3D {
  const { config, weights } = model, { length } = config;
  if (config.architecture === "masked") return maskedLogits(model, tokens);
  return tf.tidy(() => {
    const before = tf.concat([start(model, tokens), tokens.slice([0, 0], [-1, length - 1])], 1); // [B, T]
    return transformerLogits(config, weights, before as tf.Tensor2D);
  });
}

/** A column of the token that stands for none, [B, 1]. */
function start({ config }: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor2D {
  return tf.fill([tokens.shape[0], 1], config.vocabulary, "int32");
}

/** The masked network: tokens int32 [B, T] -> logits [B, T, V]. */
function maskedLogits(model: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor3D {
  const { weights, config: { vocabulary, length } } = model;
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, maskedKernel(model, layer)), weights[`${layer}/bias`]);
  return tf.tidy(() => {
    const first = tf.relu(tf.add(tokenSums(model, tokens), weights["hidden1/bias"])) as tf.Tensor2D; // [B, T*H]
    const second = tf.relu(linear("hidden2", first)); // [B, T*H]
    return tf.mul(linear("output", second), LOGIT_SCALE).reshape([-1, length, vocabulary]); // [B, T, V]
  });
}

function maskedKernel({ weights, masks }: Seq2Seq, layer: string): tf.Tensor2D {
  return tf.mul(weights[`${layer}/kernel`] as tf.Tensor2D, masks[layer]);
}

/** The one-hot sequences times the first kernel, [B, T*H]. Wide ones are looked up row by row: the same, and cheaper. */
function tokenSums(model: Seq2Seq, tokens: tf.Tensor2D): tf.Tensor2D {
  const { weights, masks, config: { vocabulary, length } } = model;
  const width = length * vocabulary;
  if (width > WIDEST_ONE_HOT) {
    // All rows of a position have one mask. An absent token reads some row, but no output that may see it is used.
    const first = tf.range(0, width, vocabulary, "int32"); // [T]
    const rows = tf.add(tf.minimum(tokens, tf.scalar(vocabulary - 1, "int32")), first); // [B, T]
    const seen = tf.mul(
      tf.gather(weights["hidden1/kernel"], rows as tf.Tensor2D),
      tf.gather(masks.hidden1, first as tf.Tensor1D),
    );
    return tf.sum(seen, 1); // of [B, T, T*H]
  }
  const bits = tf.cast(tf.oneHot(tokens, vocabulary), "float32").reshape([-1, width]);
  return tf.matMul(bits as tf.Tensor2D, maskedKernel(model, "hidden1"));
}

/** Mean cross-entropy a token, in nats, of sequences int32 [B, T]; its floor is the training set's entropy / T. */
export function loss(model: Seq2Seq, tokens: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, tokens)); // [B, T, V]
    const chosen = tf.oneHot(tokens, model.config.vocabulary); // [B, T, V]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, chosen), -1))) as tf.Scalar;
  });
}

/** Draws `count` sequences [count, T] by ancestral sampling, token by token. */
export function sample(
  model: Seq2Seq,
  options: { readonly device: Device; readonly count: number; readonly seed: number },
): Promise<Int32Array> {
  return sampleSequences({
    ...model.config,
    logits: (prefixes, position) =>
      nextLogits(model, prefixes, position).reshape([-1, model.config.vocabulary]),
  }, options);
}

/** Prefixes int32 [B, T-1] of `position` tokens -> logits of the next one [B, 1, V]. */
function nextLogits(model: Seq2Seq, prefixes: tf.Tensor2D, position: number): tf.Tensor3D {
  const { config, weights } = model, none = start(model, prefixes);
  // What stands at and after `position` has no path to its logits: a transformer does not even compute it.
  const all = config.architecture === "masked"
    ? maskedLogits(model, tf.concat([prefixes, none], 1))
    : transformerLogits(config, weights, tf.concat([none, prefixes], 1).slice([0, 0], [-1, position + 1]));
  return all.slice([0, position, 0], [-1, 1, -1]);
}

/** The log-probability of each token given those before it, in nats, [count, T]: one pass gives all. */
export async function logProbabilities(
  model: Seq2Seq,
  options: { readonly device: Device; readonly sequences: Sequences },
): Promise<Float64Array> {
  const { device, sequences: { tokens, count, length, vocabulary } } = options;
  const table = tf.tensor2d(tokens, [count, length], "int32"), batch = Math.min(EVALUATION_BATCH, count);
  const evaluate = await compile(
    device,
    ({ index }) => ({ logits: forward(model, tf.gather(table, index as tf.Tensor1D)) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  const { logits } = await overRows(evaluate, { count, batch, inputs: (index) => ({ index }) });
  evaluate.dispose();
  table.dispose();
  const logs = logSoftmax(logits, vocabulary);
  return Float64Array.from(tokens, (token, at) => logs[at * vocabulary + token]);
}

/** Trains on whole sequences, all positions at once, in epochs. */
export async function fit(model: Seq2Seq, options: FitOptions): Promise<void> {
  const { run, device, sequences, steps, budget } = options;
  const { length, learningRate, seed } = model.config;
  const batch = Math.min(model.config.batch, sequences.count);
  const tokens = tf.tensor2d(sequences.tokens, [sequences.count, length], "int32");
  const optimizer = adam(model.weights, { beta2: 0.99 });
  const step = await compile(device, ({ index, rate }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(tokens, index as tf.Tensor1D)),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  }, { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } });
  const rows = epochBatches(stream(seed).fork("batches"), { count: sequences.count, batch });
  await train(run, {
    phase: "seq2seq",
    steps,
    budget,
    device,
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
    formula: {
      formula: String.raw`p(Z) = \prod_{i=1}^{${length}} p(z_i \mid z_{<i})`,
      text: "One pass gives all factors; each is a softmax over the tokens.",
    },
    layers: config.architecture === "masked" ? maskedLayers(config) : transformerLayers(config),
    loss: { name: "cross-entropy a token", unit: "nats" },
    parameters: Object.values(model.weights).reduce((sum, weight) => sum + weight.size, 0),
    code: [...(masked ? [maskedLogits, tokenSums] : [transformerLogits]), loss],
    references: [
      ...(masked ? [MADE] : [TRANSFORMER, GPT2]),
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

const MADE: Reference = {
  key: "made",
  authors: "Germain, Gregor, Murray, Larochelle",
  year: 2015,
  title: "MADE: masked autoencoder for distribution estimation",
  venue: "ICML",
};
const TRANSFORMER: Reference = {
  key: "transformer",
  authors: "Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin",
  year: 2017,
  title: "Attention is all you need",
  venue: "NeurIPS",
};
const GPT2: Reference = {
  key: "gpt2",
  authors: "Radford, Wu, Child, Luan, Amodei, Sutskever",
  year: 2019,
  title: "Language models are unsupervised multitask learners",
  venue: "OpenAI",
};

function maskedLayers({ vocabulary, length, hidden }: Common & Masked): LayerRow[] {
  const inputs = length * vocabulary, units = length * hidden;
  return [
    { type: "Input: sequence, one-hot", output: `N x ${length} x ${vocabulary}` },
    { type: "Masked linear, ReLU", weight: `${inputs} x ${units}`, output: `N x ${units}` },
    { type: "Masked linear, ReLU", weight: `${units} x ${units}`, output: `N x ${units}` },
    {
      type: `Masked linear, times ${LOGIT_SCALE}`,
      weight: `${units} x ${inputs}`,
      output: `N x ${length} x ${vocabulary}`,
    },
    { type: "Softmax", output: `N x ${length} x ${vocabulary}` },
  ];
}

const FLAGS = {
  architecture: choice(["masked", "transformer"], {
    default: "masked",
    help: "a masked network, or a transformer",
  }),
};

/** The experiment of `train-seq2seq`. */
export const EXPERIMENT = {
  name: "train-seq2seq",
  summary:
    "Train a masked sequence model on codes of images, text, melodies or numbers until it has memorized them.",
  flags: FLAGS,
  build: ({ vocabulary, length }, { seed, architecture }) => {
    const shape = { model: "seq2seq", vocabulary, length, seed } as const;
    if (architecture === "transformer") return build({ ...shape, ...SEQ2SEQ_TRANSFORMER });
    // Layers are as wide as all positions together: long sequences have fewer units at each.
    const hidden = Math.max(FEWEST_UNITS, Math.min(SEQ2SEQ.hidden, Math.floor(WIDEST_LAYER / length)));
    return build({ ...shape, ...SEQ2SEQ, hidden });
  },
  describe,
  defaultSteps: (count) => Math.max(1000, 4 * count),
  fit,
  sample,
  logProbabilities,
  autoencoder: AUTOENCODER_PART,
} satisfies SequenceExperiment<Seq2Seq, typeof FLAGS>;

if (import.meta.main) await runMemorization(EXPERIMENT);
