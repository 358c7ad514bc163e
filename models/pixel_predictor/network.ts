/** The network of the pixel predictor, and the probabilities that it gives. */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { compile, type Device } from "../../engine/device.ts";
import type { Weights } from "../../engine/optimizers.ts";
import { overRows } from "../../engine/rows.ts";
import { type Network, sequential } from "../../layers/layer.ts";
import { linear } from "../../layers/linear.ts";
import { gated, type StackState, throughStack } from "../../layers/recurrent.ts";
import type { PixelConfig, PixelModel } from "../../run/pixel_experiment.ts";
import { bitsOf, type PixelSet } from "../../run/pixel_source.ts";

/** A pixel predictor: its configuration, its network and the weights. */
export interface PixelPredictor extends PixelModel {
  readonly network: Network;
  readonly weights: Weights;
}

/** Deviation of the first layer's kernel: a pixel is one number, and must move gates that are nearly shut. */
const INPUT_DEVIATION = 0.5;
/** Images whose probabilities are computed at once. */
const BATCH = 250;

/** The network: bits [B, T - 1, 1] -> logits of the pixel after each, [B, T - 1, 1]. */
export function predictorNetwork(config: PixelConfig): Network {
  const { cell, units, pixels, gates, recurrentStart } = config;
  return sequential([pixels - 1, 1], [
    ...cellNames(config).map((name, at) =>
      gated(name, {
        ...{ cell, units, gates, recurrentStart, output: "sequence" },
        inputDeviation: at === 0 ? INPUT_DEVIATION : undefined,
      })
    ),
    linear("output", 1),
  ]);
}

function cellNames({ layers }: PixelConfig): string[] {
  return Array.from({ length: layers }, (_, at) => `cell${at + 1}`);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: PixelConfig): PixelPredictor {
  const network = predictorNetwork(config);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/**
 * Reads bits [B, T], from where a stack stands: the logits of the pixel after each, [B, T], and where the stack stands
 * then.
 *
 * @param options.lengths int32 [B]: how many of its bits each row reads.
 */
export function advance(
  { config, weights }: PixelPredictor,
  bits: tf.Tensor2D,
  options: { readonly initial?: StackState; readonly lengths?: tf.Tensor1D } = {},
): { readonly logits: tf.Tensor2D; readonly end: StackState } {
  const [batch, time] = bits.shape, { cell, units } = config;
  const x = tf.expandDims(bits, 2) as tf.Tensor3D;
  const { states, end } = throughStack(x, weights, { names: cellNames(config), cell, ...options });
  return { logits: readOut(weights, tf.reshape(states, [batch * time, units]), [batch, time]), end };
}

/** States [B, units] of the last layer as logits of the shape [B, 1]; the head of `advance`. */
export function readOut(weights: Weights, states: tf.Tensor, shape: [number, number]): tf.Tensor2D {
  return tf.reshape(tf.add(tf.matMul(states, weights["output/kernel"]), weights["output/bias"]), shape);
}

/** -ln p of bits of any shape, p being the sigmoid of their logits. */
export function bitNats<T extends tf.Tensor>(logits: T, bits: tf.Tensor): T {
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.add(tf.sub(tf.relu(logits), tf.mul(logits, bits)), rest) as T;
}

/** Nats of each pixel but the first of bits [B, T] given those before it: [B, T - 1]. */
export function pixelNats(model: PixelPredictor, bits: tf.Tensor2D): tf.Tensor2D {
  const [batch, time] = bits.shape;
  const before = tf.slice(bits, [0, 0], [batch, time - 1]), after = tf.slice(bits, [0, 1], [batch, time - 1]);
  const logits = model.network.apply<tf.Tensor3D>(model.weights, tf.expandDims(before, 2));
  return bitNats(tf.reshape(logits, [batch, time - 1]) as tf.Tensor2D, after);
}

/** Mean nats of a pixel of bits [B, T], over all but the first. */
export function loss(model: PixelPredictor, bits: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.mean(pixelNats(model, bits)));
}

/** -ln of the probability of an image's first pixel: its share among the training images. */
export function firstNats({ firstInk }: PixelConfig, bit: number): number {
  return -Math.log(bit === 1 ? firstInk : 1 - firstInk);
}

/** ln of the probability of each image of a set, all pixels and the first one with them: [count]. */
export async function logProbabilities(
  model: PixelPredictor,
  { device, set }: { readonly device: Device; readonly set: PixelSet },
): Promise<Float64Array> {
  const batch = Math.min(BATCH, set.count);
  const compiled = await compile(
    device,
    ({ bits }) => ({ nats: tf.sum(pixelNats(model, bits), 1) }),
    { bits: { shape: [batch, set.length] } },
  );
  const { nats } = await overRows(compiled, {
    count: set.count,
    batch,
    inputs: (rows) => ({ bits: bitsOf(set, rows) }),
  });
  compiled.dispose();
  return Float64Array.from(
    nats,
    (value, image) => -value - firstNats(model.config, set.bits[image * set.length]),
  );
}
