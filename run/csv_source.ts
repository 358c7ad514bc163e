/** Sequences that are the rows of a table of whole numbers. */
import { EXAMPLE_CSV, formatCsv, parseCsv } from "../data/csv.ts";
import { codeWindows, type Windows } from "../data/windows.ts";
import {
  chooseItems,
  type Exhibit,
  type GeneratedSequences,
  readText,
  readySource,
  type SequenceFlags,
  type SequenceSource,
} from "./sequence_source.ts";

/** The report shows this many rows. */
const SHOWN = 20;

/** Opens the rows of the table that the flags choose. */
export async function csvSource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, offset } = flags;
  const path = file ?? "the example";
  const rows = parseCsv(file === undefined ? EXAMPLE_CSV : await readText(file), { path });
  const length = rows[0].length;
  if (length < 2) {
    throw new RangeError(`Cannot learn ${path} as its rows have one cell: a sequence needs at least two`);
  }
  const { from, to } = chooseItems(flags, { available: rows.length, items: "rows" });
  const windows = codeWindows(rows.flat(), {
    starts: Int32Array.from({ length: to - from }, (_, index) => (from + index) * length),
    window: length,
    key: (value) => value,
    compare: (a, b) => a - b,
  });
  const { count, vocabulary } = windows.sequences;
  return readySource(windows, {
    name: "csv",
    offset,
    figures: [{
      label: "table",
      value: count.toLocaleString("en-US"),
      note: `rows of ${length} whole numbers, ${vocabulary} distinct`,
    }],
    show: (generated) => Promise.resolve(showRows(generated, { windows, offset })),
  });
}

function showRows(
  { tokens, matches }: GeneratedSequences,
  { windows, offset }: { readonly windows: Windows<number>; readonly offset: number },
): Exhibit {
  const { symbols, sequences: { length } } = windows;
  const rows = Array.from(
    matches,
    (_, index) =>
      Array.from(tokens.subarray(index * length, (index + 1) * length), (token) => symbols[token]),
  );
  return {
    blocks: [{
      kind: "table",
      table: {
        columns: ["Generated row", "Training row"],
        rows: rows.slice(0, SHOWN).map((row, index) => [
          row.join(", "),
          matches[index] >= 0 ? `memorized: row ${offset + matches[index] + 1}` : "new",
        ]),
        caption: "The first rows as they were drawn, none chosen.",
      },
    }],
    files: { "samples.csv": formatCsv(rows) },
    metrics: {},
  };
}
