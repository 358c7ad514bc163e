/** Elementwise programs as WGSL, for one element or for four: see functions.ts for its aliases and functions. */
import type { DType, Program } from "../graph.ts";
import type { Elementwise, Instruction } from "../program.ts";
import { aliases, needCalled } from "./functions.ts";
import type { Shader } from "./shader.ts";

/** An expression with its type. */
export interface Typed {
  readonly text: string;
  readonly dtype: DType;
}

const SELU_SCALE = 1.0507009873554805, SELU_ALPHA = 1.6732632423543772;

/** Operations on floats that give floats: `name(` is a function of functions.ts where there is one, else a built-in. */
const FLOAT: Partial<Record<Elementwise, (x: string, y: string, z: string) => string>> = {
  neg: (x) => `-(${x})`,
  abs: (x) => `abs(${x})`,
  sign: (x) => `sign_of(${x})`,
  step: (x) => `step_of(${x})`,
  square: (x) => `${x} * ${x}`,
  sqrt: (x) => `sqrt(${x})`,
  rsqrt: (x) => `inverseSqrt(${x})`,
  reciprocal: (x) => `F(1.0) / ${x}`,
  exp: (x) => `exponential(${x})`,
  expm1: (x) => `expm1(${x})`,
  log: (x) => `logarithm(${x})`,
  log1p: (x) => `log1p(${x})`,
  sigmoid: (x) => `sigmoid(${x})`,
  tanh: (x) => `tanh_of(${x})`,
  erf: (x) => `erf(${x})`,
  relu: (x) => `select(${x}, F(0.0), ${x} < F(0.0))`,
  relu6: (x) => `select(select(${x}, F(0.0), ${x} < F(0.0)), F(6.0), ${x} > F(6.0))`,
  elu: (x) => `select(expm1(${x}), ${x}, ${x} >= F(0.0))`,
  selu: (x) => `F(${SELU_SCALE}) * select(F(${SELU_ALPHA}) * expm1(${x}), ${x}, ${x} >= F(0.0))`,
  softplus: (x) => `softplus(${x})`,
  floor: (x) => `floor(${x})`,
  ceil: (x) => `ceil(${x})`,
  round: (x) => `round(${x})`,
  sin: (x) => `sine(${x})`,
  cos: (x) => `cosine(${x})`,
  tan: (x) => `tangent(${x})`,
  asin: (x) => `arcsine(${x})`,
  acos: (x) => `arccosine(${x})`,
  atan: (x) => `arctangent(${x})`,
  sinh: (x) => `sinh_of(${x})`,
  cosh: (x) => `cosh_of(${x})`,
  asinh: (x) => `asinh_of(${x})`,
  acosh: (x) => `acosh_of(${x})`,
  atanh: (x) => `atanh_of(${x})`,
  to_float32: (x) => x,
  to_int32: (x) => `trunc(${x})`,
  add: (x, y) => `${x} + ${y}`,
  sub: (x, y) => `${x} - ${y}`,
  mul: (x, y) => `${x} * ${y}`,
  div: (x, y) => `${x} / ${y}`,
  floor_div: (x, y) => `floor_divide(${x}, ${y})`,
  mod: (x, y) => `modulo(${x}, ${y})`,
  pow: (x, y) => `power(${x}, ${y})`,
  min: (x, y) => `minimum(${x}, ${y})`,
  max: (x, y) => `maximum(${x}, ${y})`,
  squared_difference: (x, y) => `(${x} - ${y}) * (${x} - ${y})`,
  atan2: (y, x) => `arctangent2(${y}, ${x})`,
  prelu: (x, slope) => `select(${x}, ${slope} * ${x}, ${x} < F(0.0))`,
};

/** Those of them whose functions take one element, as they branch. */
const ONE_BY_ONE: ReadonlySet<Elementwise> = new Set(["sin", "cos", "tan"]);
const COMPONENTS = [".x", ".y", ".z", ".w"];

/** Operations on ints that give ints; what is missing is computed in float. */
const INT: Partial<Record<Elementwise, (x: string, y: string, z: string) => string>> = {
  neg: (x) => `-(${x})`,
  abs: (x) => `abs(${x})`,
  sign: (x) => `sign(${x})`,
  step: (x) => `select(I(0), I(1), ${x} > I(0))`,
  square: (x) => `${x} * ${x}`,
  relu: (x) => `max(${x}, I(0))`,
  relu6: (x) => `clamp(${x}, I(0), I(6))`,
  floor: (x) => x,
  ceil: (x) => x,
  round: (x) => x,
  to_int32: (x) => x,
  add: (x, y) => `${x} + ${y}`,
  sub: (x, y) => `${x} - ${y}`,
  mul: (x, y) => `${x} * ${y}`,
  div: (x, y) => `int_divide(${x}, ${y})`,
  floor_div: (x, y) => `int_floor_divide(${x}, ${y})`,
  mod: (x, y) => `int_modulo(${x}, ${y})`,
  min: (x, y) => `min(${x}, ${y})`,
  max: (x, y) => `max(${x}, ${y})`,
  squared_difference: (x, y) => `(${x} - ${y}) * (${x} - ${y})`,
  prelu: (x, slope) => `select(${x}, ${slope} * ${x}, ${x} < I(0))`,
};

