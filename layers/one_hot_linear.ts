import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import { HE_NORMAL, type Start } from "./starts.ts";

/**
 * Numbers in a one-hot row above which it is looked up instead, to give the same: stock tfjs makes the rows, a batch of which
 * must fit into memory. The compiled devices make none (`engine/passes/one_hot.ts`).
 */
const WIDEST_ONE_HOT = 8192;

/**
 * A linear layer of symbols that are seen one-hot: int32 [B, T], 0 <= symbol < symbols, -> [B, units]. What a
 * linear layer of the flat one-hot row [T x symbols] gives; its kernel is [T x symbols, units].
 */
export function oneHotLinear(name: string, options: {
  readonly symbols: number;
  readonly units: number;
  /** Absent: `HE_NORMAL`. */
  readonly start?: Start;
}): LayerMaker {
  const { symbols, units, start = HE_NORMAL } = options;
  return (input) => {
    mustHaveAxes(input, ["time"], name);
    const inputs = input[0] * symbols, shape = [inputs, units], output = [units];
    return {
      rows: [{ type: "Linear of one-hot symbols", weight: shape.join(" x "), output: extents(output) }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start.kernel(random, { size: sizeOf(shape), inputs }),
        },
        [`${name}/bias`]: { shape: [units], start: (random) => start.bias(random, { size: units, inputs }) },
      },
      apply: (weights, x) => {
        const kernel = weights[`${name}/kernel`];
        return tf.add(sums(kernel, x), weights[`${name}/bias`]);
      },
    };

    /** The one-hot rows times the kernel. */
    function sums(kernel: tf.Tensor, x: tf.Tensor): tf.Tensor {
      if (inputs > WIDEST_ONE_HOT) {
        const rows = tf.add(x, tf.range(0, inputs, symbols, "int32")); // [B, T]
        return tf.sum(tf.gather(kernel, rows), 1);
      }
      const bits = tf.reshape(tf.oneHot(x as tf.Tensor2D, symbols), [-1, inputs]);
      return tf.matMul(tf.cast(bits, "float32"), kernel);
    }
  };
}
