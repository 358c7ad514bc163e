/** Every op as WGSL. */
import { type Node, type Op, type OpKind, sizeOf, type Value } from "../../graph.ts";
import { broadcastShape } from "../../kernels/strides.ts";
import type { Dispatch } from "../shader.ts";
import { writeConv2d, writeConv2dFilterGrad, writeConv2dInputGrad } from "./convolution.ts";
import { writeMap, writeMaps } from "./map.ts";
import { matrixFactor, writeProduct } from "./matmul.ts";
import {
  writeConcat,
  writeCopy,
  writeCumulate,
  writeGather,
  writePad,
  writeScatter,
  writeTopk,
} from "./move.ts";
import { writeCategorical, writeRandom } from "./random.ts";
import { writeRecurrent, writeRecurrentGrad } from "./recurrent.ts";
import { writeReduce } from "./reduce.ts";
import { writeArgreduce, writeSoftmax, writeSoftmaxCrossEntropy } from "./softmax.ts";
import {
  writeDepthwise,
  writeDepthwiseFilterGrad,
  writeDepthwiseInputGrad,
  writePool,
  writePoolGrad,
} from "./window.ts";
import { writeEmbeddingBag, writeEmbeddingBagGrad } from "./embedding_bag.ts";
import type { KernelContext } from "./context.ts";

type Writer<K extends OpKind> = (
  context: KernelContext,
  op: Extract<Op, { readonly kind: K }>,
  inputs: readonly Value[],
  outputs: readonly Value[],
) => Dispatch[];

const WRITERS: { readonly [K in OpKind]: Writer<K> } = {
  map: (context, { program }, inputs, outputs) => writeMap(context, { program, inputs, outputs }),
  maps: (context, { program, count }, inputs, outputs) =>
    writeMaps(context, program, { inputs, outputs, count }),
  reduce: (context, op, inputs, [output]) => writeReduce(context, op, { inputs, output }),
  matmul(context, { transposeA, transposeB, epilogue }, [a, b, ...operands], [output]) {
    const lead = broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]) ?? [];
    return writeProduct(context, {
      kind: "matmul",
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
  conv2d: (context, { window, epilogue }, [x, filter, ...operands], [output]) =>
    writeConv2d(context, window, { x, filter, output, epilogue, operands }),
  conv2d_input_grad: (context, { window, epilogue }, [dy, filter, ...operands], [output]) =>
    writeConv2dInputGrad(context, window, { dy, filter, output, epilogue, operands }),
  conv2d_filter_grad: (context, { window }, [x, dy], [output]) =>
    writeConv2dFilterGrad(context, window, { x, dy, output }),
  depthwise_conv2d: (context, { window }, [x, filter], [output]) =>
    writeDepthwise(context, window, { x, filter, output }),
  depthwise_conv2d_input_grad: (context, { window }, [dy, filter], [output]) =>
    writeDepthwiseInputGrad(context, window, { dy, filter, output }),
  depthwise_conv2d_filter_grad: (context, { window }, [x, dy], [output]) =>
    writeDepthwiseFilterGrad(context, window, { x, dy, output }),
  pool: (context, op, [x], [output]) => writePool(context, op, { x, output }),
  pool_grad: (context, op, [dy, x], [output]) => writePoolGrad(context, op, { dy, x, output }),
  copy: (context, { offset, strides }, [input], [output]) =>
    writeCopy(context, { input, output, offset, strides }),
  concat: (context, { axis }, inputs, [output]) => writeConcat(context, { inputs, output, axis }),
  pad: (context, { before, value }, [input], [output]) => writePad(context, { input, output, before, value }),
  gather: (context, { axis }, [input, indices], [output]) =>
    writeGather(context, { input, indices, output, axis }),
  scatter: (context, { reducer }, [indices, updates], [output]) =>
    writeScatter(context, { indices, updates, output, reducer }),
  embedding_bag: (context, { epilogue }, [tokens, kernel, ...operands], [output]) =>
    writeEmbeddingBag(context, { tokens, kernel, output, epilogue, operands }),
  embedding_bag_grad: (context, _, [tokens, dy], [output]) =>
    writeEmbeddingBagGrad(context, { tokens, dy, output }),
  cumulate: (context, op, [input], [output]) => writeCumulate(context, { ...op, input, output }),
  topk: (context, _, [input], [values, indices]) => writeTopk(context, { input, values, indices }),
  argreduce: (context, op, [input], [output]) => writeArgreduce(context, { ...op, input, output }),
  softmax: (context, { log }, [input], [output]) => writeSoftmax(context, { input, output, log }),
  softmax_cross_entropy: (context, _, [logits, targets], [losses, gradient]) =>
    writeSoftmaxCrossEntropy(context, { logits, targets, losses, gradient }),
  random: (context, op, [counter], [output]) => writeRandom(context, { ...op, counter, output }),
  categorical: (context, { key }, [logits, counter], [output]) =>
    writeCategorical(context, { logits, counter, output, key }),
  recurrent: (context, op, inputs, outputs) => writeRecurrent(context, op, { inputs, outputs }),
  recurrent_grad: (context, op, inputs, outputs) => writeRecurrentGrad(context, op, { inputs, outputs }),
};

/** The dispatches of a node, in order. */
export function writeNode(context: KernelContext, node: Node): Dispatch[] {
  // TypeScript cannot see that the writer found by `kind` takes this very op.
  const write = WRITERS[node.op.kind] as Writer<OpKind>;
  return write(context, node.op, node.inputs, node.outputs);
}
