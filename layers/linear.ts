import * as tf from "@tensorflow/tfjs";
import type { Random } from "../base/random.ts";
import { extents, type LayerMaker, sizeOf } from "./layer.ts";
import { HE_NORMAL, type Start } from "./starts.ts";

/** What may differ in a linear layer. */
export interface LinearOptions {
  /** Absent: `HE_NORMAL`. PyTorch's nn.Linear starts as `UNIFORM`; Keras's Dense as neither (Glorot, biases 0). */
  readonly start?: Start;
  /** Whether biases are added. Absent: yes. */
  readonly bias?: boolean;
}

/**
 * An affine map of the last axis, [B, ..., inputs] -> [B, ..., units]: a kernel [inputs, units] and, if wanted,
 * biases [units].
 * PyTorch's nn.Linear, whose kernel is stored the other way round; Keras's Dense, without its activation.
 */
export function linear(name: string, units: number, options: LinearOptions = {}): LayerMaker {
  const { start = HE_NORMAL, bias = true } = options;
  return (input) => {
    const inputs = input[input.length - 1], output = [...input.slice(0, -1), units];
    if (inputs === undefined) throw new RangeError(`Cannot build ${name} as its input must have an axis`);
    const shape = [inputs, units];
    return {
      rows: [{ type: "Linear", weight: shape.join(" x "), output: extents(output) }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start.kernel(random, { size: sizeOf(shape), inputs }),
        },
        ...bias
          ? {
            [`${name}/bias`]: {
              shape: [units],
              start: (random: Random) => start.bias(random, { size: units, inputs }),
            },
          }
          : {},
      },
      apply: (weights, x) => {
        const rows = input.length === 1 ? x : tf.reshape(x, [-1, inputs]);
        const products = tf.matMul(rows, weights[`${name}/kernel`]);
        const y = bias ? tf.add(products, weights[`${name}/bias`]) : products;
        return input.length === 1 ? y : tf.reshape(y, [-1, ...output]);
      },
    };
  };
}
