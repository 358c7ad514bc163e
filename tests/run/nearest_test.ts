import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { openDevice } from "../../engine/open.ts";
import type { Table } from "../../metrics/mod.ts";
import { nearest } from "../../run/nearest.ts";
import { structured } from "./nearest/structured.ts";

const random = stream(5).fork("nearest");

function table(count: number, width: number, draw: () => number, type: "bytes" | "floats"): Table {
  const values = Array.from({ length: count * width }, draw);
  return { values: type === "bytes" ? Uint8Array.from(values) : Float32Array.from(values), count, width };
}

/** By comparing every pair in float64. */
function slow(
  queries: Table,
  base: Table,
  k: number,
  own?: Int32Array,
): { rows: number[]; distances: number[] } {
  const rows: number[] = [], distances: number[] = [];
  for (let query = 0; query < queries.count; query++) {
    const all = Array.from({ length: base.count }, (_, row) => {
      let square = 0;
      for (let i = 0; i < base.width; i++) {
        square += (queries.values[query * base.width + i] - base.values[row * base.width + i]) ** 2;
      }
      return { row, square };
    }).filter(({ row }) => row !== own?.[query]).sort((a, b) => a.square - b.square || a.row - b.row).slice(
      0,
      k,
    );
    rows.push(...all.map(({ row }) => row));
    distances.push(...all.map(({ square }) => Math.sqrt(square)));
  }
  return { rows, distances };
}

async function agrees(queries: Table, base: Table, k: number, own?: Int32Array): Promise<void> {
  await using device = await openDevice("wasm");
  const found = await nearest(queries, base, { device, k, own });
  const expected = slow(queries, base, k, own);
  assert.deepEqual(Array.from(found.rows), expected.rows);
  assert.deepEqual(Array.from(found.distances), expected.distances);
}

Deno.test("neighbours are those of a comparison with every row, over several blocks", async () => {
  await agrees(
    table(600, 5, () => random.normal(), "floats"),
    table(2500, 5, () => random.normal(), "floats"),
    3,
  );
});

Deno.test("ties go to the earlier row: bytes with many equal distances and equal rows", async () => {
  const base = table(2200, 3, () => random.integer(4), "bytes");
  await agrees(table(50, 3, () => random.integer(5), "bytes"), base, 2);
});

Deno.test("what float32 cannot tell apart is found all the same", async () => {
  // Near 1000 a float32 product of 8 numbers is off by more than the distances are long.
  const near = () => 1000 + random.integer(64) / 64;
  await agrees(table(40, 8, near, "floats"), table(700, 8, near, "floats"), 2);
  // Rows on both sides of 0, so that no centre helps.
  let sign = 1;
  const split: Table = { values: new Float32Array(900 * 8), count: 900, width: 8 };
  for (let row = 0; row < 900; row++, sign = -sign) {
    for (let i = 0; i < 8; i++) split.values[row * 8 + i] = sign * 1000 + random.integer(8) / 1024;
  }
  await agrees({ ...split, count: 30, values: split.values.slice(1600, 1840) }, split, 2);
});

Deno.test("a row is no neighbour of itself, but an equal one is", async () => {
  const base = table(300, 2, () => random.integer(12), "bytes");
  await agrees(base, base, 2, Int32Array.from({ length: 300 }, (_, row) => row));
});

Deno.test("copies are at distance 0, whatever their size", async () => {
  await using device = await openDevice("wasm");
  const base = table(1000, 50, () => random.normal() * 1e6, "floats");
  const { rows, distances } = await nearest(base, base, { device, k: 1 });
  assert.deepEqual(Array.from(rows), Array.from({ length: 1000 }, (_, row) => row));
  assert.ok(distances.every((distance) => distance === 0));
});

Deno.test("one row, and all rows equal", async () => {
  await using device = await openDevice("wasm");
  const one = { values: Uint8Array.of(3, 4), count: 1, width: 2 };
  const origin = { values: Uint8Array.of(0, 0), count: 1, width: 2 };
  assert.deepEqual(await nearest(origin, one, { device, k: 2 }), {
    k: 1,
    rows: Int32Array.of(0),
    distances: Float64Array.of(5),
  });
  const equal = { values: new Uint8Array(40).fill(9), count: 20, width: 2 };
  const found = await nearest(equal, equal, { device, k: 2 });
  assert.deepEqual(Array.from(found.rows.subarray(0, 4)), [0, 1, 0, 1]);
  assert.ok(found.distances.every((distance) => distance === 0));
});

Deno.test("progress rises to 1, and what cannot be compared is said", async () => {
  await using device = await openDevice("wasm");
  const rows = table(10, 2, () => random.normal(), "floats");
  const shares: number[] = [];
  await nearest(rows, rows, {
    device,
    k: 1,
    onProgress: (share) => {
      shares.push(share);
      return Promise.resolve();
    },
  });
  assert.equal(shares.at(-1), 1);
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  const empty = { values: new Float32Array(0), count: 0, width: 2 };
  await assert.rejects(nearest(empty, rows, { device, k: 1 }), /one of the two sets is empty/);
  const wider = { values: new Float32Array(3), count: 1, width: 3 };
  await assert.rejects(nearest(wider, rows, { device, k: 1 }), /one set has 3 numbers a row, the other 2/);
  const broken = { values: Float32Array.of(1, NaN), count: 1, width: 2 };
  await assert.rejects(nearest(broken, rows, { device, k: 1 }), /must be finite/);
  await assert.rejects(nearest(rows, broken, { device, k: 1 }), /must be finite/);
});

/** The rows of `table`, those at `places` being replaced by copies of others. */
function withCopies(table: Table, places: readonly (readonly [to: number, from: number])[]): Table {
  const values = table.values.slice();
  for (const [to, from] of places) {
    values.copyWithin(to * table.width, from * table.width, (from + 1) * table.width);
  }
  return { ...table, values };
}

Deno.test("long rows are found through short ones: the same as by a comparison with every row", async () => {
  await using device = await openDevice("wasm");
  for (const type of ["bytes", "floats"] as const) {
    // Equal rows, one of them in two blocks, and queries that are rows, nearly rows and none.
    const base = withCopies(structured(random, { count: 4200, width: 256, type }), [[7, 3], [4100, 3], [
      4101,
      50,
    ]]);
    const others = structured(random, { count: 600, width: 256, type });
    others.values.set(base.values.subarray(3 * 256, 103 * 256));
    for (let row = 50; row < 100; row++) others.values[row * 256] = 0;
    const found = await nearest(others, base, { device, k: 2 });
    // Comparing every query takes too long.
    const some = { values: others.values.slice(0, 120 * 256), count: 120, width: 256 };
    const expected = slow(some, base, 2);
    assert.deepEqual(Array.from(found.rows.subarray(0, 240)), expected.rows);
    assert.deepEqual(Array.from(found.distances.subarray(0, 240)), expected.distances);
  }
});
