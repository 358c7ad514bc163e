import { philoxWords, wordToUniform } from "../../base/random.ts";
import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";

/** One draw a row from the distribution softmax(logits). */
export const categorical: Kernel<"categorical"> = {
  infer(_, inputs) {
    const [logits, counter] = inputs;
    must(
      inputs.length === 2 && logits.shape.length === 2 && logits.shape[1] > 0 && counter.dtype === "int32" &&
        sizeOf(counter.shape) === 1,
      "categorical",
      "it must have logits [B,V] and one int32 counter",
      inputs,
    );
    return [{ shape: [logits.shape[0]], dtype: "int32" }];
  },
  cost: (_, inputs, outputs) => ({
    flops: 3 * sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, [logits, counter], [output]) {
    const [rows, width] = logits.shape, words = philoxWords(op.key, counter.data[0], 0, Math.ceil(rows / 4));
    for (let row = 0; row < rows; row++) {
      const own = logits.data.subarray(row * width, (row + 1) * width);
      let largest = -Infinity;
      for (const logit of own) largest = Math.max(largest, logit);
      const weights = Array.from(own, (value) => Math.exp(value - largest));
      const limit = wordToUniform(words[row]) * weights.reduce((sum, weight) => sum + weight, 0);
      let sum = 0, drawn = 0;
      while (drawn < width - 1 && limit >= (sum += weights[drawn])) drawn++;
      output.data[row] = drawn;
    }
  },
};
