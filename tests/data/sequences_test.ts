import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import {
  codeShape,
  codesToSequences,
  entropyFloor,
  prefixTable,
  type Sequences,
  sequencesToCodes,
} from "../../data/sequences.ts";

function sequences(rows: readonly number[][], vocabulary: number): Sequences {
  return { tokens: Int32Array.from(rows.flat()), count: rows.length, length: rows[0].length, vocabulary };
}

Deno.test("the prefix table of three sequences, by hand", () => {
  const table = prefixTable(sequences([[0, 1, 1], [0, 1, 0], [0, 1, 0]], 2));
  assert.equal(table.size, 3);
  assert.deepEqual([...table.prefixes], [2, 2, 0, 2, 0, 1]);
  assert.deepEqual([...table.histograms], [1, 0, 0, 1, Math.fround(2 / 3), Math.fround(1 / 3)]);
  assert.deepEqual([...table.counts], [3, 3, 3]);
  assert.deepEqual([...table.rows], [0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

Deno.test("a range makes prefixes alike that differ only in older tokens", () => {
  const all = prefixTable(sequences([[0, 1, 1], [1, 1, 0]], 2));
  const one = prefixTable(sequences([[0, 1, 1], [1, 1, 0]], 2), { range: 1 });
  assert.equal(all.size, 5);
  assert.equal(one.size, 4);
  assert.deepEqual([...one.prefixes.subarray(4, 6)], [2, 1]);
  assert.deepEqual([...one.histograms.subarray(4, 6)], [0.5, 0.5]);
  assert.equal(prefixTable(sequences([[0, 1, 1], [1, 1, 0]], 2), { range: 0 }).size, 1);
});

Deno.test("the entropy floor over all tokens is the entropy of the distribution over sequences", () => {
  const table = prefixTable(sequences([[0, 1, 1], [0, 1, 0], [0, 1, 0], [1, 1, 1]], 2));
  const expected = 0.5 * Math.log(4) + 0.5 * Math.log(2);
  assert.ok(Math.abs(entropyFloor(table) * 3 - expected) < 1e-6);
});

Deno.test("prefixes agree with a plain count on random sequences", () => {
  const random = stream(5);
  const rows = Array.from({ length: 50 }, () => Array.from({ length: 4 }, () => random.integer(3)));
  const data = sequences(rows, 3), table = prefixTable(data);
  const histograms = new Map<string, number[]>();
  for (const row of rows) {
    for (let position = 0; position < 4; position++) {
      const key = row.slice(0, position).join();
      const histogram = histograms.get(key) ?? [0, 0, 0];
      histogram[row[position]]++;
      histograms.set(key, histogram);
    }
  }
  assert.equal(table.size, histograms.size);
  rows.forEach((row, sequence) => {
    for (let position = 0; position < 4; position++) {
      const histogram = histograms.get(row.slice(0, position).join())!;
      const times = histogram.reduce((sum, count) => sum + count, 0);
      const at = table.rows[sequence * 4 + position];
      assert.equal(table.counts[at], times);
      histogram.forEach((count, token) => {
        assert.equal(table.histograms[at * 3 + token], Math.fround(count / times));
      });
    }
  });
});

Deno.test("codes become tokens with channel 0 as the highest bit, and come back", () => {
  const codes = new Int8Array(48).fill(-1);
  codes[0] = 1; // channel 0, site 0
  codes[16 + 1] = 1; // channel 1, site 1
  codes[32 + 15] = 1; // channel 2, site 15
  const { tokens, vocabulary, length, count } = codesToSequences(codes);
  assert.deepEqual([vocabulary, length, count], [8, 16, 1]);
  assert.deepEqual([tokens[0], tokens[1], tokens[2], tokens[15]], [4, 2, 0, 1]);
  assert.deepEqual(sequencesToCodes(tokens), codes);
});

Deno.test("a code has a site for each 8x8 pixels, and codes of any shape survive", () => {
  assert.deepEqual([28, 32, 40, 7, 33].map((size) => codeShape({ height: size, width: size })), [
    [3, 4, 4],
    [3, 4, 4],
    [3, 5, 5],
    [3, 1, 1],
    [3, 5, 5],
  ]);
  const shape = codeShape({ height: 20, width: 9 });
  assert.deepEqual(shape, [3, 3, 2]);
  const codes = Int8Array.from({ length: 36 }, (_, index) => index % 5 < 2 ? 1 : -1);
  const { tokens, count, length, vocabulary } = codesToSequences(codes, shape);
  assert.deepEqual([count, length, vocabulary], [2, 6, 8]);
  const bit = (index: number) => codes[index] > 0 ? 1 : 0;
  assert.equal(tokens[0], 4 * bit(0) + 2 * bit(6) + bit(12));
  assert.deepEqual(sequencesToCodes(tokens, shape), codes);
});
