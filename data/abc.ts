/**
 * ABC notation (abcnotation.com, standard 2.1), as much of it as melodies need.
 *
 * Every bar is read once, as it is written: repeats are not played again, and first and second endings follow each
 * other. Of a chord the highest note is kept. Grace notes, slurs, ornaments, chord symbols and lyrics are passed over.
 * An accidental holds until the end of its bar for its letter in all octaves (the standard's default).
 */
import { type Note, type Tune, WHOLE_NOTE } from "./music.ts";

const SEMITONES: Readonly<Record<string, number>> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
/** Where tonics stand on the circle of fifths, and how far a mode moves the signature along it. */
const FIFTHS: Readonly<Record<string, number>> = { F: -1, C: 0, G: 1, D: 2, A: 3, E: 4, B: 5 };
const MODES: Readonly<Record<string, number>> = {
  "": 0,
  maj: 0,
  ion: 0,
  lyd: 1,
  mix: -1,
  dor: -2,
  m: -3,
  min: -3,
  aeo: -3,
  phr: -4,
  loc: -5,
};
const SHARPS = ["F", "C", "G", "D", "A", "E", "B"];
const ALTERATIONS: Readonly<Record<string, number>> = { "^^": 2, "^": 1, "=": 0, "_": -1, "__": -2 };

/** A note as it is written: duration in ticks not rounded yet, letter and octave for ties. */
interface Written {
  readonly pitch: number | null;
  readonly ticks: number;
  readonly place: string;
  readonly tied: boolean;
}

