import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Sequences } from "../../data/sequences.ts";
import { openDevice } from "../../engine/open.ts";
import { memorizedMass } from "../../metrics/mod.ts";
import { build, count, EXPERIMENT, fit, logProbabilities, type Ngram, sample } from "../../models/ngram.ts";
import type { SequenceFlags } from "../../run/sequence_source.ts";
import { sequenceSums } from "../../run/sampling.ts";
import { FOUR } from "./sequence_checks.ts";
import { openTrial } from "./trial.ts";

await tf.setBackend("cpu");

async function counted(sequences: Sequences, order?: number): Promise<Ngram> {
  await using device = await openDevice("wasm", { threads: 1 });
  const run = await openTrial(device);
  const flags = { order } as SequenceFlags & { order: number | undefined };
  const model = build(await EXPERIMENT.configure(sequences, flags));
  await fit(model, { run, device, sequences, steps: 1 });
  return model;
}

/** abab, abba: two sequences of the tokens 0 and 1. */
const TWO: Sequences = { tokens: Int32Array.of(0, 1, 0, 1, 0, 1, 1, 0), count: 2, length: 4, vocabulary: 2 };

Deno.test("counts of order 1, by hand", async () => {
  const { contexts, followers } = await count(TWO, { order: 1 });
  // Contexts: none, the beginning (token 2), after 0, after 1.
  assert.deepEqual([...contexts], [0, 0, 0, 2, 0, 0, 0, 1]);
  assert.deepEqual([...followers], [
    ...[0, 0, 4, 0, 1, 4], // of eight tokens four each
    ...[1, 0, 2], // both begin with 0
    ...[2, 1, 3], // after 0 always 1
    ...[3, 0, 2, 3, 1, 1], // after 1 twice 0, once 1
  ]);
});

Deno.test("probabilities of orders 0, 1 and all, by hand", async () => {
  const mass = async (order: number | undefined) => {
    const logs = await logProbabilities(await counted(TWO, order), { sequences: TWO });
    return sequenceSums(logs, 4).map(Math.exp);
  };
  const near = (actual: Float64Array, expected: number[]) =>
    actual.forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-12, `${actual}`));
  near(await mass(0), [1 / 16, 1 / 16]);
  // 0, then 1, then 0 (2/3), then 1; and 0, then 1, then 1 (1/3), then 0 (2/3).
  near(await mass(1), [2 / 3, 2 / 9]);
  near(await mass(undefined), [1 / 2, 1 / 2]);
});

Deno.test("with all tokens in sight the training set is known exactly, each sequence as often as it stands there", async () => {
  const model = await counted(FOUR);
  const logs = sequenceSums(await logProbabilities(model, { sequences: FOUR }), FOUR.length);
  [0.5, 0.25, 0.25, 0.5].forEach((share, index) =>
    assert.ok(Math.abs(Math.exp(logs[index]) - share) < 1e-12)
  );
  assert.ok(Math.abs(memorizedMass(logs.subarray(0, 3)) - 1) < 1e-12);
  const drawn = await sample(model, { count: 4000, seed: 3 });
  const known = new Map<string, number>();
  for (let row = 0; row < 4000; row++) {
    const key = drawn.subarray(5 * row, 5 * row + 5).join("");
    known.set(key, (known.get(key) ?? 0) + 1);
  }
  assert.deepEqual([...known.keys()].sort(), ["01022", "01201", "22110"]);
  // Half of 4,000, four standard deviations wide.
  assert.ok(Math.abs(known.get("01201")! - 2000) < 127);
});

Deno.test("a context that was never seen gives way to its longest known part", async () => {
  const model = await counted(TWO, 3);
  // After 1 1 1 nothing was seen; after 1 1 came 0.
  const sequences = { ...TWO, tokens: Int32Array.of(1, 1, 1, 0), count: 1 };
  const logs = await logProbabilities(model, { sequences });
  assert.deepEqual([...logs], [-Infinity, Math.log(1 / 3), -Infinity, 0]);
});

Deno.test("sampling repeats, and a sequence does not depend on how many are drawn", async () => {
  const model = await counted(FOUR, 2);
  const many = await sample(model, { count: 30, seed: 1 });
  assert.deepEqual(await sample(model, { count: 10, seed: 1 }), many.slice(0, 50));
  assert.notDeepEqual(await sample(model, { count: 30, seed: 2 }), many);
});
