import assert from "node:assert/strict";
import { join } from "node:path";
import { plateaus, randomSequences, setSize } from "../../tasks/sweep_capacity.ts";
import { metricsOf, startRuns } from "../program.ts";

Deno.test("a set is as large as its bits for each parameter say: 48 bits a sequence", () => {
  assert.equal(setSize(4800, 2), 200);
  assert.equal(setSize(10, 1), 1);
});

Deno.test("random sequences are the same ones however many are drawn, and all tokens are about as frequent", () => {
  const few = randomSequences(3), many = randomSequences(1000);
  assert.deepEqual(few.tokens, many.tokens.subarray(0, few.tokens.length));
  const counts = new Int32Array(8);
  for (const token of many.tokens) counts[token]++;
  assert.ok(counts.every((count) => Math.abs(count - 2000) < 200), counts.join());
});

Deno.test("the plateau is the most that a network holds of any set, a parameter", () => {
  const cell = (parameters: number, mean: number) => ({
    ...{ source: "random", parameters, count: 1, without: 1e6 } as const,
    bits: { mean, deviation: 0 },
  });
  assert.deepEqual(plateaus([cell(10, 20), cell(10, 30), cell(100, 150)]), [
    { parameters: 10, bits: 3 },
    { parameters: 100, bits: 1.5 },
  ]);
});

Deno.test("a sweep tells the bits that are held of random sequences and of codes, no more than there are", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, error } = await startRuns(
    cwd,
    "tasks/sweep_capacity.ts",
    ...["--hidden", "16", "--loads", "1", "--steps", "400", "--others", "50", "--autoencoder-steps", "5"],
    ...["--device", "wasm", "--threads", "1", "--out", "sweep"],
  );
  assert.equal(code, 0, error);
  const metrics = await metricsOf(join(cwd, "sweep"));
  // 16 hidden units are 2,584 parameters, and 54 sequences are a bit for each.
  assert.equal(metrics.random_2584_54_bits_without, 54 * 48);
  const most = 54 * (48 - Math.log2(54));
  const held = metrics.random_2584_54_bits;
  assert.ok(held > 0 && held <= most, `${held} of ${most}`);
  assert.ok(metrics.codes_2584_54_bits > 0);
  assert.ok(metrics.codes_2584_54_bits <= metrics.codes_2584_54_bits_without);
  assert.match(await Deno.readTextFile(join(cwd, "sweep/report.html")), /Allen-Zhu/);
  await Deno.remove(cwd, { recursive: true });
});
