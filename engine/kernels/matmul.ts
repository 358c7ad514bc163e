import { sizeOf } from "../graph.ts";
import { epilogueType, store } from "./evaluate.ts";
import { bytesOf, type Kernel, must, type OpOf, type Type } from "./kernel.ts";
import { broadcastShape, broadcastsTo, broadcastStrides, strided } from "./strides.ts";

/** The extents of a product: rows, columns, and the length of each sum. */
export function extentsOf(
  op: OpOf<"matmul">,
  a: Type,
  b: Type,
): { rows: number; columns: number; inner: number } {
  return {
    rows: a.shape.at(op.transposeA ? -1 : -2)!,
    columns: b.shape.at(op.transposeB ? -2 : -1)!,
    inner: a.shape.at(op.transposeA ? -2 : -1)!,
  };
}

/** Products of matrices; leading axes broadcast. */
export const matmul: Kernel<"matmul"> = {
  infer(op, inputs) {
    const [a, b, ...operands] = inputs;
    must(
      inputs.length >= 2 && a.shape.length >= 2 && b.shape.length >= 2,
      "matmul",
      "it must have two matrices",
      inputs,
    );
    const { rows, columns, inner } = extentsOf(op, a, b);
    must(b.shape.at(op.transposeB ? -1 : -2) === inner, "matmul", "the inner extents must be equal", inputs);
    const lead = broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
    must(lead !== undefined, "matmul", "the leading axes must broadcast", inputs);
    const shape = [...lead!, rows, columns];
    must(
      operands.every((it) => broadcastsTo(it.shape, shape)),
      "matmul",
      "epilogue operands must broadcast",
      inputs,
    );
    return [epilogueType({ shape, dtype: "float32" }, op.epilogue, operands)];
  },
  cost(op, inputs, outputs) {
    const size = sizeOf(outputs[0].shape), { inner } = extentsOf(op, inputs[0], inputs[1]);
    return {
      flops: (2 * inner + (op.epilogue?.instructions.length ?? 0)) * size,
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, [a, b, ...operands], [output]) {
    const { rows, columns, inner } = extentsOf(op, a, b);
    const lead = output.shape.slice(0, -2), plane = rows * columns;
    const aLead = a.shape.slice(0, -2), bLead = b.shape.slice(0, -2);
    const aPlane = strided(lead, broadcastStrides(aLead, lead)),
      bPlane = strided(lead, broadcastStrides(bLead, lead));
    const aRow = op.transposeA ? 1 : inner, aInner = op.transposeA ? rows : 1;
    const bColumn = op.transposeB ? inner : 1, bInner = op.transposeB ? 1 : columns;
    const product = (index: number): number => {
      const matrix = Math.floor(index / plane),
        row = Math.floor(index % plane / columns),
        column = index % columns;
      let i = aPlane(matrix) * rows * inner + row * aRow,
        j = bPlane(matrix) * inner * columns + column * bColumn;
      let sum = 0;
      for (let k = 0; k < inner; k++, i += aInner, j += bInner) sum += a.data[i] * b.data[j];
      return sum;
    };
    store(output, product, { program: op.epilogue, operands });
  },
};
