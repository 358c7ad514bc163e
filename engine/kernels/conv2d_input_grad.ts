import { sizeOf } from "../graph.ts";
import { epilogueType, store } from "./evaluate.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { broadcastsTo } from "./strides.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** The gradient of a convolution by its images: also the transposed convolution. */
export const conv2dInputGrad: Kernel<"conv2d_input_grad"> = {
  infer(op, inputs, asked) {
    const shape = mustAsk("conv2d_input_grad", asked);
    const [dy, filter, ...operands] = inputs;
    must(
      dy?.shape.length === 4 && filter?.shape.length === 4 && shape.length === 4 &&
        dy.shape[3] === filter.shape[3] &&
        shape[0] === dy.shape[0] && shape[3] === filter.shape[2],
      "conv2d_input_grad",
      `dy [B,H',W',O] and filter [kh,kw,C,O] must give [${shape}]`,
      inputs,
    );
    must(
      operands.every((it) => broadcastsTo(it.shape, shape)),
      "conv2d_input_grad",
      "epilogue operands must broadcast",
      inputs,
    );
    return [epilogueType({ shape, dtype: "float32" }, op.epilogue, operands)];
  },
  cost(op, inputs, outputs) {
    const [kh, kw, channels] = inputs[1].shape;
    return {
      flops: 2 * kh * kw * channels * sizeOf(inputs[0].shape) +
        (op.epilogue?.instructions.length ?? 0) * sizeOf(outputs[0].shape),
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, [dy, filter, ...operands], [output]) {
    const [kh, kw, channels, filters] = filter.shape, [height, width] = planeOf(output.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let from = 0;
    eachPosition(dy.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, x, tapRow, tapColumn) => {
        const at = ((image * height + y) * width + x) * channels, tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let o = 0; o < filters; o++) {
            sums[at + c] += dy.data[from + o] * filter.data[(tap + c) * filters + o];
          }
        }
      });
      from += filters;
    });
    store(output, (index) => sums[index], { program: op.epilogue, operands });
  },
};
