import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { hashed } from "../../bench/workloads.ts";
import { openDevice } from "../../engine/open.ts";
import type { Table } from "../../metrics/mod.ts";
import { auditRows, auditTexts, type Figure, type RowOptions } from "../../run/audit.ts";
import type { TextSet } from "../../run/audit_sets.ts";

const random = stream(11).fork("audit");
const WIDTH = 20;

function draw(count: number): Table {
  return {
    values: Uint8Array.from({ length: count * WIDTH }, () => random.integer(256)),
    count,
    width: WIDTH,
  };
}

function part(table: Table, from: number, to: number): Table {
  return { values: table.values.slice(from * WIDTH, to * WIDTH), count: to - from, width: WIDTH };
}

function join(a: Table, b: Table): Table {
  return { values: Uint8Array.of(...a.values, ...b.values), count: a.count + b.count, width: WIDTH };
}

async function audit(training: Table, samples: Table, heldOut: Table | null, more: Partial<RowOptions> = {}) {
  await using device = await openDevice("wasm");
  return await auditRows(
    { training: { table: training }, samples: { table: samples }, heldOut: heldOut && { table: heldOut } },
    {
      device,
      kind: "images",
      k: 2,
      ratio: 1 / 3,
      psnr: 25,
      peak: 255,
      cells: 3,
      seed: 0,
      onProgress: () => Promise.resolve(),
      ...more,
    },
  );
}

Deno.test("samples that are the training set are all copies, held-out items are none", async () => {
  const training = draw(300);
  const { samples, heldOut } = await audit(training, training, draw(200));
  assert.deepEqual(
    ["exact_copies", "ratio_below_third", "psnr_25", "authentic"].map((name) => samples.figures[name]!.value),
    [1, 1, 1, 0],
  );
  assert.ok(samples.figures.c_t!.value < -10 && samples.figures.c_t_cells!.value < -5);
  assert.equal(heldOut!.figures.exact_copies!.value, 0);
  assert.equal(heldOut!.figures.ratio_below_third!.value, 0);
  // Of halves of one set.
  assert.ok(Math.abs(heldOut!.figures.c_t!.value) < 3);
  assert.ok(samples.produced.every((times) => times === 1));
});

Deno.test("the interval covers the share of copies in a mixture, and slightly noisy copies are near copies", async () => {
  const training = draw(400);
  for (const share of [0.05, 0.25, 0.6]) {
    const copies = Math.round(200 * share);
    const { samples } = await audit(training, join(part(training, 0, copies), draw(200 - copies)), null);
    const { low, high } = samples.figures.exact_copies!;
    assert.ok(low! <= share && share <= high!);
    assert.equal(samples.figures.c_t, null);
  }
  const noisy = part(training, 0, 100);
  for (let at = 0; at < noisy.values.length; at++) {
    noisy.values[at] = Math.min(255, noisy.values[at] + random.integer(5));
  }
  const { figures } = (await audit(training, noisy, null)).samples;
  assert.equal(figures.exact_copies!.value < 0.1, true);
  assert.equal(figures.ratio_below_third!.value, 1);
  assert.equal(figures.psnr_25!.value, 1);
});

Deno.test("a duplicate in the training set hides no copy, and equal distances make none", async () => {
  const base = draw(1);
  const training = join(base, base);
  const { samples } = await audit(training, base, null);
  assert.equal(samples.figures.exact_copies!.value, 1);
  assert.equal(samples.figures.ratio_below_third!.value, 1);
  assert.equal(samples.findings[0].copyOf, 0);
  const other = { ...base, values: base.values.map((value) => value ^ 128) };
  const far = (await audit(training, other, null)).samples;
  assert.equal(far.findings[0].d1, far.findings[0].dk);
  assert.equal(far.figures.ratio_below_third!.value, 0);
});

