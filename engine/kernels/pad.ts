import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { strided, stridesOf } from "./strides.ts";

/** The input placed inside a larger output of one value. */
export const pad: Kernel<"pad"> = {
  infer(op, inputs, asked) {
    const shape = mustAsk("pad", asked);
    const [x] = inputs;
    must(
      inputs.length === 1 && x.shape.length === shape.length && op.before.length === shape.length &&
        x.shape.every((extent, axis) => op.before[axis] >= 0 && op.before[axis] + extent <= shape[axis]),
      "pad",
      `the input at [${op.before}] must lie inside [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: x.dtype }];
  },
  cost: (_, inputs, outputs) => ({ flops: 0, bytes: bytesOf(inputs) + bytesOf(outputs) }),
  run(op, [x], [output]) {
    const strides = stridesOf(output.shape);
    const at = strided(
      x.shape,
      strides,
      op.before.reduce((sum, count, axis) => sum + count * strides[axis], 0),
    );
    output.data.fill(op.value);
    for (let index = 0; index < x.data.length; index++) output.data[at(index)] = x.data[index];
  },
};