const COMPARISONS: Partial<Record<Elementwise, string>> = {
  equal: "==",
  greater: ">",
  greater_equal: ">=",
  less: "<",
  less_equal: "<=",
};

/** By the bits: a driver may say that NaN equals 0. */
function nonzero({ text, dtype }: Typed): string {
  return dtype === "float32" ? `((bitcast<U>(${text}) & U(0x7fffffffu)) != U(0u))` : `(${text} != I(0))`;
}

/** The condition that an operation with a truth value computes; undefined for the others. */
function condition(op: Elementwise, args: readonly Typed[]): string | undefined {
  const [x, y] = args;
  // Not `!=`, which a driver may take to be false of NaN.
  if (op === "not_equal") return `!(${condition("equal", args)})`;
  const comparison = COMPARISONS[op];
  if (comparison !== undefined) {
    const dtype = x.dtype === "float32" || y.dtype === "float32" ? "float32" : "int32";
    return `${converted(x, dtype)} ${comparison} ${converted(y, dtype)}`;
  }
  const float = x.dtype === "float32";
  switch (op) {
    case "is_nan":
      return float ? `is_nan(${x.text})` : "B(false)";
    case "is_inf":
      return float ? `is_inf(${x.text})` : "B(false)";
    case "is_finite":
      return float ? `!(is_nan(${x.text}) | is_inf(${x.text}))` : "B(true)";
    case "not":
      return `!${nonzero(x)}`;
    case "to_bool":
      return nonzero(x);
    case "and":
      return `${nonzero(x)} & ${nonzero(y)}`;
    case "or":
      return `${nonzero(x)} | ${nonzero(y)}`;
    case "xor":
      return `${nonzero(x)} != ${nonzero(y)}`;
    default:
      return undefined;
  }
}

/** The same number as another type; a float loses its fraction, and is 0 where no int32 can hold it. */
function converted({ text, dtype }: Typed, to: DType): string {
  if (dtype === to) return text;
  return to === "float32" ? `F(${text})` : `to_int(${text})`;
}

function expression({ op, dtype }: Instruction, args: readonly Typed[], width: 1 | 4): string {
  const holds = condition(op, args);
  const zero = dtype === "float32" ? "F(0.0)" : "I(0)", one = dtype === "float32" ? "F(1.0)" : "I(1)";
  if (holds !== undefined) return `select(${zero}, ${one}, ${holds})`;
  if (op === "select") {
    const [test, yes, no] = args;
    return `select(${converted(no, dtype)}, ${converted(yes, dtype)}, ${nonzero(test)})`;
  }
  const ints = dtype === "int32" && args.every((arg) => arg.dtype === "int32");
  if (ints && op === "pow") {
    const [x, y] = args.map((arg) => arg.text);
    const one = (at: string) => `int_power_one(${x}${at}, ${y}${at})`;
    return width === 1 ? one("") : `I(${COMPONENTS.map(one).join(", ")})`;
  }
  const write = ints ? INT[op] : undefined;
  if (write !== undefined) {
    const [x, y, z] = args.map((arg) => arg.text);
    return write(x, y, z);
  }
  const float = FLOAT[op];
  if (float === undefined) throw new RangeError(`Cannot write ${op} in WGSL as it is not known`);
  const [x, y, z] = args.map((arg) => converted(arg, "float32"));
  const text = width === 4 && ONE_BY_ONE.has(op)
    ? `F(${COMPONENTS.map((component) => float(x + component, y, z)).join(", ")})`
    : float(x, y, z);
  return converted({ text, dtype: "float32" }, dtype);
}

/**
 * Writes `program` for operands that are names of variables. Gives the lines, whose variables begin with `prefix`,
 * and the results.
 */
export function writeProgram(
  shader: Shader,
  program: Program,
  { operands, prefix, width }: {
    readonly operands: readonly Typed[];
    readonly prefix: string;
    readonly width: 1 | 4;
  },
): { readonly lines: string[]; readonly results: Typed[] } {
  shader.declare(aliases(width));
  const registers: Typed[] = [...operands], lines: string[] = [];
  for (const instruction of program.instructions) {
    const text = expression(instruction, instruction.args.map((arg) => registers[arg]), width);
    needCalled(shader, text);
    const name = `${prefix}${registers.length}`;
    lines.push(`let ${name} = ${text};`);
    registers.push({ text: name, dtype: instruction.dtype });
  }
  return { lines, results: program.results.map((register) => registers[register]) };
}
