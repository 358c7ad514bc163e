/**
 * Reductions. A team of lanes makes each output: lane l takes elements l, l + lanes, ... of the reduced axes, then
 * the team halves itself. Where the outputs are too few to fill a device the reduced axes are cut into pieces (their
 * number depends on the shape alone), which a second dispatch reduces. So every sum has one fixed order.
 */
import { type DType, sizeOf, type Value } from "../../graph.ts";
import type { OpOf } from "../../kernels/kernel.ts";
import { broadcastStrides, stridesOf } from "../../kernels/strides.ts";
import { aliases, need } from "../functions.ts";
import { coordinates, mergeAxes, offsetOf } from "../indexing.ts";
import { writeProgram } from "../program.ts";
import { type Dispatch, type Location, type Operand, scalarType, Shader } from "../shader.ts";
import { loadOperands } from "./map.ts";
import type { KernelContext } from "./context.ts";

export type Reducer = "sum" | "prod" | "max" | "min";

/** The WGSL expression that joins two partial results. */
export function join(shader: Shader, reducer: Reducer, dtype: DType): (x: string, y: string) => string {
  if (reducer === "sum") return (x, y) => `${x} + ${y}`;
  if (reducer === "prod") return (x, y) => `${x} * ${y}`;
  if (dtype === "int32") return (x, y) => `${reducer}(${x}, ${y})`;
  const name = reducer === "max" ? "maximum" : "minimum";
  need(shader, name);
  return (x, y) => `${name}(${x}, ${y})`;
}

/** The WGSL expression of the result of joining nothing. */
export function identity(shader: Shader, reducer: Reducer, dtype: DType): string {
  const float = dtype === "float32";
  if (reducer === "sum") return float ? "0.0" : "0";
  if (reducer === "prod") return float ? "1.0" : "1";
  if (float) return shader.float(reducer === "max" ? -Infinity : Infinity);
  return `bitcast<i32>(${shader.word(reducer === "max" ? 0x80000000 : 0x7fffffff)})`;
}

/**
 * WGSL that leaves the join of `name` over a team in every lane's `name`. Teams are `lanes` invocations; `slot` and
 * `stride` say where a lane's partial result lies: slot = lane's number * stride + team's own offset.
 */
export function joinTeam(
  shader: Shader,
  { name, lanes, size, dtype, combine, stride, offset, member }: {
    readonly name: string;
    readonly lanes: number;
    readonly size: number;
    readonly dtype: DType;
    readonly combine: (x: string, y: string) => string;
    readonly stride: number;
    readonly offset: string;
    readonly member: string;
  },
): string[] {
  if (lanes === 1) return [];
  const room = `room_${scalarType(dtype)}`;
  shader.declare(`var<workgroup> ${room}: array<${scalarType(dtype)}, ${size}>;`);
  const slot = (number: string) => `${room}[(${number}) * ${stride}u + ${offset}]`;
  const lines = [`${slot(member)} = ${name};`, "workgroupBarrier();"];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    lines.push(
      `if (${member} < ${half}u) {`,
      `${slot(member)} = ${combine(slot(member), slot(`${member} + ${half}u`))};`,
      "}",
      "workgroupBarrier();",
    );
  }
  lines.push(`${name} = ${slot("0u")};`, "workgroupBarrier();");
  return lines;
}

/** The least power of two that is not below `value`. */
export function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

/** The WGSL of one element: lines that may use `output` and `element`, and the expression of its value. */
interface Term {
  readonly lines: readonly string[];
  readonly term: string;
}

interface Reduction {
  readonly reducer: Reducer;
  readonly dtype: DType;
  readonly outputs: number;
  /** Elements that are joined into one output. */
  readonly length: number;
  /** Whether neighbours in memory belong to neighbouring outputs. */
  readonly keepsLast: boolean;
  write(shader: Shader): Term;
}

/** Fewest elements of a piece, and the work below which cutting does not pay. */
const SHORTEST_PIECE = 256, ENOUGH_LANES = 16384;

