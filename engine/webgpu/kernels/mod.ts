/** Every op as WGSL. */
import type { Node, Op, OpKind, Value } from "../../graph.ts";
import { broadcastShape } from "../../kernels/strides.ts";
import type { Dispatch, KernelContext } from "../shader.ts";
import { writeMap, writeMaps } from "./map.ts";
import { matrixFactor, writeProduct } from "./matmul.ts";
import { writeReduce } from "./reduce.ts";
import { sizeOf } from "../../graph.ts";

type Writer<K extends OpKind> = (
  context: KernelContext,
  op: Extract<Op, { readonly kind: K }>,
  inputs: readonly Value[],
  outputs: readonly Value[],
) => Dispatch[];

const WRITERS: { readonly [K in OpKind]?: Writer<K> } = {
  map: (context, { program }, inputs, outputs) => writeMap(context, { program, inputs, outputs }),
  maps: (context, { program, count }, inputs, outputs) => writeMaps(context, program, { inputs, outputs, count }),
  reduce: (context, op, inputs, [output]) => writeReduce(context, op, { inputs, output }),
  matmul(context, { transposeA, transposeB, epilogue }, [a, b, ...operands], [output]) {
    const lead = broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]) ?? [];
    return writeProduct(context, {
      batch: sizeOf(lead),
      rows: a.shape.at(transposeA ? -1 : -2)!,
      columns: b.shape.at(transposeB ? -2 : -1)!,
      inner: a.shape.at(transposeA ? -2 : -1)!,
      left: matrixFactor(a, { outerLast: transposeA, lead }),
      right: matrixFactor(b, { outerLast: !transposeB, lead }),
      output,
      epilogue,
      operands,
    });
  },
  reshape: () => [],
};

/** The dispatches of a node, in order. */
export function writeNode(context: KernelContext, node: Node): Dispatch[] {
  // TypeScript cannot see that the writer found by `kind` takes this very op.
  const write = WRITERS[node.op.kind] as Writer<OpKind> | undefined;
  if (write === undefined) throw new RangeError(`Cannot run ${node.op.kind} on WebGPU as it has no kernel there`);
  return write(context, node.op, node.inputs, node.outputs);
}
