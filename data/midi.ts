/** Standard MIDI Files, read and written with @tonejs/midi: melodies out of their tracks, and melodies as a track. */
import { contentOf } from "./file_kind.ts";
import { type Note, type Tune, WHOLE_NOTE } from "./music.ts";

/** Ticks in a quarter note. */
const QUARTER = WHOLE_NOTE / 4;
/** Times are rounded to so many ticks, a 96th of a whole note: thirty-seconds and triplets of sixteenths stay exact. */
const GRID = WHOLE_NOTE / 96;
/** A pause that is longer is shortened to this: it is silence, not rhythm. */
const LONGEST_REST = 4 * WHOLE_NOTE;
const PERCUSSION = 9;

/**
 * Each track of a MIDI file as a tune: of notes that sound together the highest, each until a higher one begins or it
 * ends. Percussion is passed over. Times are rounded to a 96th of a whole note.
 *
 * @throws {SyntaxError} where the file is no MIDI file, is cut off, or has no note.
 */
export async function parseMidi(bytes: Uint8Array, { path }: { readonly path: string }): Promise<Tune[]> {
  const { Midi } = (await import("@tonejs/midi")).default;
  let midi: InstanceType<typeof Midi>;
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 4)) !== "MThd") {
    throw new SyntaxError(`Cannot read ${path} as it is ${contentOf(bytes)} and no MIDI file: name another`);
  }
  const damaged = `Cannot read ${path} as the MIDI file is damaged or cut off: copy it again`;
  // The library reads a track that is cut off without a word.
  if (isCutOff(bytes)) throw new SyntaxError(damaged);
  try {
    midi = new Midi(bytes);
  } catch (cause) {
    throw new SyntaxError(damaged, { cause });
  }
  const scale = QUARTER / midi.header.ppq;
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new SyntaxError(`Cannot read ${path} as it counts time in frames of film: export it in beats`);
  }
  const snapped = (ticks: number): number => Math.round(ticks * scale / GRID) * GRID;
  const tracks = midi.tracks.filter(({ channel, notes }) => channel !== PERCUSSION && notes.length > 0);
  const tunes = tracks.map(({ name, notes }) => ({
    title: [titleOf(path), tracks.length > 1 ? printable(name) : ""].filter((part) => part !== "").join(", "),
    notes: melody(notes.map((note) => ({
      pitch: note.midi,
      start: snapped(note.ticks),
      end: Math.max(snapped(note.ticks) + GRID, snapped(note.ticks + note.durationTicks)),
    }))),
  }));
  if (tunes.length === 0) throw new SyntaxError(`Cannot learn ${path} as it has no note: name another`);
  return tunes;
}

/** Whether a part of the file is announced to be longer than what is left. */
function isCutOff(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 8 <= bytes.length) at += 8 + view.getUint32(at + 4);
  return at > bytes.length;
}

function titleOf(path: string): string {
  return printable(path.split(/[\\/]/).at(-1)!.replace(/\.midi?$/i, ""));
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "").trim();
}

interface Sounding {
  readonly pitch: number;
  readonly start: number;
  end: number;
}

function melody(sounding: readonly Sounding[]): Note[] {
  const line: Sounding[] = [];
  for (const one of sounding.toSorted((a, b) => a.start - b.start || b.pitch - a.pitch)) {
    const last = line.at(-1);
    if (last !== undefined && last.end > one.start) {
      if (last.start === one.start || last.pitch > one.pitch) continue;
      last.end = one.start;
    }
    line.push({ ...one });
  }
  const notes: Note[] = [];
  let time = line[0].start;
  for (const { pitch, start, end } of line) {
    if (start > time) notes.push({ pitch: null, ticks: Math.min(start - time, LONGEST_REST) });
    notes.push({ pitch, ticks: end - start });
    time = end;
  }
  return notes;
}

/**
 * Melodies as a Standard MIDI File, one after the other with a pause of a half note between them.
 *
 * @param options.tempo Quarter notes a minute; absent: 120.
 * @throws {RangeError} where a pitch is none of MIDI's.
 */
export async function formatMidi(
  melodies: readonly (readonly Note[])[],
  { tempo = 120 }: { readonly tempo?: number } = {},
): Promise<Uint8Array> {
  const { Midi } = (await import("@tonejs/midi")).default;
  const midi = new Midi();
  midi.header.setTempo(tempo);
  const track = midi.addTrack();
  let time = 0;
  for (const notes of melodies) {
    for (const { pitch, ticks } of notes) {
      if (pitch !== null) {
        if (!(Number.isInteger(pitch) && pitch >= 0 && pitch <= 127)) {
          throw new RangeError(
            `Cannot write the pitch ${pitch} as those of MIDI are 0 to 127: transpose the melody`,
          );
        }
        track.addNote({ midi: pitch, ticks: time, durationTicks: ticks, velocity: 0.63 });
      }
      time += ticks;
    }
    time += 2 * QUARTER;
  }
  return midi.toArray();
}
