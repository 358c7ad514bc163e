import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";

/** Log of the sum of exponentials of a row, without overflow. */
export function logSumExp(row: ArrayLike<number>): number {
  let largest = -Infinity, sum = 0;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, row[i]);
  if (largest === -Infinity) return -Infinity;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - largest);
  return largest + Math.log(sum);
}

/** Probabilities, or their logarithms, over the last axis. */
export const softmax: Kernel<"softmax"> = {
  infer(_, inputs) {
    must(
      inputs.length === 1 && inputs[0].shape.length >= 1 && inputs[0].dtype === "float32",
      "softmax",
      "it must have float32 rows",
      inputs,
    );
    return [{ shape: inputs[0].shape, dtype: "float32" }];
  },
  cost: (_, inputs, outputs) => ({
    flops: 5 * sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [x], [output]) {
    const width = x.shape.at(-1)!;
    for (let start = 0; start < x.data.length; start += width) {
      const total = logSumExp(x.data.subarray(start, start + width));
      for (let i = start; i < start + width; i++) {
        output.data[i] = op.log ? x.data[i] - total : Math.exp(x.data[i] - total);
      }
    }
  },
};
