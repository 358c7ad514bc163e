/** Kernels without inputs (or that only look at their input's shape): their results are constants. */
import type * as tf from "@tensorflow/tfjs";
import type { TypedArray } from "../graph.ts";
import { kernel, type TraceKernel } from "./kernel.ts";
import type { TracedType } from "./recorder.ts";

/** start, start + step, ...: added up in the result's own precision, as tfjs does. */
function steps(start: number, step: number, numbers: TypedArray): TypedArray {
  for (let index = 0, number = start; index < numbers.length; index++, number = numbers[index - 1] + step) {
    numbers[index] = number;
  }
  return numbers;
}

/** The kernels that make constants. */
export const constants: readonly TraceKernel[] = [
  kernel<tf.FillAttrs>("Fill", (recorder, _, { shape, value, dtype }) => {
    if (typeof value !== "number") {
      throw new TypeError(`Cannot trace Fill as value must be a number: current value is "${value}"`);
    }
    return recorder.fill(value, shape, (dtype ?? "float32") as TracedType);
  }),
  kernel("ZerosLike", (recorder, { x }) => recorder.fill(0, x.value.shape, x.dtype)),
  kernel("OnesLike", (recorder, { x }) => recorder.fill(1, x.value.shape, x.dtype)),
  kernel<tf.RangeAttrs>("Range", (recorder, _, { start, stop, step, dtype }) => {
    const backwards = stop < start;
    // tfjs turns the default step round for a descending range, and makes any other step that leads away empty.
    const towards = backwards && step === 1 ? -1 : step;
    const empty = start === stop || (!backwards && step < 0) || (backwards && step > 1);
    const count = empty ? 0 : Math.abs(Math.ceil((stop - start) / step));
    const numbers = dtype === "int32" ? new Int32Array(count) : new Float32Array(count);
    return recorder.constant(steps(start, towards, numbers), [count], dtype);
  }),
  kernel<tf.LinSpaceAttrs>(
    "LinSpace",
    (recorder, _, { start, stop, num }) =>
      recorder.constant(steps(start, (stop - start) / (num - 1), new Float32Array(num)), [num], "float32"),
  ),
];
