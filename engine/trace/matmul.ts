/** Matrix products. */
import type * as tf from "@tensorflow/tfjs";
import { finish } from "./elementwise.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import { broadcastShapes, type Recorder, type Traced } from "./recorder.ts";

/** a times b over the last two axes, in float32; an integer product is converted back. */
export function matmul(
  recorder: Recorder,
  a: Traced,
  b: Traced,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
): Traced {
  const left = a.value.shape, right = b.value.shape;
  const rows = left.at(transposeA ? -1 : -2), columns = right.at(transposeB ? -2 : -1);
  if (rows === undefined || columns === undefined) {
    throw new RangeError(
      `Cannot trace ${recorder.kernel} as both operands must have at least two axes: current value is ` +
        `[${left}] and [${right}]`,
    );
  }
  const shape = [...broadcastShapes([left.slice(0, -2), right.slice(0, -2)]), rows, columns];
  const floats = [recorder.cast(a, "float32"), recorder.cast(b, "float32")];
  const product = recorder.node({ kind: "matmul", transposeA, transposeB }, floats, shape, "float32");
  return recorder.cast(product, a.dtype);
}

/** The kernels of matrix products. */
export const products: readonly TraceKernel[] = [
  kernel<tf.BatchMatMulAttrs>(
    "BatchMatMul",
    (recorder, { a, b }, attributes) => matmul(recorder, a, b, attributes),
  ),
  kernel<tf._FusedMatMulAttrs>("_FusedMatMul", (recorder, inputs, attributes) => {
    const { a, b, bias, preluActivationWeights } = inputs;
    const product = matmul(recorder, a, b, attributes);
    return finish(recorder, product, bias as Traced | undefined, { ...attributes, preluActivationWeights });
  }),
];
