/** What kernel writers and the plan say to each other: where values lie, and how a product is to be cut. */
import type { OpKind, Program, Value } from "../../graph.ts";
import type { Location, Places, Shader } from "../shader.ts";

/** One factor: the WGSL function that reads it. */
export interface Factor {
  /** The axis along which neighbours in memory lie: the output's row or column ("outer"), or the summed one. */
  readonly along: "outer" | "inner";
  /** Whether four neighbours, from a multiple of four on, can be read at once. */
  readonly quads: boolean;
  /**
   * The body of a function of (outer, inner, batch: u32) that returns f32, or vec4<f32> where `quads`. Outer and
   * inner are inside their extents.
   */
  write(shader: Shader): string;
}

/** A product to be computed. */
export interface Product {
  /** What it is in the graph. */
  readonly kind: OpKind;
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  /** By batch, how far along the inner axis its sums go; absent: to its end. */
  readonly lengths?: readonly number[];
  readonly left: Factor;
  readonly right: Factor;
  readonly output: Value;
  /**
   * Writes the WGSL that finds `place`, the output's row where `row` of `batch` lies, or returns where it lies nowhere.
   * Absent: the output is [batch..., rows, columns] row-major.
   */
  place?(shader: Shader): readonly string[];
  readonly epilogue?: Program;
  /** The epilogue's further operands, broadcast to the output. */
  readonly operands: readonly Value[];
}

/** A tile of the output, computed by one workgroup. */
export interface Tile {
  readonly name: string;
  /** Outputs of an invocation: rows, columns. */
  readonly own: readonly [4 | 8, 4 | 8];
  /** Invocations: down, across. */
  readonly lanes: readonly [number, number];
  /** Length of the strips that are staged in workgroup memory, a divisor of `CHUNK`. Absent: direct. */
  readonly depth?: number;
}

/** How much one dispatch of a recurrent sequence may take: see `recurrent.ts`. */
export interface SequenceLimits {
  /** Elements of its sums. */
  readonly sums: number;
  /** Operations of its steps. */
  readonly flops: number;
  /** Elements of the states that a gradient computes again. */
  readonly states: number;
}

/** What a kernel writer may ask about the plan. */
export interface KernelContext extends Places {
  /** Room for intermediate results of the node being written. */
  scratch(elements: number): Location;
  /** How a matrix product is cut into workgroups: its bits do not depend on it. */
  tileOf(product: Product): Tile;
  /** Absent: as usual. */
  readonly sequences?: SequenceLimits;
}
