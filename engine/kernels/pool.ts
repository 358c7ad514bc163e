import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/** The maximum (of those that are not NaN) or the mean of the elements of each window that lie inside the image. */
export const pool: Kernel<"pool"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("pool", asked);
    const [x] = inputs;
    must(
      inputs.length === 1 && x.shape.length === 4 && shape.length === 4 && shape[0] === x.shape[0] &&
        shape[3] === x.shape[3],
      "pool",
      `x [B,H,W,C] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: x.dtype }];
  },
  cost: (op, inputs, outputs) => ({
    flops: op.size[0] * op.size[1] * sizeOf(outputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [x], [output]) {
    const [height, width] = planeOf(x.shape), channels = x.shape[3];
    const extents = { window: op.window, image: [height, width], taps: op.size } as const;
    let to = 0;
    eachPosition(output.shape, (image, row, column) => {
      for (let c = 0; c < channels; c++) {
        let best = -Infinity, sum = 0, count = 0;
        eachTap(extents, [row, column], (y, xx) => {
          const value = x.data[((image * height + y) * width + xx) * channels + c];
          if (value > best) best = value;
          sum += value;
          count++;
        });
        output.data[to++] = op.reducer === "max" ? best : sum / count;
      }
    });
  },
};
