import assert from "node:assert/strict";
import { join } from "node:path";
import { formatAbc, parseAbc } from "../../data/abc.ts";
import { EXAMPLE_TUNES, type Note, WHOLE_NOTE } from "../../data/music.ts";
import { testOnSharedData } from "./shared_data.ts";

const HEAD = "X:1\nT:t\nM:4/4\nL:1/8\n";
/** Notes as [pitch, eighths]. */
async function notes(music: string, { key = "C", head = HEAD } = {}): Promise<(number | null)[][]> {
  const { tunes: [tune] } = await parseAbc(`${head}K:${key}\n${music}\n`, { path: "t.abc" });
  return tune.notes.map(({ pitch, ticks }) => [pitch, ticks / (WHOLE_NOTE / 8)]);
}
const pitches = async (music: string, key?: string) => (await notes(music, { key })).map(([pitch]) => pitch);

Deno.test("octaves, lengths, rests and bars, by hand", async () => {
  assert.deepEqual(await notes("C c2 | c' C,/2 z3/2 D// E/ | F/4 x G"), [
    [60, 1],
    [72, 2],
    [84, 1],
    [48, 0.5],
    [null, 1.5],
    [62, 0.25],
    [64, 0.5],
    [65, 0.25],
    [null, 1],
    [67, 1],
  ]);
});

Deno.test("key signatures and accidentals", async () => {
  assert.deepEqual(await pitches("FCGB", "D"), [66, 61, 67, 71]);
  assert.deepEqual(await pitches("BEAD", "Eb"), [70, 63, 68, 62]);
  assert.deepEqual(await pitches("BEF", "Dm"), [70, 64, 65]);
  assert.deepEqual(await pitches("FC", "Amix"), [66, 61]);
  assert.deepEqual(await pitches("FBC", "E dorian"), [66, 71, 61]);
  assert.deepEqual(await pitches("FG", "F# minor"), [66, 68]);
  assert.deepEqual(await pitches("G", "A min ^g"), [68]);
  assert.deepEqual(await pitches("FB", "G treble"), [66, 71]);
  assert.deepEqual(await pitches("FC", "none"), [65, 60]);
  // An accidental holds to the end of its bar, in its octave.
  assert.deepEqual(await pitches("^F F f ^f f | F __B ^^C"), [66, 66, 77, 78, 78, 65, 69, 62]);
});

Deno.test("ties join notes, also over a bar line with its accidental", async () => {
  assert.deepEqual(await notes("C2-C | ^F2-|F F"), [[60, 3], [66, 3], [65, 1]]);
  assert.deepEqual(await notes("d3 -d B"), [[74, 4], [71, 1]]);
  assert.deepEqual(await notes("E3 E/-E/"), [[64, 3], [64, 1]]);
  // Of a chord, too, and into a first ending; nothing is tied to another pitch.
  assert.deepEqual(await notes("[CE]-[CE]2 [CEG]"), [[64, 3], [67, 1]]);
  assert.deepEqual(await notes("c-|1 c d :|2 c2"), [[72, 2], [74, 1], [72, 2]]);
  assert.deepEqual(await notes("C-D-C"), [[60, 1], [62, 1], [60, 1]]);
});

Deno.test("tuplets and broken rhythm", async () => {
  assert.deepEqual((await notes("(3CDE F")).map(([, length]) => Math.round(length! * 3)), [2, 2, 2, 3]);
  assert.deepEqual((await notes("(3:2:2C2D2 E")).map(([, length]) => Math.round(length! * 3)), [4, 4, 3]);
  assert.deepEqual((await notes("(6:4:6CDEFGA")).map(([, length]) => Math.round(length! * 3)), [
    2,
    2,
    2,
    2,
    2,
    2,
  ]);
  assert.deepEqual(await notes("C>D E<<F G"), [[60, 1.5], [62, 0.5], [64, 0.25], [65, 1.75], [67, 1]]);
});

Deno.test("of a chord the highest note is kept; what is not heard is passed over", async () => {
  assert.deepEqual(await notes("[CEG]2 [c/2E/2]"), [[67, 2], [72, 0.5]]);
  assert.deepEqual(
    await notes('|:"Am7"!trill!~C (DE) {fg}F|1 .G :|2 A ||[1 B [2"C"c \\\n% words\n|]y d'),
    [60, 62, 64, 65, 67, 69, 71, 72, 74].map((pitch) => [pitch, 1]),
  );
});

Deno.test("fields in the tune change key, meter and unit", async () => {
  assert.deepEqual(await notes("F [K:G]F [L:1/4]F\nK:C\nL:1/16\nF"), [[65, 1], [66, 1], [66, 2], [65, 0.5]]);
  // Without a unit, meters below 3/4 count in sixteenths.
  assert.deepEqual(await notes("C", { head: "X:1\nM:2/4\n" }), [[60, 0.5]]);
  assert.deepEqual(await notes("C", { head: "X:1\nM:3/4\n" }), [[60, 1]]);
});

