import { around } from "./argreduce.ts";
import { type Kernel, must } from "./kernel.ts";

/** Tensors one after the other along an axis. */
export const concat: Kernel<"concat"> = {
  infer(op, inputs) {
    const [first] = inputs;
    must(
      inputs.length > 0 && op.axis < first.shape.length &&
        inputs.every((input) =>
          input.dtype === first.dtype && input.shape.length === first.shape.length &&
          input.shape.every((extent, axis) => axis === op.axis || extent === first.shape[axis])
        ),
      "concat",
      `the inputs must be alike but for axis ${op.axis}`,
      inputs,
    );
    const extent = inputs.reduce((sum, input) => sum + input.shape[op.axis], 0);
    return [{ shape: first.shape.map((own, axis) => (axis === op.axis ? extent : own)), dtype: first.dtype }];
  },
  run(op, inputs, [output]) {
    const { before, extent, after } = around(output.shape, op.axis);
    let start = 0;
    for (const input of inputs) {
      const width = input.shape[op.axis] * after;
      for (let i = 0; i < before; i++) {
        output.data.set(input.data.subarray(i * width, (i + 1) * width), i * extent * after + start);
      }
      start += width;
    }
  },
};
