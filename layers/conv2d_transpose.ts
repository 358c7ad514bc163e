import * as tf from "@tensorflow/tfjs";
import type { Conv2dOptions } from "./conv2d.ts";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import { HE_NORMAL } from "./starts.ts";

/**
 * A transposed convolution, [B, H, W, channels] -> [B, H', W', filters]: what carries the gradient of a convolution
 * back, as a layer. A kernel [kernel, kernel, filters, channels] and biases [filters]. With padding "same", H' is
 * stride x H; with "valid", (H - 1) stride + kernel.
 *
 * PyTorch's nn.ConvTranspose2d(kernel_size=4, stride=2, padding=1), and Keras's Conv2DTranspose. A start takes each
 * output to sum (kernel / stride)² x channels numbers, which is how many of the kernel's places meet it.
 */
export function conv2dTranspose(name: string, options: Conv2dOptions): LayerMaker {
  const { filters, kernel, stride = 1, padding = "same", start = HE_NORMAL } = options;
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], name);
    const [height, width, channels] = input, shape = [kernel, kernel, filters, channels];
    const inputs = channels * (kernel / stride) ** 2;
    const along = (size: number): number => padding === "same" ? size * stride : (size - 1) * stride + kernel;
    const output = [along(height), along(width), filters];
    const cut = padding === "same" ? Math.max(0, kernel - stride) : 0,
      before = cut >> 1,
      after = cut - before;
    return {
      rows: [{
        type: "ConvT2d",
        weight: [channels, filters, kernel, kernel].join(" x "),
        stride,
        padding: before === after ? before : `${before}, ${after}`,
        output: extents(output),
      }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start.kernel(random, { size: sizeOf(shape), inputs }),
        },
        [`${name}/bias`]: {
          shape: [filters],
          start: (random) => start.bias(random, { size: filters, inputs }),
        },
      },
      apply: (weights, x) => {
        const size: [number, number, number, number] = [x.shape[0], output[0], output[1], filters];
        const kernel = weights[`${name}/kernel`] as tf.Tensor4D;
        return tf.add(
          tf.conv2dTranspose(x as tf.Tensor4D, kernel, size, stride, padding),
          weights[`${name}/bias`],
        );
      },
    };
  };
}
