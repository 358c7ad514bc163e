/** How sequences are cut on a GPU; that they are right uncut stands in tests/engine/recurrent_test.ts. */
import assert from "node:assert/strict";
import { planMemory } from "../../../../engine/plan.ts";
import { interpret } from "../../../../engine/reference.ts";
import type { SequenceLimits } from "../../../../engine/webgpu/kernels/context.ts";
import { prepare } from "../../../../engine/webgpu/executable.ts";
import { cutSequence, SEQUENCE_LIMITS } from "../../../../engine/webgpu/kernels/recurrent.ts";
import { assertClose } from "../../accuracy.ts";
import { type SequenceCase, sequenceGraph, sequenceInputs } from "../../sequence_graph.ts";
import { closeShared, gpuTest, openShared } from "../gpu.ts";

gpuTest(
  "WGSL: a sequence that is cut along rows and steps has the same gradient, and the same bits again",
  async () => {
    const lengths = [7, 0, 3, 4, 5, 6, 7, 2, 1];
    const cases: readonly {
      of: SequenceCase;
      limits: SequenceLimits;
      cut: { rows: number; steps: number };
    }[] = [
      {
        of: { cell: "lstm", batch: 9, time: 7, features: 3, units: 5, lengths },
        limits: { sums: 8 * 3 * 20, flops: 1e9, states: 8 * 7 * 10 },
        cut: { rows: 8, steps: 3 },
      },
      {
        of: { cell: "gru", batch: 16, time: 3, features: 2, units: 6, kept: "states" },
        limits: { sums: 8 * 24, flops: 1e9, states: 0 },
        cut: { rows: 8, steps: 1 },
      },
    ];
    for (const { of, limits, cut } of cases) {
      const shared = { ...await openShared(), sequences: limits };
      assert.deepEqual(cutSequence(of, { limits, again: of.kept === undefined }), cut);
      await check(of, shared);
      await closeShared(shared);
    }
  },
);

gpuTest("WGSL: what lanes exchange lies in the buffer where workgroup memory ends", async () => {
  const shared = await openShared();
  await check({ cell: "lstm", batch: 2, time: 2, features: 1, units: 516, kept: "states" }, shared);
  await closeShared(shared);
});

async function check(of: SequenceCase, shared: Parameters<typeof prepare>[0]): Promise<void> {
  const graph = sequenceGraph(of),
    inputs = sequenceInputs(graph, of),
    expected = interpret(graph, inputs).outputs;
  const executable = await prepare(shared, planMemory(graph), []);
  await executable.run(inputs);
  const actual = await executable.read();
  await executable.run(inputs);
  assert.deepEqual(await executable.read(), actual);
  executable.dispose();
  actual.forEach((values, i) =>
    assertClose(values, expected[i], {
      tolerance: { absolute: 2e-5, relative: 2e-5 },
      what: `${of.cell}, ${graph.outputs[i].name}`,
    })
  );
}

gpuTest(
  "WGSL: a step of an LSTM of 128 units over 784 steps fits a buffer of 128 MiB at batch 64",
  async () => {
    const of: SequenceCase = { cell: "lstm", batch: 64, time: 784, features: 1, units: 128, kept: "states" };
    const shared = await openShared();
    assert.equal(shared.device.limits.maxStorageBufferBindingSize, 2 ** 27);
    const graph = sequenceGraph(of);
    // All states are of use to the gradient alone.
    const executable = await prepare(shared, planMemory({ ...graph, outputs: graph.outputs.slice(1) }), []);
    assert.ok(executable.dispatches < 100, `${executable.dispatches} dispatches`);
    executable.dispose();
    await closeShared(shared);
  },
);

Deno.test("WGSL: no dispatch of a sequence takes more than it may", () => {
  const { sums, flops, states } = SEQUENCE_LIMITS;
  for (const batch of [1, 3, 64, 100_000]) {
    for (const time of [1, 784, 10_000]) {
      for (const units of [1, 128, 1000]) {
        const of = { cell: "lstm", batch, time, features: 1, units } as const;
        for (const again of [false, true]) {
          const cut = cutSequence(of, { limits: SEQUENCE_LIMITS, again });
          assert.ok(cut.rows >= 1 && cut.rows <= batch && cut.steps >= 1 && cut.steps <= time);
          assert.ok(cut.rows * cut.steps * 4 * units <= sums);
          assert.ok(cut.rows * cut.steps * 8 * units ** 2 <= flops || cut.steps === 1);
          // No fewer rows than a tile has.
          if (again) assert.ok(2 * cut.rows * time * units <= states || cut.rows <= 4);
        }
      }
    }
  }
});
