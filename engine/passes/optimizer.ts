import { type Graph, type Node, type Op, sizeOf } from "../graph.ts";
import { inOrder, reaches, Uses } from "./rewrite.ts";

type MapNode = Node & { readonly op: Extract<Op, { readonly kind: "map" }> };

/** Gathers the maps of one program that update variables into one node: an optimizer's step is one node. */
export function optimizer(graph: Graph): Graph {
  const uses = new Uses(graph), groups = new Map<string, MapNode[]>();
  for (const node of graph.nodes) {
    if (node.op.kind !== "map" || !node.outputs.some((output) => uses.updates(output))) continue;
    const key = JSON.stringify([node.op.program, node.inputs.map(({ dtype }) => dtype)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node as MapNode]);
    else if (isIndependent(node, group, uses)) group.push(node as MapNode);
  }
  let nodes: readonly Node[] = graph.nodes;
  for (const group of groups.values()) {
    if (group.length === 1) continue;
    const members: ReadonlySet<Node> = new Set<Node>(group), last = group.at(-1)!;
    const together = gather(group);
    const gathered = nodes.flatMap((node) => (node === last ? [together] : members.has(node) ? [] : [node]));
    if (hasOrder(gathered)) nodes = inOrder(gathered);
  }
  return nodes === graph.nodes ? graph : { ...graph, nodes: [...nodes] };
}

function isIndependent(node: Node, group: readonly Node[], uses: Uses): boolean {
  return group.every((other) => !reaches([other], node, uses)) &&
    group.every((other) => !reaches([node], other, uses));
}

/** The largest first, so that workers that share the instances out end together. */
function gather(group: readonly MapNode[]): Node {
  const ordered = [...group].sort((a, b) => sizeOf(b.outputs[0].shape) - sizeOf(a.outputs[0].shape));
  return {
    op: { kind: "maps", program: group[0].op.program, count: group.length },
    inputs: ordered.flatMap(({ inputs }) => inputs),
    outputs: ordered.flatMap(({ outputs }) => outputs),
  };
}

/** Two groups that are each independent may need one another. */
function hasOrder(nodes: readonly Node[]): boolean {
  const made = new Set<number>(),
    makes = new Set(nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  return inOrder(nodes).every(({ inputs, outputs }) => {
    const ready = inputs.every(({ id }) => !makes.has(id) || made.has(id));
    for (const { id } of outputs) made.add(id);
    return ready;
  });
}
