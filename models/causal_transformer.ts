/**
 * A causal transformer: the second architecture of `seq2seq`. Each position attends to the tokens before it and to
 * nothing else, and all positions share their weights, where the masked network has weights for each.
 *
 * After: Vaswani et al. (2017), "Attention is all you need", arXiv 1706.03762, in the shape of GPT-2 (Radford et al.
 * 2019): a decoder alone, layer normalization before each part, learned positions.
 * Departures: ReLU in place of GELU, no dropout (it shall memorize), no weights shared by input and output, and logits
 * that are the last layer's outputs times 8, its kernel beginning at an eighth of the usual: certainty needs large
 * logits. On 100 sequences and equal steps that halves what is lost on tokens that are certain.
 */
import * as tf from "@tensorflow/tfjs";
import type { Random } from "../base/random.ts";
import type { Weights } from "../engine/optimizers.ts";
import type { LayerRow } from "../layers/layer.ts";

/** The size of a transformer. */
export interface TransformerSize {
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence, at most. */
  readonly length: number;
  /** Blocks of attention and hidden layer. */
  readonly layers: number;
  /** Numbers that stand for one position. */
  readonly width: number;
  /** Attentions side by side, each on width / heads numbers. */
  readonly heads: number;
}

/** What the last layer's outputs are multiplied by to give logits. */
const LOGIT_SCALE = 8;
/** Units of a block's hidden layer for each of its width. */
const EXPANSION = 4;
/** Added to the score of a position that must not be seen: exp() of it is 0, exactly. */
const HIDDEN = -1e9;

/** Allocates the weights. Kernels are uniform in ±1/sqrt(inputs), embeddings have a variance of 0.02. */
export function buildTransformer(size: TransformerSize, random: Random): Weights {
  const { vocabulary, length, layers, width, heads } = size;
  if (width % heads !== 0) {
    throw new RangeError(`Cannot build a transformer as heads must divide width: ${heads} of ${width}`);
  }
  const weights: Record<string, tf.Variable> = {};
  const add = (name: string, values: Float32Array, shape: number[]): void => {
    weights[name] = tf.tidy(() => tf.variable(tf.tensor(values, shape)));
  };
  const dense = (name: string, inputs: number, outputs: number, scale = 1): void => {
    const limit = scale / Math.sqrt(inputs);
    add(`${name}/kernel`, random.fork(name).uniforms(inputs * outputs, limit), [inputs, outputs]);
    add(`${name}/bias`, new Float32Array(outputs), [outputs]);
  };
  const normalization = (name: string): void => {
    add(`${name}/gain`, new Float32Array(width).fill(1), [width]);
    add(`${name}/shift`, new Float32Array(width), [width]);
  };
  add("tokens/kernel", random.fork("tokens").normals((vocabulary + 1) * width, Math.sqrt(0.02)), [
    vocabulary + 1,
    width,
  ]);
  add("positions/kernel", random.fork("positions").normals(length * width, Math.sqrt(0.02)), [length, width]);
  // What the blocks add to one position stays as large as what one block adds.
  const share = 1 / Math.sqrt(2 * layers);
  for (let layer = 1; layer <= layers; layer++) {
    normalization(`attention${layer}`);
    for (const part of ["query", "key", "value"]) dense(`attention${layer}/${part}`, width, width);
    dense(`attention${layer}/output`, width, width, share);
    normalization(`hidden${layer}`);
    dense(`hidden${layer}/in`, width, EXPANSION * width);
    dense(`hidden${layer}/out`, EXPANSION * width, width, share);
  }
  normalization("output");
  dense("output", width, vocabulary, 1 / LOGIT_SCALE);
  return weights;
}

/**
 * Tokens before each position int32 [B, t], t <= T, the first of them `vocabulary` -> logits of the token at each
 * position [B, t, V]; those at position i depend on the tokens before i only.
 */
