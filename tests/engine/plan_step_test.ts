import assert from "node:assert/strict";
import { opOf } from "../../engine/kernels/kernel.ts";
import { planStep } from "../../engine/plan_step.ts";
import { sequenceGraph } from "./sequence_graph.ts";

Deno.test("what a sequence went through is kept for its gradient where all results then fit, else not", () => {
  const graph = sequenceGraph({ cell: "lstm", batch: 8, time: 50, features: 3, units: 16 });
  const keptOf = (most: number) => {
    const { graph: { nodes }, arenaSize } = planStep(graph, { what: "course", most });
    return { arenaSize, kept: nodes.map((node) => opOf(node, "recurrent_grad")).find(Boolean)!.kept };
  };
  const whole = keptOf(Infinity), lean = keptOf(whole.arenaSize - 1);
  assert.deepEqual([whole.kept, keptOf(whole.arenaSize).kept, lean.kept], ["course", "course", undefined]);
  // 8 x 50 x 5 x 16 numbers.
  assert.equal(whole.arenaSize - lean.arenaSize, 32_000);
});
