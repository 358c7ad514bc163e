import assert from "node:assert/strict";
import { cutText, EXAMPLE_TEXT, joinUnits } from "../../data/text.ts";

Deno.test("characters and words with the lines in which they stand", () => {
  const letters = cutText("ab\r\nc\n", "character");
  assert.deepEqual(letters.units, ["a", "b", "\n", "c", "\n"]);
  assert.deepEqual([...letters.lines], [1, 1, 1, 2, 2]);
  const words = cutText("\uFEFFone  two,\n\n\tthree", "word");
  assert.deepEqual(words.units, ["one", "two,", "three"]);
  assert.deepEqual([...words.lines], [1, 1, 3]);
});

Deno.test("characters are code points, and joining is the way back", () => {
  assert.deepEqual(cutText("a🐋é", "character").units, ["a", "🐋", "é"]);
  assert.equal(joinUnits(cutText(EXAMPLE_TEXT, "character").units, "character"), EXAMPLE_TEXT);
  assert.equal(joinUnits(["one", "two"], "word"), "one two");
});

Deno.test("the example holds more than the default count of windows", () => {
  const { units } = cutText(EXAMPLE_TEXT, "character");
  assert.ok(units.length >= 1024 + 15);
  assert.ok(new Set(units).size <= 80);
});
