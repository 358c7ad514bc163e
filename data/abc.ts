/**
 * ABC notation (abcnotation.com, standard 2.1), read by abcjs: its parser and its player's timing, not its sound.
 *
 * Every bar is read once, as it is written: repeats are not played again, and first and second endings follow each
 * other. Of a chord the highest note is kept. Grace notes, ornaments, chord symbols, tempo, lyrics and a
 * rest at the end are passed over.
 * Two places where this differs from playing: a tie to another pitch, which many files write for a slur, ties nothing;
 * and lines "Y:" and the like, which are no fields of the standard, are not taken for music (344 of the 1,034 tunes of
 * the Nottingham database have one). An accidental holds until the end of its bar in its octave, as abcjs has it; the
 * standard's default is all octaves, which makes a difference in 7 of those tunes.
 */
import { type Note, type Tune, WHOLE_NOTE } from "./music.ts";

/** What abcjs makes of a tune, as much of it as is used here; its own types leave most of it open. */
interface ParsedTune {
  readonly metaText: { readonly title?: string };
  readonly warnings?: readonly string[];
  readonly lines: readonly { readonly staff?: readonly { readonly voices: readonly Element[][] }[] }[];
  setUpAudio(options: { readonly chordsOff: boolean }): { readonly tracks: readonly (readonly Sound[])[] };
}
/** A note, a bar line, a change of tempo, … */
interface Element {
  readonly el_type: string;
  readonly pitches?: { readonly pitch: number; startTie?: unknown; endTie?: unknown }[];
  type?: string;
  gracenotes?: unknown;
  decoration?: unknown;
  startEnding?: unknown;
  endEnding?: unknown;
}
/** Times in whole notes. */
interface Sound {
  readonly cmd: string;
  readonly pitch: number;
  readonly start: number;
  readonly duration: number;
}

/** Fields that the standard does not have, at the start of a line. */
const NO_FIELD = /^[EJY]:(?![|:])/;
/** Whole notes that no note or rest of a melody lasts. */
const LONGEST = 64;

/** The tunes of a file, and what could not be read. */
export interface AbcBook {
  readonly tunes: readonly Tune[];
  /** A sentence for each tune that was passed over. */
  readonly problems: readonly string[];
}

/**
 * Reads all tunes of an ABC file. Tunes without a note are left out; those that cannot be read are told.
 *
 * @throws {SyntaxError} where there is no tune at all, or none that can be read.
 */
export async function parseAbc(text: string, { path }: { readonly path: string }): Promise<AbcBook> {
  const { parseOnly } = (await import("abcjs")).default;
  const tunes: Tune[] = [], problems: string[] = [];
  const pieces = cutTunes(text);
  if (pieces.length === 0) {
    throw new SyntaxError(`Cannot read ${path} as it holds no tune in ABC notation: a tune begins with X:`);
  }
  for (const { line, content } of pieces) {
    const fail = (at: number, reason: string): never => {
      throw new SyntaxError(`Cannot read ${path} as line ${line + at} ${reason}`);
    };
    try {
      const tune = readTune(parseOnly(content)[0] as unknown as ParsedTune, content, fail);
      if (tune.notes.length > 0) tunes.push(tune);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      problems.push(error.message);
    }
  }
  if (tunes.length === 0 && problems.length > 0) throw new SyntaxError(problems[0]);
  return { tunes, problems };
}

/** A tune begins with a line X: and ends at an empty one. `line` is that of its X:, from 1. */
function cutTunes(text: string): { readonly line: number; readonly content: string }[] {
  const pieces: { line: number; lines: string[] }[] = [];
  let open = false;
  text.replace(/^\uFEFF/, "").split(/\r\n?|\n/).forEach((line, index) => {
    if (/^X:/.test(line)) {
      pieces.push({ line: index + 1, lines: [] });
      open = true;
    } else if (line.trim() === "") open = false;
    // A comment in its place keeps the numbers of the lines. A plus enclosed chords in old files.
    if (open) pieces.at(-1)!.lines.push(NO_FIELD.test(line) ? "%" : line.replaceAll("[+", "["));
  });
  return pieces.map(({ line, lines }) => ({ line, content: lines.join("\n") + "\n" }));
}

/** `fail` is told the line in the tune, from 0, and what is wrong with it. */
function readTune(tune: ParsedTune, content: string, fail: (at: number, reason: string) => never): Tune {
  for (const warning of tune.warnings ?? []) {
    const [, line, column, what] = /^Music Line:(\d+):(\d+): (.*?)(?::\s|$)/s.exec(warning) ?? [];
    // Other warnings are of what is not heard, or of what was understood all the same.
    if (what !== undefined && /^(Unknown character|Missing the closing quote)/.test(what)) {
      const rest = (content.split("\n")[Number(line) - 1] ?? "").slice(
        Number(column) - 1,
        Number(column) + 7,
      );
      fail(Number(line) - 1, `has ${JSON.stringify(rest)} where a note, a rest or a bar line is expected`);
    }
  }
  const voices = tune.lines.flatMap(({ staff }) => staff ?? []).flatMap((one) => one.voices);
  for (const voice of voices) withoutOrnaments(voice);
  dropFalseTies(voices.flat());
  const { tracks } = tune.setUpAudio({ chordsOff: true });
  if (tracks.length > 1) fail(0, "begins a tune of several voices: melodies have one");
  const title = (tune.metaText.title ?? "").replace(/[\p{Cc}\p{Cf}]/gu, "").trim() || "untitled";
  return { title, notes: melodyOf(tracks[0] ?? [], (reason) => fail(0, reason)) };
}

