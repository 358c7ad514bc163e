import { sizeOf } from "../graph.ts";
import { accumulate } from "./evaluate.ts";
import { bytesOf, type Kernel, must, mustAsk, sameShape } from "./kernel.ts";

/** Slices by segment, summed or the last of each; an index outside the segments is dropped. */
export const scatter: Kernel<"scatter"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("scatter", asked);
    const [indices, updates] = inputs;
    must(
      inputs.length === 2 && indices.dtype === "int32" && indices.shape.length === 1 &&
        updates.shape.length >= 1 &&
        updates.shape[0] === indices.shape[0] && sameShape(updates.shape.slice(1), shape.slice(1)),
      "scatter",
      `indices [I] and updates [I,R...] must give [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: updates.dtype }];
  },
  cost: (_, inputs, outputs) => ({
    flops: sizeOf(inputs[1].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [indices, updates], [output]) {
    const join = accumulate("sum", output.dtype);
    const width = sizeOf(output.shape.slice(1)), sums = new Float64Array(output.data.length);
    indices.data.forEach((segment: number, row: number) => {
      if (segment < 0 || segment >= output.shape[0]) return;
      for (let j = 0; j < width; j++) {
        const at = segment * width + j, update = updates.data[row * width + j];
        sums[at] = op.reducer === "last" ? update : join(sums[at], update);
      }
    });
    output.data.set(sums);
  },
};
