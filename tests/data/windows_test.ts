import assert from "node:assert/strict";
import { codeWindows, windowsDigest, windowStarts } from "../../data/windows.ts";

const cut = (text: string, starts: number[], window: number) =>
  codeWindows([...text], {
    starts: Int32Array.from(starts),
    window,
    key: (one) => one,
    compare: (a, b) => a < b ? -1 : 1,
  });

Deno.test("windows start every stride and stay inside their piece", () => {
  assert.deepEqual([...windowStarts([5, 2, 3], { window: 3, stride: 1 })], [0, 1, 2, 7]);
  assert.deepEqual([...windowStarts([7], { window: 3, stride: 2 })], [0, 2, 4]);
  assert.deepEqual([...windowStarts([2], { window: 3, stride: 1 })], []);
});

Deno.test("tokens number the symbols that windows reach, in order", () => {
  const { sequences, symbols, stream } = cut("zbabc", [1, 2], 3);
  assert.deepEqual(symbols, ["a", "b", "c"]);
  assert.deepEqual([...sequences.tokens], [1, 0, 1, 0, 1, 2]);
  assert.deepEqual([sequences.count, sequences.length, sequences.vocabulary], [2, 3, 3]);
  assert.deepEqual([...stream], [-1, 1, 0, 1, 2]);
});

Deno.test("the digest tells symbols and tokens apart", () => {
  const digest = windowsDigest(cut("abab", [0, 1], 2));
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(digest, windowsDigest(cut("xabab", [1, 2], 2)));
  assert.notEqual(digest, windowsDigest(cut("abab", [1, 0], 2)));
  assert.notEqual(digest, windowsDigest(cut("acac", [0, 1], 2)));
});
