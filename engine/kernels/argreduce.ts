import { type Shape, sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";

/** A shape around one axis: elements before it, along it, and after it. */
export function around(shape: Shape, axis: number): { before: number; extent: number; after: number } {
  return { before: sizeOf(shape.slice(0, axis)), extent: shape[axis], after: sizeOf(shape.slice(axis + 1)) };
}

/** The index of the first largest or smallest element along an axis. */
export const argreduce: Kernel<"argreduce"> = {
  infer(op, inputs) {
    const [x] = inputs;
    must(
      inputs.length === 1 && x.shape[op.axis] > 0,
      "argreduce",
      `axis ${op.axis} must not be empty`,
      inputs,
    );
    return [{ shape: x.shape.filter((_, axis) => axis !== op.axis), dtype: "int32" }];
  },
  cost: (_, inputs, outputs) => ({
    flops: sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [x], [output]) {
    const { before, extent, after } = around(x.shape, op.axis);
    for (let i = 0; i < before; i++) {
      for (let j = 0; j < after; j++) {
        let best = 0;
        for (let k = 1; k < extent; k++) {
          const value = x.data[(i * extent + k) * after + j], other = x.data[(i * extent + best) * after + j];
          if (op.reducer === "max" ? value > other : value < other) best = k;
        }
        output.data[i * after + j] = best;
      }
    }
  },
};