Deno.test("one training item has no second nearest and no spacing; all items equal are all copies", async () => {
  const one = draw(1);
  const { figures } = (await audit(one, draw(5), draw(5))).samples;
  assert.equal(figures.ratio_below_third, null);
  assert.equal(figures.authentic, null);
  assert.equal(figures.exact_copies!.value, 0);
  const equal = { values: new Uint8Array(30 * WIDTH).fill(7), count: 30, width: WIDTH };
  const same = (await audit(equal, equal, equal)).samples.figures;
  assert.equal(same.exact_copies!.value, 1);
  assert.equal(same.authentic!.value, 0);
  assert.equal(same.c_t!.value, 0);
});

Deno.test("sequences are compared place by place: a token is no nearer to its number's neighbour", async () => {
  const rows = (values: number[]): Table => ({
    values: Int32Array.from(values),
    count: values.length / 3,
    width: 3,
  });
  const { samples } = await audit(rows([1, 2, 3, 9, 9, 9]), rows([1, 2, 4, 1, 2, 900, 9, 9, 9]), null, {
    kind: "sequences",
    peak: undefined,
  });
  assert.deepEqual(samples.findings.map(({ d1, dk, copyOf }) => [d1, dk, copyOf]), [[1, 3, -1], [1, 3, -1], [
    0,
    3,
    1,
  ]]);
  assert.equal("psnr_25" in samples.figures, false);
});

function texts(...items: string[]): TextSet {
  return {
    kind: "texts",
    items: items.map((text, index) => ({
      name: `text ${index}`,
      tokens: Array.from(text),
      places: Array.from(text, () => 1),
    })),
    name: (index) => `text ${index}`,
  };
}

Deno.test("texts: copies, the share of copied letters, near misses", async () => {
  const training = texts("the quick brown fox jumps over the lazy dog", "a stitch in time saves nine");
  const samples = texts(
    "a stitch in time saves nine",
    "my quick brown fox sleeps",
    "the quick brawn fox jumped",
    "nothing of it",
  );
  const { samples: found } = await auditTexts({ training, samples, heldOut: null }, {
    span: 16,
    seed: 0,
    onProgress: () => Promise.resolve(),
  });
  assert.deepEqual(found.findings.map(({ copyOf }) => copyOf), [1, -1, -1, -1]);
  // " quick brown fox ": 17 of 25 letters; "the quick br" and "wn fox jump" are too short.
  assert.deepEqual(found.findings.map(({ copied }) => copied), [27, 17, 0, 0]);
  assert.deepEqual(found.findings.map(({ nearMiss }) => nearMiss?.edits ?? 0), [0, 0, 1, 0]);
  assert.ok(Math.abs(found.figures.copied_tokens!.value - 44 / 91) < 1e-12);
  const { low, high } = found.figures.copied_tokens as Figure;
  assert.ok(low! < 44 / 91 && 44 / 91 < high!);
  assert.equal(found.figures.longest_span!.value, 27);
});

Deno.test("figures are those of an independent program (tests/run/fixtures/copying.py)", async () => {
  const rows = (count: number, seed: number): Table => ({
    values: Float32Array.from({ length: count * 6 }, (_, at) => hashed(seed, at)),
    count,
    width: 6,
  });
  const training = rows(150, 1), samples = rows(100, 3);
  for (let at = 0; at < 30 * 6; at++) {
    samples.values[at] = training.values[at] + Math.fround(0.0001 * (100 + Math.floor(at / 6)));
  }
  const { samples: found } = await audit(training, samples, rows(80, 2), {
    kind: "features",
    peak: undefined,
  });
  const expected = JSON.parse(await Deno.readTextFile(new URL("fixtures/copying.json", import.meta.url)));
  const mean = found.findings.reduce((sum, { d1 }) => sum + d1, 0) / found.findings.length;
  assert.ok(Math.abs(mean - expected.mean_d1) < 1e-12);
  for (const name of ["ratio_below_third", "authentic", "c_t"]) {
    assert.ok(Math.abs(found.figures[name]!.value - expected[name]) < 1e-12, name);
  }
});
