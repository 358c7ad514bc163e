import type { Graph, Node, Op } from "../graph.ts";
import { sameShape } from "../kernels/kernel.ts";
import { Composer, fits } from "./compose.ts";
import { inOrder, makersOf, reaches, Uses } from "./rewrite.ts";

type MapNode = Node & { readonly op: Extract<Op, { readonly kind: "map" }> };

function isMap(node: Node | undefined): node is MapNode {
  return node?.op.kind === "map";
}

/** Joins a map with a map that reads it although others do so too: one node with the results of both. */
export function join(graph: Graph): Graph {
  let joined = graph;
  for (let next = joinOne(joined); next !== undefined; next = joinOne(joined)) joined = next;
  return joined;
}

function joinOne(graph: Graph): Graph | undefined {
  const uses = new Uses(graph), makers = makersOf(graph.nodes);
  for (const reader of graph.nodes) {
    if (!isMap(reader)) continue;
    for (const input of reader.inputs) {
      const maker = makers.get(input.id);
      if (!isMap(maker) || !sameShape(input.shape, reader.outputs[0].shape)) continue;
      const both = compose(maker, reader);
      if (!fits(both.op.program) || dependsOtherwise(maker, reader, uses)) continue;
      const nodes = graph.nodes.flatMap((node) => (node === maker ? [] : node === reader ? [both] : [node]));
      return { ...graph, nodes: inOrder(nodes) };
    }
  }
  return undefined;
}

/** Whether `reader` needs `maker` also by way of other nodes, which then must run between the two. */
function dependsOtherwise(maker: Node, reader: Node, uses: Uses): boolean {
  const others = maker.outputs.flatMap((output) => uses.readers(output)).filter((node) => node !== reader);
  return reaches(others, reader, uses);
}

function compose(maker: MapNode, reader: MapNode): MapNode {
  const composer = new Composer();
  const made = composer.inline(maker.op.program, maker.inputs.map((value) => composer.operand(value)));
  const registers = reader.inputs.map((value) => {
    const index = maker.outputs.findIndex(({ id }) => id === value.id);
    return index < 0 ? composer.operand(value) : made[index];
  });
  const bound = composer.finish([...made, ...composer.inline(reader.op.program, registers)]);
  return {
    op: { kind: "map", program: bound.program },
    inputs: bound.inputs,
    outputs: [...maker.outputs, ...reader.outputs],
  };
}
