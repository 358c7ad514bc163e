import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, sizeOf } from "./layer.ts";
import { HE_NORMAL, type Start } from "./starts.ts";

/** What may differ in a linear layer. */
export interface LinearOptions {
  /** Absent: `HE_NORMAL`. PyTorch's nn.Linear starts as `UNIFORM`; Keras's Dense as neither (Glorot, biases 0). */
  readonly start?: Start;
}

/**
 * An affine map of the last axis, [B, ..., inputs] -> [B, ..., units]: a kernel [inputs, units] and biases [units].
 * PyTorch's nn.Linear, whose kernel is stored the other way round; Keras's Dense, without its activation.
 */
export function linear(name: string, units: number, { start = HE_NORMAL }: LinearOptions = {}): LayerMaker {
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
        [`${name}/bias`]: { shape: [units], start: (random) => start.bias(random, { size: units, inputs }) },
      },
      apply: (weights, x) => {
        const rows = input.length === 1 ? x : tf.reshape(x, [-1, inputs]);
        const y = tf.add(tf.matMul(rows, weights[`${name}/kernel`]), weights[`${name}/bias`]);
        return input.length === 1 ? y : tf.reshape(y, [-1, ...output]);
      },
    };
  };
}
