/** Texts as streams of characters or words. */
import example from "./examples/prose.txt" with { type: "text" };
import type { SymbolStream } from "./windows.ts";

/** The text that is learned where none is given. */
export const EXAMPLE_TEXT: string = example;

/** What one token of a text is. */
export type TextUnit = "character" | "word";

/** A text with a name. */
export interface TextDocument {
  /** For people; empty where there is only one. */
  readonly name: string;
  readonly text: string;
  /** The line of its file on which it begins, from 1. */
  readonly line: number;
  /** Whether it stands on that line whole, as in JSON lines. Absent: no. */
  readonly onOneLine?: boolean;
}

/** Texts, cut into units, one after the other. A symbol is a character, line breaks among them, or a word. */
export interface UnitText extends SymbolStream<string> {
  readonly unit: TextUnit;
  /** Which document a unit is of. */
  readonly documentOf: (index: number) => number;
  /** The line, from 1, on which a unit stands. */
  readonly lineOf: (index: number) => number;
}

/** What makes one character out of several code points: combining marks, joiners, flags, tones of skin. */
const COMPOSED = /[\p{M}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f]/u;

/**
 * Cuts texts into characters or words (whatever stands between white space). A character is what a reader takes for
 * one: a letter with its accents, an emoji with its parts. Line ends of all systems are line breaks.
 */
export function cutTexts(documents: readonly TextDocument[], unit: TextUnit): UnitText {
  const pieces = documents.map(({ text }) => cutOne(text, unit));
  const numbers = new Map<string, number>(), symbols: string[] = [];
  const total = pieces.reduce((sum, { count }) => sum + count, 0);
  const ids = new Int32Array(total), lengths: number[] = [], bases: number[] = [];
  // Documents' line beginnings, as indices into all units.
  const lines: { readonly starts: number[]; readonly first: number; readonly fixed: boolean }[] = [];
  let at = 0;
  pieces.forEach(({ units }, index) => {
    const { line, onOneLine = false } = documents[index];
    const starts = [at];
    bases.push(at);
    for (const one of units) {
      if (one === NEXT_LINE) {
        starts.push(at);
        continue;
      }
      let id = numbers.get(one);
      if (id === undefined) {
        id = symbols.push(one) - 1;
        numbers.set(one, id);
      }
      ids[at++] = id;
      if (unit === "character" && one === "\n") starts.push(at);
    }
    lengths.push(at - bases[index]);
    lines.push({ starts, first: line, fixed: onOneLine });
  });
  const documentOf = (index: number): number => lastNotAbove(bases, index);
  return {
    unit,
    ids: ids.subarray(0, at),
    symbols,
    lengths,
    documentOf,
    lineOf(index) {
      const { starts, first, fixed } = lines[documentOf(index)];
      return fixed ? first : first + lastNotAbove(starts, index);
    },
  };
}

/** Stands between words where a line ends. No word holds a line break. */
const NEXT_LINE = "\n\n";

/** The units of a text one by one, as all of a large one at once would not fit; and how many there are at most. */
function cutOne(text: string, unit: TextUnit): { readonly units: Iterable<string>; readonly count: number } {
  let plain = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (plain.includes("\r")) plain = plain.replace(/\r\n?/g, "\n");
  if (unit === "word") return { units: words(plain), count: Math.ceil(plain.length / 2) };
  return { units: COMPOSED.test(plain) ? graphemes(plain) : plain, count: plain.length };
}

function* words(text: string): Generator<string> {
  for (const [found] of text.matchAll(/\S+|\n/g)) yield found === "\n" ? NEXT_LINE : found;
}

function* graphemes(text: string): Generator<string> {
  for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
    yield segment;
  }
}

/** The index of the last of ascending numbers that is not above `value`; of equal ones the last. */
function lastNotAbove(ascending: readonly number[], value: number): number {
  let low = 0, high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Units as a text again. */
export function joinUnits(units: readonly string[], unit: TextUnit): string {
  return units.join(unit === "word" ? " " : "");
}
