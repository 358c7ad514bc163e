/** What every test of a pass asserts: the graph before and after, and that both compute the same bits. */
import assert from "node:assert/strict";
import { stream } from "../../../base/random.ts";
import { type Graph, sizeOf, type TypedArray } from "../../../engine/graph.ts";
import { validate } from "../../../engine/kernels/validate.ts";
import type { Pass } from "../../../engine/passes/mod.ts";
import { print } from "../../../engine/print.ts";
import { interpret } from "../../../engine/reference.ts";

/** Random elements for every input and resident; among them zeros of both signs. */
function dataOf(graph: Graph, seed: number): { inputs: TypedArray[]; residents: Map<number, TypedArray> } {
  const random = stream(seed);
  const draw = ({ shape, dtype }: Graph["inputs"][number]["value"]): TypedArray => {
    const numbers = random.normals(sizeOf(shape), 2).map((x) => (Math.abs(x) < 0.2 ? Math.sign(x) * 0 : x));
    return dtype === "float32" ? numbers : Int32Array.from(numbers);
  };
  return {
    inputs: graph.inputs.map(({ value }) => draw(value)),
    residents: new Map(graph.residents.map(({ value, data }) => [value.id, data ?? draw(value)])),
  };
}

/** Asserts that two graphs give the same outputs and the same variables: bit by bit, or within a tolerance. */
export function assertSame(before: Graph, after: Graph, seed = 1, tolerance = 0): void {
  const { inputs, residents } = dataOf(before, seed);
  const results = [before, after].map((graph) => {
    const held = graph.residents.map(({ value, data }) => residents.get(value.id) ?? data);
    const run = interpret(graph, inputs, held);
    const variables = new Map(
      graph.residents.map(({ value }, i) => [value.id, [...run.residents[i]]] as const),
    );
    const own = before.residents.filter(({ kind }) => kind === "variable").map(({ value }) =>
      variables.get(value.id) ?? [...residents.get(value.id)!]
    );
    return { outputs: run.outputs.map((it) => [...it]), own };
  });
  if (tolerance === 0) return assert.deepEqual(results[1], results[0]);
  const [expected, actual] = results.map(({ outputs, own }) => [...outputs, ...own].flat());
  actual.forEach((value, i) => {
    const near = Math.abs(value - expected[i]) <= tolerance * (1 + Math.abs(expected[i]));
    assert.ok(near, `${value} is not near ${expected[i]}`);
  });
}

/** Lines without the declarations of inputs and residents. */
export function body(graph: Graph): string[] {
  return print(graph).split("\n").filter((line) => !/^(input|variable|captured|constant) /.test(line));
}

/** Applies a pass and asserts the printed graph before and after it. */
export function checkPass(pass: Pass, graph: Graph, expected: { before: string[]; after: string[] }): Graph {
  assert.deepEqual(body(graph), expected.before);
  const after = pass(graph);
  validate(after);
  assert.deepEqual(body(after), expected.after);
  assertSame(graph, after);
  return after;
}
