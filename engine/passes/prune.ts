import type { Graph, Node, Value } from "../graph.ts";
import { Composer } from "./compose.ts";

/** Drops nodes, results of maps, and residents that nothing needs. */
export function prune(graph: Graph): Graph {
  const needed = new Set<number>();
  const need = ({ id }: Value): void => void needed.add(id);
  for (const { value } of [...graph.updates, ...graph.outputs]) need(value);
  let changed = false;
  const nodes: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some(({ id }) => needed.has(id))) {
      changed = true;
      continue;
    }
    const slim = withoutUnread(node, needed);
    changed ||= slim !== node;
    slim.inputs.forEach(need);
    nodes.push(slim);
  }
  for (const { resident } of graph.updates) need(graph.residents[resident].value);
  const residents = graph.residents.filter(({ value }) => needed.has(value.id));
  if (!changed && residents.length === graph.residents.length) return graph;
  const renumbered = new Map(residents.map((resident, index) => [resident, index]));
  return {
    ...graph,
    residents,
    nodes: nodes.reverse(),
    updates: graph.updates.map(({ resident, value }) => ({
      resident: renumbered.get(graph.residents[resident])!,
      value,
    })),
  };
}

/** A node of named results, or a map, without those that nothing reads. */
function withoutUnread(node: Node, needed: ReadonlySet<number>): Node {
  const outputs = node.outputs.filter(({ id }) => needed.has(id));
  if (outputs.length === node.outputs.length) return node;
  const read = (_: unknown, i: number): boolean => needed.has(node.outputs[i].id);
  if (node.op.kind === "recurrent") {
    return { ...node, op: { ...node.op, results: node.op.results.filter(read) }, outputs };
  }
  if (node.op.kind === "recurrent_grad") {
    return { ...node, op: { ...node.op, results: node.op.results.filter(read) }, outputs };
  }
  if (node.op.kind !== "map") return node;
  const composer = new Composer();
  const results = composer.inline(node.op.program, node.inputs.map((input) => composer.operand(input)));
  const { program, inputs } = composer.finish(results.filter((_, i) => needed.has(node.outputs[i].id)));
  return { op: { kind: "map", program }, inputs, outputs };
}
