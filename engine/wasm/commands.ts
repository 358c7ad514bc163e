/** The commands that several kinds of nodes are written as: maps, products and copies. */
import { type Program, type Shape, sizeOf, type Value } from "../graph.ts";
import { broadcastStrides, stridesOf } from "../kernels/strides.ts";
import type { Specialization } from "./codegen.ts";
import { collapse } from "./nest.ts";
import { Stream, Table } from "./stream.ts";

/** What encoding asks of the executor. */
export interface Context {
  /** Where a value lies, in bytes. */
  address(value: Value): number;
  /** Place for `size` elements that lives as long as the plan, in bytes. */
  workspace(size: number): number;
  /** The number of a program in the threads' tables. */
  program(special: Specialization): number;
  /** How many threads run the commands. */
  readonly threads: number;
}

/** Where the kernels' gemm finds its left matrix. */
export const DENSE = 0, PIXELS = 1, PATCHES = 2;
/** The reducers, as the kernels number them. */
export const REDUCERS = { sum: 0, prod: 1, max: 2, min: 3 } as const;

/** A product, batch by batch, with its epilogue. Strides and offsets are in elements. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: {
    readonly kind: number;
    readonly address: number;
    readonly row: number;
    readonly column: number;
  };
  readonly b: { readonly address: number; readonly row: number; readonly column: number };
  readonly c: { readonly address: number; readonly row: number };
  readonly batches: number;
  readonly table: number | Table;
  readonly grid: number | Table;
  readonly epilogue?: Program;
  readonly operands: readonly { readonly value: Value; readonly row: number; readonly column: number }[];
}

/** Whether a program hands its first operand on. */
export function isIdentity(program: Program): boolean {
  return program.instructions.length === 0 && program.results.length === 1 && program.results[0] === 0;
}

/** Writes commands to a stream. */
export class Commands {
  readonly stream = new Stream();
  readonly #context: Context;
  #own = { size: 0, address: 0 };

  constructor(context: Context) {
    this.#context = context;
  }

  /** Threads that will run the commands. Results must not depend on it. */
  get threads(): number {
    return this.#context.threads;
  }

  /** Where a value lies, in bytes. */
  at(value: Value): number {
    return this.#context.address(value);
  }

  /** Place for `size` elements of one node, in bytes. */
  workspace(size: number): number {
    return this.#context.workspace(size);
  }

  /**
   * Place for `size` elements a thread, in bytes, one thread's after the other's. All nodes share it: a thread is at one
   * of them at a time.
   */
  ownWorkspace(size: number): number {
    if (size > this.#own.size) this.#own = { size, address: this.workspace(size * this.threads) };
    return this.#own.address;
  }

  /** The number of a program in the threads' tables. */
  program(special: Specialization): number {
    return this.#context.program(special);
  }

  /** outputs = program(inputs), broadcast to the outputs' shape. */
  map(program: Program, inputs: readonly Value[], outputs: readonly Value[]): void {
    const shape = outputs[0].shape, size = sizeOf(shape);
    if (size === 0) return;
    const operands = [
      ...inputs.map((input) => broadcastStrides(input.shape, shape)),
      ...outputs.map(() => stridesOf(shape)),
    ];
    const nest = collapse(shape, operands);
    while (nest.extents.length < 2) {
      nest.extents.unshift(1);
      nest.strides.forEach((strides) => strides.unshift(0));
    }
    const rank = nest.extents.length, n = nest.extents[rank - 1];
    const scalar = inputs.map((_, i) => nest.strides[i][rank - 1] === 0 && n > 1);
    const fn = this.program({ program, dtypes: inputs.map((input) => input.dtype), scalar });
    const places = [...inputs, ...outputs];
    this.stream.command("map", [
      fn,
      places.length,
      rank - 2,
      nest.extents[rank - 2],
      n,
      ...nest.extents.slice(0, rank - 2),
      ...places.flatMap((value, i) => [this.at(value), ...nest.strides[i].map((stride) => 4 * stride)]),
    ]);
  }

  /** A product. */
  gemm(product: Product): void {
    this.stream.command("gemm", this.productWords(product));
  }

  /** The words of a product, which other commands begin with, too. */
  productWords(product: Product): (number | Table)[] {
    const { a, b, c, operands, epilogue } = product;
    const fn = !epilogue || isIdentity(epilogue) ? -1 : this.program({
      program: epilogue,
      dtypes: ["float32", ...operands.map(({ value }) => value.dtype)],
      scalar: [false, ...operands.map(({ column }) => column === 0 && product.n > 1)],
    });
    return [
      product.m,
      product.n,
      product.k,
      a.kind,
      a.address,
      a.row,
      a.column,
      b.address,
      b.row,
      b.column,
      c.address,
      c.row,
      product.batches,
      product.table,
      fn,
      operands.length,
      this.stream.table(operands.flatMap(({ value, row, column }) => [this.at(value), row, column])),
      product.grid,
    ];
  }

  /** Copies `shape` elements from one strided place to another, whose last axis is dense. */
  copy(
    shape: Shape,
    from: { readonly address: number; readonly strides: readonly number[] },
    to: { readonly address: number; readonly strides: readonly number[] },
  ): void {
    const nest = collapse(shape, [from.strides, to.strides]);
    const axes = nest.extents.map((extent, axis) => [extent, nest.strides[0][axis], nest.strides[1][axis]]);
    if (axes.length === 0 || axes[axes.length - 1][2] !== 1) axes.push([1, 1, 1]);
    // A transposition is done in squares: of the outer axes the one that is dense in `from` goes last.
    const dense = axes.findIndex(([, stride], axis) => stride === 1 && axis < axes.length - 1);
    if (dense >= 0 && axes[axes.length - 1][1] !== 1) {
      axes.splice(axes.length - 2, 0, ...axes.splice(dense, 1));
    }
    this.stream.command("copy", [from.address, to.address, axes.length, ...axes.flat()]);
  }

  /** [rows, n] -> [n]. */
  sumRows(from: number, rows: number, n: number, to: number): void {
    this.stream.command("reduce", [REDUCERS.sum, 0, -1, 1, 0, 0, rows, n, rows, to, 0, from, 4 * n, 4]);
  }
}
