import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes } from "./layer.ts";

/**
 * The largest of each window of `size` x `size` places, windows side by side, [B, H, W, C] -> [B, H', W', C].
 *
 * @param padding "same": a window that crosses the border takes what lies inside, so that H' is ceil(H/size) (`ceil_mode`
 * in PyTorch's nn.MaxPool2d). "valid": there is no such window, and H' is floor(H/size) (PyTorch's default). Keras's
 * words.
 */
export function maxPool(size: number, padding: "same" | "valid" = "same"): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], "a max-pool");
    const windows = (extent: number): number =>
      padding === "same" ? Math.ceil(extent / size) : Math.floor(extent / size);
    const output = [windows(input[0]), windows(input[1]), input[2]];
    if (output.includes(0)) {
      throw new RangeError(
        `Cannot build a max-pool as its input must be at least ${size}x${size}: it is ${input[0]}x${
          input[1]
        }`,
      );
    }
    return {
      rows: [{ type: `MaxPool ${size}x${size}`, stride: size, output: extents(output) }],
      output,
      apply: (_weights, x) => tf.maxPool(x as tf.Tensor4D, size, size, padding),
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
