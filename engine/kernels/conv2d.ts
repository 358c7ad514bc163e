import { sizeOf } from "../graph.ts";
import { epilogueType, store } from "./evaluate.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { broadcastsTo } from "./strides.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** The convolution (cross-correlation) of images with a filter. */
export const conv2d: Kernel<"conv2d"> = {
  infer(op, inputs, asked) {
    const shape = mustAsk("conv2d", asked);
    const [x, filter, ...operands] = inputs;
    must(
      x?.shape.length === 4 && filter?.shape.length === 4 && shape.length === 4 &&
        x.shape[3] === filter.shape[2] &&
        shape[0] === x.shape[0] && shape[3] === filter.shape[3],
      "conv2d",
      `x [B,H,W,C] and filter [kh,kw,C,O] must give [${shape}]`,
      inputs,
    );
    must(
      operands.every((it) => broadcastsTo(it.shape, shape)),
      "conv2d",
      "epilogue operands must broadcast",
      inputs,
    );
    return [epilogueType({ shape, dtype: "float32" }, op.epilogue, operands)];
  },
  cost(op, inputs, outputs) {
    const [kh, kw, channels] = inputs[1].shape;
    return {
      flops: (2 * kh * kw * channels + (op.epilogue?.instructions.length ?? 0)) * sizeOf(outputs[0].shape),
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, [x, filter, ...operands], [output]) {
    const [kh, kw, channels, filters] = filter.shape, [height, width] = planeOf(x.shape);
    const extents = { window: op.window, image: [height, width], taps: [kh, kw] } as const;
    const sums = new Float64Array(output.data.length);
    let at = 0;
    eachPosition(output.shape, (image, row, column) => {
      eachTap(extents, [row, column], (y, xx, tapRow, tapColumn) => {
        const from = ((image * height + y) * width + xx) * channels,
          tap = (tapRow * kw + tapColumn) * channels;
        for (let c = 0; c < channels; c++) {
          for (let o = 0; o < filters; o++) {
            sums[at + o] += x.data[from + c] * filter.data[(tap + c) * filters + o];
          }
        }
      });
      at += filters;
    });
    store(output, (index) => sums[index], { program: op.epilogue, operands });
  },
};
