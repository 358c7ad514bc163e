/** The same numbers in another shape. */
import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, type Shape, sizeOf } from "./layer.ts";

/** [B, ...input] -> [B, numbers], as they lie: the last axis fastest (channels, where PyTorch's lie outermost). */
export const flatten: LayerMaker = (input) => shaped("Flatten", input, [sizeOf(input)]);

/** [B, ...input] -> [B, ...output], as they lie. */
export function reshape(output: Shape): LayerMaker {
  return (input) => shaped("Reshape", input, output);
}

function shaped(type: string, input: Shape, output: Shape): ReturnType<LayerMaker> {
  if (sizeOf(input) !== sizeOf(output)) {
    throw new RangeError(
      `Cannot reshape [${input.join(", ")}] to [${output.join(", ")}] as both must hold as many numbers`,
    );
  }
  return {
    rows: [{ type, output: extents(output) }],
    output,
    apply: (_weights, x) => tf.reshape(x, [-1, ...output]),
  };
}
