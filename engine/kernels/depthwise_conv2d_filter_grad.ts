import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** x [B, H, W, C], dy [B, H', W', C * M] -> [kh, kw, C, M]. */
export const depthwiseConv2dFilterGrad: Kernel<"depthwise_conv2d_filter_grad"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("depthwise_conv2d_filter_grad", asked);
    const [x, dy] = inputs;
    must(
      inputs.length === 2 && x.shape.length === 4 && dy.shape.length === 4 && shape.length === 4 &&
        x.shape[0] === dy.shape[0] && shape[2] === x.shape[3] && dy.shape[3] === shape[2] * shape[3],
      "depthwise_conv2d_filter_grad",
      `x [B,H,W,C] and dy [B,H',W',C*M] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost(_, inputs, outputs) {
    const [kh, kw] = outputs[0].shape;
    return { flops: 2 * kh * kw * sizeOf(inputs[1].shape), bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  run(op, [x, dy], [output]) {
    const [kh, kw, channels, multiplier] = output.shape, [height, width] = planeOf(x.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let from = 0;
    eachPosition(dy.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, xx, tapRow, tapColumn) => {
        const at = ((image * height + y) * width + xx) * channels, tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let m = 0; m < multiplier; m++) {
            sums[(tap + c) * multiplier + m] += x.data[at + c] * dy.data[from + c * multiplier + m];
          }
        }
      });
      from += channels * multiplier;
    });
    output.data.set(sums);
  },
};
