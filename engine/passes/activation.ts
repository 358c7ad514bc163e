import { type Graph, sizeOf, type Value } from "../graph.ts";
import { type Rewrite, rewrite } from "./rewrite.ts";

/**
 * Lets gradients read an activation's result where they read what went into it: relu(x) and, for a positive slope,
 * prelu(x, slope) are above 0, or NaN, exactly where x is. Then x need not be kept for the backward pass.
 */
export function activation(graph: Graph): Graph {
  const activated = new Map<number, Value>();
  return rewrite(graph, (node, to) => {
    if (node.op.kind !== "map" || node.op.program.instructions.length !== 1) return false;
    const { program } = node.op, [{ op, args }] = program.instructions;
    const [x, other] = args.map((arg) => node.inputs[arg]);
    if (op === "relu" || op === "prelu" && isScalar(other, to, (slope) => slope > 0 && slope < Infinity)) {
      if (sizeOf(node.outputs[0].shape) === sizeOf(x.shape)) activated.set(x.id, node.outputs[0]);
      return false;
    }
    const result = activated.get(x.id);
    const reads = op === "step" || op === "greater" && isScalar(other, to, (limit) => limit === 0);
    if (!reads || result === undefined) return false;
    const inputs = args.map((arg) => (arg === args[0] ? result : node.inputs[arg]));
    to.put({
      ...node,
      op: {
        kind: "map",
        program: { ...program, instructions: [{ ...program.instructions[0], args: args.map((_, i) => i) }] },
      },
      inputs,
    });
    return true;
  });
}

function isScalar(value: Value, to: Rewrite, rule: (number: number) => boolean): boolean {
  const data = to.constantOf(value);
  return data?.length === 1 && rule(data[0]);
}
