import { type Graph, type Shape, sizeOf, type Value } from "../graph.ts";
import { describe, sameShape } from "./kernel.ts";
import { infer } from "./mod.ts";

/**
 * Checks that a graph can run: every value is made once and before it is read, and every node's outputs are what
 * its op makes of its inputs.
 *
 * @throws {RangeError} naming the node.
 */
export function validate(graph: Graph): void {
  const made = new Map<number, Value>();
  const make = (value: Value, where: string): void => {
    if (made.has(value.id)) throw new RangeError(`Cannot run ${where} as %${value.id} must be made once`);
    made.set(value.id, value);
  };
  const read = (value: Value, where: string): void => {
    const known = made.get(value.id);
    if (known === undefined) {
      throw new RangeError(`Cannot run ${where} as %${value.id} must be made before it is read`);
    }
    if (known.dtype !== value.dtype || !sameShape(known.shape, value.shape)) {
      throw new RangeError(
        `Cannot run ${where} as %${value.id} must be ${describe(known)}: current value is ${describe(value)}`,
      );
    }
  };
  for (const { name, value } of graph.inputs) make(value, `input ${name}`);
  graph.residents.forEach(({ value, kind, data }, index) => {
    make(value, `resident ${index}`);
    if ((kind === "constant") !== (data !== undefined) || (data && data.length !== sizeOf(value.shape))) {
      throw new RangeError(
        `Cannot run resident ${index} as a constant alone must have data, ${sizeOf(value.shape)} elements`,
      );
    }
  });
  graph.nodes.forEach((node, index) => {
    const where = `node ${index} (${node.op.kind})`;
    for (const input of node.inputs) read(input, where);
    const asked: Shape | undefined = node.op.kind === "maps" ? undefined : node.outputs[0]?.shape;
    const types = infer(node.op, node.inputs, asked);
    if (
      types.length !== node.outputs.length ||
      !types.every((type, i) =>
        type.dtype === node.outputs[i].dtype && sameShape(type.shape, node.outputs[i].shape)
      )
    ) {
      throw new RangeError(
        `Cannot run ${where} as its outputs must be ${types.map(describe)}: current value is ${
          node.outputs.map(describe)
        }`,
      );
    }
    for (const output of node.outputs) make(output, where);
  });
  for (const { resident, value } of graph.updates) {
    read(value, `update of resident ${resident}`);
    const target = graph.residents[resident];
    if (
      target?.kind !== "variable" || target.value.dtype !== value.dtype ||
      !sameShape(target.value.shape, value.shape)
    ) {
      throw new RangeError(
        `Cannot run update of resident ${resident} as it must be a variable of ${describe(value)}`,
      );
    }
  }
  for (const { name, value } of graph.outputs) read(value, `output ${name}`);
}
