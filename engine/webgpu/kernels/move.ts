/** Ops that move elements and compute nothing: one invocation moves one element, as its bits. */
import { type DType, type Shape, sizeOf, type Value } from "../../graph.ts";
import { around } from "../../kernels/argreduce.ts";
import { stridesOf } from "../../kernels/strides.ts";
import { need } from "../functions.ts";
import { coordinates, mergeAxes, offsetOf } from "../indexing.ts";
import { type Dispatch, floatBits, Shader } from "../shader.ts";
import { groupSize } from "./map.ts";
import type { KernelContext } from "./context.ts";

/** One invocation an element of `count`: the body sees `item`. */
export function eachItem(shader: Shader, count: number, lines: readonly string[]): Dispatch[] {
  if (count === 0) return [];
  const lanes = groupSize(count);
  const body = [`let item = group * ${lanes}u + lane;`, `if (item >= ${count}u) { return; }`, ...lines].join(
    "\n",
  );
  return [shader.finish(body, { size: lanes, groups: Math.ceil(count / lanes) })];
}

/** out[i0, i1, ...] = x[offset + i0 * strides[0] + ...]. */
export function writeCopy(
  context: KernelContext,
  { input, output, offset, strides }: {
    readonly input: Value;
    readonly output: Value;
    readonly offset: number;
    readonly strides: readonly number[];
  },
): Dispatch[] {
  const shader = new Shader(context), source = shader.operand(input), target = shader.operand(output);
  const space = mergeAxes({ shape: output.shape, strides: [strides] });
  const split = coordinates("item", space.shape, "c");
  const from = offsetOf(split.names, space.strides[0], offset);
  return eachItem(shader, sizeOf(output.shape), [...split.lines, target.store("item", source.at(from))]);
}

/** Most inputs of one dispatch: each adds a branch. */
const MOST_BRANCHES = 16;

/** Inputs one after the other along an axis. */
export function writeConcat(
  context: KernelContext,
  { inputs, output, axis }: {
    readonly inputs: readonly Value[];
    readonly output: Value;
    readonly axis: number;
  },
): Dispatch[] {
  const { before, extent, after } = around(output.shape, axis);
  const dispatches: Dispatch[] = [];
  let place = 0;
  for (let first = 0; first < inputs.length; first += MOST_BRANCHES) {
    const some = inputs.slice(first, first + MOST_BRANCHES).filter((input) => sizeOf(input.shape) > 0);
    const width = some.reduce((sum, input) => sum + input.shape[axis], 0), line = width * after;
    const shader = new Shader(context), target = shader.operand(output), start = place;
    const lines = [`let row = item / ${line}u;`, `let column = item % ${line}u;`];
    let at = 0;
    for (const input of some) {
      const own = input.shape[axis] * after, source = shader.operand(input);
      const to = `(row * ${extent * after}u + ${start * after}u + column)`;
      lines.push(
        `if (column >= ${at}u && column < ${at + own}u) {`,
        target.store(to, source.at(`(row * ${own}u + column - ${at}u)`)),
        "}",
      );
      at += own;
    }
    place += width;
    dispatches.push(...eachItem(shader, before * line, lines));
  }
  return dispatches;
}

/** The input at `before` in an output filled with `value`. */
export function writePad(
  context: KernelContext,
  { input, output, before, value }: {
    readonly input: Value;
    readonly output: Value;
    readonly before: readonly number[];
    readonly value: number;
  },
): Dispatch[] {
  const shader = new Shader(context), source = shader.operand(input), target = shader.operand(output);
  const filler = shader.word(output.dtype === "float32" ? floatBits(value) : value | 0);
  const type = output.dtype === "float32" ? "f32" : "i32";
  const split = coordinates("item", output.shape, "c"), strides = stridesOf(input.shape);
  const inside = output.shape.map((extent, axis) => {
    const checks: string[] = [], end = before[axis] + input.shape[axis];
    if (before[axis] > 0) checks.push(`${split.names[axis]} >= ${before[axis]}u`);
    if (end < extent) checks.push(`${split.names[axis]} < ${end}u`);
    return checks;
  }).flat();
  const shift = before.reduce((sum, extent, axis) => sum + extent * strides[axis], 0);
  return eachItem(shader, sizeOf(output.shape), [
    ...split.lines,
    `var moved = bitcast<${type}>(${filler});`,
    `if (${inside.join(" && ") || "true"}) { moved = ${
      source.at(`(${offsetOf(split.names, strides)} - ${shift}u)`)
    }; }`,
    target.store("item", "moved"),
  ]);
}

