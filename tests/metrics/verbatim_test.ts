import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { suffixArray } from "../../metrics/suffix_array.ts";
import { coveredTokens, type Verbatim, VerbatimIndex } from "../../metrics/verbatim.ts";

const tokens = (text: string): Int32Array => Int32Array.from(text, (letter) => letter.codePointAt(0)!);

Deno.test("suffixes are in order", () => {
  const random = stream(1).fork("suffixes");
  for (const [length, symbols] of [[0, 1], [1, 1], [50, 1], [200, 2], [300, 40]]) {
    const source = Int32Array.from({ length }, () => random.integer(symbols) - 3);
    const compare = (a: number, b: number): number => {
      for (; a < length && b < length; a++, b++) if (source[a] !== source[b]) return source[a] - source[b];
      return b - a;
    };
    const expected = Array.from({ length }, (_, at) => at).sort(compare);
    assert.deepEqual(Array.from(suffixArray(source)), expected);
  }
});

/** All stretches that lie in no longer one, by trying every start and every place. */
function slow(source: Int32Array, sequence: Int32Array, minimum: number): Verbatim[] {
  const found: Verbatim[] = [];
  let end = 0;
  for (let start = 0; start < sequence.length; start++) {
    let length = 0, place = -1;
    for (let at = 0; at < source.length; at++) {
      let common = 0;
      while (sequence[start + common] >= 0 && sequence[start + common] === source[at + common]) common++;
      if (common > length) [length, place] = [common, at];
    }
    if (length >= minimum && start + length > end) {
      found.push({ start, length, source: place });
      end = start + length;
    }
  }
  return found;
}

Deno.test("stretches are those that a slow search finds, with the first place of each", () => {
  const random = stream(2).fork("stretches");
  for (let round = 0; round < 60; round++) {
    const symbols = 1 + random.integer(4);
    const source = Int32Array.from(
      { length: 1 + random.integer(80) },
      (_, at) => random.integer(15) === 0 ? -2 - at : random.integer(symbols),
    );
    const sequence = Int32Array.from(
      { length: random.integer(40) },
      () => random.integer(15) === 0 ? -1 : random.integer(symbols),
    );
    const minimum = 1 + random.integer(5);
    assert.deepEqual(new VerbatimIndex(source).find(sequence, { minimum }), slow(source, sequence, minimum));
  }
});

Deno.test("a text that is the source is one stretch, and tokens are counted once where stretches overlap", () => {
  const source = tokens("to be or not to be, that is the question");
  const index = new VerbatimIndex(source);
  assert.deepEqual(index.find(source, { minimum: 5 }), [{ start: 0, length: source.length, source: 0 }]);
  const mixed = index.find(tokens("or not to be or not that is the quest!"), { minimum: 6 });
  assert.deepEqual(mixed, [
    { start: 0, length: 12, source: 6 },
    { start: 7, length: 14, source: 0 },
    { start: 19, length: 18, source: 19 },
  ]);
  assert.equal(coveredTokens(mixed), 37);
});

Deno.test("a near miss is a stretch with few tokens that differ", () => {
  const index = new VerbatimIndex(
    tokens("we are such stuff as dreams are made on, and our little life is rounded"),
  );
  const changed = tokens("xx are such stuff as dreamt are made on, and our litle life is rounded");
  // From "e are such": one letter changed, one left out.
  const found = index.nearMiss(changed, { minimum: 40 })!;
  assert.equal(found.edits, 2);
  assert.equal(found.start, 2);
  assert.equal(found.length, changed.length - 2);
  assert.equal(found.source, 2);
  // What does not differ is no miss, and what differs too often is none either.
  assert.equal(
    index.nearMiss(tokens("such stuff as dreams are made on, and our little"), { minimum: 20 }),
    null,
  );
  assert.equal(index.nearMiss(tokens("such stuff as dogs are mad of"), { minimum: 20 }), null);
});
