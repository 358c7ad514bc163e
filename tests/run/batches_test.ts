import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { cumulated, drawRow, epochBatches } from "../../run/batches.ts";

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

Deno.test("rows are drawn in proportion to their weights, and those without any never", () => {
  const shares = cumulated(Float64Array.of(1, 0, 2, 1));
  assert.deepEqual([...shares], [0.25, 0.25, 0.75, 1]);
  const rows = [0, 0.24, 0.25, 0.5, 0.74, 0.75, 0.99].map((uniform) => drawRow(shares, uniform));
  assert.deepEqual(rows, [0, 0, 2, 2, 2, 3, 3]);
  // A sum that rounding leaves below 1 still has a last row.
  assert.equal(drawRow(Float32Array.of(0.5, 0.9999), 0.99999), 1);
});
