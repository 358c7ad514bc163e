import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk, sameShape } from "./kernel.ts";

/** The largest elements of the last axis and where they are: NaN is larger than every number. */
export const topk: Kernel<"topk"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("topk", asked);
    const [x] = inputs;
    must(
      inputs.length === 1 && x.shape.length >= 1 && sameShape(x.shape.slice(0, -1), shape.slice(0, -1)) &&
        shape.length === x.shape.length && shape.at(-1)! <= x.shape.at(-1)!,
      "topk",
      `its rows must hold the rows of [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: x.dtype }, { shape, dtype: "int32" }];
  },
  cost(_, inputs, outputs) {
    const size = sizeOf(inputs[0].shape);
    return { flops: size * Math.ceil(Math.log2(size + 1)), bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  run(_, [x], [values, indices]) {
    const width = x.shape.at(-1)!, k = values.shape.at(-1)!;
    for (let row = 0; row * width < x.data.length; row++) {
      const order = Array.from({ length: width }, (_, i) => i);
      const key = (i: number) => x.data[row * width + i];
      order.sort((a, b) => {
        const unknown = Number(Number.isNaN(key(b))) - Number(Number.isNaN(key(a)));
        return unknown || (key(a) === key(b) || Number.isNaN(key(a)) ? a - b : key(a) < key(b) ? 1 : -1);
      });
      for (let i = 0; i < k; i++) {
        values.data[row * k + i] = x.data[row * width + order[i]];
        indices.data[row * k + i] = order[i];
      }
    }
  },
};
