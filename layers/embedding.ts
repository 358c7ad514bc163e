import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import type { Fill } from "./starts.ts";

/** Symbols above which vectors are looked up; a product with one-hot rows is cheaper below, and its gradient too. */
const MOST_MULTIPLIED = 512;

/**
 * A vector of its own for each of `symbols` symbols: int32 [B, T], 0 <= symbol < symbols, -> [B, T, units]. PyTorch's
 * nn.Embedding and Keras's Embedding; a kernel [symbols, units].
 *
 * @param options.start is told that one number is summed.
 * @param options.padding the symbol whose vector is 0 and stays so, as nn.Embedding's `padding_idx`. Absent: none.
 */
export function embedding(
  name: string,
  options: {
    readonly symbols: number;
    readonly units: number;
    readonly start: Fill;
    readonly padding?: number;
  },
): LayerMaker {
  const { symbols, units, start, padding } = options;
  const looked = (kernel: tf.Tensor, x: tf.Tensor): tf.Tensor => {
    if (symbols > MOST_MULTIPLIED) return tf.gather(kernel, x);
    const bits = tf.reshape(tf.cast(tf.oneHot(x, symbols), "float32"), [-1, symbols]);
    return tf.reshape(tf.matMul(bits, kernel), [...x.shape, units]);
  };
  return (input) => {
    mustHaveAxes(input, ["time"], name);
    const output = [input[0], units], shape = [symbols, units];
    return {
      rows: [{ type: "Embedding", weight: shape.join(" x "), output: extents(output) }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start(random, { size: sizeOf(shape), inputs: 1 }),
        },
      },
      apply: (weights, x) => {
        const vectors = looked(weights[`${name}/kernel`], x);
        if (padding === undefined) return vectors;
        return tf.mul(vectors, tf.expandDims(tf.cast(tf.notEqual(x, padding), "float32"), -1));
      },
    };
  };
}

/**
 * Adds to each of the T places of [B, T, units] a vector of its own that is learned: a kernel [length, units], of which
 * the first T rows are used.
 */
export function positions(
  name: string,
  options: { readonly length: number; readonly start: Fill },
): LayerMaker {
  const { length, start } = options;
  return (input) => {
    mustHaveAxes(input, ["time", "units"], name);
    const [time, units] = input, shape = [length, units];
    if (time > length) {
      throw new RangeError(
        `Cannot build ${name} as its input must be ${length} places at most: it has ${time}`,
      );
    }
    return {
      rows: [{ type: "Positions, added", weight: shape.join(" x "), output: extents(input) }],
      output: input,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start(random, { size: sizeOf(shape), inputs: 1 }),
        },
      },
      apply: (weights, x) => {
        const kernel = weights[`${name}/kernel`];
        return tf.add(x, time === length ? kernel : tf.slice(kernel, [0, 0], [time, units]));
      },
    };
  };
}
