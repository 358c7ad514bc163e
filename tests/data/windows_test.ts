import assert from "node:assert/strict";
import {
  codeOtherWindows,
  codeWindows,
  countWindows,
  learnedStream,
  spreadOver,
  spreadOverRest,
  windowsDigest,
  windowStarts,
} from "../../data/windows.ts";

/** Windows of a text of letters. */
function cut(text: string, starts: number[], window: number) {
  const symbols = [...new Set(text)];
  return codeWindows(
    { ids: Int32Array.from(text, (letter) => symbols.indexOf(letter)), symbols },
    { starts: Int32Array.from(starts), window, compare: (a, b) => a < b ? -1 : 1 },
  );
}
const starts = (lengths: number[], window: number, stride: number, numbers?: number[]) => {
  const count = countWindows(lengths, { window, stride });
  const all = numbers ?? Array.from({ length: count }, (_, index) => index);
  return [...windowStarts(lengths, { window, stride, numbers: all })];
};

Deno.test("windows start every stride and stay inside their piece", () => {
  assert.deepEqual(starts([5, 2, 3], 3, 1), [0, 1, 2, 7]);
  assert.deepEqual(starts([7], 3, 2), [0, 2, 4]);
  assert.deepEqual(starts([2], 3, 1), []);
  assert.deepEqual(starts([], 3, 1), []);
  assert.deepEqual(starts([2, 2, 9, 1, 6], 3, 3), [4, 7, 10, 14, 17]);
});

Deno.test("chosen windows start where they would among all", () => {
  const lengths = [4, 1, 30, 7, 2, 9], all = starts(lengths, 3, 2);
  const some = [0, 3, 4, 11, all.length - 1];
  assert.deepEqual(starts(lengths, 3, 2, some), some.map((number) => all[number]));
});

Deno.test("a choice is spread evenly over all, and is all where there are no more", () => {
  assert.deepEqual([...spreadOver(10, 4)], [0, 2, 5, 7]);
  assert.deepEqual([...spreadOver(5, 5)], [0, 1, 2, 3, 4]);
  const many = spreadOver(1_115_379, 1024);
  assert.equal(new Set(many).size, 1024);
  assert.ok(many[1023] > 1_114_000);
});

Deno.test("the rest of a choice is spread evenly over what is not chosen", () => {
  const rest = (chosen: number[], available: number, count: number) => [
    ...spreadOverRest(chosen, { available, count }),
  ];
  assert.deepEqual(rest([0, 2, 5, 7], 10, 3), [1, 4, 8]);
  assert.deepEqual(rest([0, 2, 5, 7], 10, 9), [1, 3, 4, 6, 8, 9]);
  assert.deepEqual(rest([3, 4], 5, 2), [0, 1]);
  assert.deepEqual(rest([0, 1], 2, 4), []);
});

Deno.test("other windows get the same tokens, and are left out where they have other symbols", () => {
  const ids = Int32Array.from("zbabca", (letter) => "abcz".indexOf(letter)), symbols = [..."abcz"];
  const like = codeWindows({ ids, symbols }, {
    starts: Int32Array.of(1, 2),
    window: 3,
    compare: (a, b) => a < b ? -1 : 1,
  });
  const others = codeOtherWindows({ ids }, { starts: Int32Array.of(0, 3), like });
  assert.deepEqual([...others.tokens], [1, 2, 0]);
  assert.deepEqual([others.count, others.length, others.vocabulary], [1, 3, 3]);
});

Deno.test("tokens number the symbols that windows reach, in order", () => {
  const { sequences, symbols } = cut("zbabc", [1, 2], 3);
  assert.deepEqual(symbols, ["a", "b", "c"]);
  assert.deepEqual([...sequences.tokens], [1, 0, 1, 0, 1, 2]);
  assert.deepEqual([sequences.count, sequences.length, sequences.vocabulary], [2, 3, 3]);
});

Deno.test("windows are put together again, with gaps where something is left out", () => {
  // a b c d e f g h: windows bcd and cde overlap, fgh is apart from them by nothing, and abc from its copy.
  const { tokens, places } = learnedStream(cut("abcdefgh", [2, 1, 5], 3));
  assert.deepEqual([...tokens], [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...places], [3, 4, 5, 2, 6, 7, 8]);
  const apart = learnedStream(cut("abcdefgh", [0, 4], 2));
  assert.deepEqual([...apart.tokens], [0, 1, -1, 2, 3]);
  assert.deepEqual([...apart.places], [0, 1, -1, 2, 3]);
});

Deno.test("the digest tells symbols and tokens apart", () => {
  const digest = windowsDigest(cut("abab", [0, 1], 2));
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(digest, windowsDigest(cut("xabab", [1, 2], 2)));
  assert.notEqual(digest, windowsDigest(cut("abab", [1, 0], 2)));
  assert.notEqual(digest, windowsDigest(cut("acac", [0, 1], 2)));
});
