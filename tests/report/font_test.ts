import assert from "node:assert/strict";
import { eachDot, FONT_HEIGHT, textWidth, wrapText } from "../../report/font.ts";

/** The text as lines of `#` and `.`. */
function drawn(text: string): string[] {
  const rows = Array.from({ length: FONT_HEIGHT }, () => Array<string>(textWidth(text)).fill("."));
  eachDot(text, (x, y) => rows[y][x] = "#");
  return rows.map((row) => row.join(""));
}

Deno.test("font: letters stand on the baseline, descenders below it", () => {
  assert.deepEqual(drawn("Lp"), [
    "#..........",
    "#..........",
    "#.....####.",
    "#.....#...#",
    "#.....#...#",
    "#.....#...#",
    "#####.####.",
    "......#....",
    "......#....",
  ]);
});

Deno.test("font: every printable ASCII character has a glyph of its own; others are a box", () => {
  const shapes = new Map<string, string>();
  for (let code = 33; code < 127; code++) {
    const character = String.fromCharCode(code);
    const shape = drawn(character).join("\n");
    assert.ok(shape.includes("#"), character);
    // Zero has the letter O's shape: among digits it is clear.
    if (character !== "O") assert.equal(shapes.get(shape), undefined, `${character} looks like another`);
    shapes.set(shape, character);
  }
  assert.deepEqual(drawn("é"), drawn("γ"));
  assert.ok(!shapes.has(drawn("é").join("\n")));
});

Deno.test("font: digits have one width, and dots stay inside the width", () => {
  for (const digit of "0123456789") assert.equal(textWidth(digit), 5);
  assert.equal(textWidth(""), 0);
  assert.equal(textWidth("i 1"), 3 + 1 + 3 + 1 + 5);
  for (let code = 32; code < 127; code++) {
    const text = String.fromCharCode(code);
    eachDot(text, (x, y) => assert.ok(x >= 0 && x < textWidth(text) && y >= 0 && y < FONT_HEIGHT, text));
  }
});

Deno.test("wrapText: keeps every word, in lines that fit", () => {
  const text = "the share of generated sequences that are training sequences";
  const lines = wrapText(text, 100);
  assert.equal(lines.join(" "), text);
  assert.ok(lines.length > 1 && lines.every((line) => textWidth(line) <= 100));
  assert.deepEqual(wrapText("incomprehensibilities now", 10), ["incomprehensibilities", "now"]);
});
