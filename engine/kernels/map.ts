import { type Program, type Shape, sizeOf } from "../graph.ts";
import { checkProgram, Evaluation, resultTypes } from "./evaluate.ts";
import { bytesOf, type Kernel, must, type Tensor, type Type } from "./kernel.ts";
import { broadcastShape, broadcastsTo } from "./strides.ts";

/** The types of one instance's results: shared with `maps`. */
export function inferInstance(program: Program, inputs: readonly Type[], asked?: Shape): Type[] {
  checkProgram(program, inputs.length);
  const shape = asked ?? broadcastShape(inputs.map((input) => input.shape));
  if (shape === undefined || !inputs.every((input) => broadcastsTo(input.shape, shape))) {
    must(false, "map", "the operands must broadcast to the output's shape", inputs);
  }
  return resultTypes(program, inputs.map((input) => input.dtype)).map((dtype) => ({ shape: shape!, dtype }));
}

/** One instance, element by element: all operands of an element are read before any result of it is written. */
export function runInstance(program: Program, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  const evaluation = new Evaluation(program, inputs, outputs[0].shape);
  for (let index = 0; index < outputs[0].data.length; index++) {
    const registers = evaluation.at(index);
    outputs.forEach((output, result) => output.data[index] = registers[program.results[result]]);
  }
}

/** An elementwise program over broadcast operands. */
export const map: Kernel<"map"> = {
  infer: (op, inputs, asked) => inferInstance(op.program, inputs, asked),
  cost: (op, inputs, outputs) => ({
    flops: op.program.instructions.length * sizeOf(outputs[0].shape),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  run: (op, inputs, outputs) => runInstance(op.program, inputs, outputs),
};
