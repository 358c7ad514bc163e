import assert from "node:assert/strict";
import { type Random, stream } from "../../base/random.ts";
import { type Graph, sizeOf, type TypedArray, type Value } from "../../engine/graph.ts";
import { type Plan, planMemory } from "../../engine/plan.ts";
import { interpret, ReferenceExecutor } from "../../engine/reference.ts";
import { Builder } from "./builder.ts";
import { randomGraph } from "./random_graph.ts";

interface Run {
  readonly outputs: TypedArray[];
  readonly residents: TypedArray[];
}

function randomData({ dtype, shape }: Value, random: Random): TypedArray {
  const numbers = random.normals(sizeOf(shape), 2);
  return dtype === "float32" ? numbers : Int32Array.from(numbers);
}

/** Runs a plan twice in one arena. */
async function runPlan(
  plan: Plan,
  inputs: readonly TypedArray[][],
  residents: readonly TypedArray[],
): Promise<Run> {
  await using executor = new ReferenceExecutor();
  const storages = residents.map((data) => {
    const storage = executor.allocate(data.length);
    executor.write(storage, data);
    return storage;
  });
  const executable = await executor.prepare(plan, storages);
  for (const each of inputs) await executable.run(each);
  const outputs = await executable.read();
  const after = await Promise.all(
    plan.graph.residents.map(({ value }, i) => executor.read(storages[i], value.dtype)),
  );
  return { outputs, residents: after };
}

/** Nodes between two waits may run in any order: here, backwards. */
function backwards(plan: Plan): Plan {
  const nodes: Graph["nodes"][number][] = [];
  let segment: Graph["nodes"][number][] = [];
  plan.graph.nodes.forEach((node, index) => {
    if (plan.waits[index]) {
      nodes.push(...segment.reverse());
      segment = [];
    }
    segment.push(node);
  });
  return { ...plan, graph: { ...plan.graph, nodes: [...nodes, ...segment.reverse()] } };
}

async function checkPlan(graph: Graph, seed = 0): Promise<Plan> {
  const random = stream(seed).fork("data");
  const inputs = [0, 1].map(() => graph.inputs.map(({ value }) => randomData(value, random)));
  const residents = graph.residents.map(({ value, data }) => data ?? randomData(value, random));
  const first = interpret(graph, inputs[0], residents), second = interpret(graph, inputs[1], first.residents);
  const expected = {
    outputs: first.outputs.map((output, i) => [...output, ...second.outputs[i]]),
    residents: second.residents.map((it) => [...it]),
  };
  const plan = planMemory(graph);
  for (const each of [plan, backwards(plan)]) {
    const run = await runPlan(each, inputs, residents);
    assert.deepEqual(
      { outputs: run.outputs.map((it) => [...it]), residents: run.residents.map((it) => [...it]) },
      expected,
    );
  }
  for (const place of plan.places.values()) assert.ok(place.space === "resident" || place.offset % 16 === 0);
  return plan;
}

function placeOf(plan: Plan, value: Value): number | string {
  const place = plan.places.get(value.id)!;
  return place.space === "arena" ? place.offset : `resident ${place.index}`;
}

Deno.test("a chain of maps runs in place over one dying operand", async () => {
  const g = new Builder();
  const x = g.input("x", [64]);
  const a = g.map("neg", x), b = g.map("exp", a), c = g.map("add", b, x);
  g.output("c", c);
  const plan = await checkPlan(g.graph());
  assert.equal(placeOf(plan, a), placeOf(plan, b));
  assert.equal(placeOf(plan, b), placeOf(plan, c));
  assert.equal(plan.arenaSize, 128);
  assert.deepEqual(plan.waits, [false, true, true]);
});

Deno.test("an operand that is read at another index, or later, is not overwritten", async () => {
  const g = new Builder();
  const x = g.input("x", [4, 4]);
  const a = g.map("neg", x), b = g.transpose(a), row = g.sum(a, [0]);
  const c = g.map("mul", b, row), d = g.map("add", c, b);
  g.output("d", d);
  const plan = await checkPlan(g.graph());
  assert.notEqual(placeOf(plan, a), placeOf(plan, b));
  assert.notEqual(placeOf(plan, b), placeOf(plan, c));
});

