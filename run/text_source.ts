/** Sequences that are windows of texts, of characters or words. */
import { readDocuments } from "../data/documents.ts";
import { cutTexts, EXAMPLE_TEXT, joinUnits, type TextUnit } from "../data/text.ts";
import {
  codeOtherWindows,
  codeWindows,
  countWindows,
  learnedStream,
  spreadOverRest,
  windowStarts,
} from "../data/windows.ts";
import { SpanFinder } from "../metrics/mod.ts";
import type { MarkedLine, MarkedPart } from "../report/marked.ts";
import {
  chooseItems,
  type Exhibit,
  type GeneratedSequences,
  readySource,
  type SequenceData,
  type SequenceFlags,
  type SequenceSource,
  type StoredSequences,
} from "./sequence_source.ts";

/** The report shows this many sequences. */
const SHOWN = 30;
/** Longer ones take several lines. */
const WIDEST = 80;
/** Shorter stretches stand in any text and are not marked. */
const SHORTEST_SPAN = { character: 4, word: 2 } as const;

/** Opens the windows of the texts that the flags choose. Windows do not reach from one text into the next. */
export async function textSource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, field, unit = "character", window = 16, stride = 1, offset = 0 } = flags;
  const documents = file === undefined
    ? [{ name: "", text: EXAMPLE_TEXT, line: 1 }]
    : await readDocuments(file, { field });
  const text = cutTexts(documents, unit);
  const longest = text.lengths.reduce((most, length) => Math.max(most, length), 0);
  if (longest < window) {
    throw new RangeError(
      `Cannot cut windows of ${window} ${unit}s as the ${
        documents.length > 1 ? "longest " : ""
      }text has ${longest} ` +
        `only: ${longest < 2 ? "name a longer one" : "lower --window"}`,
    );
  }
  const shape = { window, stride }, available = countWindows(text.lengths, shape);
  const numbers = chooseItems(flags, { available, items: `windows of ${window} ${unit}s`, spread: true });
  const starts = windowStarts(text.lengths, { ...shape, numbers });
  const windows = codeWindows(text, { starts, window, compare: (a, b) => a < b ? -1 : a > b ? 1 : 0 });
  const { count, vocabulary } = windows.sequences;
  const lines = new Int32Array(count * window), places = new Int32Array(count);
  starts.forEach((start, index) => {
    places[index] = text.documentOf(start);
    for (let at = 0; at < window; at++) lines[index * window + at] = text.lineOf(start + at);
  });
  const kept: StoredSequences = {
    ...windows,
    tensors: {
      starts: { shape: [count], data: starts },
      lines: { shape: [count, window], data: lines },
      documents: { shape: [count], data: places },
    },
    details: { unit, names: documents.map(({ name }) => name) },
  };
  const taken = `${count.toLocaleString("en-US")} of ${available.toLocaleString("en-US")} windows`;
  const texts = documents.length > 1 ? ` of ${documents.length.toLocaleString("en-US")} texts` : "";
  return readySource(kept, {
    name: "text",
    offset,
    shorten: (length) => `lower --window to ${length}`,
    taken: `${taken} of ${window} ${unit}s${texts}, vocabulary ${vocabulary.toLocaleString("en-US")}`,
    figures: [{
      label: "text",
      value: count.toLocaleString("en-US"),
      note: `of ${
        available.toLocaleString("en-US")
      } windows of ${window} ${unit}s${texts}, ${vocabulary} distinct`,
    }],
    show: showText(kept),
    heldOut: (most) => {
      const others = windowStarts(text.lengths, {
        ...shape,
        numbers: spreadOverRest(numbers, { available, count: most }),
      });
      return Promise.resolve(codeOtherWindows(text, { starts: others, like: windows }));
    },
  });
}

/** Reads a text as tokens of the windows that are `kept`. */
export function readPrompt(kept: StoredSequences): NonNullable<SequenceData["read"]> {
  const unit: TextUnit = kept.details.unit === "word" ? "word" : "character";
  const tokens = new Map((kept.symbols as readonly string[]).map((symbol, token) => [symbol, token]));
  return (written) => {
    const { ids, symbols } = cutTexts([{ name: "", text: written, line: 1 }], unit);
    return ids.map((id) => {
      const token = tokens.get(symbols[id]);
      if (token !== undefined) return token;
      throw new RangeError(
        `Cannot go on from ${JSON.stringify(written)} as ${
          JSON.stringify(symbols[id])
        } stands nowhere in what was ` +
          "learned: leave it out",
      );
    });
  };
}

/** Shows generated windows with the stretches marked that stand in the texts that `kept` are windows of. */
export function showText(kept: StoredSequences): SequenceData["show"] {
  const { sequences: { length }, tensors } = kept;
  const unit: TextUnit = kept.details.unit === "word" ? "word" : "character";
  const symbols = kept.symbols as readonly string[], names = kept.details.names as readonly string[];
  const lines = tensors.lines.data, documents = tensors.documents.data;
  const learned = learnedStream({ sequences: kept.sequences, starts: tensors.starts.data as Int32Array });
  const finder = new SpanFinder(learned.tokens);
  const where = (source: number): string => {
    const place = learned.places[source], name = names[documents[Math.floor(place / length)]];
    return `${name === "" ? "" : `${name}, `}line ${lines[place]}`;
  };
  return (generated) => Promise.resolve(exhibit(generated, { unit, symbols, finder, where }));
}

function exhibit(
  { tokens, matches }: GeneratedSequences,
  { unit, symbols, finder, where }: {
    readonly unit: TextUnit;
    readonly symbols: readonly string[];
    readonly finder: SpanFinder;
    readonly where: (source: number) => string;
  },
): Exhibit {
  const length = tokens.length / matches.length, minimum = Math.min(SHORTEST_SPAN[unit], length);
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
      const place = where(source);
      add(start);
      add(start + length, `${length} ${unit}s from ${place}`);
      places.push(place);
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
      wrap: shown.some(({ parts }) => parts.reduce((sum, { text }) => sum + text.length, 0) > WIDEST),
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