const LENGTH = String.raw`(\d*)(\/*)(\d*)`;
const NOTE = new RegExp(String.raw`(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)${LENGTH}(\s*-)?`, "y");
const REST = new RegExp(`[zx]${LENGTH}`, "y");
const LONG_REST = /[ZX](\d*)/y;
const CHORD = new RegExp(String.raw`\[([^\]|"]*[A-Ga-g][^\]|"]*)\]${LENGTH}`, "y");
const INLINE_FIELD = /\[([A-Za-z]):([^\]]*)\]/y;
const TUPLET = /\((\d)(?::(\d*))?(?::(\d*))?/y;
/** Bar lines, with the numbers of endings that follow them; and such numbers alone. */
const BAR = /(?::*\|[|\]:]*|::+|\[\|\]?)\s*(?:\[?\d[\d,.\-]*)?|\[\d[\d,.\-]*/y;
const BROKEN = />+|<+/y;
/**
 * White space, chord symbols, ornaments, grace notes, slurs, spacers, line breaks: nothing that is heard here. So is a
 * bracket without its other half, a slip that published files have.
 */
const SILENT = /\s+|"[^"]*"|![^!\s|]*!|\+[a-z]+\+|\{[^}]*\}|[()[\]~.HLMOPSTuvJR`$!\\]|y\d*/y;

/**
 * Reads all tunes of an ABC file. Tunes without a note are left out.
 *
 * @throws {SyntaxError} naming the file, the line and what cannot be read there.
 */
export function parseAbc(text: string, { path }: { readonly path: string }): Tune[] {
  const tunes: Tune[] = [];
  let reader: TuneReader | undefined;
  const close = (): void => {
    if (reader !== undefined && reader.notes.length > 0) tunes.push(reader.tune());
    reader = undefined;
  };
  let seen = false;
  text.replace(/^\uFEFF/, "").split(/\r\n?|\n/).forEach((line, index) => {
    const fail = (reason: string): never => {
      throw new SyntaxError(`Cannot read ${path} as line ${index + 1} ${reason}`);
    };
    if (/^X:/.test(line)) {
      close();
      seen = true;
      reader = new TuneReader();
    } else if (line.trim() === "") close();
    else reader?.line(line, fail);
  });
  close();
  if (!seen) {
    throw new SyntaxError(`Cannot read ${path} as it holds no tune in ABC notation: a tune begins with X:`);
  }
  return tunes;
}

/** Reads one tune, line by line. */
class TuneReader {
  readonly notes: Note[] = [];
  #title = "";
  #meter: number | undefined = 1;
  #unit: number | undefined;
  #key: Readonly<Record<string, number>> = {};
  /** Accidentals of this bar, by letter. */
  #bar: Record<string, number> = {};
  #inBody = false;
  #voice: string | undefined;
  /** Ticks of the last note before rounding, and what a tie or a broken rhythm after it needs to know. */
  #last: Written | undefined;
  #factor = 1;
  #tuplet = { factor: 1, left: 0 };

  tune(): Tune {
    return { title: this.#title || "untitled", notes: this.notes };
  }

  line(line: string, fail: (reason: string) => never): void {
    if (line.startsWith("%")) return;
    // A note may stand before a repeat at the start of a line: "d:|".
    const field = /^([A-Za-z]):(?![|:])([^%]*)/.exec(line);
    if (field !== null) this.#field(field[1], field[2].trim(), fail);
    else if (this.#inBody) this.#music(line, fail);
    else fail(`has notes before the key of the tune: a line K: is missing`);
  }

  #field(name: string, value: string, fail: (reason: string) => never): void {
    if (name === "T") this.#title ||= value;
    else if (name === "M") this.#meter = meter(value, fail);
    else if (name === "L") this.#unit = noteLength(value, fail);
    else if (name === "K") {
      this.#key = keySignature(value, fail);
      this.#bar = {};
      this.#inBody = true;
    } else if (name === "V") {
      const voice = value.split(/\s/)[0];
      this.#voice ??= voice;
      if (voice !== this.#voice) fail(`starts a second voice (${voice}): melodies have one`);
    }
  }

  #music(line: string, fail: (reason: string) => never): void {
    let at = 0;
    const take = (pattern: RegExp): RegExpExecArray | null => {
      pattern.lastIndex = at;
      const match = pattern.exec(line);
      if (match !== null) at = pattern.lastIndex;
      return match;
    };
    let match: RegExpExecArray | null;
    while (at < line.length && line[at] !== "%") {
      if ((match = take(NOTE)) !== null) this.#add(this.#note(match, 1));
      else if ((match = take(INLINE_FIELD)) !== null) this.#field(match[1], match[2].trim(), fail);
      else if (take(BAR) !== null) this.#bar = {};
      else if ((match = take(CHORD)) !== null) this.#add(this.#chord(match, fail));
      else if ((match = take(REST)) !== null) {
        this.#add({ pitch: null, ticks: this.#ticks(lengthOf(match.slice(1))), place: "", tied: false });
      } else if ((match = take(LONG_REST)) !== null) {
        const ticks = (this.#meter ?? 1) * WHOLE_NOTE * Number(match[1] || 1);
        this.#add({ pitch: null, ticks, place: "", tied: false });
      } else if ((match = take(TUPLET)) !== null) this.#tuplet = tuplet(match, this.#meter);
      else if ((match = take(BROKEN)) !== null) this.#break(match[0]);
      else if (line[at] === "-") {
        if (this.#last !== undefined) this.#last = { ...this.#last, tied: true };
        at++;
      } else if (take(SILENT) === null) {
        fail(`has "${line.slice(at, at + 8)}" where a note, a rest or a bar line is expected`);
      }
    }
  }

  /** Ticks of so many unit lengths, without tuplets and broken rhythm. */
  #ticks(length: number): number {
    const { factor, left } = this.#tuplet;
    const unit = this.#unit ?? ((this.#meter ?? 1) < 0.75 ? 1 / 16 : 1 / 8);
    return length * unit * WHOLE_NOTE * (left > 0 ? factor : 1);
  }

  #note(match: readonly string[], times: number): Written {
    const [, accidental, name, marks, ...rest] = match;
    const letter = name.toUpperCase();
    const octave = (name === letter ? 0 : 1) +
      [...(marks ?? "")].reduce((sum, mark) => sum + (mark === "'" ? 1 : -1), 0);
    const place = `${letter}${octave}`;
    let alteration: number;
    if (accidental !== undefined) {
      alteration = ALTERATIONS[accidental];
      this.#bar[letter] = alteration;
    } else alteration = this.#bar[letter] ?? this.#key[letter] ?? 0;
    let pitch: number | null = 60 + 12 * octave + SEMITONES[letter] + alteration;
    // A tie carries an accidental over the bar line.
    const last = this.#last;
    if (accidental === undefined && last?.tied && last.place === place) pitch = last.pitch;
    return {
      pitch,
      ticks: this.#ticks(lengthOf(rest.slice(0, 3)) * times),
      place,
      tied: rest[3] !== undefined,
    };
  }

  /** The highest note of a chord. A plus sign, the delimiter of chords in old files, is passed over. */
  #chord(match: readonly string[], fail: (reason: string) => never): Written {
    const inside = match[1].replace(/[\s+]|![^!]*!/g, "");
    const times = lengthOf(match.slice(2));
    const notes: Written[] = [];
    for (let at = 0; at < inside.length;) {
      NOTE.lastIndex = at;
      const note = NOTE.exec(inside);
      if (note === null) fail(`has the chord [${match[1]}], which is none of notes`);
      else {
        notes.push(this.#note(note, times));
        at = NOTE.lastIndex;
      }
    }
    return notes.reduce((best, note) => (note.pitch ?? 0) > (best.pitch ?? 0) ? note : best);
  }

  #add(written: Written): void {
    const note = { ...written, ticks: written.ticks * this.#factor };
    this.#factor = 1;
    if (this.#tuplet.left > 0) this.#tuplet.left--;
    const last = this.#last;
    if (last?.tied && last.pitch === note.pitch) {
      const whole = { ...note, ticks: last.ticks + note.ticks };
      this.#last = whole;
      this.notes[this.notes.length - 1] = rounded(whole);
    } else {
      this.#last = note;
      this.notes.push(rounded(note));
    }
  }

  /** Lengthens the note before and shortens the one after, or the other way. */
  #break(marks: string): void {
    const short = 1 / 2 ** marks.length, long = 2 - short;
    const last = this.#last;
    if (last === undefined) return;
    const dotted = marks[0] === ">";
    this.#last = { ...last, ticks: last.ticks * (dotted ? long : short) };
    this.notes[this.notes.length - 1] = rounded(this.#last);
    this.#factor = dotted ? short : long;
  }
}

function rounded({ pitch, ticks }: Written): Note {
  return { pitch, ticks: Math.max(1, Math.round(ticks)) };
}

/** "3/2" is 1.5, "/" a half, "//" a quarter, nothing 1. */
function lengthOf([numerator, slashes, denominator]: readonly string[]): number {
  const above = numerator === "" ? 1 : Number(numerator);
  if (slashes === "") return above;
  return above / (denominator === "" ? 2 ** slashes.length : Number(denominator));
}

/** (p:q:r: put p notes into the time of q for the next r. */
function tuplet(match: readonly string[], time: number | undefined): { factor: number; left: number } {
  const p = Number(match[1]);
  // Compound time is 6/8, 9/8, 12/8: three of whatever the beat holds.
  const compound = time !== undefined && Number.isInteger(time * 8) && (time * 8) % 3 === 0 && time > 0.375;
  const usual: Readonly<Record<number, number>> = { 2: 3, 3: 2, 4: 3, 6: 2, 8: 3 };
  const q = match[2] ? Number(match[2]) : usual[p] ?? (compound ? 3 : 2);
  return { factor: q / p, left: match[3] ? Number(match[3]) : p };
}

function meter(text: string, fail: (reason: string) => never): number | undefined {
  if (text === "C" || text === "C|") return 1;
  if (text === "" || text.toLowerCase() === "none") return undefined;
  const match = /^\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*\/\s*(\d+)/.exec(text);
  if (match === null) return fail(`has the meter "${text}": write it as 3/4`);
  const beats = match[1].split("+").reduce((sum, part) => sum + Number(part), 0);
  return beats / Number(match[2]);
}

function noteLength(text: string, fail: (reason: string) => never): number {
  const match = /^(\d+)(?:\/(\d+))?$/.exec(text.replace(/\s/g, ""));
  const value = match === null ? NaN : Number(match[1]) / Number(match[2] ?? 1);
  return value > 0 && Number.isFinite(value) ? value : fail(`has the note length "${text}": write it as 1/8`);
}

/** How many semitones the key raises or lowers each letter. */
function keySignature(text: string, fail: (reason: string) => never): Readonly<Record<string, number>> {
  const key: Record<string, number> = {};
  const match = /^([A-G])([#b]?)\s*([A-Za-z]*)/.exec(text);
  if (/^HP/i.test(text)) Object.assign(key, { F: 1, C: 1 });
  else if (match !== null) {
    const word = match[3].toLowerCase();
    const mode = MODES[word] ?? MODES[word.slice(0, 3)];
    // A word that is no mode is of a clef or the like: "K:G treble".
    const fifths = FIFTHS[match[1]] + ({ "#": 7, b: -7 }[match[2]] ?? 0) + (mode ?? 0);
    for (let step = 0; step < Math.abs(fifths); step++) {
      const letter = fifths > 0 ? SHARPS[step % 7] : SHARPS[6 - step % 7];
      key[letter] = (key[letter] ?? 0) + Math.sign(fifths);
    }
  } else if (text !== "" && !/^(none|clef|treble|bass|[\^_=])/i.test(text)) {
    fail(`has the key "${text}": write it as G, Dm or Bb`);
  }
  for (const [, accidental, letter] of text.matchAll(/(\^\^|\^|__|_|=)([A-Ga-g])/g)) {
    key[letter.toUpperCase()] = ALTERATIONS[accidental];
  }
  return key;
}

/** Names of the twelve semitones in ABC, from C: sharps, as the key is C. */
const NAMES = ["=C", "^C", "=D", "^D", "=E", "=F", "^F", "=G", "^G", "=A", "^A", "=B"];
/** The unit of written tunes: an eighth. */
const EIGHTH = WHOLE_NOTE / 8;

/** Tunes as an ABC file, in C and without bar lines: what `parseAbc` reads back as the same notes. */
export function formatAbc(tunes: readonly Tune[]): string {
  return tunes.map(({ title, notes }, index) => {
    const before: Record<string, string> = {};
    const words = notes.map(({ pitch, ticks }) => {
      if (pitch === null) return "z" + formatLength(ticks);
      const [accidental, letter] = NAMES[((pitch % 12) + 12) % 12];
      const octave = Math.floor(pitch / 12) - 5;
      const marks = octave > 0 ? "'".repeat(octave - 1) : ",".repeat(-octave);
      // There is no bar line, so an accidental holds until the next one of its letter.
      const shown = (before[letter] ?? "=") === accidental ? "" : accidental;
      before[letter] = accidental;
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
