/**
 * The graph: what one call of a compiled function computes, as data.
 *
 * Tracing writes it, passes rewrite it, `plan.ts` gives its values places, executors run it. Nothing here knows
 * tfjs. All tensors are dense and row-major, four bytes an element; a tfjs bool is an int32 of 0 and 1.
 */
import type { Instruction } from "./program.ts";
import type { Key } from "../base/random.ts";

/** Numbers of a tensor. */
export type DType = "float32" | "int32";
/** Extents of a tensor. */
export type Shape = readonly number[];
/** Numbers of a tensor on the host. */
export type TypedArray = Float32Array | Int32Array;

/** The result of a node, or something that exists before the first node runs. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * An expression over whole tensors, evaluated element by element. Registers 0 ... operands-1 are the operands;
 * each instruction appends one register; `results` names the registers that leave.
 */
export interface Program {
  readonly operands: number;
  readonly instructions: readonly Instruction[];
  readonly results: readonly number[];
}

/** What a recurrent step computes: see `recurrent.ts`. */
export type RecurrentCell = "lstm" | "gru" | "simple";

/**
 * What a gradient finds again of its sequence: the whole `course` (gates and states, in an order of the executor's own),
 * or the `states` after each step, from which it computes the gates again.
 */
export type Kept = "course" | "states";

/** Window geometry of convolutions and pooling. Rows first; below and right padding follow from the output's shape. */
export interface Window {
  readonly strides: readonly [number, number];
  readonly padding: readonly [top: number, left: number];
  readonly dilation: readonly [number, number];
}

/**
 * What a node does. Shapes in brackets; `...` is any number of leading axes.
 *
 * An `epilogue` is a program whose register 0 is the product (or convolution) and whose other operands are the
 * node's further inputs, each broadcast to the output's shape; it has one result. Absent: the product itself.
 */
