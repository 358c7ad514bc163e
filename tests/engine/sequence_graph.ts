/** Graphs of one recurrent sequence with its gradient, for tests of executors. */
import { stream } from "../../base/random.ts";
import { type Graph, type Kept, type RecurrentCell, sizeOf, type TypedArray } from "../../engine/graph.ts";
import { BIASES, GATES, keptResults } from "../../engine/kernels/recurrent.ts";
import { Builder } from "./builder.ts";

export interface SequenceCase {
  readonly cell: RecurrentCell;
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
  readonly lengths?: readonly number[];
  /** What the gradient is given of the sequence. */
  readonly kept?: Kept;
}

/** The states, and the gradients of half their squares by everything, of inputs that are the graph's. */
export function sequenceGraph({ cell, batch, time, features, units, lengths, kept }: SequenceCase): Graph {
  const g = new Builder(), op = { cell, lengths: lengths !== undefined };
  const gates = GATES[cell] * units, state = [batch, units];
  const shapes = [[batch, time, features], [features, gates], [units, gates], [BIASES[cell] * units], state];
  if (cell === "lstm") shapes.push(state);
  const inputs = shapes.map((shape, i) => g.input(`x${i}`, shape));
  if (lengths !== undefined) inputs.push(g.input("lengths", [batch], "int32"));
  const wanted = kept === undefined ? [] : keptResults(cell, kept);
  const results = ["states" as const, ...wanted.filter((result) => result !== "states")];
  const outputs = g.node({ kind: "recurrent", ...op, results }, inputs);
  const gradients = g.node({
    kind: "recurrent_grad",
    ...op,
    given: ["states"],
    ...(kept === undefined ? {} : { kept }),
    results: ["x", "kernel", "recurrentKernel", "bias", "hidden"],
  }, [...inputs, outputs[0], ...wanted.map((result) => outputs[results.indexOf(result)])]);
  g.output("states", outputs[0]);
  gradients.forEach((gradient, i) => g.output(`gradient${i}`, gradient));
  return g.graph();
}

/** Numbers for a graph's inputs, of a size that keeps rounding errors from growing step by step. */
export function sequenceInputs(graph: Graph, { lengths, units }: SequenceCase): TypedArray[] {
  const random = stream(4);
  return graph.inputs.map(({ name, value: { shape, dtype } }) => {
    if (dtype === "int32") return Int32Array.from(lengths!);
    const scale = name === "x2" ? 1 / Math.sqrt(units) : 1;
    return Float32Array.from({ length: sizeOf(shape) }, () => scale * (2 * random.uniform() - 1));
  });
}
