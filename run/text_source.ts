/** Sequences that are windows of a text, of characters or words. */
import { cutText, EXAMPLE_TEXT, joinUnits, type UnitText } from "../data/text.ts";
import { codeWindows, type Windows, windowStarts } from "../data/windows.ts";
import { SpanFinder } from "../metrics/mod.ts";
import type { MarkedLine, MarkedPart } from "../report/marked.ts";
import {
  chooseItems,
  type Exhibit,
  type GeneratedSequences,
  readText,
  readySource,
  type SequenceFlags,
  type SequenceSource,
} from "./sequence_source.ts";

/** The report shows this many sequences. */
const SHOWN = 30;
/** Shorter stretches stand in any text and are not marked. */
const SHORTEST_SPAN = { character: 4, word: 2 } as const;

/** Opens the windows of the text that the flags choose. */
export async function textSource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, unit = "character", window = 16, stride = 1, offset } = flags;
  const text = cutText(file === undefined ? EXAMPLE_TEXT : await readText(file), unit);
  const length = text.units.length;
  if (length < window) {
    throw new RangeError(
      `Cannot cut windows of ${window} ${unit}s as the text has ${length} only: lower --window`,
    );
  }
  const all = windowStarts([length], { window, stride });
  const { from, to } = chooseItems(flags, { available: all.length, items: `windows of ${window} ${unit}s` });
  const windows = codeWindows(text.units, {
    starts: all.subarray(from, to),
    window,
    key: (one) => one,
    compare: (a, b) => a < b ? -1 : a > b ? 1 : 0,
  });
  const { count, vocabulary } = windows.sequences;
  const first = text.lines[windows.starts[0]], last = text.lines[windows.starts[count - 1] + window - 1];
  return readySource(windows, {
    name: "text",
    offset,
    figures: [{
      label: "text",
      value: count.toLocaleString("en-US"),
      note: `windows of ${window} ${unit}s, ${vocabulary} distinct, from line ${first} to line ${last}`,
    }],
    show: (generated) => Promise.resolve(showText(generated, { text, windows })),
  });
}

/** Generated windows with the stretches marked that stand in the text. */
function showText(
  { tokens, matches }: GeneratedSequences,
  { text: { unit, lines }, windows }: { readonly text: UnitText; readonly windows: Windows<string> },
): Exhibit {
  const { stream, symbols, sequences: { length } } = windows;
  const finder = new SpanFinder(stream);
  const minimum = SHORTEST_SPAN[unit];
  const written = (part: Int32Array): string => joinUnits(Array.from(part, (token) => symbols[token]), unit);
  const all = Array.from(matches, (_, index) => tokens.subarray(index * length, (index + 1) * length));
  const shown = all.slice(0, SHOWN).map((sample, index): MarkedLine => {
    const parts: MarkedPart[] = [], places: string[] = [];
    const memorized = matches[index] >= 0;
    let at = 0;
    const add = (to: number, mark?: string): void => {
      if (at === to) return;
      // Words on both sides of a mark's edge stay apart.
      const gap = unit === "word" && at > 0 ? " " : "";
      if (gap !== "") parts.push({ text: gap });
      parts.push({ text: written(sample.subarray(at, to)), mark });
      at = to;
    };
    for (const { start, length, source } of finder.find(sample, { minimum })) {
      const where = `line ${lines[source]}`;
      add(start);
      add(start + length, `${length} ${unit}s from ${where}`);
      places.push(where);
    }
    add(sample.length);
    return {
      parts,
      note: memorized ? `memorized: ${places[0]}` : ["new", ...places].join(", ").replace(", ", ": "),
      strong: memorized,
      kind: memorized ? "memorized" : "new",
    };
  });
  const longest = all.map((sample) =>
    Math.max(0, ...finder.find(sample, { minimum: 1 }).map((span) => span.length))
  );
  return {
    blocks: [{
      kind: "marked",
      lines: shown,
      caption: `The first ${shown.length} windows as they were drawn, none chosen. Marked are the longest ` +
        `stretches of at least ${minimum} ${unit}s that stand in the learned text, with the line where they do ` +
        "first; a window that is marked as a whole and called memorized is a training sequence.",
    }],
    files: {
      "samples.txt": all.map((sample) => escapeLine(written(sample)) + "\n").join(""),
    },
    metrics: { mean_longest_span: longest.reduce((sum, span) => sum + span, 0) / longest.length },
  };
}

/** A window as one line: line breaks as \n, backslashes doubled. */
function escapeLine(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
