/**
 * Sequence to sequence: the whole sequence goes in, the distribution of every token comes out, all at once.
 *
 * After: MADE, the masked autoencoder for distribution estimation (Germain, Gregor, Murray, Larochelle 2015,
 * arXiv 1502.03509). Masks on the weights leave exactly the paths from earlier tokens to later outputs, so one pass
 * gives p(Z) = prod_i p(z_i | z_<i), and one step trains all positions.
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
import { type FitOptions, runMemorization } from "../run/memorize.ts";
import { sampleSequences } from "../run/sampling.ts";
import { train } from "../run/training.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";

/** Everything that decides what is built and how it learns. */
export interface Seq2SeqConfig {
  readonly model: "seq2seq";
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** Units that each position has in each of the two hidden layers. */
  readonly hidden: number;
  /** Sequences in one step (or all of them, where there are fewer). */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The configuration that reaches the goal: 99 % memorized mass. */
export const SEQ2SEQ = Object.freeze({ hidden: 32, batch: 256, learningRate: 1e-2 });

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 8;
const WARMUP_STEPS = 50;
/** Sequences evaluated at once. */
const EVALUATION_BATCH = 512;

/** A model: its configuration, its weights, and which of them exist. */
export interface Seq2Seq {
  readonly config: Seq2SeqConfig;
  readonly weights: Weights;
  /** 1 where a kernel may connect, else 0: a tensor of the kernel's shape for each layer. */
  readonly masks: Readonly<Record<string, tf.Tensor2D>>;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: Seq2SeqConfig): Seq2Seq {
  const { vocabulary, length, hidden, seed } = config;
  const random = stream(seed).fork("init");
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
  const { weights, masks, config: { vocabulary, length } } = model;
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(
      tf.matMul(x, tf.mul(weights[`${layer}/kernel`] as tf.Tensor2D, masks[layer])),
      weights[`${layer}/bias`],
    );
  return tf.tidy(() => {
    const bits = tf.cast(tf.oneHot(tokens, vocabulary), "float32").reshape([-1, length * vocabulary]);
    const first = tf.relu(linear("hidden1", bits as tf.Tensor2D)); // [B, T*H]
    const second = tf.relu(linear("hidden2", first)); // [B, T*H]
    return tf.mul(linear("output", second), LOGIT_SCALE).reshape([-1, length, vocabulary]); // [B, T, V]
  });
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
  const { vocabulary } = model.config;
  return sampleSequences({
    ...model.config,
    // What stands at and after `position` has no path to its logits; an absent token is one-hot in no place.
    logits: (prefixes, position) => {
      const last = tf.fill([prefixes.shape[0], 1], vocabulary, "int32") as tf.Tensor2D;
      const all = forward(model, tf.concat([prefixes, last], 1)); // [B, T, V]
      return all.slice([0, position, 0], [-1, 1, -1]).reshape([-1, vocabulary]);
    },
  }, options);
}

/** The log-probability of each given sequence, in nats: one pass gives all of its factors. */
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
  return Float64Array.from({ length: count }, (_, sequence) => {
    let sum = 0;
    for (let at = sequence * length; at < (sequence + 1) * length; at++) {
      sum += logs[at * vocabulary + tokens[at]];
    }
    return sum;
  });
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
    step: async (t) => {
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
  const { vocabulary, length, hidden, batch, learningRate } = model.config;
  const inputs = length * vocabulary, units = length * hidden;
  return {
    title: "Sequence to sequence",
    abstract:
      "A network is given a whole training sequence and learns all of its tokens at once; masks on its weights hide " +
      "from each output the token itself and all later ones. Sampled token by token, it shows how much of what it " +
      "learned is the training set itself.",
    method: [
      "A masked autoencoder for distribution estimation [@made]: hidden units belong to positions in order, block " +
      "$i$ of the first layer sees the tokens before position $i$, and later layers see the blocks up to their own.",
      `Adam [@adam], ${learningRate} decaying by half a cosine, ${batch} sequences a step (or all of them).`,
    ],
    formula: {
      formula: String.raw`p(Z) = \prod_{i=1}^{${length}} p(z_i \mid z_{<i})`,
      text: "One pass gives all factors; each is a softmax over the tokens.",
    },
    layers: [
      { type: "Input: sequence, one-hot", output: `N x ${length} x ${vocabulary}` },
      { type: "Masked linear, ReLU", weight: `${inputs} x ${units}`, output: `N x ${units}` },
      { type: "Masked linear, ReLU", weight: `${units} x ${units}`, output: `N x ${units}` },
      {
        type: `Masked linear, times ${LOGIT_SCALE}`,
        weight: `${units} x ${inputs}`,
        output: `N x ${length} x ${vocabulary}`,
      },
      { type: "Softmax", output: `N x ${length} x ${vocabulary}` },
    ],
    parameters: Object.values(model.weights).reduce((sum, weight) => sum + weight.size, 0),
    code: [forward, loss],
    references: [
      {
        key: "made",
        authors: "Germain, Gregor, Murray, Larochelle",
        year: 2015,
        title: "MADE: masked autoencoder for distribution estimation",
        venue: "ICML",
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

if (import.meta.main) {
  await runMemorization({
    name: "train-seq2seq",
    summary: "Train a masked sequence model on the codes of images until it has memorized them.",
    build: ({ vocabulary, length }, { seed }) =>
      build({ model: "seq2seq", ...SEQ2SEQ, vocabulary, length, seed }),
    describe,
    defaultSteps: (count) => Math.max(1000, 4 * count),
    fit,
    sample,
    logProbabilities,
    autoencoder: AUTOENCODER_PART,
  });
}