export type Op =
  /** outputs[r] = program(inputs broadcast to the outputs' common shape): one output a result. */
  | { readonly kind: "map"; readonly program: Program }
  /** `count` maps of one program over tensors of unlike shapes; inputs and outputs stand instance after instance. */
  | { readonly kind: "maps"; readonly program: Program; readonly count: number }
  /** Reduces program(inputs broadcast to `domain`), one result, over `axes` (ascending); those axes leave the shape. */
  | {
    readonly kind: "reduce";
    readonly reducer: "sum" | "prod" | "max" | "min";
    readonly domain: Shape;
    readonly axes: readonly number[];
    readonly program: Program;
  }
  /**
   * The index (int32) of the first largest or smallest element along `axis`, which leaves the shape. NaN is passed
   * over, but at index 0, which then is the result.
   */
  | { readonly kind: "argreduce"; readonly reducer: "max" | "min"; readonly axis: number }
  /** a [..., M, K] (or [..., K, M]) times b [..., K, N] (or [..., N, K]); leading axes broadcast. */
  | {
    readonly kind: "matmul";
    readonly transposeA: boolean;
    readonly transposeB: boolean;
    readonly epilogue?: Program;
  }
  /** x [B, H, W, C], filter [kh, kw, C, O] -> [B, H', W', O]. Cross-correlation, as everywhere in deep learning. */
  | { readonly kind: "conv2d"; readonly window: Window; readonly epilogue?: Program }
  /** dy [B, H', W', O], filter [kh, kw, C, O] -> dx [B, H, W, C]: also the transposed convolution. */
  | { readonly kind: "conv2d_input_grad"; readonly window: Window; readonly epilogue?: Program }
  /** x [B, H, W, C], dy [B, H', W', O] -> [kh, kw, C, O]. */
  | { readonly kind: "conv2d_filter_grad"; readonly window: Window }
  /** x [B, H, W, C], filter [kh, kw, C, M] -> [B, H', W', C * M], channel c*M+m from input channel c. */
  | { readonly kind: "depthwise_conv2d"; readonly window: Window }
  | { readonly kind: "depthwise_conv2d_input_grad"; readonly window: Window }
  | { readonly kind: "depthwise_conv2d_filter_grad"; readonly window: Window }
  /** x [B, H, W, C] -> [B, H', W', C]; a mean is over the elements inside the image only. */
  | {
    readonly kind: "pool";
    readonly reducer: "max" | "mean";
    readonly size: readonly [number, number];
    readonly window: Window;
  }
  /** dy, x -> dx, the gradient to the window's first largest element (max), or dy -> dx (mean). */
  | {
    readonly kind: "pool_grad";
    readonly reducer: "max" | "mean";
    readonly size: readonly [number, number];
    readonly window: Window;
  }
  /** The same elements in the same order under another shape. Costs nothing: the plan gives both one place. */
  | { readonly kind: "reshape" }
  /** out[i0, i1, ...] = x[offset + i0*strides[0] + i1*strides[1] + ...]: transpose, slice, reverse, tile, broadcast. */
  | { readonly kind: "copy"; readonly offset: number; readonly strides: readonly number[] }
  | { readonly kind: "concat"; readonly axis: number }
  /** x placed at `before` in an output filled with `value`. */
  | { readonly kind: "pad"; readonly before: readonly number[]; readonly value: number }
  /** x [L..., A, R...] (A at `axis`), indices [I...] int32 -> [L..., I..., R...]; an index outside 0..A-1 gives 0. */
  | { readonly kind: "gather"; readonly axis: number }
  /**
   * indices [I] int32, updates [I, R...] -> [S, R...]: of each segment the sum of its updates in ascending I, or the
   * last of them; 0 where it has none. An index outside 0..S-1 is dropped.
   */
  | { readonly kind: "scatter"; readonly reducer: "sum" | "last" }
  /**
   * tokens [B, T] int32, kernel [T * V, N] -> [B, N]: the sum, in ascending t, of the kernel's rows t * V + token; a token
   * outside 0..V-1 adds nothing. The product of the one-hot rows [B, T * V] and the kernel.
   */
  | { readonly kind: "embedding_bag"; readonly epilogue?: Program }
  /** tokens [B, T] int32, dy [B, N] -> [T * V, N], the kernel's gradient: of each row the sum, in ascending B, of its dy. */
  | { readonly kind: "embedding_bag_grad" }
  /** Running sum or product along `axis`. */
  | {
    readonly kind: "cumulate";
    readonly reducer: "sum" | "prod";
    readonly axis: number;
    readonly exclusive: boolean;
    readonly reverse: boolean;
  }
  /** The k largest of the last axis, descending, NaN first, ties by lower index: values [..., k] and indices int32. */
  | { readonly kind: "topk" }
  /** Over the last axis. */
  | { readonly kind: "softmax"; readonly log: boolean }
  /**
   * logits [B, V], targets [B, V] -> losses [B] = -sum_v target_v log softmax(logits)_v, and
   * gradient [B, V] = softmax * sum_v(target_v) - target.
   */
  | { readonly kind: "softmax_cross_entropy" }
  /** counter int32 [] -> numbers as `base/random.ts` defines them: element i is word i%4 of block i/4 of that step. */
  | { readonly kind: "random"; readonly distribution: "uniform" | "normal" | "word"; readonly key: Key }
  /**
   * logits [B, V], counter int32 [] -> int32 [B]: the first v with u * total < e_0 + ... + e_v, where
   * e = exp(logits - max), summed in ascending order, and u is uniform number b of that step.
   */
  | { readonly kind: "categorical"; readonly key: Key }
  /**
   * A whole sequence through a cell; the equations stand in `recurrent.ts`. x [B, T, I], kernel [I, G * H],
   * recurrent kernel [H, G * H], bias [G * H] (gru: [4 * H]), hidden state [B, H], cell state [B, H] (lstm only),
   * lengths int32 [B] (where `lengths`) -> the results named.
   */
  | {
    readonly kind: "recurrent";
    readonly cell: RecurrentCell;
    readonly lengths: boolean;
    /**
     * The hidden states [B, T, H], the last hidden and cell state [B, H], the cell states [B, T, H] (lstm only), and the
     * course, in an order of the executor's own: `courseShape` says how much.
     */
    readonly results: readonly ("states" | "hidden" | "cellState" | "cellStates" | "course")[];
  }
  /**
   * The gradient of `recurrent`: its inputs, then a gradient for each of its results that is `given`, then what is kept:
   * the course, or the states and an lstm's cell states (absent: computed again) -> the gradients by the inputs named.
   */
  | {
    readonly kind: "recurrent_grad";
    readonly cell: RecurrentCell;
    readonly lengths: boolean;
    readonly given: readonly ("states" | "hidden" | "cellState")[];
    readonly kept?: Kept;
    readonly results: readonly ("x" | "kernel" | "recurrentKernel" | "bias" | "hidden" | "cellState")[];
  };

export type OpKind = Op["kind"];

/** One computation. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A tensor that stays on the device between runs: a variable, a captured tensor, or a constant of the trace. */
export interface Resident {
  readonly value: Value;
  readonly kind: "variable" | "captured" | "constant";
  /** A constant's elements; absent for the others, whose elements the device holds. */
  readonly data?: TypedArray;
  /** For people: the variable's name. */
  readonly name?: string;
}

/** A whole step. Nodes are in an order in which they can run. */
export interface Graph {
  readonly inputs: readonly { readonly name: string; readonly value: Value }[];
  readonly residents: readonly Resident[];
  readonly nodes: readonly Node[];
  /** After the last node, resident `resident` (a variable) takes `value`. */
  readonly updates: readonly { readonly resident: number; readonly value: Value }[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, extent) => size * extent, 1);
}
