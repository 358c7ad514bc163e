import assert from "node:assert/strict";
import { memorization } from "../../metrics/mod.ts";
import { countMemorized } from "../../run/counting.ts";
import { Session } from "../../run/session.ts";

Deno.test("blocks of samples are counted as all of them at once", async () => {
  const silent = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };
  const training = Int32Array.of(1, 2, 3, 4, 1, 2);
  const samples = Int32Array.from({ length: 2 * 45_001 }, (_, at) => 1 + at % 5);
  const session = new Session(silent);
  const counted = await countMemorized(samples, training, { length: 2, session });
  assert.deepEqual(counted, memorization(samples, training, { length: 2 }));
  assert.deepEqual([counted.samples, counted.coverage], [45_001, 1]);
});
