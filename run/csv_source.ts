/** Sequences that are the rows of a table of numbers and words. */
import {
  binOf,
  type Bins,
  type Cell,
  EXAMPLE_CSV,
  formatTable,
  parseTable,
  quantileBins,
  type Table,
} from "../data/csv.ts";
import { readText } from "../data/documents.ts";
import { codeOtherWindows, codeWindows, spreadOverRest } from "../data/windows.ts";
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

/** Bytes of a table at most, as each cell is held as a value of its own; and a page of the web is none. */
const LIMITS = { most: 50_000_000, markup: false };
/** The report shows this many rows. */
const SHOWN = 20;

/**
 * What a token of a table is: a number or a word, wherever it stands; or, with bins, what stands in one column: the
 * middle number of a bin, a word, or nothing.
 */
type TableSymbol = Cell | readonly [column: number, cell: Cell];

/** Opens the rows of the table that the flags choose. */
export async function csvSource(flags: SequenceFlags): Promise<SequenceSource> {
  const { file, offset = 0, bins } = flags;
  const path = file ?? "the example";
  const table = await parseTable(file === undefined ? EXAMPLE_CSV : await readText(file, LIMITS), { path });
  const { rows, header, separator, columns } = table, available = rows.length, length = columns.length;
  if (length < 2) {
    throw new RangeError(`Cannot learn ${path} as its rows have one cell: a sequence needs at least two`);
  }
  const numbers = chooseItems(flags, { available, items: "rows" });
  const chosen = Array.from(numbers, (row) => rows[row]);
  if (bins === undefined) checkWhole(table, numbers, path);
  const binned = bins === undefined ? (rows: typeof chosen) => rows : binning(chosen, { columns, bins });
  const startsOf = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row * length);
  const windows = codeWindows(symbolStream(binned(chosen)), {
    starts: startsOf(chosen.length),
    window: length,
    compare: compareSymbols,
  });
  const { count, vocabulary } = windows.sequences;
  const kept: StoredSequences = {
    ...windows,
    tensors: { rows: { shape: [count], data: Int32Array.from(numbers, (row) => row + 1) } },
    details: { header: header ?? null, separator },
  };
  const kinds = bins !== undefined
    ? `cells in up to ${bins} bins a column`
    : columns.includes("word")
    ? "cells"
    : "whole numbers";
  return readySource(kept, {
    name: "csv",
    offset,
    shorten: (length) => `keep ${length} columns of ${path}`,
    taken:
      `${count.toLocaleString("en-US")} of ${available.toLocaleString("en-US")} rows of ${length} ${kinds}` +
      `${header === undefined ? "" : " under a header"}, vocabulary ${vocabulary}`,
    figures: [{
      label: "table",
      value: count.toLocaleString("en-US"),
      note: `rows of ${length} ${kinds}, ${vocabulary} distinct`,
    }],
    show: showRows(kept),
    heldOut: (most) => {
      const others = Array.from(spreadOverRest(numbers, { available, count: most }), (row) => rows[row]);
      // The chosen rows first, so that their symbols have the same numbers.
      const cells = symbolStream(binned([...chosen, ...others]));
      const starts = startsOf(chosen.length + others.length).subarray(chosen.length);
      return Promise.resolve(codeOtherWindows(cells, { starts, like: windows }));
    },
  });
}

/** Without bins every number must be whole, and there. */
function checkWhole({ rows, lines, columns }: Table, chosen: Iterable<number>, path: string): void {
  for (const row of chosen) {
    rows[row].forEach((cell, column) => {
      if (columns[column] === "word" || typeof cell === "number" && Number.isSafeInteger(cell)) return;
      throw new SyntaxError(
        `Cannot learn ${path} as cell ${column + 1} of line ${lines[row]} is ${
          cell === null ? "empty" : `${cell}, no whole number`
        }: add --bins 16 to count numbers in bins`,
      );
    });
  }
}

/** Makes every cell its column and what stands for it there; the bins are quantiles of `rows`. */
function binning(
  rows: readonly (readonly Cell[])[],
  { columns, bins }: { readonly columns: Table["columns"]; readonly bins: number },
): (rows: readonly (readonly Cell[])[]) => TableSymbol[][] {
  const cuts = columns.map((kind, column): Bins | undefined => {
    const numbers = rows.map((row) => row[column]).filter((cell) => typeof cell === "number");
    return kind === "number" && numbers.length > 0 ? quantileBins(numbers, { count: bins }) : undefined;
  });
  return (rows) =>
    rows.map((row) =>
      row.map((cell, column) => {
        const cut = cuts[column];
        return [column, typeof cell === "number" && cut !== undefined ? cut.middles[binOf(cell, cut)] : cell];
      })
    );
}

/** All cells one after the other, equal ones under one number. */
function symbolStream(
  rows: readonly (readonly TableSymbol[])[],
): { readonly ids: Int32Array; readonly symbols: readonly TableSymbol[] } {
  const symbols: TableSymbol[] = [], numbers = new Map<string, number>();
  const ids = Int32Array.from(rows.flat(), (symbol: TableSymbol) => {
    const key = JSON.stringify(symbol), known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, symbols.length);
    return symbols.push(symbol) - 1;
  });
  return { ids, symbols };
}

/** By column; what is missing first, then numbers, then words. */
function compareSymbols(a: TableSymbol, b: TableSymbol): number {
  const [column, one] = placed(a), [other, two] = placed(b);
  if (column !== other) return column - other;
  if (typeof one === "number" && typeof two === "number") return one - two;
  const rank = (cell: Cell): number => cell === null ? 0 : typeof cell === "number" ? 1 : 2;
  return rank(one) - rank(two) || (String(one) < String(two) ? -1 : String(one) > String(two) ? 1 : 0);
}

function placed(symbol: TableSymbol): readonly [column: number, cell: Cell] {
  return Array.isArray(symbol) ? symbol as [number, Cell] : [-1, symbol as Cell];
}

/** Shows generated rows beside those that `kept` are. */
export function showRows(kept: StoredSequences): SequenceData["show"] {
  const cells = kept.symbols.map((symbol) => placed(symbol as TableSymbol)[1]);
  const { length } = kept.sequences, numbers = kept.tensors.rows.data;
  const separator = String(kept.details.separator ?? ",");
  const header = Array.isArray(kept.details.header) ? kept.details.header.map(String) : undefined;
  return (generated) => Promise.resolve(exhibit(generated, { cells, length, numbers, header, separator }));
}

function exhibit(
  { tokens, matches }: GeneratedSequences,
  { cells, length, numbers, header, separator }: {
    readonly cells: readonly Cell[];
    readonly length: number;
    /** The number, from 1, of each training row. */
    readonly numbers: ArrayLike<number>;
    readonly header: readonly string[] | undefined;
    readonly separator: string;
  },
): Exhibit {
  const rows = Array.from(
    matches,
    (_, index) => Array.from(tokens.subarray(index * length, (index + 1) * length), (token) => cells[token]),
  );
  return {
    blocks: [{
      kind: "table",
      table: {
        columns: ["Generated row", "Training row"],
        rows: rows.slice(0, SHOWN).map((row, index) => [
          row.map((cell) => cell ?? "").join(", "),
          matches[index] >= 0 ? `memorized: row ${numbers[matches[index]]}` : "new",
        ]),
        caption: "The first rows as they were drawn, none chosen.",
      },
    }],
    files: { "samples.csv": formatTable(rows, { header, separator }) },
    metrics: {},
  };
}
