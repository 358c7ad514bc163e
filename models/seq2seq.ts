/**
 * Sequence to sequence: the whole sequence goes in, the distribution of every token comes out, all at once.
 *
 * After: MADE, the masked autoencoder for distribution estimation (Germain, Gregor, Murray, Larochelle 2015,
 * arXiv 1502.03509). Masks on the weights leave exactly the paths from earlier tokens to later outputs, so one pass
 * gives p(Z) = prod_i p(z_i | z_<i), and one step trains all positions.
 *
 * Departures: hidden units are divided evenly among the positions, in order, instead of at random, and the input is
 * shifted by one: block i of a hidden layer sees the tokens before position i.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import type { Weights } from "../engine/optimizers.ts";

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
export const SEQ2SEQ = Object.freeze({ hidden: 32, batch: 128, learningRate: 5e-3 });

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
    return linear("output", second).reshape([-1, length, vocabulary]); // [B, T, V]
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
