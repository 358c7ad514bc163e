/** What every op's file defines: its output types, its cost and its float64 reference. */
import {
  type DType,
  type Node,
  type Op,
  type OpKind,
  type Shape,
  sizeOf,
  type TypedArray,
} from "../graph.ts";

/** What is known of a value before it is computed. */
export interface Type {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value with its elements, row-major. */
export interface Tensor extends Type {
  readonly data: TypedArray;
}

/** What a node costs: arithmetic operations, and bytes that it must move at least once. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** The op of a kind. */
export type OpOf<K extends OpKind> = Extract<Op, { readonly kind: K }>;

/** One op's definition. */
export interface Kernel<K extends OpKind> {
  /**
   * The types of the outputs. `asked` is the shape of the first output where op and inputs leave it open (a
   * reshape, the window ops, a pad, ...); elsewhere it may be absent.
   *
   * @throws {RangeError} where the inputs do not suit the op.
   */
  infer(op: OpOf<K>, inputs: readonly Type[], asked?: Shape): Type[];
  /** Absent: no arithmetic, every input read and every output written once. */
  cost?(op: OpOf<K>, inputs: readonly Type[], outputs: readonly Type[]): Cost;
  /**
   * The definition. Sums are kept in float64 and rounded once, when they are stored; programs round after every
   * instruction. Only a map may be given an output that is one of its inputs.
   */
  run(op: OpOf<K>, inputs: readonly Tensor[], outputs: readonly Tensor[]): void;
}

/** The bytes of some values, each counted once. */
export function bytesOf(values: readonly Type[]): number {
  return values.reduce((bytes, value) => bytes + 4 * sizeOf(value.shape), 0);
}

/** For error messages: `float32[2,3]`. */
export function describe(type: Type): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

/** The shape that the caller must give because op and inputs leave it open. */
export function mustAsk(kind: OpKind, asked: Shape | undefined): Shape {
  if (asked === undefined) {
    throw new TypeError(`Cannot infer the output of ${kind} as its shape must be asked for`);
  }
  return asked;
}

/** @throws {RangeError} unless `holds`: the inputs of `kind` do not obey `rule`. */
export function must(holds: boolean, kind: OpKind, rule: string, inputs: readonly Type[]): void {
  if (holds) return;
  throw new RangeError(
    `Cannot apply ${kind} as ${rule}: current inputs are ${inputs.map(describe).join(", ") || "none"}`,
  );
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The kind's op of a node, when it is of that kind. */
export function opOf<K extends OpKind>(node: Node, kind: K): OpOf<K> | undefined {
  return node.op.kind === kind ? node.op as OpOf<K> : undefined;
}
