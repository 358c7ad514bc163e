import { around } from "./argreduce.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";

/** Slices along an axis, by index. */
export const gather: Kernel<"gather"> = {
  infer(op, inputs) {
    const [x, indices] = inputs;
    must(
      inputs.length === 2 && indices.dtype === "int32" && op.axis < x.shape.length,
      "gather",
      `it must have a tensor with axis ${op.axis} and int32 indices`,
      inputs,
    );
    const shape = [...x.shape.slice(0, op.axis), ...indices.shape, ...x.shape.slice(op.axis + 1)];
    return [{ shape, dtype: x.dtype }];
  },
  cost: (_, inputs, outputs) => ({ flops: 0, bytes: bytesOf([inputs[1]]) + 2 * bytesOf(outputs) }),
  run(op, [x, indices], [output]) {
    const { before, extent, after } = around(x.shape, op.axis);
    let to = 0;
    for (let i = 0; i < before; i++) {
      for (const index of indices.data) {
        const inside = index >= 0 && index < extent;
        for (let j = 0; j < after; j++) {
          output.data[to++] = inside ? x.data[(i * extent + index) * after + j] : 0;
        }
      }
    }
  },
};