/** One dispatch, or two where the reduced axes are cut. */
export function writeReduce(
  context: KernelContext,
  op: OpOf<"reduce">,
  { inputs, output }: { readonly inputs: readonly Value[]; readonly output: Value },
): Dispatch[] {
  if (sizeOf(output.shape) === 0) return [];
  const own = stridesOf(output.shape);
  let next = 0;
  const target = op.domain.map((_, axis) => (op.axes.includes(axis) ? 0 : own[next++]));
  const flags = stridesOf(op.domain).map((stride, axis) => (op.axes.includes(axis) ? stride : 0));
  const merged = mergeAxes({
    shape: op.domain,
    strides: [target, flags, ...inputs.map((input) => broadcastStrides(input.shape, op.domain))],
  });
  const isReduced = merged.shape.map((_, axis) => merged.strides[0][axis] === 0);
  const pick = <T>(list: readonly T[], reduced: boolean) =>
    list.filter((_, axis) => isReduced[axis] === reduced);
  const kept = pick(merged.shape, false), reduced = pick(merged.shape, true);
  return writeReduction(context, output, {
    reducer: op.reducer,
    dtype: output.dtype,
    outputs: sizeOf(kept),
    length: sizeOf(reduced),
    keepsLast: isReduced.at(-1) === false,
    write(shader) {
      const outputSplit = coordinates("output", kept, "k"), split = coordinates("element", reduced, "e");
      const names = [...outputSplit.names, ...split.names];
      const loads = inputs.map((input, i) => {
        const strides = merged.strides[i + 2];
        const text = shader.operand(input).at(
          offsetOf(names, [...pick(strides, false), ...pick(strides, true)]),
        );
        return { dtype: input.dtype, text };
      });
      const loaded = loadOperands(loads, "x");
      const written = writeProgram(shader, op.program, { operands: loaded.operands, prefix: "r", width: 1 });
      return {
        lines: [...outputSplit.lines, ...split.lines, ...loaded.lines, ...written.lines],
        term: written.results[0].text,
      };
    },
  });
}

/** For each element of `output`, the sum of `length` terms that `write` computes. */
export function writeReduceOfBody(
  context: KernelContext,
  { output, length, write }: {
    readonly output: Value;
    readonly length: number;
    readonly write: (shader: Shader) => Term;
  },
): Dispatch[] {
  const outputs = sizeOf(output.shape);
  if (outputs === 0) return [];
  return writeReduction(context, output, {
    reducer: "sum",
    dtype: "float32",
    outputs,
    length,
    keepsLast: outputs > 1,
    write,
  });
}

function writeReduction(context: KernelContext, output: Value, reduction: Reduction): Dispatch[] {
  const { outputs, length, dtype } = reduction;
  const pieces = Math.max(
    1,
    Math.min(Math.floor(ENOUGH_LANES / outputs), Math.floor(length / SHORTEST_PIECE), 256),
  );
  const finished = (shader: Shader) => shader.operand(output);
  if (pieces === 1) return [writeStage(context, reduction, { pieces, target: finished })];
  // The parts lie [pieces, outputs].
  const parts: Location = context.scratch(pieces * outputs);
  const partial = (shader: Shader) => shader.located(parts, dtype);
  const joining: Reduction = {
    ...reduction,
    length: pieces,
    keepsLast: outputs > 1,
    write: (shader) => ({ lines: [], term: partial(shader).at(`(element * ${outputs}u + output)`) }),
  };
  return [
    writeStage(context, reduction, { pieces, target: partial }),
    writeStage(context, joining, { pieces: 1, target: finished }),
  ];
}

function writeStage(
  context: KernelContext,
  { reducer, dtype, outputs, length, keepsLast, write }: Reduction,
  { pieces, target }: { readonly pieces: number; readonly target: (shader: Shader) => Operand },
): Dispatch {
  const piece = Math.ceil(length / pieces), jobs = outputs * pieces;
  // Enough lanes that each has some elements, but no more than keep a device busy when there are many outputs.
  const useful = powerOfTwo(Math.ceil(piece / (keepsLast ? 8 : 4)));
  const lanes = Math.min(useful, keepsLast ? 16 : 256, powerOfTwo(4 * ENOUGH_LANES / jobs));
  // Of neighbouring outputs, 16 at least, so that they are read from whole cache lines.
  const size = Math.max(64, keepsLast ? 16 * lanes : lanes), teams = size / lanes;
  const shader = new Shader(context, 1);
  shader.declare(aliases(1));
  const combine = join(shader, reducer, dtype), start = identity(shader, reducer, dtype);
  const { lines, term } = write(shader);
  // Neighbouring invocations read neighbouring elements: of one output, or of neighbouring outputs.
  const member = keepsLast ? `lane / ${teams}u` : `lane % ${lanes}u`;
  const team = keepsLast ? `lane % ${teams}u` : `lane / ${lanes}u`;
  const body = [
    `let member = ${member};`,
    `let team = ${team};`,
    `let job = group * ${teams}u + team;`,
    `let output = job % ${outputs}u;`,
    `let piece = job / ${outputs}u;`,
    `var total = ${start};`,
    `if (job < ${jobs}u) {`,
    `let end = min((piece + 1u) * ${piece}u, ${length}u);`,
    `for (var element = piece * ${piece}u + member; element < end; element += ${lanes}u) {`,
    ...lines,
    `total = ${combine("total", term)};`,
    "}",
    "}",
    ...joinTeam(shader, {
      name: "total",
      lanes,
      size,
      dtype,
      combine,
      stride: keepsLast ? teams : 1,
      offset: keepsLast ? "team" : `team * ${lanes}u`,
      member: "member",
    }),
    `if (job < ${jobs}u && member == 0u) { ${target(shader).store("job", "total")} }`,
  ].join("\n");
  return shader.finish(body, { size, groups: Math.ceil(jobs / teams) });
}
