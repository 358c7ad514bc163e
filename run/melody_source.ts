/**
 * Sequences that are windows of melodies. A token is a note whole, its pitch and its duration: a window of 16 tokens
 * is 16 notes, none is torn, and no generated sequence can be ill-formed; the price is a larger vocabulary.
 */
import { type AbcBook, formatAbc, parseAbc } from "../data/abc.ts";
import { filesAt, readText } from "../data/documents.ts";
import { formatMidi, parseMidi } from "../data/midi.ts";
import { compareNotes, EXAMPLE_TUNES, type Note, noteKey, type Tune } from "../data/music.ts";
import {
  codeOtherWindows,
  codeWindows,
  countWindows,
  spreadOverRest,
  windowStarts,
} from "../data/windows.ts";
import { imageGrid } from "../report/grid.ts";
import { durationOf, pianoRoll, wavFile } from "../report/melody.ts";
import { percent } from "../report/numbers.ts";
import { PALETTE } from "../report/palette.ts";
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

/** The sheet shows this many melodies, and the files to be heard hold the first of them. */
const SHOWN = 20, HEARD = 10;
/** Bytes of an ABC file at most, as its parser holds some 200 for each; and a page of the web is none. */
const LIMITS = { most: 5_000_000, markup: false };
/** Pixels of a piano roll. */
const ROLL_WIDTH = 240;

/** Opens the windows of the melodies that the flags choose. Windows do not reach from one tune into the next. */
export async function melodySource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, window = 16, stride = 1, offset = 0 } = flags;
  const path = file ?? "the example";
  const { tunes, problems } = file === undefined
    ? await parseAbc(EXAMPLE_TUNES, { path })
    : await readTunes(file);
  const lengths = tunes.map((tune) => tune.notes.length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (longest < window) {
    throw new RangeError(
      `Cannot cut windows of ${window} notes as the longest tune of ${path} has ${longest}: ` +
        (longest < 2 ? "name another file" : "lower --window"),
    );
  }
  const shape = { window, stride }, available = countWindows(lengths, shape);
  const numbers = chooseItems(flags, { available, items: `windows of ${window} notes`, spread: true });
  const starts = windowStarts(lengths, { ...shape, numbers });
  const notes = noteStream(tunes);
  const windows = codeWindows(notes, { starts, window, compare: compareNotes });
  const { count, vocabulary } = windows.sequences;
  const origins = windowOrigins(starts, lengths);
  const used = new Set(origins.filter((_, index) => index % 2 === 0));
  const kept: StoredSequences = {
    ...windows,
    tensors: { origins: { shape: [count, 2], data: origins } },
    details: { titles: tunes.map(({ title }, index) => used.has(index) ? title : "") },
  };
  const taken = `${count.toLocaleString("en-US")} of ${
    available.toLocaleString("en-US")
  } windows of ${window} notes`;
  return readySource(kept, {
    name: "melody",
    offset,
    shorten: (length) => `lower --window to ${length}`,
    taken: `${taken} from ${used.size} of ${tunes.length} tunes, vocabulary ${vocabulary}` +
      (problems.length === 0 ? "" : `; ${problems.length} tunes passed over: ${problems[0]}`),
    figures: [{
      label: "melodies",
      value: count.toLocaleString("en-US"),
      note: `windows of ${window} notes from ${used.size} tunes, ${vocabulary} distinct notes`,
    }],
    show: showMelodies(kept),
    heldOut: (most) => {
      const others = windowStarts(lengths, {
        ...shape,
        numbers: spreadOverRest(numbers, { available, count: most }),
      });
      return Promise.resolve(codeOtherWindows(notes, { starts: others, like: windows }));
    },
  });
}

/** The tunes of a file or a folder of ABC and MIDI files; which of the two a file is, its bytes say. */
async function readTunes(path: string): Promise<AbcBook> {
  const tunes: Tune[] = [], problems: string[] = [];
  for (const file of await filesAt(path, [".abc", ".mid", ".midi"])) {
    const bytes = await Deno.readFile(file);
    if (new TextDecoder("latin1").decode(bytes.subarray(0, 4)) === "MThd" || /\.midi?$/i.test(file)) {
      for (const tune of await parseMidi(bytes, { path: file })) tunes.push(tune);
    } else {
      const book = await parseAbc(await readText(file, LIMITS), { path: file });
      for (const tune of book.tunes) tunes.push(tune);
      for (const problem of book.problems) problems.push(problem);
    }
  }
  return { tunes, problems };
}

