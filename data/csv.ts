/** Tables as comma-separated values, read with csv-parse: a sequence a row. */
import example from "./examples/sequences.csv" with { type: "text" };

/** The table that is learned where none is given. */
export const EXAMPLE_CSV: string = example;

/** A number, a word, or null for a number that is missing. */
export type Cell = number | string | null;

/** A table; every column holds numbers or words. */
export interface Table {
  /** Names of the columns, where the first row has them. */
  readonly header?: readonly string[];
  /** What stands between cells. */
  readonly separator: string;
  readonly columns: readonly ("number" | "word")[];
  /** All of one length. */
  readonly rows: readonly (readonly Cell[])[];
  /** The line, from 1, on which each row ends. */
  readonly lines: readonly number[];
}

const SEPARATORS = [",", ";", "\t", "|"];
/** As spreadsheets write numbers; with another separator the decimal sign may be a comma. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const COMMA_NUMBER = /^[+-]?\d+,\d+$/;

/**
 * Reads a table. Commas, semicolons, tabs and bars are told apart, cells may be quoted, empty lines are passed over.
 * The first row is a header if none of its cells is a number and some column has only numbers below it.
 *
 * @throws {SyntaxError} naming the file and the line that is wrong.
 */
export async function parseTable(text: string, { path }: { readonly path: string }): Promise<Table> {
  const { parse } = await import("csv-parse/sync");
  const separator = separatorOf(text);
  let records: readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      delimiter: separator,
      trim: separator !== "\t",
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_column_count: true,
      info: true,
    }) as unknown as typeof records;
  } catch (cause) {
    const { lines, code } = cause as { readonly lines?: number; readonly code?: string };
    const quotes = String(code).includes("QUOTE");
    throw new SyntaxError(
      `Cannot read ${path} as line ${lines ?? "1"} is no row of a table${quotes ? ": close its quotes" : ""}`,
      { cause },
    );
  }
  if (records.length === 0) throw new SyntaxError(`Cannot read ${path} as it has no rows: add some`);
  const [first] = records;
  for (const { record, info } of records) {
    if (record.length === first.record.length) continue;
    throw new SyntaxError(
      `Cannot read ${path} as all rows must be equally long: line ${first.info.lines} has ` +
        `${first.record.length} cells, line ${info.lines} has ${record.length}`,
    );
  }
  const cells = records.map(({ record }) => record.map((cell) => readCell(cell, separator)));
  const lines = records.map(({ info }) => info.lines);
  const numeric = (rows: readonly (readonly Cell[])[], column: number): boolean =>
    rows.every((row) => typeof row[column] !== "string") && rows.some((row) => row[column] !== null);
  const body = cells.slice(1);
  const named = cells[0].every((cell) => typeof cell === "string");
  if (named && body.length === 0) {
    throw new SyntaxError(`Cannot read ${path} as it has a header and no rows: add some`);
  }
  const isHeader = named && cells[0].some((_, column) => numeric(body, column));
  const rows = isHeader ? body : cells;
  const columns = first.record.map((_, column) => {
    if (numeric(rows, column)) return "number";
    const numbers = rows.filter((row) => typeof row[column] === "number").length;
    const word = rows.findIndex((row) => typeof row[column] === "string");
    // Mostly numbers: a slip rather than words.
    if (numbers > 0 && word >= 0) {
      throw new SyntaxError(
        `Cannot read ${path} as cell ${column + 1} of line ${
          lines[word + (isHeader ? 1 : 0)]
        } must be a number as ` +
          `others of its column are: current value is ${JSON.stringify(rows[word][column])}`,
      );
    }
    return "word";
  });
  return {
    ...(isHeader ? { header: records[0].record } : {}),
    separator,
    columns,
    rows: rows.map((row) => row.map((cell, column) => columns[column] === "word" ? cell ?? "" : cell)),
    lines: isHeader ? lines.slice(1) : lines,
  };
}

/** The separator that cuts the first lines into the most cells; of equals the first. */
function separatorOf(text: string): string {
  const lines = text.slice(0, 100_000).split(/\r\n?|\n/).filter((line) => line.trim() !== "").slice(0, 20);
  const cells = (separator: string): number =>
    Math.min(...lines.map((line) => line.replace(/"[^"]*"/g, "").split(separator).length));
  return SEPARATORS.reduce((best, one) => cells(one) > cells(best) ? one : best);
}

function readCell(text: string, separator: string): Cell {
  if (text === "") return null;
  const plain = separator !== "," && COMMA_NUMBER.test(text) ? text.replace(",", ".") : text;
  if (!NUMBER.test(plain)) return text;
  const value = Number(plain);
  return value === 0 ? 0 : value; // -0 would be a number of its own in some places and not in others.
}

/** A table as a file that `parseTable` reads back. */
export function formatTable(
  rows: readonly (readonly Cell[])[],
  options: { readonly header?: readonly string[]; readonly separator?: string } = {},
): string {
  const { header, separator = "," } = options;
  const line = (cells: readonly Cell[]): string => {
    const written = cells.map((cell) => {
      const text = cell === null ? "" : String(cell);
      return /["\r\n]|^\s|\s$/.test(text) || text.includes(separator)
        ? `"${text.replaceAll('"', '""')}"`
        : text;
    });
    return written.join(separator) + "\n";
  };
  return (header === undefined ? "" : line(header)) + rows.map(line).join("");
}

/** The bins of a column of numbers. */
export interface Bins {
  /** The largest number of each bin but the last, ascending. */
  readonly edges: readonly number[];
  /** The middle one of each bin's numbers, which stands for it. */
  readonly middles: readonly number[];
}

/**
 * Cuts numbers into at most `count` bins that hold about equally many (quantiles). Equal numbers are in one bin; where
 * there are no more distinct numbers than bins, each is one.
 */
export function quantileBins(numbers: readonly number[], { count }: { readonly count: number }): Bins {
  const sorted = numbers.toSorted((a, b) => a - b);
  const distinct = [...new Set(sorted)];
  const cuts = distinct.length <= count
    ? distinct.slice(0, -1)
    : Array.from({ length: count - 1 }, (_, bin) => sorted[Math.ceil((bin + 1) * sorted.length / count) - 1]);
  const edges = [...new Set(cuts)].filter((edge) => edge < sorted[sorted.length - 1]);
  const bins: Bins = { edges, middles: [] };
  const members = Array.from({ length: edges.length + 1 }, () => [] as number[]);
  for (const one of sorted) members[binOf(one, bins)].push(one);
  return { edges, middles: members.map((one) => one[(one.length - 1) >> 1]) };
}

/** The number of the bin that a number falls into. */
export function binOf(value: number, { edges }: Bins): number {
  let low = 0, high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= edges[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}
