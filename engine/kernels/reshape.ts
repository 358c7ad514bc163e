import { sizeOf } from "../graph.ts";
import { type Kernel, must, mustAsk } from "./kernel.ts";

/** The same elements under another shape. */
export const reshape: Kernel<"reshape"> = {
  infer(_, inputs, asked) {
    const shape = mustAsk("reshape", asked);
    must(
      inputs.length === 1 && sizeOf(inputs[0].shape) === sizeOf(shape),
      "reshape",
      `it must have as many elements as [${shape}]`,
      inputs,
    );
    return [{ shape, dtype: inputs[0].dtype }];
  },
  cost: () => ({ flops: 0, bytes: 0 }),
  run(_, [x], [output]) {
    output.data.set(x.data);
  },
};
