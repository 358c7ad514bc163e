/**
 * Sequences that are windows of melodies. A token is a note whole, its pitch and its duration: a window of 16 tokens
 * is 16 notes, none is torn, and no generated sequence can be ill-formed; the price is a larger vocabulary.
 */
import { formatAbc, parseAbc } from "../data/abc.ts";
import { compareNotes, EXAMPLE_TUNES, type Note, noteKey, type Tune } from "../data/music.ts";
import { codeWindows, type Windows, windowStarts } from "../data/windows.ts";
import { imageGrid } from "../report/grid.ts";
import { durationOf, midiFile, pianoRoll, wavFile } from "../report/melody.ts";
import { percent } from "../report/numbers.ts";
import { PALETTE } from "../report/palette.ts";
import {
  chooseItems,
  type Exhibit,
  type GeneratedSequences,
  readText,
  readySource,
  type SequenceFlags,
  type SequenceSource,
} from "./sequence_source.ts";

/** The sheet shows this many melodies, and the files to be heard hold the first of them. */
const SHOWN = 20, HEARD = 10;
/** Pixels of a piano roll. */
const ROLL_WIDTH = 240;

/** Opens the windows of the melodies that the flags choose. Windows do not reach from one tune into the next. */
export async function melodySource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, window = 16, stride = 1, offset } = flags;
  const path = file ?? "the example";
  const tunes = parseAbc(file === undefined ? EXAMPLE_TUNES : await readText(file), { path });
  const longest = Math.max(0, ...tunes.map((tune) => tune.notes.length));
  if (longest < window) {
    throw new RangeError(
      `Cannot cut windows of ${window} notes as the longest tune of ${path} has ${longest}: lower --window`,
    );
  }
  const all = windowStarts(tunes.map((tune) => tune.notes.length), { window, stride });
  const { from, to } = chooseItems(flags, { available: all.length, items: `windows of ${window} notes` });
  const windows = codeWindows(tunes.flatMap((tune) => tune.notes), {
    starts: all.subarray(from, to),
    window,
    key: noteKey,
    compare: compareNotes,
  });
  const origins = windowOrigins(windows.starts, tunes);
  const { count, vocabulary } = windows.sequences;
  return readySource(windows, {
    name: "melody",
    offset,
    figures: [{
      label: "melodies",
      value: count.toLocaleString("en-US"),
      note: `windows of ${window} notes from ${new Set(origins.map((origin) => origin.tune)).size} tunes, ` +
        `${vocabulary} distinct notes`,
    }],
    show: (generated) => Promise.resolve(showMelodies(generated, { windows, origins })),
  });
}

/** Where a window stands. */
interface Origin {
  readonly tune: Tune;
  /** Number, from 1, of its first note in the tune. */
  readonly note: number;
}

function windowOrigins(starts: Int32Array, tunes: readonly Tune[]): Origin[] {
  let index = 0, first = 0;
  return Array.from(starts, (start) => {
    while (start >= first + tunes[index].notes.length) first += tunes[index++].notes.length;
    return { tune: tunes[index], note: start - first + 1 };
  });
}

function showMelodies(
  { tokens, matches, memorizedFraction }: GeneratedSequences,
  { windows, origins }: { readonly windows: Windows<Note>; readonly origins: readonly Origin[] },
): Exhibit {
  const { symbols, sequences: { length } } = windows;
  const shown = Array.from(
    matches.subarray(0, SHOWN),
    (match, index) => ({
      origin: match < 0 ? undefined : origins[match],
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
    origin === undefined ? "new" : `memorized: ${origin.tune.title}, from note ${origin.note}`;
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
      caption:
        `The first melodies as they were drawn, none chosen; of all ${
          matches.length.toLocaleString("en-US")
        } ` +
        `${
          percent(memorizedFraction)
        } are memorized. They lie beside this page too: all in \`samples.abc\`, as piano ` +
        `rolls in \`samples.png\`, and the first ${heard.length} to be heard in \`samples.mid\` and \`samples.wav\`.`,
    }],
    files: {
      "samples.png": sheet,
      "samples.abc": formatAbc(written),
      "samples.mid": midiFile(heard),
      "samples.wav": wavFile(heard),
    },
    metrics: {},
  };
}
