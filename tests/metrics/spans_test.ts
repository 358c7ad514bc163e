import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { SpanFinder } from "../../metrics/mod.ts";

const codes = (text: string) => Int32Array.from(text, (letter) => letter === "|" ? -1 : letter.charCodeAt(0));
const find = (source: string, text: string, minimum = 1) =>
  new SpanFinder(codes(source)).find(codes(text), { minimum })
    .map(({ start, length, source }) => [text.slice(start, start + length), source]);

Deno.test("the longest stretches of a sentence that stand in another, by hand", () => {
  assert.deepEqual(find("the cat sat on the mat", "the mat sat on", 4), [["the m", 15], ["at sat on", 5]]);
  // The longest comes first and splits the rest, even where one from the left would reach into it.
  assert.deepEqual(find("abcd_cdefg", "abcdefg"), [["ab", 0], ["cdefg", 5]]);
  assert.deepEqual(find("abc", "xyz"), []);
  assert.deepEqual(find("abc", "abxbc", 3), []);
  assert.deepEqual(find("", "a"), []);
});

Deno.test("a stretch does not reach over a gap in the source", () => {
  assert.deepEqual(find("abc|def", "bcde"), [["bc", 1], ["de", 4]]);
  assert.deepEqual(find("ab|abc|bcd", "abcd"), [["abc", 3], ["d", 9]]);
});

Deno.test("spans agree with a plain search on random sequences", () => {
  const random = stream(1);
  for (let round = 0; round < 60; round++) {
    const source = Array.from({ length: 40 }, () => "abc|"[random.integer(round % 2 ? 4 : 3)]).join("");
    const text = Array.from({ length: 12 }, () => "abcd"[random.integer(4)]).join("");
    const expected: [string, number][] = [];
    const cover = (from: number, to: number): void => {
      for (let length = to - from; length >= 1; length--) {
        for (let start = from; start + length <= to; start++) {
          const part = text.slice(start, start + length);
          if (!source.includes(part)) continue;
          cover(from, start);
          expected.push([part, source.indexOf(part)]);
          cover(start + length, to);
          return;
        }
      }
    };
    cover(0, text.length);
    assert.deepEqual(find(source, text), expected, `${source} ${text}`);
  }
});
