/** Tables of whole numbers as comma-separated values: a sequence a row. */
import example from "./examples/sequences.csv" with { type: "text" };

/** The table that is learned where none is given. */
export const EXAMPLE_CSV: string = example;

/**
 * Reads rows of whole numbers, all of one length; empty lines are passed over.
 *
 * @throws {SyntaxError} naming the file and the line that is wrong.
 */
export function parseCsv(text: string, { path }: { readonly path: string }): number[][] {
  const rows: number[][] = [];
  let first = 0;
  text.replace(/^\uFEFF/, "").split(/\r\n?|\n/).forEach((line, index) => {
    if (line.trim() === "") return;
    const row = line.split(",").map((cell, column) => {
      const value = cell.trim() === "" ? NaN : Number(cell);
      if (!Number.isSafeInteger(value)) {
        throw new SyntaxError(
          `Cannot read ${path} as cell ${column + 1} of line ${index + 1} must be a whole number: ` +
            `current value is "${cell.trim()}"`,
        );
      }
      return value === 0 ? 0 : value; // -0 would be a number of its own in some places and not in others.
    });
    if (rows.length === 0) first = index + 1;
    else if (row.length !== rows[0].length) {
      throw new SyntaxError(
        `Cannot read ${path} as all rows must be equally long: line ${first} has ${rows[0].length} cells, ` +
          `line ${index + 1} has ${row.length}`,
      );
    }
    rows.push(row);
  });
  return rows;
}

/** The inverse of `parseCsv`. */
export function formatCsv(rows: readonly (readonly number[])[]): string {
  return rows.map((row) => row.join(",") + "\n").join("");
}