Deno.test("a variable is updated in place when its old value is not read any more", async () => {
  const g = new Builder();
  const x = g.input("x", [3, 8]), w = g.variable([8, 2]), v = g.variable([2]);
  const y = g.matmul(x, w), stepped = g.map("sub", w, g.matmul(x, y, { a: true }));
  const bias = g.sum(y, [0]);
  g.update(w, stepped);
  g.update(v, bias);
  const plan = await checkPlan(g.graph());
  assert.equal(plan.graph.nodes.length, 4);
  assert.equal(placeOf(plan, stepped), "resident 0");
  assert.equal(placeOf(plan, bias), "resident 1");
});

Deno.test("a variable whose old value is still read is updated by a copy at the end", async () => {
  const g = new Builder();
  const w = g.variable([4, 4]);
  const stepped = g.map("neg", w), late = g.map("add", g.transpose(w), stepped), squared = g.matmul(w, w);
  g.update(w, stepped);
  g.output("late", late);
  g.output("squared", squared);
  const plan = await checkPlan(g.graph());
  assert.equal(plan.graph.nodes.length, 5);
  assert.equal(plan.graph.nodes[4].op.kind, "copy");
});

Deno.test("a matmul never overwrites the variable that it reads", async () => {
  const g = new Builder();
  const w = g.variable([4, 4]);
  g.update(w, g.matmul(w, w));
  const plan = await checkPlan(g.graph());
  assert.equal(plan.graph.nodes.length, 2);
});

Deno.test("swapped, rotated and equal variables", async () => {
  const g = new Builder();
  const [a, b, c, d, e] = Array.from({ length: 5 }, () => g.variable([4]));
  const fixed = g.captured([4]), x = g.input("x", [2, 2]), square = g.map("square", x);
  g.update(a, b);
  g.update(b, g.reshape(g.reshape(a, [2, 2]), [4]));
  g.update(c, c);
  g.update(d, g.reshape(x, [4]));
  g.update(e, fixed);
  g.output("a", g.reshape(a, [2, 2]));
  g.output("x", g.reshape(x, [4]));
  g.output("x again", x);
  g.output("square", square);
  await checkPlan(g.graph());

  const h = new Builder();
  const [p, q, r] = Array.from({ length: 3 }, () => h.variable([4]));
  const sum = h.map("add", p, q);
  h.update(p, sum);
  h.update(q, sum);
  h.update(r, h.map("add", r, p));
  h.output("sum", sum);
  await checkPlan(h.graph());
});

Deno.test("an instance of maps may overwrite its own variable only", async () => {
  const g = new Builder();
  const v = g.variable([4]), w = g.variable([4]), x = g.input("x", [4]);
  const add = {
    operands: 2,
    instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
    results: [2],
  } as const;
  const [v1, w1] = g.node({ kind: "maps", program: add, count: 2 }, [v, x, w, v]);
  g.update(v, v1);
  g.update(w, w1);
  const plan = await checkPlan(g.graph());
  assert.equal(placeOf(plan, w1), "resident 1");
  assert.notEqual(placeOf(plan, v1), "resident 0");
});

Deno.test("planned and unplanned runs of random graphs are equal, in any order between waits", async () => {
  for (let seed = 0; seed < 300; seed++) await checkPlan(randomGraph(stream(seed)), seed);
});

Deno.test("a graph of more values than a call takes arguments is planned", () => {
  const builder = new Builder();
  let x = builder.input("x", [4]);
  for (let i = 0; i < 150_000; i++) x = builder.map("neg", x);
  builder.output("y", x);
  // Each stands in the place of the one before; the input keeps its own.
  assert.equal(planMemory(builder.graph()).arenaSize, 32);
});

Deno.test("of many values, lives that are nested lie in little more than the least, and do not meet", async () => {
  // A chain forwards, and backwards over all that it left, as a recurrence and its gradient.
  const g = new Builder(), steps = 4200, size = 32;
  const values = [g.input("x", [size])];
  for (let step = 0; step < steps; step++) values.push(g.map("tanh", g.map("neg", values[step])));
  let back = values[steps];
  for (let step = steps - 1; step >= 0; step--) {
    back = g.map("sub", g.map("mul", back, values[step]), values[step + 1]);
  }
  g.output("back", back);
  const plan = await checkPlan(g.graph());
  assert.ok(plan.graph.nodes.length > 16_000);
  // All that the chain left lives at once.
  const least = (steps + 1) * size;
  assert.ok(plan.arenaSize >= least && plan.arenaSize <= least * 1.005, `${plan.arenaSize} of ${least}`);
});
