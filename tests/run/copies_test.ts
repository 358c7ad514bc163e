import assert from "node:assert/strict";
import { openImages } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { copiesOf, copyMetrics } from "../../run/copies.ts";

const images = await openImages({ dataset: "digits", split: "train", count: 12, size: 12 });
const area = 144;

Deno.test("each rule finds its copies: equal, of 25 dB, and much nearer to one than to the next", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const plain = (...levels: number[]) => new Uint8Array(levels.flatMap((level) => Array(area).fill(level)));
  const learned = { ...images, count: 3, pixels: plain(0, 128, 255) };
  // 10 log10(255² / 10²) = 28.1 dB, 22.1 dB of 20; from 64 two are as far.
  const copies = await copiesOf(plain(0, 10, 20, 64), { images: learned, device });
  assert.deepEqual([copies.exact, copies.psnr, copies.near, copies.any], [1, 2, 3, 3]);
  assert.deepEqual([...copies.rows.subarray(0, 3)], [0, 0, 0]);
  assert.equal(copies.psnrs[0], Infinity);
  assert.ok(Math.abs(copies.psnrs[1] - 28.13) < 0.01 && Math.abs(copies.psnrs[2] - 22.11) < 0.01);
  assert.equal(copyMetrics(copies, 10_000).memorized_of_10000, 3);
  assert.ok(!("memorized_of_10000" in copyMetrics(copies, 4)));
});

Deno.test("in colour a mirrored training image is a copy, and is not its own second nearest", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const pixels = Uint8Array.of(0, 10, 20, 200, 210, 220, 90, 100, 80, 90, 100, 80);
  const learned = { ...images, count: 2, height: 1, width: 2, channels: 3, pixels };
  // The first image mirrored; nearly the second, which is its own mirror image; and the first as it is.
  const samples = Uint8Array.of(200, 210, 220, 0, 10, 20, 91, 100, 80, 90, 100, 80, ...pixels.subarray(0, 6));
  const copies = await copiesOf(samples, { images: learned, device });
  assert.deepEqual([copies.exact, copies.near, copies.any], [2, 3, 3]);
  assert.deepEqual([...copies.rows], [0, 1, 0]);
});
