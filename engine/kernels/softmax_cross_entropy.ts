import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, sameShape } from "./kernel.ts";
import { logSumExp } from "./softmax.ts";

/** The cross-entropy of each row of logits with its target distribution, and its gradient by the logits. */
export const softmaxCrossEntropy: Kernel<"softmax_cross_entropy"> = {
  infer(_, inputs) {
    const [logits, targets] = inputs;
    must(
      inputs.length === 2 && logits.shape.length === 2 && sameShape(logits.shape, targets.shape) &&
        logits.dtype === "float32" && targets.dtype === "float32",
      "softmax_cross_entropy",
      "logits and targets must be float32 [B,V]",
      inputs,
    );
    return [{ shape: [logits.shape[0]], dtype: "float32" }, { shape: logits.shape, dtype: "float32" }];
  },
  cost: (_, inputs, outputs) => ({
    flops: 9 * sizeOf(inputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(_, [logits, targets], [losses, gradient]) {
    const [rows, width] = logits.shape;
    for (let row = 0; row < rows; row++) {
      const start = row * width, total = logSumExp(logits.data.subarray(start, start + width));
      let loss = 0, mass = 0;
      for (let i = start; i < start + width; i++) {
        loss -= targets.data[i] * (logits.data[i] - total);
        mass += targets.data[i];
      }
      losses.data[row] = loss;
      for (let i = start; i < start + width; i++) {
        gradient.data[i] = Math.exp(logits.data[i] - total) * mass - targets.data[i];
      }
    }
  },
};
