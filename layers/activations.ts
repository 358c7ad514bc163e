/** Functions of each number by itself, as layers. */
import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker } from "./layer.ts";

function elementwise(type: string, apply: (x: tf.Tensor) => tf.Tensor): LayerMaker {
  return (input) => ({
    rows: [{ type, output: extents(input) }],
    output: input,
    apply: (_weights, x) => apply(x),
  });
}

/** max(x, 0). */
export const relu: LayerMaker = elementwise("ReLU", (x) => tf.relu(x));

/** x, and below 0 `slope` times x. PyTorch's default slope is 0.01, Keras's 0.3. */
export function leakyRelu(slope: number): LayerMaker {
  return elementwise(`LeakyReLU ${slope}`, (x) => tf.leakyRelu(x, slope));
}

/** Scaled exponential linear units (Klambauer et al. 2017), which keep mean 0 and variance 1. */
export const selu: LayerMaker = elementwise("SELU", (x) => tf.selu(x));

/** x times the normal distribution function of x, exactly: PyTorch's default; not its approximation by tanh. */
export const gelu: LayerMaker = elementwise(
  "GELU",
  (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
);

/** x times its sigmoid (Hendrycks and Gimpel 2016): PyTorch's SiLU, Keras's swish. */
export const silu: LayerMaker = elementwise("SiLU", (x) => tf.mul(x, tf.sigmoid(x)));

/** The hyperbolic tangent. */
export const tanh: LayerMaker = elementwise("Tanh", (x) => tf.tanh(x));

/** 1 / (1 + exp(-x)). */
export const sigmoid: LayerMaker = elementwise("Sigmoid", (x) => tf.sigmoid(x));

/** x times a constant, such as logits that small weights are to make large. */
export function times(factor: number): LayerMaker {
  return elementwise(`Times ${Number(factor.toPrecision(4))}`, (x) => tf.mul(x, factor));
}
