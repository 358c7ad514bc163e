import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes } from "./layer.ts";

/**
 * The largest of each window of `size` x `size` places, windows side by side, [B, H, W, C] -> [B, ceil(H/size),
 * ceil(W/size), C]: a window that crosses the border takes what lies inside ("same" in Keras, `ceil_mode` in
 * PyTorch's nn.MaxPool2d).
 */
export function maxPool(size: number): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], "a max-pool");
    const output = [Math.ceil(input[0] / size), Math.ceil(input[1] / size), input[2]];
    return {
      rows: [{ type: `MaxPool ${size}x${size}`, stride: size, output: extents(output) }],
      output,
      apply: (_weights, x) => tf.maxPool(x as tf.Tensor4D, size, size, "same"),
    };
  };
}
