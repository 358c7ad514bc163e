/** Melodies: one note after the other, written in ABC notation. */
import example from "./examples/tunes.abc" with { type: "text" };

/** The tunes that are learned where none are given. */
export const EXAMPLE_TUNES: string = example;

/** Ticks in a whole note, as in many MIDI files: 480 in a quarter. */
export const WHOLE_NOTE = 1920;

/** A note or a rest. */
export interface Note {
  /** MIDI number, 60 being the middle C; null for a rest. */
  readonly pitch: number | null;
  /** Duration; a whole note has `WHOLE_NOTE`. */
  readonly ticks: number;
}

/** A melody with a name. */
export interface Tune {
  readonly title: string;
  readonly notes: readonly Note[];
}

/** Equal for equal notes and only these. */
export function noteKey({ pitch, ticks }: Note): string {
  return `${pitch ?? "rest"}/${ticks}`;
}

/** Orders notes by pitch, rests first, then by duration. */
export function compareNotes(a: Note, b: Note): number {
  return (a.pitch ?? -1) - (b.pitch ?? -1) || a.ticks - b.ticks;
}
