import assert from "node:assert/strict";
import { planMemory } from "../../../engine/plan.ts";
import { openWasm } from "../../../engine/wasm/executor.ts";
import { Builder } from "../builder.ts";

Deno.test("programs that no plan uses are forgotten, and their places used again", async () => {
  await using executor = await openWasm({ threads: 2 });
  const compute = async (steps: number) => {
    const builder = new Builder(), x = builder.input("x", [4]);
    const program = {
      operands: 1,
      instructions: Array.from(
        { length: steps },
        (_, i) => ({ op: "neg", args: [i], dtype: "float32" } as const),
      ),
      results: [steps],
    };
    builder.output("y", builder.node({ kind: "map", program }, [x])[0]);
    const executable = await executor.prepare(planMemory(builder.graph()), []);
    await executable.run([Float32Array.of(1, 2, 3, 4)]);
    const [y] = await executable.read();
    executable.dispose();
    return y[3];
  };
  for (let steps = 1; steps <= 700; steps++) assert.equal(await compute(steps), steps % 2 === 0 ? 4 : -4);
  assert.ok(executor.programs.kept <= 257, `${executor.programs.kept} programs are kept`);
  assert.ok(executor.programs.places <= 259, `${executor.programs.places} places are used`);
  // One that was forgotten is written again.
  assert.equal(await compute(2), 4);
});
