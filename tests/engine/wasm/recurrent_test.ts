import assert from "node:assert/strict";
import { planMemory } from "../../../engine/plan.ts";
import { openWasm } from "../../../engine/wasm/executor.ts";
import { type SequenceCase, sequenceGraph, sequenceInputs } from "../sequence_graph.ts";

Deno.test("a gradient that goes through its sequence again has the bits of one whose course was kept", async () => {
  const lengths = Array.from({ length: 37 }, (_, row) => row % 8);
  const cases: readonly SequenceCase[] = [
    { cell: "lstm", batch: 37, time: 7, features: 3, units: 5, lengths },
    { cell: "gru", batch: 70, time: 5, features: 14, units: 9 },
    { cell: "simple", batch: 3, time: 4, features: 1, units: 13 },
  ];
  for (const threads of [1, 2, 3]) {
    await using executor = await openWasm({ threads });
    for (const of of cases) {
      const answers = [];
      for (const kept of [{ kept: "course" as const }, {}]) {
        const graph = sequenceGraph({ ...of, ...kept });
        const executable = await executor.prepare(planMemory(graph), []);
        await executable.run(sequenceInputs(graph, of));
        answers.push(await executable.read());
        executable.dispose();
      }
      assert.deepEqual(answers[1], answers[0], `${of.cell}, ${threads} threads`);
    }
  }
});
