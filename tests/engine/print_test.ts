import assert from "node:assert/strict";
import { printKept } from "../../engine/print.ts";
import { type SequenceCase, sequenceGraph } from "./sequence_graph.ts";

Deno.test("of a sequence's gradient it is said what is kept, of how many bytes, and what is computed again", () => {
  const of: SequenceCase = { cell: "lstm", batch: 8, time: 100, features: 3, units: 25 };
  const lines = (more: Partial<SequenceCase>) =>
    sequenceGraph({ ...of, ...more }).nodes.map(printKept).filter((line) => line !== undefined);
  assert.deepEqual(lines({ kept: "course" }), [
    // 8 x 100 x 5 x 25 numbers.
    "kept of the sequence: its course (0.4 MB, 4.0 kB a time step); computed again: nothing",
  ]);
  assert.deepEqual(lines({ kept: "states" }), [
    "kept of the sequence: its states (0.2 MB, 1.6 kB a time step); computed again: the gates",
  ]);
  assert.deepEqual(lines({ kept: "states", cell: "simple" }), [
    "kept of the sequence: its states (0.1 MB, 0.8 kB a time step); computed again: nothing",
  ]);
  assert.deepEqual(lines({}), [
    "kept of the sequence: nothing; computed again, a part of the batch at a time: the sequence",
  ]);
});
