import type { Graph, Node, Op, Value } from "../graph.ts";
import { sameShape } from "../kernels/kernel.ts";
import { Composer, fits } from "./compose.ts";
import { inOrder, makersOf } from "./rewrite.ts";

type MapNode = Node & { readonly op: Extract<Op, { readonly kind: "map" }> };

function isMap(node: Node | undefined): node is MapNode {
  return node?.op.kind === "map";
}

/** Joins a map with a map that reads it although others do so too: one node with the results of both. */
export function join(graph: Graph): Graph {
  const links = new Links(graph.nodes), open = graph.nodes.filter(isMap).reverse();
  let changed = false;
  for (let reader = open.pop(); reader !== undefined; reader = open.pop()) {
    for (const input of reader.inputs) {
      const maker = links.maker(input);
      if (!isMap(maker) || !sameShape(input.shape, reader.outputs[0].shape)) continue;
      const both = compose(maker, reader);
      if (!fits(both.op.program) || links.dependsOtherwise(maker, reader)) continue;
      links.replace(maker, reader, both);
      changed = true;
      // It may have yet another maker to join.
      open.push(both);
      break;
    }
  }
  return changed ? { ...graph, nodes: inOrder(links.nodes()) } : graph;
}

/** Nodes that a search looks at before it gives up. */
const MOST_SEEN = 2000;

/** The nodes and who reads whom, kept up to date while nodes are joined. */
class Links {
  /** With their places in the list; a joined node takes its reader's. */
  readonly #nodes: Map<Node, number>;
  readonly #makers: Map<number, Node>;
  readonly #readers = new Map<number, Set<Node>>();
  /**
   * A node's is above those of all that it needs. To join two that need each other in one way only raises the level
   * of nodes after the first, which is caught up with when they are met: see `replace`.
   */
  readonly #levels = new Map<Node, number>();

  constructor(nodes: readonly Node[]) {
    this.#nodes = new Map(nodes.map((node, place) => [node, place]));
    this.#makers = makersOf(nodes);
    for (const node of nodes) {
      this.#read(node);
      this.#levels.set(node, this.#levelOf(node));
    }
  }

  #levelOf({ inputs }: Node): number {
    let level = 0;
    for (const { id } of inputs) {
      const maker = this.#makers.get(id);
      if (maker !== undefined) level = Math.max(level, 1 + (this.#levels.get(maker) ?? 0));
    }
    return level;
  }

  #read(node: Node): void {
    for (const { id } of node.inputs) {
      const readers = this.#readers.get(id);
      if (readers === undefined) this.#readers.set(id, new Set([node]));
      else readers.add(node);
    }
  }

  nodes(): Node[] {
    return [...this.#nodes].sort(([, a], [, b]) => a - b).map(([node]) => node);
  }

  maker(value: Value): Node | undefined {
    return this.#makers.get(value.id);
  }

  replace(maker: Node, reader: Node, both: Node): void {
    const place = this.#nodes.get(reader)!;
    for (const node of [maker, reader]) {
      this.#nodes.delete(node);
      for (const { id } of node.inputs) this.#readers.get(id)!.delete(node);
    }
    this.#nodes.set(both, place);
    this.#read(both);
    for (const { id } of both.outputs) this.#makers.set(id, both);
    // Whoever read the maker now comes after the reader as well.
    const open = [both];
    this.#levels.set(both, this.#levelOf(both));
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const { id } of node.outputs) {
        for (const next of this.#readers.get(id) ?? []) {
          const level = this.#levels.get(node)! + 1;
          if (this.#levels.get(next)! >= level) continue;
          this.#levels.set(next, level);
          open.push(next);
        }
      }
    }
  }

  /**
   * Whether `reader` needs `maker` also by way of other nodes, which then must run between the two. Only nodes whose
   * level is below the reader's can be on such a way, and hardly any search is long; one that is counts as a yes.
   */
  dependsOtherwise(maker: Node, reader: Node): boolean {
    const seen = new Set<Node>([maker, reader]), open: Node[] = [maker], end = this.#levels.get(reader)!;
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const { id } of node.outputs) {
        for (const next of this.#readers.get(id) ?? []) {
          if (next === reader && node !== maker) return true;
          if (seen.has(next) || this.#levels.get(next)! >= end) continue;
          if (seen.size > MOST_SEEN) return true;
          seen.add(next);
          open.push(next);
        }
      }
    }
    return false;
  }
}

/** One program for both; what the reader needs of the maker stays in registers. */
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
