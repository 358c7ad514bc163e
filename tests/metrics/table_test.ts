import assert from "node:assert/strict";
import { exactCopies, RowIndex } from "../../metrics/table.ts";

Deno.test("equal rows are one group, whichever type holds them", () => {
  const bytes = { values: Uint8Array.of(1, 2, 3, 4, 1, 2, 1, 3), count: 4, width: 2 };
  const index = new RowIndex(bytes);
  assert.deepEqual(Array.from(index.groups.first), [0, 1, 3]);
  assert.deepEqual(Array.from(index.groups.of), [0, 1, 0, 2]);
  const floats = { values: Float32Array.of(3, 4, 1.5, 2, 1, 2), count: 3, width: 2 };
  assert.deepEqual(Array.from(exactCopies(floats, index)), [1, -1, 0]);
});

Deno.test("0 and -0 are equal, and a row of another length is none", () => {
  const index = new RowIndex({ values: Float32Array.of(0, 1), count: 1, width: 2 });
  assert.deepEqual(
    Array.from(exactCopies({ values: Float32Array.of(-0, 1), count: 1, width: 2 }, index)),
    [0],
  );
  assert.deepEqual(Array.from(exactCopies({ values: Float32Array.of(0), count: 1, width: 1 }, index)), [-1]);
});

Deno.test("many rows that differ in one number are all told apart", () => {
  const count = 3000, width = 3;
  const values = Int32Array.from(
    { length: count * width },
    (_, at) => at % width === 1 ? Math.floor(at / width) : 7,
  );
  const index = new RowIndex({ values, count, width });
  assert.equal(index.groups.first.length, count);
});
