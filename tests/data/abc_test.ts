import assert from "node:assert/strict";
import { join } from "node:path";
import { formatAbc, parseAbc } from "../../data/abc.ts";
import { EXAMPLE_TUNES, type Note, WHOLE_NOTE } from "../../data/music.ts";
import { testOnSharedData } from "./shared_data.ts";

const HEAD = "X:1\nT:t\nM:4/4\nL:1/8\n";
/** Notes as [pitch, eighths]. */
function notes(music: string, { key = "C", head = HEAD } = {}): (number | null)[][] {
  const [tune] = parseAbc(`${head}K:${key}\n${music}\n`, { path: "t.abc" });
  return tune.notes.map(({ pitch, ticks }) => [pitch, ticks / (WHOLE_NOTE / 8)]);
}
const pitches = (music: string, key?: string) => notes(music, { key }).map(([pitch]) => pitch);

Deno.test("octaves, lengths, rests and bars, by hand", () => {
  assert.deepEqual(notes("C c2 | c' C,/2 z3/2 D// E/ | F/4 x Z"), [
    [60, 1],
    [72, 2],
    [84, 1],
    [48, 0.5],
    [null, 1.5],
    [62, 0.25],
    [64, 0.5],
    [65, 0.25],
    [null, 1],
    [null, 8],
  ]);
});

Deno.test("key signatures and accidentals", () => {
  assert.deepEqual(pitches("FCGB", "D"), [66, 61, 67, 71]);
  assert.deepEqual(pitches("BEAD", "Eb"), [70, 63, 68, 62]);
  assert.deepEqual(pitches("BEF", "Dm"), [70, 64, 65]);
  assert.deepEqual(pitches("FC", "Amix"), [66, 61]);
  assert.deepEqual(pitches("FBC", "E dorian"), [66, 71, 61]);
  assert.deepEqual(pitches("FG", "F# minor"), [66, 68]);
  assert.deepEqual(pitches("G", "A min ^g"), [68]);
  assert.deepEqual(pitches("FB", "G treble"), [66, 71]);
  assert.deepEqual(pitches("FC", "none"), [65, 60]);
  // An accidental holds to the end of its bar, in every octave.
  assert.deepEqual(pitches("^F F f =f F | F __B ^^C"), [66, 66, 78, 77, 65, 65, 69, 62]);
});

Deno.test("ties join notes, also over a bar line with its accidental", () => {
  assert.deepEqual(notes("C2-C | ^F2-|F F"), [[60, 3], [66, 3], [65, 1]]);
  assert.deepEqual(notes("d3 -d B"), [[74, 4], [71, 1]]);
  assert.deepEqual(notes("C-D"), [[60, 1], [62, 1]]);
});

Deno.test("tuplets and broken rhythm", () => {
  assert.deepEqual(notes("(3CDE F").map(([, length]) => Math.round(length! * 3)), [2, 2, 2, 3]);
  assert.deepEqual(notes("(3:2:2C2D2 E").map(([, length]) => Math.round(length! * 3)), [4, 4, 3]);
  assert.deepEqual(notes("C>D E<<F G"), [[60, 1.5], [62, 0.5], [64, 0.25], [65, 1.75], [67, 1]]);
});

Deno.test("of a chord the highest note is kept; what is not heard is passed over", () => {
  assert.deepEqual(notes("[CEG]2 [c/2E/2]"), [[67, 2], [72, 0.5]]);
  assert.deepEqual(
    notes('|:"Am7"!trill!~C (DE) {fg}F|1 .G :|2 A ||[1 B [2"C"c \\\n% words\n|]y d'),
    [60, 62, 64, 65, 67, 69, 71, 72, 74].map((pitch) => [pitch, 1]),
  );
});

Deno.test("fields in the tune change key, meter and unit", () => {
  assert.deepEqual(notes("F [K:G]F [L:1/4]F\nK:C\nL:1/16\nF"), [[65, 1], [66, 1], [66, 2], [65, 0.5]]);
  // Without a unit, meters below 3/4 count in sixteenths.
  assert.deepEqual(notes("C", { head: "X:1\nM:2/4\n" }), [[60, 0.5]]);
  assert.deepEqual(notes("C", { head: "X:1\nM:3/4\n" }), [[60, 1]]);
});

Deno.test("a file holds tunes with titles; text around them is passed over", () => {
  const tunes = parseAbc(
    "words\n\nX:1\nT:One\nT:Uno\nK:C\nC\n\nwords\nX:2\nK:G\nd:|\n\nX:3\nT:empty\nK:C\n",
    {
      path: "t.abc",
    },
  );
  assert.deepEqual(tunes, [
    { title: "One", notes: [{ pitch: 60, ticks: 240 }] },
    { title: "untitled", notes: [{ pitch: 74, ticks: 240 }] },
  ]);
});

Deno.test("what cannot be read is named with its line", () => {
  const fails = (text: string, message: RegExp) =>
    assert.throws(() => parseAbc(text, { path: "t.abc" }), { name: "SyntaxError", message });
  fails("hello", /^Cannot read t\.abc as it holds no tune in ABC notation: a tune begins with X:$/);
  fails(HEAD + "K:C\nCD\nE %ok\nF §", /^Cannot read t\.abc as line 8 has "§" where a note/);
  fails(HEAD + "CDE\n", /line 5 has notes before the key/);
  fails("X:1\nK:H\n", /line 2 has the key "H"/);
  fails("X:1\nL:long\n", /line 2 has the note length "long"/);
  fails("X:1\nM:often\n", /line 2 has the meter "often"/);
  fails(HEAD + "K:C\nV:1\nC\nV:2\nE\n", /line 8 starts a second voice \(2\)/);
});

Deno.test("notes survive being written and read", () => {
  const written: Note[] = [];
  for (let pitch = 36; pitch <= 96; pitch++) written.push({ pitch, ticks: 10 * (pitch - 30) });
  written.push({ pitch: null, ticks: 320 }, { pitch: 66, ticks: 240 }, { pitch: 65, ticks: 3 });
  const tunes = [{ title: "up", notes: written }, ...parseAbc(EXAMPLE_TUNES, { path: "the example" })];
  assert.deepEqual(parseAbc(formatAbc(tunes), { path: "copy" }), tunes);
});

testOnSharedData("all tunes of the Nottingham database are read, and survive", {
  set: "nottingham",
  run: async (folder) => {
    let files = 0, tunes = 0;
    for await (const { name } of Deno.readDir(join(folder, "ABC_cleaned"))) {
      const read = parseAbc(await Deno.readTextFile(join(folder, "ABC_cleaned", name)), { path: name });
      const copy = parseAbc(formatAbc(read), { path: "copy" });
      assert.deepEqual(copy.map((tune) => tune.notes), read.map((tune) => tune.notes));
      files++;
      tunes += read.length;
    }
    assert.deepEqual([files, tunes], [14, 1034]);
  },
});