/** All notes one after the other, equal ones under one number. */
function noteStream(tunes: readonly Tune[]): { readonly ids: Int32Array; readonly symbols: readonly Note[] } {
  const symbols: Note[] = [], numbers = new Map<string, number>();
  const ids = Int32Array.from(tunes.flatMap(({ notes }) => notes), (note) => {
    const key = noteKey(note), known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, symbols.length);
    return symbols.push(note) - 1;
  });
  return { ids, symbols };
}

/** [count, 2]: the tune of each window, and the number, from 1, of its first note in it. */
function windowOrigins(starts: Int32Array, lengths: readonly number[]): Int32Array {
  const origins = new Int32Array(2 * starts.length);
  let tune = 0, first = 0;
  starts.forEach((start, index) => {
    while (start >= first + lengths[tune]) first += lengths[tune++];
    origins.set([tune, start - first + 1], 2 * index);
  });
  return origins;
}

/** Where a window stands. */
interface Origin {
  readonly title: string;
  /** Number, from 1, of its first note in the tune. */
  readonly note: number;
}

/** Shows generated melodies beside the tunes that `kept` are windows of. */
export function showMelodies(kept: StoredSequences): SequenceData["show"] {
  const titles = kept.details.titles as readonly string[], origins = kept.tensors.origins.data;
  const origin = (window: number): Origin => ({
    title: titles[origins[2 * window]],
    note: origins[2 * window + 1],
  });
  const symbols = kept.symbols as readonly Note[], { length: window } = kept.sequences;
  return (generated) => exhibit(generated, { symbols, window, originOf: origin });
}

async function exhibit(
  { tokens, matches, memorizedFraction }: GeneratedSequences,
  { symbols, window, originOf }: {
    readonly symbols: readonly Note[];
    /** Notes in a sequence as they were learned. */
    readonly window: number;
    readonly originOf: (window: number) => Origin;
  },
): Promise<Exhibit> {
  const length = tokens.length / matches.length;
  const shown = Array.from(
    matches.subarray(0, SHOWN),
    (match, index) => ({
      origin: match < 0 ? undefined : originOf(match),
      notes: Array.from(tokens.subarray(index * length, (index + 1) * length), (token) => symbols[token]),
    }),
  );
  const pitches = symbols.flatMap(({ pitch }) => pitch ?? []);
  const low = Math.min(...pitches, 60), high = Math.max(...pitches, 72);
  const ticks = Math.max(...shown.map(({ notes }) => durationOf(notes)));
  const sheet = imageGrid({
    columns: 4,
    scale: 1,
    sections: [{
      tiles: shown.map(({ notes, origin }) => ({
        image: pianoRoll(notes, { low, high, ticks, width: ROLL_WIDTH }),
        frame: origin === undefined ? undefined : PALETTE.vermilion,
      })),
    }],
  });
  const where = (origin: Origin | undefined): string =>
    origin === undefined ? "new" : `memorized: ${origin.title}, from note ${origin.note}`;
  const heard = shown.slice(0, HEARD).map(({ notes }) => notes);
  const written = shown.map(({ notes, origin }, index) => ({
    title: `${index + 1} (${where(origin)})`,
    notes,
    origin,
  }));
  return {
    blocks: [{
      kind: "melodies",
      melodies: written.map(({ title, notes, origin }) => ({
        title,
        notes,
        abc: formatAbc([{ title, notes }]),
        strong: origin !== undefined,
        kind: origin === undefined ? "new" : "memorized",
      })),
      caption: "The first melodies as they were drawn, none chosen" +
        (length > window
          ? `, longer than the ${window} notes that were learned at once`
          : `; of all ${matches.length.toLocaleString("en-US")} ${
            percent(memorizedFraction)
          } are memorized`) +
        `. They lie beside this page too: all in \`samples.abc\`, as piano ` +
        `rolls in \`samples.png\`, and the first ${heard.length} to be heard in \`samples.mid\` and \`samples.wav\`.`,
    }],
    files: {
      "samples.png": sheet,
      "samples.abc": formatAbc(written),
      "samples.mid": await formatMidi(heard),
      "samples.wav": wavFile(heard),
    },
    metrics: {},
  };
}
