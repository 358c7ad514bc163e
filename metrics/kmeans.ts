/** A partition of space into cells around means. */
import type { Random } from "../base/random.ts";
import type { Table } from "./table.ts";

/** Rows that the means are taken of, at most, evenly spread over the table; and rounds of taking them. */
const MOST_ROWS = 4096;
const ROUNDS = 20;

/**
 * Centres of `cells` cells of a table's rows (Lloyd 1982), started far from each other (k-means++, Arthur and
 * Vassilvitskii 2007). Fewer where there are fewer different rows.
 *
 * @returns [cells, width]
 */
export function kMeans(
  table: Table,
  { cells, random }: { readonly cells: number; readonly random: Random },
): Float64Array {
  const { values, count, width } = table, rows = Math.min(count, MOST_ROWS);
  const taken = Int32Array.from({ length: rows }, (_, row) => Math.floor(row * count / rows));
  const nearest = new Float64Array(rows).fill(Infinity);
  let centres = new Float64Array(0);
  for (let next = random.integer(rows); centres.length < cells * width;) {
    const start = taken[next] * width, centre = Float64Array.from(values.subarray(start, start + width));
    centres = Float64Array.from([...centres, ...centre]);
    taken.forEach((row, at) => nearest[at] = Math.min(nearest[at], square(table, row, centre, 0)));
    const total = nearest.reduce((sum, one) => sum + one, 0);
    if (total === 0) break;
    let rest = random.uniform() * total;
    next = nearest.findIndex((one) => (rest -= one) < 0);
    if (next < 0) next = nearest.findLastIndex((one) => one > 0);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const sums = new Float64Array(centres.length), counts = new Int32Array(centres.length / width);
    for (const row of taken) {
      const cell = cellOf(table, row, centres);
      counts[cell]++;
      for (let column = 0; column < width; column++) {
        sums[cell * width + column] += values[row * width + column];
      }
    }
    // A cell that has lost its rows stays where it was.
    const moved = sums.map((sum, at) => {
      const members = counts[Math.floor(at / width)];
      return members === 0 ? centres[at] : sum / members;
    });
    const still = moved.every((value, at) => value === centres[at]);
    centres = moved;
    if (still) break;
  }
  return centres;
}

/** The cell that each row of a table lies in. */
export function cellsOf(table: Table, centres: Float64Array): Int32Array {
  return Int32Array.from({ length: table.count }, (_, row) => cellOf(table, row, centres));
}

function cellOf(table: Table, row: number, centres: Float64Array): number {
  let best = 0, smallest = Infinity;
  for (let cell = 0; cell * table.width < centres.length; cell++) {
    const distance = square(table, row, centres, cell * table.width);
    if (distance < smallest) [best, smallest] = [cell, distance];
  }
  return best;
}

function square({ values, width }: Table, row: number, centres: Float64Array, from: number): number {
  let sum = 0;
  for (let column = 0; column < width; column++) {
    sum += (values[row * width + column] - centres[from + column]) ** 2;
  }
  return sum;
}
