/** Elementwise programs: one invocation makes one element, or four where the operands allow. */
import { type Program, sizeOf, type Value } from "../../graph.ts";
import { broadcastStrides } from "../../kernels/strides.ts";
import { aliases } from "../functions.ts";
import { coordinates, mergeAxes, offsetOf } from "../indexing.ts";
import { type Typed, writeProgram } from "../program.ts";
import { type Dispatch, type Operand, scalarType, Shader } from "../shader.ts";
import type { KernelContext } from "./context.ts";

/** Invocations a workgroup: few where there is little work, so that it spreads over the whole device. */
export function groupSize(invocations: number): number {
  return invocations <= 16384 ? 64 : 256;
}

/** What is computed element by element. */
export interface MapWork {
  readonly program: Program;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Declares variables that hold the operands' elements, and gives their names. */
export function loadOperands(
  operands: readonly { readonly dtype: Typed["dtype"]; readonly text: string }[],
  prefix: string,
): { readonly lines: string[]; readonly operands: Typed[] } {
  return {
    lines: operands.map(({ dtype, text }, i) =>
      `let ${prefix}${i} = ${dtype === "float32" ? "F" : "I"}(${text});`
    ),
    operands: operands.map(({ dtype }, i) => ({ text: `${prefix}${i}`, dtype })),
  };
}

/** One dispatch for a map. */
export function writeMap(context: KernelContext, { program, inputs, outputs }: MapWork): Dispatch[] {
  const shape = outputs[0].shape, size = sizeOf(shape);
  if (size === 0) return [];
  const space = mergeAxes({ shape, strides: inputs.map((input) => broadcastStrides(input.shape, shape)) });
  const extents = space.shape.length === 0 ? [1] : space.shape;
  const strides = space.shape.length === 0 ? inputs.map(() => [0]) : space.strides;
  // Places are padded to 16 elements, so a flat map may run over its end; elsewhere the rows must divide by four.
  const flat = extents.length === 1;
  const width = size >= 4 && (flat || extents[extents.length - 1] % 4 === 0) ? 4 : 1;
  const shader = new Shader(context, width);
  shader.declare(aliases(width));
  const count = Math.ceil(size / width);
  const last = extents.length - 1;
  const split = coordinates(
    "item",
    width === 4 ? extents.with(last, Math.ceil(extents[last] / 4)) : extents,
    "c",
  );
  const loads = inputs.map((input, i) => {
    const operand = shader.operand(input), own = strides[i];
    let text: string;
    if (own.every((stride) => stride === 0)) text = operand.at("0u");
    else if (width === 1) text = operand.at(offsetOf(split.names, own));
    else if (own[last] === 0) text = operand.at(offsetOf(split.names, own));
    else {
      const quads = own.map((stride, axis) => (axis === last ? 1 : stride / 4));
      text = operand.vector(offsetOf(split.names, quads));
    }
    return { dtype: input.dtype, text };
  });
  const loaded = loadOperands(loads, "x");
  const written = writeProgram(shader, program, { operands: loaded.operands, prefix: "r", width });
  const stores = outputs.map((output, i) => {
    const target = shader.operand(output), { text } = written.results[i];
    return width === 4 ? target.storeVector("item", text) : target.store("item", text);
  });
  const lanes = groupSize(count);
  const body = [
    `let item = group * ${lanes}u + lane;`,
    `if (item >= ${count}u) { return; }`,
    ...split.lines,
    ...loaded.lines,
    ...written.lines,
    ...stores,
  ].join("\n");
  return [shader.finish(body, { size: lanes, groups: Math.ceil(count / lanes) })];
}

/** Most numbers in a table: WebGPU binds 64 KiB. Some are left for other operands. */
const MOST_WORDS = 16000;

interface Instance {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/**
 * A dispatch for all instances whose operands lie in the same buffers and have the output's size or one element;
 * other instances become maps of their own.
 */
export function writeMaps(
  context: KernelContext,
  program: Program,
  { inputs, outputs, count }: {
    readonly inputs: readonly Value[];
    readonly outputs: readonly Value[];
    readonly count: number;
  },
): Dispatch[] {
  const perInput = inputs.length / count, perOutput = outputs.length / count;
  const families = new Map<string, Instance[]>(), dispatches: Dispatch[] = [];
  for (let i = 0; i < count; i++) {
    const instance = {
      inputs: inputs.slice(i * perInput, (i + 1) * perInput),
      outputs: outputs.slice(i * perOutput, (i + 1) * perOutput),
    };
    const size = sizeOf(instance.outputs[0].shape);
    if (size === 0) continue;
    if (!instance.inputs.every(({ shape }) => sizeOf(shape) === size || sizeOf(shape) === 1)) {
      dispatches.push(...writeMap(context, { program, ...instance }));
      continue;
    }
    const kinds = instance.inputs.map((input) => {
      if (context.constant(input) !== undefined) return `constant:${input.dtype}`;
      const extent = sizeOf(input.shape) === size && size > 1 ? "whole" : "one";
      return `${extent}:${context.locate(input).buffer}:${input.dtype}`;
    });
    const targets = instance.outputs.map((output) => `${context.locate(output).buffer}:${output.dtype}`);
    const key = [...kinds, ...targets].join();
    const family = families.get(key);
    if (family === undefined) families.set(key, [instance]);
    else family.push(instance);
  }
  const most = Math.floor(MOST_WORDS / rowLength(perInput + perOutput));
  for (const family of families.values()) {
    for (let from = 0; from < family.length; from += most) {
      dispatches.push(writeFamily(context, program, family.slice(from, from + most)));
    }
  }
  return dispatches;
}

/**
 * The words of an instance's row in the table: first workgroup, number of quads, where each operand lies (or a
 * constant's bits). Whole vec4s.
 */
function rowLength(operands: number): number {
  return 4 * Math.ceil((2 + operands) / 4);
}

function writeFamily(context: KernelContext, program: Program, family: readonly Instance[]): Dispatch {
  const shader = new Shader(context, 4);
  shader.declare(aliases(4));
  const [first] = family;
  const lanes = groupSize(
    family.reduce((sum, { outputs }) => sum + Math.ceil(sizeOf(outputs[0].shape) / 4), 0),
  );
  const length = rowLength(first.inputs.length + first.outputs.length);
  const words: number[] = [];
  let groups = 0;
  for (const { inputs, outputs } of family) {
    const quads = Math.ceil(sizeOf(outputs[0].shape) / 4);
    const row = [
      groups,
      quads,
      ...inputs.map((input) => context.constant(input) ?? context.locate(input).offset),
      ...outputs.map((output) => context.locate(output).offset),
    ];
    words.push(...row, ...new Array<number>(length - row.length).fill(0));
    groups += Math.ceil(quads / lanes);
  }
  const start = shader.rows(words);
  const word = (at: number) => `table[row + ${at >> 2}u].${"xyzw"[at & 3]}`;
  const place = (value: Value, at: number): Operand =>
    shader.placed(shader.buffer(context.locate(value).buffer), value.dtype, word(at));
  const loads = first.inputs.map((input, i) => {
    const at = 2 + i, { dtype } = input;
    if (context.constant(input) !== undefined) {
      return { dtype, text: `bitcast<${scalarType(dtype)}>(${word(at)})` };
    }
    const whole = sizeOf(input.shape) === sizeOf(first.outputs[0].shape) && sizeOf(input.shape) > 1;
    const operand = place(input, at);
    return { dtype, text: whole ? operand.vector("item") : operand.at("0u") };
  });
  const loaded = loadOperands(loads, "x");
  const written = writeProgram(shader, program, { operands: loaded.operands, prefix: "r", width: 4 });
  const stores = first.outputs.map((output, i) =>
    place(output, 2 + first.inputs.length + i).storeVector("item", written.results[i].text)
  );
  const body = [
    "var low = 0u;",
    `var high = ${family.length}u;`,
    "while (high - low > 1u) {",
    "let middle = (low + high) / 2u;",
    `if (table[${start}u + middle * ${length / 4}u].x <= group) { low = middle; } else { high = middle; }`,
    "}",
    `let row = ${start}u + low * ${length / 4}u;`,
    `let item = (group - ${word(0)}) * ${lanes}u + lane;`,
    `if (item >= ${word(1)}) { return; }`,
    ...loaded.lines,
    ...written.lines,
    ...stores,
  ].join("\n");
  return shader.finish(body, { size: lanes, groups });
}
