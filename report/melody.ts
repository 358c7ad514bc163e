/** Melodies to be seen and heard: piano rolls, Standard MIDI Files, and WAV files of a simple synthesizer. */
import type { Image } from "./grid.ts";
import { rgb } from "./palette.ts";

/** A note or a rest, one after the other. */
export interface PlayedNote {
  /** MIDI number, 60 being the middle C; null for a rest. */
  readonly pitch: number | null;
  /** Duration; a quarter note has `QUARTER_TICKS`. */
  readonly ticks: number;
}

/** Ticks in a quarter note. */
export const QUARTER_TICKS = 480;

/** How long a melody is, in ticks. */
export function durationOf(notes: readonly PlayedNote[]): number {
  return notes.reduce((sum, { ticks }) => sum + ticks, 0);
}

const ROLL = { paper: rgb("#ffffff"), octave: rgb("#ececea"), note: rgb("#2f7fc1"), edge: rgb("#174a76") };
/** Height of a semitone in a piano roll. */
const SEMITONE = 3;

/**
 * A melody as a picture: time goes right, pitch up. A band of grey is one octave from C, so that rolls compare.
 *
 * @param options.low Lowest and `high` highest pitch with a row.
 * @param options.ticks Duration of the whole width.
 */
export function pianoRoll(
  notes: readonly PlayedNote[],
  options: { readonly low: number; readonly high: number; readonly ticks: number; readonly width: number },
): Image {
  const { low, high, ticks, width } = options;
  const height = (high - low + 1) * SEMITONE;
  const pixels = new Uint8Array(height * width * 3);
  const paint = (colour: readonly number[], box: readonly [number, number, number, number]): void => {
    const [left, top, right, bottom] = box;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < Math.min(right, width); x++) pixels.set(colour, (y * width + x) * 3);
    }
  };
  const top = (pitch: number): number => (high - pitch) * SEMITONE;
  for (let pitch = low; pitch <= high; pitch++) {
    paint(Math.floor(pitch / 12) % 2 === 0 ? ROLL.octave : ROLL.paper, [
      0,
      top(pitch),
      width,
      top(pitch - 1),
    ]);
  }
  let time = 0;
  for (const note of notes) {
    const left = Math.round(time / ticks * width);
    time += note.ticks;
    if (note.pitch === null) continue;
    // A pixel stays free between notes, so that repeated ones are told apart.
    const right = Math.max(left + 2, Math.round(time / ticks * width) - 1);
    paint(ROLL.note, [left, top(note.pitch), right, top(note.pitch - 1)]);
    paint(ROLL.edge, [left, top(note.pitch), left + 1, top(note.pitch - 1)]);
  }
  return { pixels, shape: [height, width, 3] };
}

/**
 * Melodies as a Standard MIDI File, format 0, one after the other with a pause of a half note between them.
 *
 * @param options.tempo Quarter notes a minute; absent: 120.
 */
export function midiFile(
  melodies: readonly (readonly PlayedNote[])[],
  { tempo = 120 }: { readonly tempo?: number } = {},
): Uint8Array {
  const microseconds = Math.round(60e6 / tempo);
  const track = [0, 0xff, 0x51, 3, ...bigEndian(microseconds, 3)];
  // Rests become the waiting time of the next event.
  let wait = 0;
  for (const { pitch, ticks } of withPauses(melodies)) {
    if (pitch === null) {
      wait += ticks;
      continue;
    }
    track.push(...variableLength(wait), 0x90, pitch, 80, ...variableLength(ticks), 0x80, pitch, 0);
    wait = 0;
  }
  track.push(...variableLength(wait), 0xff, 0x2f, 0);
  return Uint8Array.from([
    ...ascii("MThd"),
    ...bigEndian(6, 4),
    ...bigEndian(0, 2),
    ...bigEndian(1, 2),
    ...bigEndian(QUARTER_TICKS, 2),
    ...ascii("MTrk"),
    ...bigEndian(track.length, 4),
    ...track,
  ]);
}

function* withPauses(melodies: readonly (readonly PlayedNote[])[]): Generator<PlayedNote> {
  for (const [index, melody] of melodies.entries()) {
    if (index > 0) yield { pitch: null, ticks: 2 * QUARTER_TICKS };
    yield* melody;
  }
}

function ascii(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

function bigEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** (bytes - 1 - index)) % 256);
}

/** Seven bits a byte, the highest first, all but the last with the eighth bit set. */
function variableLength(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(128 + rest % 128);
  }
  return bytes;
}

const SAMPLE_RATE = 22_050;
/** Strengths of a tone's harmonics, the fundamental first. */
const HARMONICS = [1, 0.45, 0.22, 0.1, 0.05];
/** Seconds in which a tone rises, and falls when its note ends: without them it would click. */
const ATTACK = 0.008, RELEASE = 0.03;
/** Seconds in which a held tone fades to 1/e. */
const DECAY = 0.7;

/**
 * Melodies as a WAV file (16 bits, mono, 22,050 Hz), with the pauses and the tempo of `midiFile`: plucked tones of a
 * few harmonics.
 */
export function wavFile(
  melodies: readonly (readonly PlayedNote[])[],
  { tempo = 120 }: { readonly tempo?: number } = {},
): Uint8Array {
  const notes = [...withPauses(melodies)];
  const perTick = 60 / tempo / QUARTER_TICKS * SAMPLE_RATE;
  const count = Math.round(durationOf(notes) * perTick);
  const file = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at: number, letters: string) =>
    ascii(letters).forEach((byte, i) => file.setUint8(at + i, byte));
  text(0, "RIFF");
  file.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true); // uncompressed
  file.setUint16(22, 1, true); // one channel
  file.setUint32(24, SAMPLE_RATE, true);
  file.setUint32(28, 2 * SAMPLE_RATE, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  text(36, "data");
  file.setUint32(40, 2 * count, true);
  let ticks = 0;
  for (const note of notes) {
    const first = Math.round(ticks * perTick),
      next = Math.min(count, Math.round((ticks + note.ticks) * perTick));
    ticks += note.ticks;
    if (note.pitch === null) continue;
    const tone = toneOf(note.pitch, next - first);
    tone.forEach((level, index) => file.setInt16(44 + 2 * (first + index), Math.round(level * 32767), true));
  }
  return new Uint8Array(file.buffer);
}

/** Levels -1..1 of a tone of so many samples. */
function toneOf(pitch: number, count: number): Float64Array {
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  const heard = HARMONICS.map((strength, index) => ({ strength, frequency: frequency * (index + 1) }))
    .filter((harmonic) => harmonic.frequency < SAMPLE_RATE / 2);
  const loudest = HARMONICS.reduce((sum, strength) => sum + strength, 0);
  return Float64Array.from({ length: count }, (_, index) => {
    const time = index / SAMPLE_RATE, left = (count - index) / SAMPLE_RATE;
    const envelope = Math.min(1, time / ATTACK, left / RELEASE) * Math.exp(-time / DECAY);
    const wave = heard.reduce(
      (sum, one) => sum + one.strength * Math.sin(2 * Math.PI * one.frequency * time),
      0,
    );
    return 0.8 * envelope * wave / loudest;
  });
}