export function transformerLogits(
  size: TransformerSize,
  weights: Weights,
  before: tf.Tensor2D,
): tf.Tensor3D {
  const { vocabulary, layers, width: D, heads: H } = size;
  const [B, t] = before.shape;
  const linear = (name: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${name}/kernel`] as tf.Tensor2D), weights[`${name}/bias`]);
  const normalized = (name: string, x: tf.Tensor2D): tf.Tensor2D => {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const variance = tf.mean(tf.square(centred), 1, true);
    const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
    return tf.add(tf.mul(normal, weights[`${name}/gain`]), weights[`${name}/shift`]);
  };
  const byHead = (x: tf.Tensor2D): tf.Tensor4D =>
    tf.transpose(x.reshape([B, t, H, D / H]), [0, 2, 1, 3]) as tf.Tensor4D; // [B, H, t, D/H]
  const attention = (name: string, x: tf.Tensor2D, causal: tf.Tensor2D): tf.Tensor2D => {
    const [query, key, value] = ["query", "key", "value"].map((part) => byHead(linear(`${name}/${part}`, x)));
    const scores = tf.mul(tf.matMul(query, key, false, true), Math.sqrt(H / D)); // [B, H, t, t]
    const seen = tf.matMul(tf.softmax(tf.add(scores, causal)), value); // [B, H, t, D/H]
    return linear(`${name}/output`, tf.transpose(seen, [0, 2, 1, 3]).reshape([B * t, D]) as tf.Tensor2D);
  };
  return tf.tidy(() => {
    const bits = tf.cast(tf.oneHot(before, vocabulary + 1), "float32").reshape([B * t, vocabulary + 1]);
    const embedded = tf.matMul(bits as tf.Tensor2D, weights["tokens/kernel"] as tf.Tensor2D);
    const places = (weights["positions/kernel"] as tf.Tensor2D).slice([0, 0], [t, D]);
    const causal = tf.tensor2d(
      Float32Array.from({ length: t * t }, (_, at) => at % t > Math.floor(at / t) ? HIDDEN : 0),
      [t, t],
    );
    let x = tf.add(embedded.reshape([B, t, D]), places).reshape([B * t, D]) as tf.Tensor2D;
    for (let layer = 1; layer <= layers; layer++) {
      x = tf.add(x, attention(`attention${layer}`, normalized(`attention${layer}`, x), causal));
      const units = tf.relu(linear(`hidden${layer}/in`, normalized(`hidden${layer}`, x))); // [B*t, 4D]
      x = tf.add(x, linear(`hidden${layer}/out`, units));
    }
    return tf.mul(linear("output", normalized("output", x)), LOGIT_SCALE).reshape([B, t, vocabulary]);
  });
}

/** The network as a table. */
export function transformerLayers({ vocabulary, length, layers, width, heads }: TransformerSize): LayerRow[] {
  const output = `N x ${length} x ${width}`, units = EXPANSION * width;
  const blocks = Array.from({ length: layers }, (_, index): LayerRow[] => [
    { type: `Block ${index + 1}: LayerNorm`, weight: `2 x ${width}`, output },
    {
      type: `Query, key, value of ${heads} heads`,
      weight: `3 x ${width} x ${width}`,
      output: `N x 3 x ${heads} x ${length} x ${width / heads}`,
    },
    { type: "Causal softmax attention", output: `N x ${heads} x ${length} x ${width / heads}` },
    { type: "Linear, added", weight: `${width} x ${width}`, output },
    { type: "LayerNorm", weight: `2 x ${width}`, output },
    { type: "Linear, ReLU", weight: `${width} x ${units}`, output: `N x ${length} x ${units}` },
    { type: "Linear, added", weight: `${units} x ${width}`, output },
  ]);
  return [
    { type: "Input: tokens before each position", output: `N x ${length}` },
    { type: "Embedding, with 'start'", weight: `${vocabulary + 1} x ${width}`, output },
    { type: "Positions, added", weight: `${length} x ${width}`, output },
    ...blocks.flat(),
    { type: "LayerNorm", weight: `2 x ${width}`, output },
    {
      type: `Linear, times ${LOGIT_SCALE}`,
      weight: `${width} x ${vocabulary}`,
      output: `N x ${length} x ${vocabulary}`,
    },
  ];
}
