import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, mustAsk } from "./kernel.ts";
import { strided } from "./strides.ts";

/** A strided read: transpose, slice, reverse, tile, broadcast. */
export const copy: Kernel<"copy"> = {
  infer(op, inputs, asked) {
    const shape = mustAsk("copy", asked);
    const [x] = inputs;
    must(
      inputs.length === 1 && op.strides.length === shape.length,
      "copy",
      `it must have a stride an axis of [${shape}]`,
      inputs,
    );
    let lowest = op.offset, highest = op.offset;
    shape.forEach((extent, axis) => {
      const reach = (extent - 1) * op.strides[axis];
      if (reach < 0) lowest += reach;
      else highest += reach;
    });
    must(
      sizeOf(shape) === 0 || (lowest >= 0 && highest < sizeOf(x.shape)),
      "copy",
      `it must stay inside its input, but reads ${lowest}..${highest}`,
      inputs,
    );
    return [{ shape, dtype: x.dtype }];
  },
  cost: (_, __, outputs) => ({ flops: 0, bytes: 2 * bytesOf(outputs) }),
  run(op, [x], [output]) {
    const at = strided(output.shape, op.strides, op.offset);
    for (let index = 0; index < output.data.length; index++) output.data[index] = x.data[at(index)];
  },
};
