import type { Graph, Kept, Node, Value } from "../graph.ts";
import { keptResults } from "../kernels/recurrent.ts";
import { opOf } from "../kernels/kernel.ts";
import { Rewrite } from "./rewrite.ts";

/**
 * Lets the gradient of a recurrent sequence find what the sequence went through: results that only the gradient reads.
 * Goes last, as they may mean nothing to others.
 */
export function keep(graph: Graph, what: Kept): Graph {
  const wanted = new Set(graph.nodes.filter(wantsKept).map(keyOf));
  if (wanted.size === 0) return graph;
  const to = new Rewrite(graph), kept = new Map<string, readonly Value[]>();
  for (const node of graph.nodes) {
    const { op, inputs } = node, key = keyOf(node);
    const current = inputs.map((input) => to.current(input));
    if (op.kind === "recurrent" && wanted.has(key) && !kept.has(key)) {
      const names = keptResults(op.cell, what);
      const results = [...op.results, ...names.filter((name) => !op.results.includes(name))];
      const outputs = to.emit({ ...op, results }, current);
      node.outputs.forEach((output, i) => to.replace(output, outputs[i]));
      kept.set(key, names.map((name) => outputs[results.indexOf(name)]));
    } else if (op.kind === "recurrent_grad" && op.kept === undefined) {
      const { cell, lengths } = op, own = current.slice(0, sequenceInputs(op));
      const found = kept.get(key) ??
        to.emit({ kind: "recurrent", cell, lengths, results: keptResults(cell, what) }, own);
      kept.set(key, found);
      to.put({ ...node, op: { ...op, kept: what }, inputs: [...current, ...found] });
    } else {
      to.keep(node);
    }
  }
  return to.finish();
}

function wantsKept(node: Node): boolean {
  const op = opOf(node, "recurrent_grad");
  return op !== undefined && op.kept === undefined;
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
