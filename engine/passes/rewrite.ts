/** How passes read and rewrite graphs. */
import type { Graph, Node, Op, Resident, Shape, TypedArray, Value } from "../graph.ts";
import { sameShape, type Type } from "../kernels/kernel.ts";
import { infer } from "../kernels/mod.ts";

/** Who reads each value: the nodes (each once), and whether it leaves the graph as an update or an output. */
export class Uses {
  readonly #readers = new Map<number, Node[]>();
  readonly #leaving = new Set<number>();
  readonly #updating = new Set<number>();

  constructor(graph: Graph) {
    for (const node of graph.nodes) {
      for (const { id } of node.inputs) {
        const readers = this.#readers.get(id);
        if (readers === undefined) this.#readers.set(id, [node]);
        else if (readers.at(-1) !== node) readers.push(node);
      }
    }
    for (const { value } of graph.updates) this.#updating.add(value.id);
    for (const { value } of [...graph.updates, ...graph.outputs]) this.#leaving.add(value.id);
  }

  /** The nodes that read `value`. */
  readers(value: Value): readonly Node[] {
    return this.#readers.get(value.id) ?? [];
  }
  /** Whether `value` is an update or an output. */
  leaves(value: Value): boolean {
    return this.#leaving.has(value.id);
  }
  /** Whether a variable takes `value`. */
  updates(value: Value): boolean {
    return this.#updating.has(value.id);
  }
  /** Whether one node is all that reads `value`. */
  readOnce(value: Value): boolean {
    return !this.leaves(value) && this.readers(value).length === 1;
  }
}

/** Which node makes each value. */
export function makersOf(nodes: readonly Node[]): Map<number, Node> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output.id, node])));
}

/** A graph under construction from an old one, node by node. */
export class Rewrite {
  readonly #graph: Graph;
  readonly #nodes: Node[] = [];
  readonly #residents: Resident[];
  readonly #makers = new Map<number, Node>();
  readonly #constants = new Map<number, TypedArray>();
  readonly #replacements = new Map<number, Value>();
  #next: number;
  #changed = false;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#residents = [...graph.residents];
    const values = [
      ...[...graph.inputs, ...graph.residents].map(({ value }) => value),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ];
    this.#next = 1 + values.reduce((highest, { id }) => Math.max(highest, id), -1);
    for (const { value, data } of graph.residents) {
      if (data !== undefined) this.#constants.set(value.id, data);
    }
  }

  /** What stands for a value of the old graph. */
  current(value: Value): Value {
    return this.#replacements.get(value.id) ?? value;
  }
  /** The new graph's node that makes a value; absent for inputs and residents. */
  maker(value: Value): Node | undefined {
    return this.#makers.get(value.id);
  }
  /** A constant's elements; absent for other values. */
  constantOf(value: Value): TypedArray | undefined {
    return this.#constants.get(value.id);
  }
  /** A new constant. */
  constant(data: TypedArray, shape: Shape): Value {
    const value: Value = { id: this.#next++, shape, dtype: data instanceof Int32Array ? "int32" : "float32" };
    this.#residents.push({ value, kind: "constant", data });
    this.#constants.set(value.id, data);
    return value;
  }
  /** Appends a node that makes values of the old graph. */
  put(node: Node, changed = true): void {
    this.#nodes.push(node);
    this.#changed ||= changed;
    for (const output of node.outputs) this.#makers.set(output.id, node);
  }
  /** Appends a node of the old graph, reading what stands for its inputs. */
  keep(node: Node): void {
    const inputs = node.inputs.map((input) => this.current(input));
    const same = inputs.every((input, i) => input === node.inputs[i]);
    this.put(same ? node : { ...node, inputs }, !same);
  }
  /** Appends a node that makes new values. */
  emit(op: Op, inputs: readonly Value[], asked?: Shape): Value[] {
    const outputs = infer(op, inputs, asked).map((type): Value => ({ ...type, id: this.#next++ }));
    this.put({ op, inputs, outputs });
    return outputs;
  }
  /** `value` under another shape: itself where it has that shape. */
  reshaped(value: Value, shape: Shape): Value {
    return sameShape(value.shape, shape) ? value : this.emit({ kind: "reshape" }, [value], shape)[0];
  }
  /** Lets `by`, of the same type, stand for `value` from here on. */
  replace(value: Value, by: Value): void {
    this.#changed = true;
    this.#replacements.set(value.id, by);
  }

  /** The new graph; the old one itself where nothing changed. */
  finish(): Graph {
    if (!this.#changed) return this.#graph;
    const { inputs, updates, outputs } = this.#graph;
    return {
      inputs,
      residents: this.#residents,
      nodes: this.#nodes,
      updates: updates.map((update) => ({ ...update, value: this.current(update.value) })),
      outputs: outputs.map((output) => ({ ...output, value: this.current(output.value) })),
    };
  }
}

/** Visits every node; `visit` says whether it dealt with the node (put, emitted or replaced it), which is kept if not. */
export function rewrite(graph: Graph, visit: (node: Node, to: Rewrite) => boolean): Graph {
  const to = new Rewrite(graph);
  for (const node of graph.nodes) {
    const current = { ...node, inputs: node.inputs.map((input) => to.current(input)) };
    if (!visit(current, to)) to.keep(node);
  }
  return to.finish();
}

/** The nodes in an order in which they can run, as near to the given one as that allows. */
export function inOrder(nodes: readonly Node[]): Node[] {
  const makers = makersOf(nodes), done = new Set<Node>(), ordered: Node[] = [];
  const visit = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const { id } of node.inputs) {
      const maker = makers.get(id);
      if (maker !== undefined) visit(maker);
    }
    ordered.push(node);
  };
  nodes.forEach(visit);
  return ordered;
}

/** Whether some output of `from` is needed, over whatever nodes, to compute `to`. */
export function reaches(from: readonly Node[], to: Node, uses: Uses): boolean {
  const seen = new Set<Node>(from), open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === to) return true;
    for (const reader of node.outputs.flatMap((output) => uses.readers(output))) {
      if (!seen.has(reader)) {
        seen.add(reader);
        open.push(reader);
      }
    }
  }
  return false;
}

/** Whether two types are the same. */
export function sameType(a: Type, b: Type): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
