/** Tables of numbers, a row an item, and which of their rows are equal. */

/** Rows of equal length, one after the other. Floats must be finite. */
export interface Table {
  /** [count, width] */
  readonly values: Uint8Array | Int8Array | Int32Array | Float32Array;
  readonly count: number;
  readonly width: number;
}

/** Which rows of a table are equal. */
export interface RowGroups {
  /** For each group of equal rows, in order of first appearance, the row where it first stands. */
  readonly first: Int32Array;
  /** For each row of the table, its group. */
  readonly of: Int32Array;
}

/** Finds rows by what they hold: a hash table of a table's rows, compared number by number where hashes meet. */
export class RowIndex {
  readonly groups: RowGroups;
  readonly #table: Table;
  /** Group + 1, 0 where free; open addressing. */
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor(table: Table) {
    this.#table = table;
    let size = 16;
    while (size < 2 * table.count) size *= 2;
    this.#slots = new Int32Array(size);
    this.#mask = size - 1;
    const first: number[] = [], of = new Int32Array(table.count);
    for (let row = 0; row < table.count; row++) {
      const slot = this.#slotOf(table, row, first);
      if (this.#slots[slot] === 0) this.#slots[slot] = first.push(row);
      of[row] = this.#slots[slot] - 1;
    }
    this.groups = { first: Int32Array.from(first), of };
  }

  /** The group of the rows that equal row `row` of `other`, or -1. */
  find(other: Table, row: number): number {
    return other.width === this.#table.width
      ? this.#slots[this.#slotOf(other, row, this.groups.first)] - 1
      : -1;
  }

  /** The slot of an equal row, or the free one where such a row would stand. */
  #slotOf(other: Table, row: number, first: ArrayLike<number>): number {
    const { values, width } = this.#table, start = row * width;
    let slot = hashOf(other, row) & this.#mask;
    for (;; slot = (slot + 1) & this.#mask) {
      const group = this.#slots[slot] - 1;
      if (group < 0) return slot;
      const known = first[group] * width;
      let column = 0;
      while (column < width && values[known + column] === other.values[start + column]) column++;
      if (column === width) return slot;
    }
  }
}

const WORD = new Float64Array(1), HALVES = new Int32Array(WORD.buffer);

/** A hash of a row's numbers, the same whatever type holds them. */
function hashOf({ values, width }: Table, row: number): number {
  let hash = 0x2545f491;
  for (let at = row * width; at < (row + 1) * width; at++) {
    // -0 and 0 are equal.
    WORD[0] = values[at] + 0;
    hash = Math.imul(hash ^ HALVES[0] ^ Math.imul(HALVES[1], 0x5bd1e995), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash ^ (hash >>> 13);
}

/** The group of equal rows of `training` that each sample equals, or -1. */
export function exactCopies(samples: Table, training: RowIndex): Int32Array {
  return Int32Array.from({ length: samples.count }, (_, row) => training.find(samples, row));
}
