/** Matrix products. */
import type * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../graph.ts";
import { finish } from "./elementwise.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import { broadcastShapes, graphType, type Recorder, type Traced } from "./recorder.ts";

/** a times b over the last two axes; of integers the exact sums modulo 2^32. */
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
  const lead = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]), shape = [...lead, rows, columns];
  if (graphType(a.dtype) === "int32" && graphType(b.dtype) === "int32") {
    const product = integerProduct(recorder, { a, b, transposeA, transposeB, lead });
    return recorder.cast(product, a.dtype);
  }
  const floats = [recorder.cast(a, "float32"), recorder.cast(b, "float32")];
  const product = recorder.node({ kind: "matmul", transposeA, transposeB }, floats, shape, "float32");
  return recorder.cast(product, a.dtype);
}

/** A reduction over products of rows with rows, as the products of matrices are float32. */
function integerProduct(
  recorder: Recorder,
  { a, b, transposeA, transposeB, lead }: {
    readonly a: Traced;
    readonly b: Traced;
    readonly transposeA: boolean;
    readonly transposeB: boolean;
    readonly lead: readonly number[];
  },
): Traced {
  const turned = (x: Traced): Traced => {
    const rank = x.value.shape.length, order = Array.from({ length: rank }, (_, axis) => axis);
    return recorder.transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
  };
  const left = transposeA ? turned(a) : a, right = transposeB ? b : turned(b);
  const [m, inner] = left.value.shape.slice(-2), [n, length] = right.value.shape.slice(-2);
  if (inner !== length) {
    throw new RangeError(
      `Cannot trace ${recorder.kernel} as the inner extents must be equal: current value is ${inner} and ${length}`,
    );
  }
  const rows = recorder.reshape(left, [...left.value.shape.slice(0, -2), m, 1, inner]);
  const columns = recorder.reshape(right, [...right.value.shape.slice(0, -2), 1, n, inner]);
  const domain = [...lead, m, n, inner], shape = [...lead, m, n];
  if (sizeOf(domain) === 0) return recorder.fill(0, shape, "int32");
  const program = {
    operands: 2,
    instructions: [{ op: "mul", args: [0, 1], dtype: "int32" }],
    results: [2],
  } as const;
  return recorder.node(
    { kind: "reduce", reducer: "sum", domain, axes: [domain.length - 1], program },
    [rows, columns],
    shape,
    "int32",
  );
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
