import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** A convolution of every channel by itself with its own filters. */
export const depthwiseConv2d: Kernel<"depthwise_conv2d"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("depthwise_conv2d", asked);
    const [x, filter] = inputs;
    must(
      inputs.length === 2 && x.shape.length === 4 && filter.shape.length === 4 && shape.length === 4 &&
        x.shape[3] === filter.shape[2] && shape[0] === x.shape[0] &&
        shape[3] === x.shape[3] * filter.shape[3],
      "depthwise_conv2d",
      `x [B,H,W,C] and filter [kh,kw,C,M] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost(_, inputs, outputs) {
    const [kh, kw] = inputs[1].shape;
    return { flops: 2 * kh * kw * sizeOf(outputs[0].shape), bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  run(op, [x, filter], [output]) {
    const [kh, kw, channels, multiplier] = filter.shape, [height, width] = planeOf(x.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let to = 0;
    eachPosition(output.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, xx, tapRow, tapColumn) => {
        const from = ((image * height + y) * width + xx) * channels,
          tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let m = 0; m < multiplier; m++) {
            sums[to + c * multiplier + m] += x.data[from + c] * filter.data[(tap + c) * multiplier + m];
          }
        }
      });
      to += channels * multiplier;
    });
    output.data.set(sums);
  },
};
