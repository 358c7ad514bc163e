/** The registry: every op's definition, by kind. Both executors are tested against it. */
import type { Node, Op, OpKind, Shape } from "../graph.ts";
import { argreduce } from "./argreduce.ts";
import { categorical } from "./categorical.ts";
import { concat } from "./concat.ts";
import { conv2d } from "./conv2d.ts";
import { conv2dFilterGrad } from "./conv2d_filter_grad.ts";
import { conv2dInputGrad } from "./conv2d_input_grad.ts";
import { copy } from "./copy.ts";
import { cumulate } from "./cumulate.ts";
import { depthwiseConv2d } from "./depthwise_conv2d.ts";
import { depthwiseConv2dFilterGrad } from "./depthwise_conv2d_filter_grad.ts";
import { depthwiseConv2dInputGrad } from "./depthwise_conv2d_input_grad.ts";
import { embeddingBag } from "./embedding_bag.ts";
import { embeddingBagGrad } from "./embedding_bag_grad.ts";
import { gather } from "./gather.ts";
import { bytesOf, type Cost, type Kernel, type Tensor, type Type } from "./kernel.ts";
import { map } from "./map.ts";
import { maps } from "./maps.ts";
import { matmul } from "./matmul.ts";
import { pad } from "./pad.ts";
import { pool } from "./pool.ts";
import { poolGrad } from "./pool_grad.ts";
import { random } from "./random.ts";
import { recurrent } from "./recurrent.ts";
import { recurrentGrad } from "./recurrent_grad.ts";
import { reduce } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { scatter } from "./scatter.ts";
import { softmax } from "./softmax.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";
import { topk } from "./topk.ts";

/** Every op's definition. */
export const KERNELS: { readonly [K in OpKind]: Kernel<K> } = {
  map,
  maps,
  reduce,
  argreduce,
  matmul,
  conv2d,
  conv2d_input_grad: conv2dInputGrad,
  conv2d_filter_grad: conv2dFilterGrad,
  depthwise_conv2d: depthwiseConv2d,
  depthwise_conv2d_input_grad: depthwiseConv2dInputGrad,
  depthwise_conv2d_filter_grad: depthwiseConv2dFilterGrad,
  pool,
  pool_grad: poolGrad,
  reshape,
  copy,
  concat,
  pad,
  gather,
  scatter,
  embedding_bag: embeddingBag,
  embedding_bag_grad: embeddingBagGrad,
  cumulate,
  topk,
  softmax,
  softmax_cross_entropy: softmaxCrossEntropy,
  random,
  categorical,
  recurrent,
  recurrent_grad: recurrentGrad,
};

/** TypeScript cannot see that `KERNELS[op.kind]` takes this very `op`. */
function kernelOf(op: Op): Kernel<OpKind> {
  return KERNELS[op.kind] as unknown as Kernel<OpKind>;
}

/**
 * The types of the outputs of `op`. `asked` is the first output's shape where op and inputs leave it open: copy,
 * reshape, pad, scatter, embedding_bag_grad, topk, random, convolutions and pooling with their gradients.
 *
 * @throws {RangeError} where the inputs do not suit the op.
 */
export function infer(op: Op, inputs: readonly Type[], asked?: Shape): Type[] {
  return kernelOf(op).infer(op, inputs, asked);
}

/** What a node costs. */
export function cost(node: Node): Cost {
  const { op, inputs, outputs } = node;
  return kernelOf(op).cost?.(op, inputs, outputs) ?? { flops: 0, bytes: bytesOf(inputs) + bytesOf(outputs) };
}

/** Computes `op` by its definition into the data of `outputs`. */
export function execute(op: Op, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  kernelOf(op).run(op, inputs, outputs);
}
