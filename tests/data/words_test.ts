import assert from "node:assert/strict";
import { PADDING, tokenize, UNKNOWN, Vocabulary } from "../../data/words.ts";

Deno.test("tokenize keeps words with their apostrophes, ! and ?, and drops the rest", () => {
  assert.deepEqual(
    tokenize("Don’t miss it!<br /><br />A \"well-made\" film, 10/10 -- who'd say 'no'? Ça été"),
    [
      "don't",
      "miss",
      "it",
      "!",
      "a",
      "well",
      "made",
      "film",
      "10",
      "10",
      "who'd",
      "say",
      "no",
      "?",
      "ça",
      "été",
    ],
  );
  // A letter and its accent may be one character or two.
  assert.deepEqual(tokenize("e\u0301te\u0301"), tokenize("été"));
  assert.deepEqual(tokenize("हिन्दी"), ["हिन्दी"]);
  assert.deepEqual(tokenize(" .,; <3 ..."), ["3"]);
});

Deno.test("the most frequent words have a number, the alphabet deciding between equals", () => {
  const vocabulary = Vocabulary.of(["b a c", "b a", "b d"], { size: 3 });
  assert.deepEqual(vocabulary.words, ["b", "a", "c"]);
  assert.equal(vocabulary.size, 5);
  assert.deepEqual(vocabulary.encode("A d, b"), [3, UNKNOWN, 2]);
  assert.deepEqual([0, 1, 2, 4].map((number) => vocabulary.word(number)), ["", "<unknown>", "b", "c"]);
});

Deno.test("encodeAll takes the last words and pads in front", () => {
  const vocabulary = new Vocabulary(["a", "b", "c"]);
  const { tokens, lengths, count, width } = vocabulary.encodeAll(["a b", "a a b c", "", "c x a"], {
    width: 3,
  });
  assert.deepEqual([count, width], [4, 3]);
  assert.deepEqual([...tokens], [PADDING, 2, 3, 2, 3, 4, 0, 0, 0, 4, UNKNOWN, 2]);
  assert.deepEqual([...lengths], [2, 3, 0, 3]);
});

Deno.test("a word cannot have two numbers", () => {
  assert.throws(() => new Vocabulary(["a", "b", "a"]), /a word stands in it twice/);
});
