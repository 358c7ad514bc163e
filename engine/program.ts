/**
 * The elementwise operations: their names, and their definition in float64.
 * Executors round to float32 (or wrap to int32) after every instruction.
 */

/** A definition takes the operands as numbers; comparisons and logic give 0 or 1. */
interface Definition {
  readonly arity: 1 | 2 | 3;
  readonly apply: (x: number, y: number, z: number) => number;
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

/** The error function to 1e-15: its series near 0, its continued fraction in the tails. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return sum * 2 / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / (size + fraction) / Math.sqrt(Math.PI));
}

/** Half to even, as tfjs and IEEE do. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x), rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return Math.ceil(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const truth = (holds: boolean): number => (holds ? 1 : 0);

/** Every elementwise operation. `slope`s and limits are operands like any other (constants of the graph). */
export const ELEMENTWISE = {
  // One operand.
  neg: { arity: 1, apply: (x) => -x },
  abs: { arity: 1, apply: Math.abs },
  /** Of NaN, 0: NaN is neither above nor below. */
  sign: { arity: 1, apply: (x) => truth(x > 0) - truth(x < 0) },
  /** 1 where x > 0; NaN stays NaN. */
  step: { arity: 1, apply: (x) => (Number.isNaN(x) ? NaN : truth(x > 0)) },
  square: { arity: 1, apply: (x) => x * x },
  sqrt: { arity: 1, apply: Math.sqrt },
  rsqrt: { arity: 1, apply: (x) => 1 / Math.sqrt(x) },
  reciprocal: { arity: 1, apply: (x) => 1 / x },
  exp: { arity: 1, apply: Math.exp },
  expm1: { arity: 1, apply: Math.expm1 },
  log: { arity: 1, apply: Math.log },
  log1p: { arity: 1, apply: Math.log1p },
  sigmoid: { arity: 1, apply: (x) => 1 / (1 + Math.exp(-x)) },
  tanh: { arity: 1, apply: Math.tanh },
  erf: { arity: 1, apply: erf },
  relu: { arity: 1, apply: (x) => (x < 0 ? 0 : x) },
  relu6: { arity: 1, apply: (x) => (x < 0 ? 0 : x > 6 ? 6 : x) },
  elu: { arity: 1, apply: (x) => (x >= 0 ? x : Math.expm1(x)) },
  selu: { arity: 1, apply: (x) => SELU_SCALE * (x >= 0 ? x : SELU_ALPHA * Math.expm1(x)) },
  softplus: { arity: 1, apply: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  floor: { arity: 1, apply: Math.floor },
  ceil: { arity: 1, apply: Math.ceil },
  round: { arity: 1, apply: roundHalfEven },
  sin: { arity: 1, apply: Math.sin },
  cos: { arity: 1, apply: Math.cos },
  tan: { arity: 1, apply: Math.tan },
  asin: { arity: 1, apply: Math.asin },
  acos: { arity: 1, apply: Math.acos },
  atan: { arity: 1, apply: Math.atan },
  sinh: { arity: 1, apply: Math.sinh },
  cosh: { arity: 1, apply: Math.cosh },
  asinh: { arity: 1, apply: Math.asinh },
  acosh: { arity: 1, apply: Math.acosh },
  atanh: { arity: 1, apply: Math.atanh },
  is_nan: { arity: 1, apply: (x) => truth(Number.isNaN(x)) },
  is_inf: { arity: 1, apply: (x) => truth(Math.abs(x) === Infinity) },
  is_finite: { arity: 1, apply: (x) => truth(Number.isFinite(x)) },
  not: { arity: 1, apply: (x) => truth(x === 0) },
  /** Conversions round towards zero (to_int32) or to nearest (to_float32); to_bool is x != 0. */
  to_int32: { arity: 1, apply: Math.trunc },
  to_float32: { arity: 1, apply: (x) => x },
  to_bool: { arity: 1, apply: (x) => truth(x !== 0) },
  // Two operands.
  add: { arity: 2, apply: (x, y) => x + y },
  sub: { arity: 2, apply: (x, y) => x - y },
  mul: { arity: 2, apply: (x, y) => x * y },
  div: { arity: 2, apply: (x, y) => x / y },
  floor_div: { arity: 2, apply: (x, y) => Math.floor(x / y) },
  /** The remainder with the sign of the divisor, as tfjs and Python do. */
  mod: { arity: 2, apply: (x, y) => (x % y !== 0 && x < 0 !== y < 0 ? (x % y) + y : x % y) },
  pow: { arity: 2, apply: Math.pow },
  min: { arity: 2, apply: (x, y) => Math.min(x, y) },
  max: { arity: 2, apply: (x, y) => Math.max(x, y) },
  squared_difference: { arity: 2, apply: (x, y) => (x - y) * (x - y) },
  atan2: { arity: 2, apply: Math.atan2 },
  /** x where x >= 0, else slope * x. */
  prelu: { arity: 2, apply: (x, slope) => (x < 0 ? slope * x : x) },
  equal: { arity: 2, apply: (x, y) => truth(x === y) },
  not_equal: { arity: 2, apply: (x, y) => truth(x !== y) },
  greater: { arity: 2, apply: (x, y) => truth(x > y) },
  greater_equal: { arity: 2, apply: (x, y) => truth(x >= y) },
  less: { arity: 2, apply: (x, y) => truth(x < y) },
  less_equal: { arity: 2, apply: (x, y) => truth(x <= y) },
  and: { arity: 2, apply: (x, y) => truth(x !== 0 && y !== 0) },
  or: { arity: 2, apply: (x, y) => truth(x !== 0 || y !== 0) },
  xor: { arity: 2, apply: (x, y) => truth((x !== 0) !== (y !== 0)) },
  // Three operands.
  /** y where x is not 0, else z. */
  select: { arity: 3, apply: (x, y, z) => (x !== 0 ? y : z) },
} as const satisfies Readonly<Record<string, Definition>>;

/** The name of an elementwise operation. */
export type Elementwise = keyof typeof ELEMENTWISE;

/** One elementwise operation on registers; its result is the next register. */
export interface Instruction {
  readonly op: Elementwise;
  /** As many register numbers as the operation has operands. */
  readonly args: readonly number[];
  readonly dtype: "float32" | "int32";
}
