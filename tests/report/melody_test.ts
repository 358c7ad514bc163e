import assert from "node:assert/strict";
import { durationOf, midiFile, pianoRoll, type PlayedNote, wavFile } from "../../report/melody.ts";

const MELODY: readonly PlayedNote[] = [
  { pitch: 60, ticks: 480 },
  { pitch: null, ticks: 240 },
  { pitch: 67, ticks: 60 },
];

Deno.test("a MIDI file of two notes with a rest between them, byte by byte", () => {
  const hex = midiFile([MELODY]).toHex();
  assert.equal(
    hex,
    "4d546864" + "00000006" + "0000" + "0001" + "01e0" + // MThd, format 0, one track, 480 ticks a quarter
      "4d54726b" + "0000001d" + // MTrk, 29 bytes
      "00ff510307a120" + // 500,000 microseconds a quarter
      "00903c50" + "8360803c00" + // 480 = 3 * 128 + 96
      "8170904350" + "3c804300" + // after 240 = 1 * 128 + 112, for 60
      "00ff2f00",
  );
});

Deno.test("melodies in a MIDI file are half a bar apart, and the tempo is the one given", () => {
  const hex = midiFile([[MELODY[0]], [MELODY[2]]], { tempo: 60 }).toHex();
  assert.ok(hex.includes("ff51030f4240"));
  assert.ok(hex.includes("8360803c00" + "8740904350")); // 960 = 7 * 128 + 64
});

Deno.test("a WAV file has the length of its melodies, sounds at the right pitch, and is still in rests", () => {
  const file = wavFile([[{ pitch: 69, ticks: 960 }, { pitch: null, ticks: 480 }]]);
  const view = new DataView(file.buffer);
  const word = (at: number) => new TextDecoder().decode(file.subarray(at, at + 4));
  assert.deepEqual([word(0), word(8), word(12), word(36)], ["RIFF", "WAVE", "fmt ", "data"]);
  assert.equal(view.getUint32(4, true), file.length - 8);
  assert.equal(view.getUint32(40, true), file.length - 44);
  const count = 1.5 * 22_050;
  assert.equal(file.length, 44 + 2 * count);
  const levels = Float64Array.from({ length: count }, (_, i) => view.getInt16(44 + 2 * i, true) / 32768);
  const loudest = levels.reduce((most, level) => Math.max(most, Math.abs(level)), 0);
  assert.ok(loudest > 0.3 && loudest < 1);
  assert.ok(levels.subarray(22_050).every((level) => level === 0));
  // Energy at 440 Hz and a semitone beside it, over the first second.
  const energy = (frequency: number) => {
    let re = 0, im = 0;
    for (let i = 0; i < 22_050; i++) {
      re += levels[i] * Math.cos(2 * Math.PI * frequency * i / 22_050);
      im += levels[i] * Math.sin(2 * Math.PI * frequency * i / 22_050);
    }
    return re * re + im * im;
  };
  assert.ok(energy(440) > 100 * energy(466));
});

Deno.test("a piano roll has a bar for each note, at its time and pitch", () => {
  const { pixels, shape } = pianoRoll(MELODY, { low: 60, high: 67, ticks: durationOf(MELODY), width: 78 });
  assert.deepEqual(shape, [24, 78, 3]);
  const blue = (x: number, y: number) => pixels[(y * 78 + x) * 3] < 0x40;
  const columns = (y: number) => Array.from({ length: 78 }, (_, x) => blue(x, y)).lastIndexOf(true);
  assert.ok(blue(0, 22) && blue(30, 22) && !blue(50, 22)); // C: 480 of 780 ticks = 48 columns
  assert.equal(columns(22), 46);
  assert.ok(blue(72, 1) && !blue(60, 1)); // G, after 720 ticks
  assert.ok(!blue(30, 10));
});
