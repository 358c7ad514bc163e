/** Elementwise kernels. Types follow tfjs's CPU backend: most results have the type of the first operand. */
import type * as tf from "@tensorflow/tfjs";
import type { Elementwise } from "../program.ts";
import { type Inputs, kernel, type TraceKernel } from "./kernel.ts";
import { graphType, type Recorder, type Traced, type TracedType } from "./recorder.ts";

/** Computed in float32, whatever the operand is; the result has the operand's type again. */
const FLOAT_UNARY: Readonly<Record<string, Elementwise>> = {
  Acos: "acos",
  Acosh: "acosh",
  Asin: "asin",
  Asinh: "asinh",
  Atan: "atan",
  Atanh: "atanh",
  Cos: "cos",
  Cosh: "cosh",
  Elu: "elu",
  Erf: "erf",
  Expm1: "expm1",
  Log: "log",
  Log1p: "log1p",
  Reciprocal: "reciprocal",
  Rsqrt: "rsqrt",
  Selu: "selu",
  Sigmoid: "sigmoid",
  Sin: "sin",
  Sinh: "sinh",
  Softplus: "softplus",
  Sqrt: "sqrt",
  Tan: "tan",
  Tanh: "tanh",
};
/** Nothing to do on integers. */
const ROUNDING: Readonly<Record<string, Elementwise>> = { Ceil: "ceil", Floor: "floor", Round: "round" };
/** On integers as they are. */
const ANY_UNARY: Readonly<Record<string, Elementwise>> = {
  Abs: "abs",
  Neg: "neg",
  Sign: "sign",
  Square: "square",
};
const FLOAT_TESTS: Readonly<Record<string, Elementwise>> = {
  IsFinite: "is_finite",
  IsInf: "is_inf",
  IsNan: "is_nan",
};
const BINARY: Readonly<Record<string, Elementwise>> = {
  Add: "add",
  Maximum: "max",
  Minimum: "min",
  Mod: "mod",
  Multiply: "mul",
  SquaredDifference: "squared_difference",
  Sub: "sub",
};
const FLOAT_BINARY: Readonly<Record<string, Elementwise>> = { Atan2: "atan2" };
/** In float32 unless both operands are integers, whose results are exact. */
const EXACT_BINARY: Readonly<Record<string, Elementwise>> = { Pow: "pow", RealDiv: "div" };
const COMPARISONS: Readonly<Record<string, Elementwise>> = {
  Equal: "equal",
  Greater: "greater",
  GreaterEqual: "greater_equal",
  Less: "less",
  LessEqual: "less_equal",
  LogicalAnd: "and",
  LogicalOr: "or",
  NotEqual: "not_equal",
};

function kernels(
  names: Readonly<Record<string, Elementwise>>,
  rule: (recorder: Recorder, inputs: Inputs, op: Elementwise) => Traced,
): TraceKernel[] {
  return Object.entries(names).map(([name, op]) =>
    kernel(name, (recorder, inputs) => rule(recorder, inputs, op))
  );
}

/** An operation that exists in float32 alone; the result is converted to `dtype`. */
function inFloat(recorder: Recorder, op: Elementwise, inputs: readonly Traced[], dtype: TracedType): Traced {
  const floats = inputs.map((input) => recorder.cast(input, "float32"));
  return recorder.cast(recorder.map(op, floats, "float32"), dtype);
}

/** Operands of unlike graph types meet in float32. */
function alike(recorder: Recorder, operands: readonly Traced[]): readonly Traced[] {
  const types = new Set(operands.map((operand) => graphType(operand.dtype)));
  return types.size === 1 ? operands : operands.map((operand) => recorder.cast(operand, "float32"));
}

/** An operation on operands of one graph type; the result has the type of the first. */
export function binary(recorder: Recorder, op: Elementwise, a: Traced, b: Traced): Traced {
  const operands = alike(recorder, [a, b]);
  const inner = operands[0] === a ? a.dtype : "float32";
  return recorder.cast(recorder.map(op, operands, inner), a.dtype);
}

/** `x` limited to low ... high; limits that no int32 can hold do not limit integers. */
function clip(recorder: Recorder, x: Traced, limits: { low?: number; high?: number }): Traced {
  const [low, high] = [limits.low, limits.high].map((limit) =>
    limit === undefined || x.dtype === "float32" ? limit : Math.max(-(2 ** 31), Math.min(limit, 2 ** 31 - 1))
  );
  const above = low === undefined ? x : binary(recorder, "max", x, recorder.scalar(low, x.dtype));
  return high === undefined ? above : binary(recorder, "min", above, recorder.scalar(high, x.dtype));
}

/** What the fused kernels end with. */
export interface Activation {
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
  readonly preluActivationWeights?: Traced;
}

