import assert from "node:assert/strict";
import { openMemory } from "../../run/memory.ts";

/** Scores sequences of two tokens by a table of probabilities, which may change. */
function table(probabilities: Record<string, number>) {
  const seen: string[][] = [];
  return {
    seen,
    open: (sequences: { tokens: Int32Array; count: number }) => {
      const rows = Array.from(
        { length: sequences.count },
        (_, row) => sequences.tokens.subarray(2 * row, 2 * row + 2).join(""),
      );
      seen.push(rows);
      return Promise.resolve({
        read: () =>
          Promise.resolve(Float64Array.from(rows.flatMap((row) => [Math.log(probabilities[row]), 0]))),
        dispose() {},
      });
    },
  };
}

const TRAINED = { tokens: Int32Array.of(0, 1, 1, 1, 0, 1, 0, 0), count: 4, length: 2, vocabulary: 2 };

Deno.test("memory counts different training sequences once in the mass and each time in the nats", async () => {
  const probabilities: Record<string, number> = { "01": 0.5, "11": 0.25, "00": 0.125, "10": 0.125 };
  const { open, seen } = table(probabilities);
  const heldOut = { ...TRAINED, tokens: Int32Array.of(1, 0, 0, 1), count: 2 };
  const memory = await openMemory({ sequences: TRAINED, heldOut }, open);
  // The held-out sequence that is a training sequence is not held out.
  assert.deepEqual(seen, [["01", "11", "00", "10"]]);
  assert.equal(memory.heldOut, 1);
  const close = (value: number | undefined, wanted: number) => assert.ok(Math.abs(value! - wanted) < 1e-12);
  const before = await memory.measure();
  close(before.memorized_mass, 0.875);
  close(before.sequence_nats, (2 * Math.log(2) + Math.log(4) + Math.log(8)) / 4);
  close(before.held_out_nats, Math.log(8));
  close(memory.entropy, 1.5 * Math.log(2));
  Object.assign(probabilities, { "01": 0.5, "11": 0.25, "00": 0.25, "10": 0 });
  const after = await memory.measure();
  close(after.memorized_mass, 1);
  close(after.sequence_nats, memory.entropy);
  assert.ok(!("held_out_nats" in after));
});

Deno.test("without held-out sequences there is no figure of them", async () => {
  const memory = await openMemory({ sequences: TRAINED }, table({ "01": 1, "11": 1, "00": 1 }).open);
  assert.ok(!("held_out_nats" in await memory.measure()));
});
