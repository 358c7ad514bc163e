import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk, sameShape } from "./kernel.ts";

/** Sums of slices by segment; an index outside the segments is dropped. */
export const scatterAdd: Kernel<"scatter_add"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("scatter_add", asked);
    const [indices, updates] = inputs;
    must(
      inputs.length === 2 && indices.dtype === "int32" && indices.shape.length === 1 &&
        updates.shape.length >= 1 &&
        updates.shape[0] === indices.shape[0] && sameShape(updates.shape.slice(1), shape.slice(1)),
      "scatter_add",
      `indices [I] and updates [I,R...] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: updates.dtype }];
  },
  cost: (_, inputs, outputs) => ({
    flops: sizeOf(inputs[1].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(_, [indices, updates], [output]) {
    const width = sizeOf(output.shape.slice(1)), sums = new Float64Array(output.data.length);
    indices.data.forEach((segment: number, row: number) => {
      if (segment < 0 || segment >= output.shape[0]) return;
      for (let j = 0; j < width; j++) sums[segment * width + j] += updates.data[row * width + j];
    });
    output.data.set(sums);
  },
};
