import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import { stream } from "../../../base/random.ts";
import { openDevice } from "../../../engine/open.ts";
import { principalMap, type RowMap } from "../../../run/nearest/row_map.ts";
import { Search } from "../../../run/nearest/search.ts";
import type { Table } from "../../../metrics/mod.ts";
import { structured } from "./structured.ts";

const device = await openDevice("wasm", { threads: 1 });
Deno.test.afterAll(async () => await device[Symbol.asyncDispose]());
const random = stream(3).fork("maps");

function noise(count: number, width: number): Table {
  return { values: Float32Array.from({ length: count * width }, () => random.uniform()), count, width };
}

function mapOf({ values, width }: Table, kept: number): Promise<RowMap> {
  return principalMap(device, { rows: Float32Array.from(values), columns: width, width: kept });
}

/** The distances of consecutive rows, and of their images, and the sums of their lengths. */
async function distances({ values, count, width }: Table, map: RowMap) {
  await tf.ready();
  const images = tf.tidy(() => map.apply(tf.tensor2d(Float32Array.from(values), [count, width])).dataSync());
  const between = (rows: ArrayLike<number>, columns: number, sign: number) =>
    Array.from({ length: count - 1 }, (_, row) => {
      let square = 0;
      for (let i = row * columns; i < (row + 1) * columns; i++) {
        square += (rows[i] + sign * rows[i + columns]) ** 2;
      }
      return Math.sqrt(square);
    });
  const lengths = Array.from(
    { length: count },
    (_, row) => Math.hypot(...values.subarray(row * width, (row + 1) * width)),
  );
  return { long: between(values, width, -1), short: between(images, map.width, -1), lengths };
}

Deno.test("images come no farther apart than rows do, and on a plane no nearer", async () => {
  const plane = structured(random, { count: 300, width: 600, type: "floats" }), few = noise(40, 300);
  for (
    const { table, kept, share } of [
      { table: plane, kept: 64, share: 0.9 },
      { table: noise(300, 600), kept: 64, share: 0 },
      // Fewer rows than directions: some of these become 0.
      { table: few, kept: 64, share: 0.99 },
      {
        table: { ...plane, values: Float32Array.from(plane.values, (value) => value * 1e15) },
        kept: 64,
        share: 0.9,
      },
    ]
  ) {
    const map = await mapOf(table, kept), { long, short, lengths } = await distances(table, map);
    long.forEach((distance, row) => {
      assert.ok(short[row] <= map.stretch * distance + map.slack * (lengths[row] + lengths[row + 1]));
      assert.ok(short[row] >= share * distance);
    });
  }
});

Deno.test("a map is selective on pictures and not on random numbers of many dimensions", async () => {
  const judged = async (base: Table, queries: Table): Promise<boolean> => {
    const first = Int32Array.from({ length: base.count }, (_, row) => row);
    const search = new Search(queries, { base, first, wanted: 2 });
    return await search.isSelective(
      device,
      await principalMap(device, { rows: search.sample(), columns: base.width, width: 64 }),
    );
  };
  const pictures = (count: number) => structured(random, { count, width: 256, type: "bytes" });
  assert.equal(await judged(pictures(3000), pictures(30)), true);
  assert.equal(await judged(noise(1000, 512), noise(30, 512)), false);
});
