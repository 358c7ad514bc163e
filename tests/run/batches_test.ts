import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { epochBatches } from "../../run/batches.ts";

/** The rows of the first `steps` steps, one after another. */
function rows(options: { count: number; batch: number }, steps: number): number[] {
  const batches = epochBatches(stream(4), options);
  return Array.from({ length: steps }, (_, step) => [...batches(step)]).flat();
}

Deno.test("every epoch is a permutation of all rows, and each another one", () => {
  const all = rows({ count: 10, batch: 4 }, 10); // 40 rows: 4 epochs, the second begins within a batch
  const epochs = [0, 1, 2, 3].map((epoch) => all.slice(10 * epoch, 10 * epoch + 10));
  for (const epoch of epochs) {
    assert.deepEqual(epoch.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assert.equal(new Set(epochs.map(String)).size, 4);
});

Deno.test("a step's rows depend on the step alone", () => {
  const forwards = epochBatches(stream(4), { count: 7, batch: 3 });
  const expected = [0, 1, 2, 3, 4, 5].map((step) => forwards(step));
  const anyhow = epochBatches(stream(4), { count: 7, batch: 3 });
  for (const step of [5, 0, 3, 3, 1, 4, 2]) assert.deepEqual(anyhow(step), expected[step]);
  assert.notDeepEqual(epochBatches(stream(5), { count: 7, batch: 3 })(0), expected[0]);
});

Deno.test("a batch as large as the table is an epoch, and a larger one begins the next", () => {
  assert.deepEqual(rows({ count: 3, batch: 3 }, 1).toSorted(), [0, 1, 2]);
  const seven = rows({ count: 3, batch: 7 }, 1);
  assert.deepEqual([seven.slice(0, 3).toSorted(), seven.slice(3, 6).toSorted()], [[0, 1, 2], [0, 1, 2]]);
});
