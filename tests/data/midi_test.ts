import assert from "node:assert/strict";
import midi from "@tonejs/midi";
import { formatMidi, parseMidi } from "../../data/midi.ts";
import type { Note } from "../../data/music.ts";

const read = (bytes: Uint8Array, path = "songs/tune.mid") => parseMidi(bytes, { path });

Deno.test("melodies survive being written and read; a half note lies between them", async () => {
  const one: Note[] = [{ pitch: 60, ticks: 480 }, { pitch: null, ticks: 240 }, { pitch: 127, ticks: 60 }];
  const two: Note[] = [{ pitch: 0, ticks: 160 }, { pitch: 62, ticks: 1920 }];
  const bytes = await formatMidi([one, two]);
  assert.equal(new TextDecoder().decode(bytes.subarray(0, 4)), "MThd");
  const [tune] = await read(bytes);
  assert.deepEqual(tune, { title: "tune", notes: [...one, { pitch: null, ticks: 960 }, ...two] });
  await assert.rejects(formatMidi([[{ pitch: 128, ticks: 1 }]]), /the pitch 128 .* 0 to 127/);
});

Deno.test("tracks are tunes, percussion is not; the highest note is heard; times are rounded", async () => {
  const file = new midi.Midi(), melody = file.addTrack(), drums = file.addTrack(), bass = file.addTrack();
  melody.name = "Lead\u0007";
  bass.name = "Bass";
  drums.channel = 9;
  drums.addNote({ midi: 40, ticks: 0, durationTicks: 10 });
  // A quarter late by a hair, a chord, a long low note under a high one.
  for (
    const [pitch, ticks, durationTicks] of [[60, 3, 478], [64, 480, 480], [72, 480, 480], [50, 960, 960], [
      70,
      1440,
      240,
    ]]
  ) {
    melody.addNote({ midi: pitch, ticks, durationTicks });
  }
  bass.addNote({ midi: 36, ticks: 480, durationTicks: 960 });
  const tunes = await read(file.toArray());
  assert.deepEqual(tunes, [
    {
      title: "tune, Lead",
      notes: [
        { pitch: 60, ticks: 480 },
        { pitch: 72, ticks: 480 },
        { pitch: 50, ticks: 480 },
        { pitch: 70, ticks: 240 },
      ],
    },
    { title: "tune, Bass", notes: [{ pitch: 36, ticks: 960 }] },
  ]);
});

Deno.test("other resolutions are brought to 480 ticks a quarter", async () => {
  const bytes = await formatMidi([[{ pitch: 60, ticks: 480 }, { pitch: 61, ticks: 240 }]]);
  new DataView(bytes.buffer).setUint16(12, 960);
  assert.deepEqual((await read(bytes))[0].notes, [{ pitch: 60, ticks: 240 }, { pitch: 61, ticks: 120 }]);
});

Deno.test("what is no melody is told in one sentence", async () => {
  const whole = await formatMidi([[{ pitch: 60, ticks: 480 }]]);
  await assert.rejects(
    read(new TextEncoder().encode("<html>no")),
    /tune\.mid as it is an HTML page and no MIDI file/,
  );
  await assert.rejects(read(whole.subarray(0, whole.length - 6)), /damaged or cut off: copy it again/);
  await assert.rejects(read(await formatMidi([])), /as it has no note/);
});