/** Slices along an axis, by index; an index outside gives 0. */
export function writeGather(
  context: KernelContext,
  { input, indices, output, axis }: {
    readonly input: Value;
    readonly indices: Value;
    readonly output: Value;
    readonly axis: number;
  },
): Dispatch[] {
  const { extent, after } = around(input.shape, axis), count = sizeOf(indices.shape);
  const wide = after % 4 === 0, step = wide ? 4 : 1;
  const shader = new Shader(context, step);
  const source = shader.operand(input), places = shader.operand(indices), target = shader.operand(output);
  const type = input.dtype === "float32" ? "f32" : "i32", slice = after / step;
  const at = `((before * ${extent}u + u32(index)) * ${slice}u + inner)`;
  return eachItem(shader, sizeOf(output.shape) / step, [
    `let inner = item % ${Math.max(1, slice)}u;`,
    `let line = item / ${Math.max(1, slice)}u;`,
    `let before = line / ${Math.max(1, count)}u;`,
    `let index = ${places.at(`(line % ${Math.max(1, count)}u)`)};`,
    `var moved = ${wide ? `vec4<${type}>()` : `${type}()`};`,
    `if (index >= 0 && index < ${extent}) { moved = ${wide ? source.vector(at) : source.at(at)}; }`,
    wide ? target.storeVector("item", "moved") : target.store("item", "moved"),
  ]);
}

/** Lanes of a workgroup that look for rows together. */
export const SEARCH_LANES = 64;

/**
 * A workgroup's search: the lanes ask which of the rows below `count` satisfy `holds`, then all of them do `visit` with each
 * of these `row`s, in ascending order.
 */
export function searchRows(
  shader: Shader,
  { count, holds, visit }: {
    readonly count: number;
    /** WGSL that is true of a row that is looked for. */
    readonly holds: (row: string) => string;
    /** WGSL that sees `row`. */
    readonly visit: string;
  },
): string[] {
  shader.declare("var<workgroup> found: array<atomic<u32>, 2>;");
  return [
    `for (var first = 0u; first < ${count}u; first += ${SEARCH_LANES}u) {`,
    "if (lane < 2u) { atomicStore(&found[lane], 0u); }",
    "workgroupBarrier();",
    `if (first + lane < ${count}u) {`,
    `if (${holds("(first + lane)")}) { atomicOr(&found[lane / 32u], 1u << (lane % 32u)); }`,
    "}",
    "workgroupBarrier();",
    "for (var half = 0u; half < 2u; half++) {",
    "var left = atomicLoad(&found[half]);",
    "while (left != 0u) {",
    "let row = first + half * 32u + firstTrailingBit(left);",
    "left &= left - 1u;",
    visit,
    "}",
    "}",
    "workgroupBarrier();",
    "}",
  ];
}

/**
 * Slices by segment, summed or the last of each. A workgroup makes one segment: it looks for the segment's number among the
 * indices, and every lane takes its own columns of what is found.
 */
export function writeScatter(
  context: KernelContext,
  { indices, updates, output, reducer }: {
    readonly indices: Value;
    readonly updates: Value;
    readonly output: Value;
    readonly reducer: "sum" | "last";
  },
): Dispatch[] {
  const width = sizeOf(output.shape.slice(1)),
    segments: number = output.shape[0],
    count = sizeOf(indices.shape);
  if (width === 0 || segments === 0) return [];
  const columns = Math.ceil(width / SEARCH_LANES);
  const shader = new Shader(context);
  const places = shader.operand(indices), source = shader.operand(updates), target = shader.operand(output);
  const type = output.dtype === "float32" ? "f32" : "i32";
  const body = [
    `let segment = group / ${columns}u;`,
    `let column = (group % ${columns}u) * ${SEARCH_LANES}u + lane;`,
    `var total = ${type}();`,
    ...searchRows(shader, {
      count,
      holds: (row) => `${places.at(row)} == i32(segment)`,
      visit: `if (column < ${width}u) { total ${reducer === "last" ? "=" : "+="} ${
        source.at(`(row * ${width}u + column)`)
      }; }`,
    }),
    `if (column < ${width}u) { ${target.store(`(segment * ${width}u + column)`, "total")} }`,
  ].join("\n");
  return [shader.finish(body, { size: SEARCH_LANES, groups: segments * columns })];
}

