import * as tf from "@tensorflow/tfjs";
import type { Random } from "../base/random.ts";
import { extents, type LayerMaker, mustHaveAxes, sizeOf } from "./layer.ts";
import { HE_NORMAL, type Start } from "./starts.ts";

/** What decides a convolution. */
export interface Conv2dOptions {
  readonly filters: number;
  /** Height and width of the kernel: one number for both, or each. */
  readonly kernel: number | readonly [height: number, width: number];
  /** Absent: 1. */
  readonly stride?: number;
  /**
   * Zeros around the image: as many as give ceil(size / stride) outputs, the odd one below and to the right, or none.
   * Absent: "same". Keras's words; PyTorch's `padding=1` of a 3x3 kernel is "same" at stride 1.
   */
  readonly padding?: "same" | "valid";
  /** Absent: `HE_NORMAL`. PyTorch's nn.Conv2d starts as `UNIFORM`; Keras's Conv2D as neither (Glorot, biases 0). */
  readonly start?: Start;
  /** Whether biases are added. Absent: yes; before a batch normalization they would change nothing. */
  readonly bias?: boolean;
  /** Whether the kernel stays as it is, getting no gradient. Absent: no. */
  readonly frozen?: boolean;
}

/**
 * A convolution of images, [B, H, W, channels] -> [B, H', W', filters]: a kernel [height, width, channels, filters]
 * and, if wanted, biases [filters]. Each filter sums height x width x channels numbers.
 */
export function conv2d(name: string, options: Conv2dOptions): LayerMaker {
  const { filters, kernel, stride = 1, padding = "same", start = HE_NORMAL } = options;
  const { bias = true, frozen = false } = options;
  const [rows, columns] = typeof kernel === "number" ? [kernel, kernel] : kernel;
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], name);
    const [height, width, channels] = input, shape = [rows, columns, channels, filters];
    const inputs = rows * columns * channels;
    const down = along(height, { kernel: rows, stride, padding }),
      right = along(width, { kernel: columns, stride, padding });
    const output = [down.size, right.size, filters];
    if (down.size < 1 || right.size < 1) {
      throw new RangeError(
        `Cannot build ${name} as its input must be as large as its ${rows}x${columns} kernel: it is ${height}x${width}`,
      );
    }
    return {
      rows: [{
        type: "Conv2d",
        weight: [channels, filters, rows, columns].join(" x "),
        stride,
        padding: down.before !== down.after
          ? `${down.before}, ${down.after}`
          : rows === columns
          ? down.before
          : `${down.before} x ${right.before}`,
        output: extents(output),
      }],
      output,
      weights: {
        [`${name}/kernel`]: {
          shape,
          start: (random) => start.kernel(random, { size: sizeOf(shape), inputs }),
          role: frozen ? "frozen" : "trained",
        },
        ...bias
          ? {
            [`${name}/bias`]: {
              shape: [filters],
              start: (random: Random) => start.bias(random, { size: filters, inputs }),
            },
          }
          : {},
      },
      apply: (weights, x) => {
        const sums = tf.conv2d(x as tf.Tensor4D, weights[`${name}/kernel`] as tf.Tensor4D, stride, padding);
        return bias ? tf.add(sums, weights[`${name}/bias`]) : sums;
      },
    };
  };
}

/** Outputs along one axis of an image, and the zeros that are added before and after it. */
function along(
  size: number,
  { kernel, stride, padding }: Required<Pick<Conv2dOptions, "stride" | "padding">> & {
    readonly kernel: number;
  },
): { readonly size: number; readonly before: number; readonly after: number } {
  if (padding === "valid") return { size: Math.floor((size - kernel) / stride) + 1, before: 0, after: 0 };
  const outputs = Math.ceil(size / stride), added = Math.max(0, (outputs - 1) * stride + kernel - size);
  return { size: outputs, before: added >> 1, after: added - (added >> 1) };
}
