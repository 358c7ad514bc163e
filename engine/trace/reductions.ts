/** Reductions over axes, and running sums. */
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import type { Recorder, Traced, TracedType } from "./recorder.ts";

interface Axes {
  readonly axis?: number | number[];
  /** What `Max` calls it. */
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** The axes that a kernel's attributes name, counted from the front. */
function parse(x: Traced, { axis, reductionIndices, keepDims = false }: Axes) {
  const named = (axis ?? reductionIndices) as number | number[];
  return { axes: tf.util.parseAxisParam(named, [...x.value.shape]), keepDims };
}

function reducer(name: string, kind: "sum" | "prod" | "max" | "min", type?: TracedType): TraceKernel {
  return kernel<Axes>(name, (recorder, { x }, attributes) => {
    const wide: TracedType = type ??
      (x.dtype === "bool" && (kind === "sum" || kind === "prod") ? "int32" : x.dtype);
    return recorder.reduce(kind, recorder.cast(x, wide), parse(x, attributes));
  });
}

function argReducer(name: string, kind: "max" | "min"): TraceKernel {
  return kernel<{ axis: number | number[] }>(name, (recorder, { x }, attributes) => {
    const [axis] = parse(x, attributes).axes;
    const shape = x.value.shape.filter((_, other) => other !== axis);
    return recorder.node({ kind: "argreduce", reducer: kind, axis }, [x], shape, "int32");
  });
}

function cumulator(name: string, kind: "sum" | "prod"): TraceKernel {
  return kernel<tf.CumsumAttrs>(name, (recorder, { x }, { axis, exclusive, reverse }) => {
    const wide = recorder.cast(x, x.dtype === "bool" ? "int32" : x.dtype);
    const [along] = tf.util.parseAxisParam(axis, [...x.value.shape]);
    const op = { kind: "cumulate", reducer: kind, axis: along, exclusive, reverse } as const;
    return recorder.node(op, [wide], x.value.shape, wide.dtype);
  });
}

/** The mean over `axes`: a sum times a constant. */
export function mean(
  recorder: Recorder,
  x: Traced,
  over: { readonly axes: readonly number[]; readonly keepDims: boolean },
): Traced {
  const count = sizeOf(over.axes.map((axis) => x.value.shape[axis]));
  const sum = recorder.reduce("sum", recorder.cast(x, "float32"), over);
  return recorder.map("mul", [sum, recorder.scalar(1 / count, "float32")], "float32");
}

/** The reducing kernels. */
export const reductions: readonly TraceKernel[] = [
  reducer("Sum", "sum"),
  reducer("Prod", "prod"),
  reducer("Max", "max"),
  reducer("Min", "min"),
  reducer("All", "min", "bool"),
  reducer("Any", "max", "bool"),
  kernel<Axes>("Mean", (recorder, { x }, attributes) => mean(recorder, x, parse(x, attributes))),
  argReducer("ArgMax", "max"),
  argReducer("ArgMin", "min"),
  cumulator("Cumsum", "sum"),
  cumulator("Cumprod", "prod"),
];
