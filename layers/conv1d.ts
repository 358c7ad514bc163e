import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import { HE_NORMAL } from "./starts.ts";

/**
 * A convolution along time without padding, [B, T, inputs] -> [B, T - width + 1, filters]: a kernel
 * [width, inputs, filters] that starts as `HE_NORMAL` and biases [filters]. PyTorch's nn.Conv1d, which has the inputs
 * before the time; Keras's Conv1D.
 */
export function conv1d(
  name: string,
  { filters, width }: { readonly filters: number; readonly width: number },
): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["time", "inputs"], name);
    const [time, inputs] = input, shape = [width, inputs, filters], summed = { inputs: width * inputs };
    if (time < width) {
      throw new RangeError(`Cannot build ${name} as its input must be ${width} long at least: it is ${time}`);
    }
    const output = [time - width + 1, filters];
    return {
      rows: [{
        type: "Conv1d",
        weight: [inputs, filters, width].join(" x "),
        stride: 1,
        padding: 0,
        output: extents(output),
      }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => HE_NORMAL.kernel(random, { size: sizeOf(shape), ...summed }),
        },
        [`${name}/bias`]: {
          shape: [filters],
          start: (random) => HE_NORMAL.bias(random, { size: filters, ...summed }),
        },
      },
      apply: (weights, x) => {
        const sums = tf.conv1d(x as tf.Tensor3D, weights[`${name}/kernel`] as tf.Tensor3D, 1, "valid");
        return tf.add(sums, weights[`${name}/bias`]);
      },
    };
  };
}

/**
 * The largest of each unit over time, [B, T, units] -> [B, units]. Where several are equal, as windows of padding are,
 * the gradient goes to one of them.
 */
export const maxOverTime: LayerMaker = (input) => {
  mustHaveAxes(input, ["time", "units"], "a maximum over time");
  const [time, units] = input;
  return {
    rows: [{ type: "Max over time", output: extents([units]) }],
    output: [units],
    apply: (_weights, x) => {
      const images = tf.reshape(x, [-1, time, 1, units]) as tf.Tensor4D;
      return tf.reshape(tf.maxPool(images, [time, 1], 1, "valid"), [-1, units]);
    },
  };
};