/** Leaves of a voice what is written out once: notes, rests and plain bar lines. */
function withoutOrnaments(voice: Element[]): void {
  for (const element of voice) {
    delete element.gracenotes;
    delete element.decoration;
    if (element.el_type === "bar" && element.type !== "bar_invisible") element.type = "bar_thin";
    delete element.startEnding;
    delete element.endEnding;
  }
  const kept = voice.filter(({ el_type }) => el_type !== "tempo");
  voice.splice(0, voice.length, ...kept);
}

/** Takes out ties whose note is not followed by one of the same pitch: they would hold it until it comes again. */
function dropFalseTies(elements: readonly Element[]): void {
  const notes = elements.filter(({ el_type }) => el_type === "note");
  notes.forEach(({ pitches = [] }, index) => {
    const next = notes[index + 1]?.pitches ?? [], before = notes[index - 1]?.pitches ?? [];
    for (const one of pitches) {
      if (one.startTie !== undefined && !next.some(({ pitch }) => pitch === one.pitch)) delete one.startTie;
      if (
        one.endTie !== undefined &&
        !before.some((tied) => tied.pitch === one.pitch && tied.startTie !== undefined)
      ) {
        delete one.endTie;
      }
    }
  });
}

/** The highest note at any time, each until a higher one begins or it ends, with the rests between. */
function melodyOf(sounds: readonly Sound[], fail: (reason: string) => never): Note[] {
  const ticksOf = (time: number): number => Math.round(time * WHOLE_NOTE);
  const inOrder = sounds.filter(({ cmd }) => cmd === "note")
    .toSorted((a, b) => ticksOf(a.start) - ticksOf(b.start) || b.pitch - a.pitch);
  const line: { readonly pitch: number; readonly start: number; end: number }[] = [];
  for (const { pitch, start, duration } of inOrder) {
    if (!(pitch >= 0 && pitch <= 127)) {
      fail(`begins a tune with the pitch ${pitch}: those of MIDI are 0 to 127, 60 being C`);
    }
    const last = line.at(-1), from = ticksOf(start), end = from + Math.max(1, ticksOf(duration));
    if (!(duration > 0 && duration <= LONGEST && from - (last?.end ?? 0) <= LONGEST * WHOLE_NOTE)) {
      fail(`begins a tune with a note or a rest longer than ${LONGEST} whole notes: shorten it`);
    }
    if (last !== undefined && last.end > from) {
      if (last.start === from || last.pitch > pitch) continue;
      last.end = from;
    }
    line.push({ pitch, start: from, end });
  }
  const notes: Note[] = [];
  let time = 0;
  for (const { pitch, start, end } of line) {
    if (start > time) notes.push({ pitch: null, ticks: start - time });
    notes.push({ pitch, ticks: end - start });
    time = end;
  }
  return notes;
}

/** Names of the twelve semitones in ABC, from C: sharps, as the key is C. */
const NAMES = ["=C", "^C", "=D", "^D", "=E", "=F", "^F", "=G", "^G", "=A", "^A", "=B"];
/** The unit of written tunes: an eighth. */
const EIGHTH = WHOLE_NOTE / 8;

/** Tunes as an ABC file, in C and without bar lines: what `parseAbc` reads back as the same notes. */
export function formatAbc(tunes: readonly Tune[]): string {
  return tunes.map(({ title, notes }, index) => {
    const altered = new Set<string>();
    const words = notes.map(({ pitch, ticks }) => {
      if (pitch === null) return "z" + formatLength(ticks);
      const [accidental, letter] = NAMES[((pitch % 12) + 12) % 12];
      const octave = Math.floor(pitch / 12) - 5;
      const marks = octave > 0 ? "'".repeat(octave - 1) : ",".repeat(-octave);
      // There is no bar line, so an accidental goes on; readers do not agree whether in other octaves, too.
      const shown = accidental === "=" && !altered.has(letter) ? "" : accidental;
      if (accidental !== "=") altered.add(letter);
      return shown + (octave > 0 ? letter.toLowerCase() : letter) + marks + formatLength(ticks);
    });
    return `X:${index + 1}\nT:${title.replace(/\s+/g, " ")}\nM:none\nL:1/8\nK:C\n${words.join(" ")}\n`;
  }).join("\n");
}

function formatLength(ticks: number): string {
  let a = ticks, b = EIGHTH;
  while (b > 0) [a, b] = [b, a % b];
  const above = ticks / a, below = EIGHTH / a;
  return (above === 1 ? "" : String(above)) + (below === 1 ? "" : `/${below}`);
}