/** A fused kernel's bias and activation. */
export function finish(recorder: Recorder, x: Traced, bias: Traced | undefined, end: Activation): Traced {
  const sum = bias === undefined ? x : binary(recorder, "add", x, bias);
  if (sum.dtype !== "float32" && (end.activation ?? "linear") !== "linear") {
    return recorder.cast(finish(recorder, recorder.cast(sum, "float32"), undefined, end), sum.dtype);
  }
  switch (end.activation ?? "linear") {
    case "linear":
      return sum;
    case "relu":
      return recorder.map("relu", [sum], "float32");
    case "relu6":
      return recorder.map("relu6", [sum], "float32");
    case "elu":
      return recorder.map("elu", [sum], "float32");
    case "sigmoid":
      return recorder.map("sigmoid", [sum], "float32");
    case "leakyrelu":
      return recorder.map("prelu", [sum, recorder.scalar(end.leakyreluAlpha ?? 0.2, "float32")], "float32");
    case "prelu":
      if (end.preluActivationWeights !== undefined) {
        return recorder.map("prelu", [sum, end.preluActivationWeights], "float32");
      }
  }
  throw new TypeError(
    `Cannot trace ${recorder.kernel} as its activation must be linear, relu, relu6, elu, sigmoid, leakyrelu or ` +
      `prelu with weights: current value is ${end.activation}`,
  );
}

/** The elementwise kernels. */
export const elementwise: readonly TraceKernel[] = [
  ...kernels(FLOAT_UNARY, (recorder, { x }, op) => inFloat(recorder, op, [x], x.dtype)),
  ...kernels(ROUNDING, (recorder, { x }, op) => x.dtype === "float32" ? recorder.map(op, [x], x.dtype) : x),
  ...kernels(ANY_UNARY, (recorder, { x }, op) => recorder.map(op, [x], x.dtype)),
  ...kernels(
    FLOAT_TESTS,
    (recorder, { x }, op) => recorder.map(op, [recorder.cast(x, "float32")], "bool"),
  ),
  ...kernels(BINARY, (recorder, { a, b }, op) => binary(recorder, op, a, b)),
  ...kernels(FLOAT_BINARY, (recorder, { a, b }, op) => inFloat(recorder, op, [a, b], a.dtype)),
  ...kernels(EXACT_BINARY, (recorder, { a, b }, op) => {
    const integers = [a, b].every(({ dtype }) => graphType(dtype) === "int32");
    if (!integers) return inFloat(recorder, op, [a, b], a.dtype);
    return recorder.cast(recorder.map(op, [a, b], "int32"), a.dtype);
  }),
  ...kernels(COMPARISONS, (recorder, { a, b }, op) => recorder.map(op, alike(recorder, [a, b]), "bool")),
  kernel("Exp", (recorder, { x }) => inFloat(recorder, "exp", [x], "float32")),
  kernel("LogicalNot", (recorder, { x }) => recorder.map("not", [x], "bool")),
  kernel("FloorDiv", (recorder, { a, b }) => {
    const operands = alike(recorder, [a, b]);
    const inner = graphType(operands[0].dtype);
    return recorder.cast(recorder.map("floor_div", operands, inner), "int32");
  }),
  kernel("AddN", (recorder, inputs) => {
    const [first, ...others] = Object.values(inputs);
    return others.reduce((sum, other) => binary(recorder, "add", sum, other), first);
  }),
  kernel("Identity", (_, { x }) => x),
  kernel<tf.CastAttrs>("Cast", (recorder, { x }, { dtype }) => {
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
      throw new TypeError(
        `Cannot trace Cast as dtype must be float32, int32 or bool: current value is ${dtype}`,
      );
    }
    return recorder.cast(x, dtype);
  }),
  kernel(
    "Relu",
    (recorder, { x }) =>
      x.dtype === "float32" ? recorder.map("relu", [x], x.dtype) : clip(recorder, x, { low: 0 }),
  ),
  kernel(
    "Relu6",
    (recorder, { x }) =>
      x.dtype === "float32" ? recorder.map("relu6", [x], x.dtype) : clip(recorder, x, { low: 0, high: 6 }),
  ),
  kernel<tf.ClipByValueAttrs>(
    "ClipByValue",
    (recorder, { x }, { clipValueMin, clipValueMax }) =>
      clip(recorder, x, { low: clipValueMin, high: clipValueMax }),
  ),
  kernel<tf.LeakyReluAttrs>(
    "LeakyRelu",
    (recorder, { x }, { alpha }) =>
      inFloat(recorder, "prelu", [x, recorder.scalar(alpha, "float32")], "float32"),
  ),
  kernel("Prelu", (recorder, { x, alpha }) => inFloat(recorder, "prelu", [x, alpha], "float32")),
  kernel<tf.StepAttrs>("Step", (recorder, { x }, { alpha }) => {
    const step = recorder.map("step", [x], x.dtype);
    // What is not 0 stays: 1 and NaN.
    return alpha === 0
      ? step
      : recorder.map("select", [step, step, recorder.scalar(alpha, x.dtype)], x.dtype);
  }),
  kernel("EluGrad", (recorder, { dy, y }) => {
    const zero = recorder.scalar(0, "float32"), one = recorder.scalar(1, "float32");
    const steep = recorder.map("greater_equal", [y, zero], "bool");
    const slope = recorder.map("add", [y, one], "float32");
    return recorder.map("select", [steep, dy, recorder.map("mul", [dy, slope], "float32")], "float32");
  }),
  kernel("Select", (recorder, { condition, t, e }) => {
    const shape = t.value.shape, rows = condition.value.shape;
    // A vector of conditions chooses whole rows.
    const spread = rows.length === 1 && shape.length > 1
      ? recorder.reshape(condition, [...rows, ...shape.slice(1).map(() => 1)])
      : condition;
    const [yes, no] = alike(recorder, [t, e]);
    return recorder.map("select", [spread, yes, no], yes === t ? t.dtype : "float32");
  }),
];
