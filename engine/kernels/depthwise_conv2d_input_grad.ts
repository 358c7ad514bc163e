import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** dy [B, H', W', C * M], filter [kh, kw, C, M] -> dx [B, H, W, C]. */
export const depthwiseConv2dInputGrad: Kernel<"depthwise_conv2d_input_grad"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("depthwise_conv2d_input_grad", asked);
    const [dy, filter] = inputs;
    must(
      inputs.length === 2 && dy.shape.length === 4 && filter.shape.length === 4 && shape.length === 4 &&
        shape[0] === dy.shape[0] && shape[3] === filter.shape[2] &&
        dy.shape[3] === shape[3] * filter.shape[3],
      "depthwise_conv2d_input_grad",
      `dy [B,H',W',C*M] and filter [kh,kw,C,M] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost(_, inputs, outputs) {
    const [kh, kw] = inputs[1].shape;
    return { flops: 2 * kh * kw * sizeOf(inputs[0].shape), bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  run(op, [dy, filter], [output]) {
    const [kh, kw, channels, multiplier] = filter.shape, [height, width] = planeOf(output.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let from = 0;
    eachPosition(dy.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, x, tapRow, tapColumn) => {
        const at = ((image * height + y) * width + x) * channels, tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let m = 0; m < multiplier; m++) {
            sums[at + c] += dy.data[from + c * multiplier + m] * filter.data[(tap + c) * multiplier + m];
          }
        }
      });
      from += channels * multiplier;
    });
    output.data.set(sums);
  },
};
