import assert from "node:assert/strict";
import { cutTexts, EXAMPLE_TEXT, joinUnits, type TextUnit } from "../../data/text.ts";

const cut = (text: string, unit: TextUnit) => cutTexts([{ name: "", text, line: 1 }], unit);
const units = (text: string, unit: TextUnit) => {
  const { ids, symbols } = cut(text, unit);
  return Array.from(ids, (id) => symbols[id]);
};
const lines = (text: string, unit: TextUnit) => {
  const { ids, lineOf } = cut(text, unit);
  return Array.from(ids, (_, index) => lineOf(index));
};

Deno.test("characters and words with the lines in which they stand", () => {
  assert.deepEqual(units("ab\r\nc\rd\n", "character"), ["a", "b", "\n", "c", "\n", "d", "\n"]);
  assert.deepEqual(lines("ab\r\nc\n", "character"), [1, 1, 1, 2, 2]);
  assert.deepEqual(units("\uFEFFone  two,\n\n\tthree", "word"), ["one", "two,", "three"]);
  assert.deepEqual(lines("\uFEFFone  two,\n\n\tthree", "word"), [1, 1, 3]);
  assert.deepEqual(lines("\n\n\na", "word"), [4]);
});

Deno.test("a character is what a reader takes for one, and joining is the way back", () => {
  assert.deepEqual(units("a🐋é", "character"), ["a", "🐋", "é"]);
  const composed = "e\u0301👩‍👧‍👦🇩🇪👍🏽ß";
  assert.deepEqual(units(composed, "character"), ["e\u0301", "👩‍👧‍👦", "🇩🇪", "👍🏽", "ß"]);
  assert.equal(joinUnits(units(composed, "character"), "character"), composed);
  assert.equal(joinUnits(units(EXAMPLE_TEXT, "character"), "character"), EXAMPLE_TEXT);
  assert.equal(joinUnits(["one", "two"], "word"), "one two");
});

Deno.test("documents stand one after the other, each with its lines", () => {
  const { lengths, documentOf, lineOf, ids } = cutTexts([
    { name: "a", text: "x y\nz", line: 1 },
    { name: "b", text: "", line: 1 },
    { name: "c", text: "p\nq", line: 7, onOneLine: true },
  ], "word");
  assert.deepEqual(lengths, [3, 0, 2]);
  assert.deepEqual(Array.from(ids, (_, index) => documentOf(index)), [0, 0, 0, 2, 2]);
  assert.deepEqual(Array.from(ids, (_, index) => lineOf(index)), [1, 1, 2, 7, 7]);
});

Deno.test("a long text takes no list of its letters", () => {
  const { ids, symbols, lineOf } = cut("abcdefg\n".repeat(500_000), "character");
  assert.deepEqual([ids.length, symbols.length, lineOf(ids.length - 1)], [4_000_000, 8, 500_000]);
});

Deno.test("the example holds more than the default count of windows", () => {
  const { ids, symbols } = cut(EXAMPLE_TEXT, "character");
  assert.ok(ids.length >= 1024 + 15);
  assert.ok(symbols.length <= 80);
});
