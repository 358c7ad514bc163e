import { sizeOf } from "../graph.ts";
import { accumulate, checkProgram, Evaluation, resultTypes } from "./evaluate.ts";
import { bytesOf, type Kernel, must } from "./kernel.ts";
import { broadcastsTo, strided, stridesOf } from "./strides.ts";

const START = { sum: 0, prod: 1, max: -Infinity, min: Infinity } as const;

/** A reduction of an elementwise program over some axes. Maxima and minima of NaN are NaN. */
export const reduce: Kernel<"reduce"> = {
  infer(op, inputs) {
    checkProgram(op.program, inputs.length);
    must(
      inputs.every((input) => broadcastsTo(input.shape, op.domain)),
      "reduce",
      `the operands must broadcast to [${op.domain}]`,
      inputs,
    );
    must(
      op.axes.every((axis, i) => axis < op.domain.length && (i === 0 ? axis >= 0 : axis > op.axes[i - 1])),
      "reduce",
      `the axes [${op.axes}] must ascend and be axes of [${op.domain}]`,
      inputs,
    );
    const [dtype] = resultTypes(op.program, inputs.map((input) => input.dtype));
    return [{ shape: op.domain.filter((_, axis) => !op.axes.includes(axis)), dtype }];
  },
  cost: (op, inputs, outputs) => ({
    flops: (op.program.instructions.length + 1) * sizeOf(op.domain),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run(op, inputs, [output]) {
    const { domain, axes, program, reducer } = op;
    const evaluation = new Evaluation(program, inputs, domain);
    const sums = new Float64Array(output.data.length).fill(
      output.dtype === "int32" ? Math.max(-(2 ** 31), Math.min(START[reducer], 2 ** 31 - 1)) : START[reducer],
    );
    const kept = stridesOf(output.shape);
    let next = 0;
    const target = strided(domain, domain.map((_, axis) => (axes.includes(axis) ? 0 : kept[next++])));
    const size = sizeOf(domain);
    const join = reducer === "sum" || reducer === "prod"
      ? accumulate(reducer, output.dtype)
      : reducer === "max"
      ? Math.max
      : Math.min;
    for (let index = 0; index < size; index++) {
      const value = evaluation.at(index)[program.results[0]], at = target(index);
      sums[at] = join(sums[at], value);
    }
    output.data.set(sums);
  },
};
