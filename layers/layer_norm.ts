import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker } from "./layer.ts";
import { zeros } from "./starts.ts";

/** Added to the variance. PyTorch's default; Keras's is 1e-3. */
const EPSILON = 1e-5;

/**
 * Layer normalization (Ba, Kiros, Hinton 2016): the last axis is brought to mean 0 and variance 1 (that of the
 * population, as everywhere), then times a gain and plus a shift of its own for each unit. It may bear the name of the
 * layer before it: "hidden1/kernel", "hidden1/bias", "hidden1/gain", "hidden1/shift".
 */
export function layerNorm(name: string): LayerMaker {
  return (input) => {
    const units = input[input.length - 1];
    return {
      rows: [{ type: "LayerNorm", weight: `2 x ${units}`, output: extents(input) }],
      output: input,
      weights: {
        [`${name}/gain`]: { shape: [units], start: () => new Float32Array(units).fill(1) },
        [`${name}/shift`]: { shape: [units], start: (random) => zeros(random, { size: units }) },
      },
      apply: (weights, x) => {
        const centred = tf.sub(x, tf.mean(x, -1, true));
        const variance = tf.mean(tf.square(centred), -1, true);
        const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, EPSILON)));
        return tf.add(tf.mul(normal, weights[`${name}/gain`]), weights[`${name}/shift`]);
      },
    };
  };
}
