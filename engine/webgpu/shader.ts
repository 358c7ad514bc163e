/**
 * Writing one WGSL compute shader: its operands, its table of numbers, its text.
 *
 * All shaders of a plan share one bind group: a table of numbers (binding 0, one window of it per dispatch, chosen by
 * a dynamic offset), the arena (binding 1) and the heaps that hold the residents (binding 2, 3, ...). Places stand in
 * the table and not in the text, so equal computations on unlike places share one compiled pipeline. Buffers are
 * declared as unsigned integers, so that nothing but arithmetic can change an element's bits.
 */
import type { DType, Value } from "../graph.ts";

/** Where a value lies: buffer 0 is the arena, 1, 2, ... are the heaps of the plan; the offset counts elements. */
export interface Location {
  readonly buffer: number;
  readonly offset: number;
}

/** Where values lie in a plan, and what is known of them: what a shader asks. */
export interface Places {
  locate(value: Value): Location;
  /** The bits of a constant of one element; undefined for everything else. */
  constant(value: Value): number | undefined;
}

/** One dispatch: a shader, its table, and how many workgroups run. */
export interface Dispatch {
  readonly code: string;
  readonly table: readonly number[];
  readonly groups: number;
}

/** WGSL's name for a data type. */
export function scalarType(dtype: DType): "f32" | "i32" {
  return dtype === "float32" ? "f32" : "i32";
}

/** An unsigned WGSL literal. */
export function literal(value: number): string {
  return `${value}u`;
}

/** A tensor as a shader sees it. Indices are WGSL expressions of type u32, counted from the tensor's start. */
export interface Operand {
  readonly dtype: DType;
  /** The element at `index`. */
  at(index: string): string;
  /** Elements 4 * index ... 4 * index + 3; needs a shader of width 4. */
  vector(index: string): string;
  /** The statement that stores an element. */
  store(index: string, value: string): string;
  /** The statement that stores four elements; needs a shader of width 4. */
  storeVector(index: string, value: string): string;
}

/** A shader being written. `width` is how many elements one access of a buffer can move. */
export class Shader {
  readonly width: 1 | 4;
  readonly #places: Places;
  readonly #words: number[] = [];
  readonly #buffers = new Set<number>();
  readonly #declarations: string[] = [];

  constructor(places: Places, width: 1 | 4 = 1) {
    this.#places = places;
    this.width = width;
  }

  /** A number that stands in the table: the expression to read it (u32). */
  word(value: number): string {
    const at = this.#words.push(value >>> 0) - 1;
    return `table[${at >> 2}].${"xyzw"[at & 3]}`;
  }

  /** A float that may be infinite, which no WGSL literal can be. */
  float(value: number): string {
    return `bitcast<f32>(${this.word(floatBits(value))})`;
  }

  /** Adds module-scope text once. */
  declare(text: string): void {
    if (!this.#declarations.includes(text)) this.#declarations.push(text);
  }

  /** Appends numbers to the table, from a multiple of four words on; gives that start in vec4s. */
  rows(words: readonly number[]): number {
    while (this.#words.length % 4 !== 0) this.#words.push(0);
    const start = this.#words.length / 4;
    for (const word of words) this.#words.push(word >>> 0);
    return start;
  }

  /** One of some numbers, by an index (an expression of type u32): read from the table, unless all are equal. */
  choice(numbers: readonly number[], index: string): string {
    if (numbers.every((number) => number === numbers[0])) return literal((numbers[0] ?? 0) >>> 0);
    const start = this.rows(numbers);
    return `table[${start}u + ${index} / 4u][${index} % 4u]`;
  }

  operand(value: Value): Operand {
    const bits = this.#places.constant(value);
    if (bits !== undefined) return constantOperand(value.dtype, this.word(bits));
    return this.located(this.#places.locate(value), value.dtype);
  }

  located(location: Location, dtype: DType): Operand {
    return this.placed(this.buffer(location.buffer), dtype, this.word(location.offset));
  }

  /** A tensor of `buffer` (its name in WGSL) that starts at the expression `start`, in elements. */
  placed(buffer: string, dtype: DType, start: string): Operand {
    const type = scalarType(dtype), wide = this.width === 4;
    const element = (index: string) => {
      const at = index === "0u" ? start : `${start} + ${index}`;
      return wide ? `${buffer}[(${at}) >> 2u][(${at}) & 3u]` : `${buffer}[${at}]`;
    };
    const quad = (index: string) => `${buffer}[(${start} >> 2u) + ${index}]`;
    return {
      dtype,
      at: (index) => `bitcast<${type}>(${element(index)})`,
      vector: (index) => `bitcast<vec4<${type}>>(${quad(index)})`,
      store: (index, stored) => `${element(index)} = bitcast<u32>(${stored});`,
      storeVector: (index, stored) => `${quad(index)} = bitcast<vec4<u32>>(${stored});`,
    };
  }

  /** The WGSL name of a buffer that this shader uses. */
  buffer(index: number): string {
    this.#buffers.add(index);
    return `memory${index}`;
  }

  /**
   * The finished dispatch. The body sees `group` (which workgroup), `lane` (the invocation in it) and runs for
   * `groups` workgroups of `size` invocations.
   */
  finish(body: string, { size, groups }: { readonly size: number; readonly groups: number }): Dispatch {
    const element = this.width === 4 ? "vec4<u32>" : "u32";
    const rows = Math.max(1, Math.ceil(this.#words.length / 4));
    const buffers = [...this.#buffers].sort().map((index) =>
      `@group(0) @binding(${index + 1}) var<storage, read_write> memory${index}: array<${element}>;`
    );
    const code = `@group(0) @binding(0) var<uniform> table: array<vec4<u32>, ${rows}>;
${buffers.join("\n")}
${this.#declarations.join("\n")}
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) group_count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.y * group_count.x + group_id.x;
  if (group >= ${groups}u) { return; }
${body}
}
`;
    return { code, table: this.#words, groups };
  }
}

function constantOperand(dtype: DType, word: string): Operand {
  const type = scalarType(dtype), value = `bitcast<${type}>(${word})`;
  const refuse = () => {
    throw new TypeError("Cannot store into a constant as its elements are fixed");
  };
  return {
    dtype,
    at: () => value,
    vector: () => `vec4<${type}>(${value})`,
    store: refuse,
    storeVector: refuse,
  };
}

/** The bits of a float32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
