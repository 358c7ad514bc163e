import { sizeOf } from "../graph.ts";
import { around } from "./argreduce.ts";
import { accumulate } from "./evaluate.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";

/** A running sum or product. */
export const cumulate: Kernel<"cumulate"> = {
  infer(op, inputs) {
    must(
      inputs.length === 1 && op.axis < inputs[0].shape.length,
      "cumulate",
      `it must have axis ${op.axis}`,
      inputs,
    );
    return [{ shape: inputs[0].shape, dtype: inputs[0].dtype }];
  },
  cost: (_, inputs, outputs) => ({
    flops: sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [x], [output]) {
    const { before, extent, after } = around(x.shape, op.axis), join = accumulate(op.reducer, x.dtype);
    for (let i = 0; i < before; i++) {
      for (let j = 0; j < after; j++) {
        let total = op.reducer === "sum" ? 0 : 1;
        for (let k = 0; k < extent; k++) {
          const at = (i * extent + (op.reverse ? extent - 1 - k : k)) * after + j;
          const previous = total;
          total = join(total, x.data[at]);
          output.data[at] = op.exclusive ? previous : total;
        }
      }
    }
  },
};
