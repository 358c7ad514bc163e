import assert from "node:assert/strict";
import { join } from "node:path";
import { exactly } from "../../tasks/sweep_range.ts";
import { startRuns } from "../program.ts";

Deno.test("a range is exactly as much memory as its histograms are: worked out by hand", () => {
  const two = { tokens: Int32Array.of(0, 1, 0, 1, 0, 0), count: 2, length: 3, vocabulary: 2 };
  // Blind, a model draws 0 two times out of three: each sequence has 2/3 * 1/3 * 2/3.
  const blind = exactly(two, 0);
  assert.equal(blind.prefixes, 1);
  assert.ok(Math.abs(blind.mass - 8 / 27) < 1e-12);
  assert.deepEqual(exactly(two, 2), { prefixes: 5, mass: 1 });
  // 0 1 0 / 1 1 1: the last token is told by the first alone.
  const far = { tokens: Int32Array.of(0, 1, 0, 1, 1, 1), count: 2, length: 3, vocabulary: 2 };
  assert.deepEqual(exactly(far, 1), { prefixes: 4, mass: 0.5 });
  assert.deepEqual(exactly(far, 2).mass, 1);
});

Deno.test("a sweep trains every range on the same codes, and lays the exact answer beside each", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, error } = await startRuns(
    ...[cwd, "tasks/sweep_range.ts", "--counts", "8", "--ranges", "1,15", "--steps", "20"] as const,
    ...["--autoencoder-steps", "5", "--classifier-steps", "5", "--samples", "20"],
    ...["--device", "wasm", "--threads", "1", "--out", "sweep"],
  );
  assert.equal(code, 0, error);
  const { metrics, status } = JSON.parse(await Deno.readTextFile(join(cwd, "sweep/summary.json")));
  assert.equal(status, "completed");
  assert.ok(metrics.images_8_range_1_exact_mass < metrics.images_8_range_15_exact_mass);
  assert.ok(Math.abs(metrics.images_8_range_15_exact_mass - 1) < 1e-9);
  assert.ok(metrics.images_8_range_1_prefixes < metrics.images_8_range_15_prefixes);
  const { flags } = JSON.parse(await Deno.readTextFile(join(cwd, "sweep/images-8-range-1-s0/config.json")));
  assert.deepEqual([flags.range, flags.count], [1, 8]);
  assert.match(await Deno.readTextFile(join(cwd, "sweep/report.html")), /exact histograms/);
  await Deno.remove(cwd, { recursive: true });
});
