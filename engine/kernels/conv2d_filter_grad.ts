import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** The gradient of a convolution by its filter. */
export const conv2dFilterGrad: Kernel<"conv2d_filter_grad"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("conv2d_filter_grad", asked);
    const [x, dy] = inputs;
    must(
      inputs.length === 2 && x.shape.length === 4 && dy.shape.length === 4 && shape.length === 4 &&
        x.shape[0] === dy.shape[0] && shape[2] === x.shape[3] && shape[3] === dy.shape[3],
      "conv2d_filter_grad",
      `x [B,H,W,C] and dy [B,H',W',O] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost(_, inputs, outputs) {
    const [kh, kw, channels] = outputs[0].shape;
    return {
      flops: 2 * kh * kw * channels * sizeOf(inputs[1].shape),
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, [x, dy], [output]) {
    const [kh, kw, channels, filters] = output.shape, [height, width] = planeOf(x.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let from = 0;
    eachPosition(dy.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, xx, tapRow, tapColumn) => {
        const at = ((image * height + y) * width + xx) * channels, tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let o = 0; o < filters; o++) {
            sums[(tap + c) * filters + o] += x.data[at + c] * dy.data[from + o];
          }
        }
      });
      from += filters;
    });
    output.data.set(sums);
  },
};
