import { sizeOf } from "../graph.ts";
import { bytesOf, type Kernel, must, type OpOf } from "./kernel.ts";
import { inferInstance, runInstance } from "./map.ts";

/** The part of a `maps` node's inputs or outputs that belongs to instance `instance`. */
export function instanceOf<T>(op: OpOf<"maps">, all: readonly T[], instance: number): readonly T[] {
  const each = all.length / op.count;
  return all.slice(instance * each, (instance + 1) * each);
}

/** Many maps of one program, over tensors of unlike shapes. */
export const maps: Kernel<"maps"> = {
  infer(op, inputs) {
    must(
      inputs.length === op.count * op.program.operands,
      "maps",
      `it must have ${op.count} times ${op.program.operands} inputs`,
      inputs,
    );
    return Array.from({ length: op.count }, (_, i) => inferInstance(op.program, instanceOf(op, inputs, i)))
      .flat();
  },
  cost(op, inputs, outputs) {
    const elements = Array.from({ length: op.count }, (_, i) => sizeOf(instanceOf(op, outputs, i)[0].shape));
    return {
      flops: op.program.instructions.length * elements.reduce((sum, size) => sum + size, 0),
      bytes: bytesOf(inputs) + bytesOf(outputs),
    };
  },
  run(op, inputs, outputs) {
    for (let i = 0; i < op.count; i++) {
      runInstance(op.program, instanceOf(op, inputs, i), instanceOf(op, outputs, i));
    }
  },
};
