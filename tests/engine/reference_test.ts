import assert from "node:assert/strict";
import { planMemory } from "../../engine/plan.ts";
import { interpret, ReferenceExecutor } from "../../engine/reference.ts";
import { Builder } from "./builder.ts";

Deno.test("a plan runs again and again: variables stay, outputs gather until they are read", async () => {
  const g = new Builder();
  const x = g.input("x", [2]), total = g.variable([2], "total");
  const sum = g.map("add", total, x);
  g.update(total, sum);
  g.output("sum", sum);
  await using executor = new ReferenceExecutor();
  const storage = executor.allocate(2);
  executor.write(storage, Float32Array.of(10, 20));
  const executable = await executor.prepare(planMemory(g.graph()), [storage]);
  await executable.run([Float32Array.of(1, 2)]);
  await executable.run([Float32Array.of(3, 4)]);
  assert.deepEqual(await executable.read(), [Float32Array.of(11, 22, 14, 26)]);
  assert.deepEqual(await executable.read(), [new Float32Array(0)]);
  assert.deepEqual(await executor.read(storage, "float32"), Float32Array.of(14, 26));
  assert.throws(() => executor.write(storage, Float32Array.of(1)), /must be filled: it has 2/);
});

Deno.test("values whose places overlap are noticed as wrong numbers", async () => {
  const g = new Builder();
  const x = g.input("x", [2]), a = g.map("neg", x), b = g.map("exp", x);
  g.output("y", g.map("add", a, b));
  const plan = planMemory(g.graph());
  const places = new Map(plan.places).set(b.id, plan.places.get(a.id)!);
  await using executor = new ReferenceExecutor();
  const executable = await executor.prepare({ ...plan, places }, []);
  await executable.run([Float32Array.of(0, 0)]);
  assert.deepEqual(await executable.read(), [Float32Array.of(2, 2)]);
});

Deno.test("an interpretation leaves what it was given alone", () => {
  const g = new Builder();
  const w = g.variable([1]), x = g.input("x", [1]);
  g.update(w, g.map("mul", w, x));
  g.output("old", w);
  const before = Float32Array.of(3);
  const { outputs, residents } = interpret(g.graph(), [Float32Array.of(2)], [before]);
  assert.deepEqual([outputs, residents, before], [[before], [Float32Array.of(6)], Float32Array.of(3)]);
});
