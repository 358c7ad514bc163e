import * as tf from "@tensorflow/tfjs";
import type { Conv2dOptions } from "./conv2d.ts";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import { HE_NORMAL } from "./starts.ts";

/** What decides a transposed convolution. */
export interface Conv2dTransposeOptions extends Omit<Conv2dOptions, "kernel"> {
  /** Height and width of the kernel. */
  readonly kernel: number;
  /**
   * Height and width of the output, of those that a convolution with padding "same" would bring back to the input's:
   * 7x7 or 8x8 from 4x4 at stride 2. Absent: stride times the input's.
   */
  readonly size?: readonly [height: number, width: number];
}

/**
 * A transposed convolution, [B, H, W, channels] -> [B, H', W', filters]: what carries the gradient of a convolution
 * back, as a layer. A kernel [kernel, kernel, filters, channels] and biases [filters]. With padding "same", H' is
 * stride x H or what `size` says; with "valid", (H - 1) stride + kernel.
 *
 * PyTorch's nn.ConvTranspose2d(kernel_size=4, stride=2, padding=1), and Keras's Conv2DTranspose. A start takes each
 * output to sum (kernel / stride)² x channels numbers, which is how many of the kernel's places meet it.
 */
export function conv2dTranspose(name: string, options: Conv2dTransposeOptions): LayerMaker {
  const { filters, kernel, stride = 1, padding = "same", size, start = HE_NORMAL } = options;
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], name);
    const [height, width, channels] = input, shape = [kernel, kernel, filters, channels];
    const inputs = channels * (kernel / stride) ** 2;
    const along = (size: number): number => padding === "same" ? size * stride : (size - 1) * stride + kernel;
    const output = [...size ?? [along(height), along(width)], filters];
    if (size && (padding !== "same" || size.some((n, axis) => Math.ceil(n / stride) !== input[axis]))) {
      throw new RangeError(
        `Cannot build ${name} as a stride of ${stride} must bring ${
          size.join("x")
        } back to its input, ${height}x${width}`,
      );
    }
    // What a convolution with this padding would add around the output is cut away here.
    const cut = padding === "same" ? Math.max(0, (height - 1) * stride + kernel - output[0]) : 0,
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
        const shape: [number, number, number, number] = [x.shape[0], output[0], output[1], filters];
        const kernel = weights[`${name}/kernel`] as tf.Tensor4D;
        return tf.add(
          tf.conv2dTranspose(x as tf.Tensor4D, kernel, shape, stride, padding),
          weights[`${name}/bias`],
        );
      },
    };
  };
}
