import type { Graph, Node, Value } from "../graph.ts";
import { Rewrite } from "./rewrite.ts";

/**
 * Lets the gradient of a recurrent sequence find what the sequence went through: the executors keep it in an output that
 * only the gradient reads. Goes last, as the output means nothing to others.
 */
export function keep(graph: Graph): Graph {
  const wanted = new Set(graph.nodes.filter(wantsKept).map(keyOf));
  if (wanted.size === 0) return graph;
  const to = new Rewrite(graph), kept = new Map<string, Value>();
  for (const node of graph.nodes) {
    const { op, inputs } = node, key = keyOf(node);
    const current = inputs.map((input) => to.current(input));
    if (op.kind === "recurrent" && wanted.has(key) && !kept.has(key)) {
      const outputs = to.emit({ ...op, results: [...op.results, "kept"] }, current);
      node.outputs.forEach((output, i) => to.replace(output, outputs[i]));
      kept.set(key, outputs.at(-1)!);
    } else if (op.kind === "recurrent_grad" && !op.kept) {
      const { cell, lengths } = op, own = current.slice(0, sequenceInputs(op));
      const found = kept.get(key) ?? to.emit({ kind: "recurrent", cell, lengths, results: ["kept"] }, own)[0];
      kept.set(key, found);
      to.put({ ...node, op: { ...op, kept: true }, inputs: [...current, found] });
    } else {
      to.keep(node);
    }
  }
  return to.finish();
}

function wantsKept({ op }: Node): boolean {
  return op.kind === "recurrent_grad" && !op.kept;
}

/** How many of its inputs are the sequence's. */
function sequenceInputs({ cell, lengths }: { readonly cell: string; readonly lengths: boolean }): number {
  return 5 + (cell === "lstm" ? 1 : 0) + (lengths ? 1 : 0);
}

/** Equal for a sequence and its gradient. */
function keyOf({ op, inputs }: Node): string {
  if (op.kind !== "recurrent" && op.kind !== "recurrent_grad") return "";
  const { cell, lengths } = op;
  return JSON.stringify([cell, lengths, ...inputs.slice(0, sequenceInputs(op)).map(({ id }) => id)]);
}