Deno.test("a file holds tunes with titles; text around them is passed over", async () => {
  const { tunes, problems } = await parseAbc(
    "words\n\nX:1\nT:One\nT:Uno\nK:C\nC\n\nwords\nX:2\nY:AB\nK:G\nd:|\n\nX:3\nT:empty\nK:C\n",
    { path: "t.abc" },
  );
  assert.deepEqual(tunes, [
    { title: "One", notes: [{ pitch: 60, ticks: 240 }] },
    { title: "untitled", notes: [{ pitch: 74, ticks: 240 }] },
  ]);
  assert.deepEqual(problems, []);
});

Deno.test("endings and rests are read as they are written, but for a rest at the end", async () => {
  assert.deepEqual(await notes("z2 z2 C z4 |: D :|2 E z||"), [[null, 4], [60, 1], [null, 4], [62, 1], [
    64,
    1,
  ]]);
});

Deno.test("what cannot be read is named with its line; the other tunes of the file are", async () => {
  const fails = (text: string, message: RegExp) =>
    assert.rejects(parseAbc(text, { path: "t.abc" }), { name: "SyntaxError", message });
  await fails("hello", /^Cannot read t\.abc as it holds no tune in ABC notation: a tune begins with X:$/);
  await fails(HEAD + "K:C\nCD\nE %ok\nF §", /^Cannot read t\.abc as line 8 has "§" where a note/);
  await fails("X:1\nK:C\n<html>not found", /line 3 has "<html>no" where/);
  await fails(HEAD + "K:C\nV:1\nC\nV:2\nE\n", /line 1 begins a tune of several voices: melodies have one/);
  const { tunes, problems } = await parseAbc(`${HEAD}K:C\nF§\n\nX:2\nK:C\nD\n`, { path: "t.abc" });
  assert.equal(tunes.length, 1);
  assert.match(problems[0], /line 6 has "§"/);
});

Deno.test("lengths and pitches that no melody has are refused, and none hangs the reader", async () => {
  const fails = (music: string, message: RegExp) =>
    assert.rejects(notes(music), { name: "SyntaxError", message });
  await fails("C99999999 D", /longer than 64 whole notes: shorten it/);
  await fails("C99999999999999999999999", /longer than 64 whole notes/);
  await fails("C Z99999999 D", /longer than 64 whole notes/);
  await fails(`C${",".repeat(10)} D`, /with the pitch -60: those of MIDI are 0 to 127/);
  await fails(`c${"'".repeat(10)} D`, /with the pitch 192/);
  assert.equal((await notes("C/0 D")).length, 2);
  assert.equal((await notes("[L:1/0]C [M:0/0]D [L:0]E")).length, 3);
  assert.equal((await notes("C|1-1000000000 D:|")).length, 2);
  assert.equal((await notes("(3".repeat(500) + "C")).length, 1);
});

Deno.test("control characters do not get into titles", async () => {
  const { tunes } = await parseAbc("X:1\nT:a\u001b[31mred\u202e\nK:C\nC\n", { path: "t.abc" });
  assert.equal(tunes[0].title, "a[31mred");
});

Deno.test("notes survive being written and read", async () => {
  const written: Note[] = [];
  for (let pitch = 36; pitch <= 96; pitch++) written.push({ pitch, ticks: 10 * (pitch - 30) });
  written.push({ pitch: 66, ticks: 240 }, { pitch: null, ticks: 320 }, { pitch: 77, ticks: 240 }, {
    pitch: 65,
    ticks: 3,
  });
  const { tunes } = await parseAbc(EXAMPLE_TUNES, { path: "the example" });
  const all = [{ title: "up", notes: written }, ...tunes];
  assert.deepEqual((await parseAbc(formatAbc(all), { path: "copy" })).tunes, all);
});

testOnSharedData("all tunes of the Nottingham database are read, and survive", {
  set: "nottingham",
  run: async (folder) => {
    let files = 0, count = 0;
    for await (const { name } of Deno.readDir(join(folder, "ABC_cleaned"))) {
      const text = await Deno.readTextFile(join(folder, "ABC_cleaned", name));
      const { tunes, problems } = await parseAbc(text, { path: name });
      assert.deepEqual(problems, []);
      // Writing is tried on the smallest file only, as reading takes its time.
      if (name === "xmas.abc") {
        const copy = await parseAbc(formatAbc(tunes), { path: "copy" });
        assert.deepEqual(copy.tunes.map((tune) => tune.notes), tunes.map((tune) => tune.notes));
      }
      files++;
      count += tunes.length;
    }
    assert.deepEqual([files, count], [14, 1034]);
  },
});
