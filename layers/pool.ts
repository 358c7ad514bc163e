import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes } from "./layer.ts";

/** What decides a pool beside the size of its windows. */
export interface PoolOptions {
  /**
   * "same": a window that crosses the border takes what lies inside, so that H' is ceil(H/stride) (`ceil_mode` of
   * PyTorch's pools side by side, `padding=1` of its windows of 3 at stride 1). "valid": there is no such window
   * (PyTorch's default). Keras's words. Absent: "same".
   */
  readonly padding?: "same" | "valid";
  /** From one window to the next. Absent: the size, windows side by side. */
  readonly stride?: number;
}

/** The largest of each window of `size` x `size` places, [B, H, W, C] -> [B, H', W', C]. */
export function maxPool(size: number, options: PoolOptions = {}): LayerMaker {
  const { padding = "same", stride = size } = options;
  return pooled("max", { size, padding, stride }, (x) => tf.maxPool(x, size, stride, padding));
}

/**
 * The mean of each window of `size` x `size` places, [B, H, W, C] -> [B, H', W', C]. Padding is not counted: the mean is
 * of what lies inside (`count_include_pad=False` in PyTorch, whose default is True).
 */
export function averagePool(size: number, options: PoolOptions = {}): LayerMaker {
  const { padding = "same", stride = size } = options;
  return pooled("average", { size, padding, stride }, (x) => tf.avgPool(x, size, stride, padding));
}

function pooled(
  kind: "max" | "average",
  { size, padding, stride }: Required<PoolOptions> & { readonly size: number },
  apply: (x: tf.Tensor4D) => tf.Tensor4D,
): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], `a ${kind}-pool`);
    const windows = (extent: number): number =>
      padding === "same" ? Math.ceil(extent / stride) : Math.max(0, Math.floor((extent - size) / stride) + 1);
    const output = [windows(input[0]), windows(input[1]), input[2]];
    if (output.includes(0)) {
      throw new RangeError(
        `Cannot build a ${kind}-pool as its input must be at least ${size}x${size}: it is ${input[0]}x${
          input[1]
        }`,
      );
    }
    const title = kind === "max" ? "MaxPool" : "AveragePool";
    return {
      rows: [{ type: `${title} ${size}x${size}`, stride, output: extents(output) }],
      output,
      apply: (_weights, x) => apply(x as tf.Tensor4D),
    };
  };
}

/** The largest number of each channel, wherever it is: [B, H, W, C] -> [B, C]. Keras's GlobalMaxPooling2D. */
export const globalMaxPool: LayerMaker = (input) => {
  mustHaveAxes(input, ["height", "width", "channels"], "a global max-pool");
  const output = [input[2]];
  return {
    rows: [{ type: "Global max-pool", output: extents(output) }],
    output,
    apply: (_weights, x) => tf.max(x, [1, 2]),
  };
};
