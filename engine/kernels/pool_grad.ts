import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { eachPosition, eachTap, planeOf } from "./window.ts";

/**
 * The gradient of pooling: to each window's first largest element, or spread evenly over its elements inside. Where all
 * are NaN or -Infinity, the first of them is the largest.
 */
export const poolGrad: Kernel<"pool_grad"> = {
  infer(op, inputs, asked) {
    const [dy, x] = inputs;
    must(
      inputs.length === (op.reducer === "max" ? 2 : 1),
      "pool_grad",
      "max must have dy and x, mean must have dy alone",
      inputs,
    );
    const shape = op.reducer === "max" ? x.shape : mustAsk("pool_grad", asked);
    must(
      dy.shape.length === 4 && shape.length === 4 && shape[0] === dy.shape[0] && shape[3] === dy.shape[3],
      "pool_grad",
      `dy [B,H',W',C] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: "float32" }];
  },
  cost: (op, inputs, outputs) => ({
    flops: op.size[0] * op.size[1] * sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [dy, x], [output]) {
    const [height, width] = planeOf(output.shape), channels = output.shape[3];
    const extents = { window: op.window, image: [height, width], taps: op.size } as const;
    const sums = new Float64Array(output.data.length);
    let from = 0;
    eachPosition(dy.shape, (image, row, column) => {
      for (let c = 0; c < channels; c++) {
        const gradient = dy.data[from++], inside: number[] = [];
        eachTap(extents, [row, column], (y, xx) => {
          inside.push(((image * height + y) * width + xx) * channels + c);
        });
        if (op.reducer === "mean") {
          for (const at of inside) sums[at] += gradient / inside.length;
        } else if (inside.length > 0) {
          let largest = -Infinity, place = inside[0];
          for (const at of inside) if (x.data[at] > largest) largest = x.data[place = at];
          sums[place] += gradient;
        }
      }
    });
    output.data.set(sums);
  },
};