/** Running sum or product: one invocation a line. */
export function writeCumulate(
  context: KernelContext,
  { input, output, axis, reducer, exclusive, reverse }: {
    readonly input: Value;
    readonly output: Value;
    readonly axis: number;
    readonly reducer: "sum" | "prod";
    readonly exclusive: boolean;
    readonly reverse: boolean;
  },
): Dispatch[] {
  const { before, extent, after } = around(input.shape, axis);
  const shader = new Shader(context), source = shader.operand(input), target = shader.operand(output);
  const type = input.dtype === "float32" ? "f32" : "i32";
  const position = reverse ? `${extent - 1}u - step` : "step";
  return eachItem(shader, sizeOf([before, after]), [
    `var total = ${type}(${reducer === "sum" ? 0 : 1});`,
    `for (var step = 0u; step < ${extent}u; step++) {`,
    `let at = (item / ${Math.max(1, after)}u * ${extent}u + ${position}) * ${after}u + item % ${
      Math.max(1, after)
    }u;`,
    "let previous = total;",
    `total = total ${reducer === "sum" ? "+" : "*"} ${source.at("at")};`,
    target.store("at", exclusive ? "previous" : "total"),
    "}",
  ]);
}

/**
 * How elements are put in order: by whole numbers (u32) made of their bits, as drivers differ about NaN. NaN is
 * above all numbers or below them.
 */
export function orderOf(
  dtype: DType,
  unknown: "greatest" | "least",
): { readonly declare: (shader: Shader) => void; readonly of: (element: string) => string } {
  if (dtype === "int32") {
    return {
      declare: () => {},
      of: (element) => `(bitcast<u32>(${element}) ^ 0x80000000u)`,
    };
  }
  const limit = unknown === "greatest" ? "0xffffffffu" : "0u";
  return {
    declare: (shader) => need(shader, "order_of"),
    of: (element) => `order_of(${element}, ${limit})`,
  };
}

/** The k largest of each row, NaN first: one invocation a row, which looks through it k times. */
export function writeTopk(
  context: KernelContext,
  { input, values, indices }: { readonly input: Value; readonly values: Value; readonly indices: Value },
): Dispatch[] {
  const width: number = input.shape.at(-1)!, k: number = values.shape.at(-1)!;
  const rows = sizeOf(input.shape.slice(0, -1)), key = orderOf(input.dtype, "greatest");
  if (k === 0) return [];
  const shader = new Shader(context), source = shader.operand(input);
  const largest = shader.operand(values), places = shader.operand(indices);
  key.declare(shader);
  return eachItem(shader, rows, [
    "var last = 0u;",
    "var last_at = 0u;",
    `for (var rank = 0u; rank < ${k}u; rank++) {`,
    "var best = 0u;",
    `var best_at = ${width}u;`,
    `for (var i = 0u; i < ${width}u; i++) {`,
    `let x = ${key.of(source.at(`(item * ${width}u + i)`))};`,
    "let after = rank == 0u || x < last || (x == last && i > last_at);",
    `if (after && (best_at == ${width}u || x > best)) { best = x; best_at = i; }`,
    "}",
    "last = best;",
    "last_at = best_at;",
    largest.store(`(item * ${k}u + rank)`, source.at(`(item * ${width}u + best_at)`)),
    places.store(`(item * ${k}u + rank)`, "i32(best_at)"),
    "}",
  ]);
}

/** The shape of a row-wise op: how many rows, and how long they are. */
export function rowsOf(shape: Shape): { readonly rows: number; readonly width: number } {
  return { rows: sizeOf(shape.slice(0, -1)), width: shape.at(-1) ?? 1 };
}
