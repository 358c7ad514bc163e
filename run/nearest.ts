/**
 * Exact nearest neighbours of rows among rows, in Euclidean distance.
 *
 * Candidates come from matrix products on the engine: the score a.b - |b|²/2 is largest where |a - b| is smallest, and
 * each block of the base gives every query its few largest. But |a|² + |b|² - 2 a.b in float32 puts a copy at a
 * distance above 0, so the candidates are measured again in float64, difference by difference, and what the rounding
 * of the scores can have hidden is bounded: a query whose nearest rows are not certain to be among its candidates is
 * compared with every row.
 */
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../engine/device.ts";
import type { TypedArray } from "../engine/graph.ts";
import { type RowGroups, RowIndex, type Table } from "../metrics/mod.ts";

/** The rows nearest to each query: nearer ones first, of equally near ones the earlier in the base. */
export interface Neighbours {
  /** Neighbours of each query: as many as were asked for, or as many as there are. */
  readonly k: number;
  /** [queries, k], rows of the base. */
  readonly rows: Int32Array;
  /** [queries, k], Euclidean, in the units of the tables; 0 for an equal row and only for one. */
  readonly distances: Float64Array;
}

/** How a search is done. */
export interface NearestOptions {
  readonly device: Device;
  readonly k: number;
  /** Where query i is itself row `own[i]` of the base: that row is no neighbour of it. */
  readonly own?: Int32Array;
  /** Is told often what share of the work is done; the search waits for it, so it may let signals in. */
  readonly onProgress?: (share: number) => Promise<void>;
}

/** Candidates beyond the nearest: what lets rounding be told from distance without another look. */
const SPARE = 6;
/** Rows of a block of queries and of the base: the scores of a pair of blocks stay in the processor's cache. */
const QUERIES = 512;
const BASE = 2048;
/** Numbers in a block of the base, and in the queries that are kept as float32, at most: 64 MB and 128 MB. */
const BASE_NUMBERS = 2 ** 24;
const QUERY_NUMBERS = 2 ** 25;
/** Half of float32's spacing at 1, and where its whole numbers end. */
const ROUNDING = 2 ** -24;
const WHOLE = 2 ** 24;
/** The score of a row that is not there. */
const NOWHERE = 3e38;

/**
 * Finds the `k` rows of `base` that are nearest to each row of `queries`. Beside the tables it needs memory for a few
 * blocks and for the candidates, whatever the sizes.
 *
 * @throws {RangeError} where a table is empty, rows are not equally long, or a number is not finite.
 */
export async function nearest(queries: Table, base: Table, options: NearestOptions): Promise<Neighbours> {
  mustFit(queries, base);
  const { device, own, onProgress = () => Promise.resolve() } = options;
  const k = Math.min(options.k, base.count - (own === undefined ? 0 : 1));
  // One more where one of them may be the query itself.
  const wanted = own === undefined ? k : k + 1;
  // Rows that stand in the base more than once would fill the candidates: each is searched once.
  const { groups } = new RowIndex(base);
  const search = new Search(queries, { base, first: groups.first, wanted });
  await search.collect(device, onProgress);

  const members = membersOf(groups);
  const rows = new Int32Array(queries.count * k), distances = new Float64Array(queries.count * k);
  for (let query = 0; query < queries.count; query++) {
    if (query % PATIENCE === 0) await onProgress(1);
    let found = search.measured(query);
    if (!search.isCertain(query, found)) {
      found = search.compareAll(query);
      await onProgress(1);
    }
    const all = found.flatMap(({ row: group, square }) =>
      Array.from(members(group), (row) => ({ row, square }))
    ).filter(({ row }) => row !== own?.[query]).sort(byDistance);
    all.slice(0, k).forEach(({ row, square }, place) => {
      rows[query * k + place] = row;
      distances[query * k + place] = Math.sqrt(square);
    });
  }
  return { k, rows, distances };
}

/** Queries whose candidates are measured between two looks at signals. */
const PATIENCE = 256;

/** A row, or a group of equal ones, and its squared distance. */
interface Measured {
  readonly row: number;
  readonly square: number;
}

function byDistance(a: Measured, b: Measured): number {
  return a.square - b.square || a.row - b.row;
}

function mustFit(queries: Table, base: Table): void {
  if (queries.count === 0 || base.count === 0) {
    throw new RangeError(
      "Cannot search among rows as one of the two sets is empty: give at least one row each",
    );
  }
  if (queries.width !== base.width) {
    throw new RangeError(
      `Cannot compare rows as they must be equally long: one set has ${queries.width} numbers a row, the other ` +
        `${base.width}`,
    );
  }
}

/** The rows of each group, ascending. */
function membersOf({ first, of }: RowGroups): (group: number) => Int32Array {
  const ends = new Int32Array(first.length);
  for (const group of of) ends[group]++;
  for (let group = 1; group < ends.length; group++) ends[group] += ends[group - 1];
  const starts = Int32Array.from(ends), sorted = new Int32Array(of.length);
  for (let row = of.length - 1; row >= 0; row--) sorted[--starts[of[row]]] = row;
  return (group) => sorted.subarray(starts[group], ends[group]);
}

/** The candidates of all queries among the distinct rows of a base. */
class Search {
  readonly #queries: Table;
  readonly #base: Table;
  /** The distinct rows. */
  readonly #first: Int32Array;
  readonly #wanted: number;
  /** Candidates of a query. */
  readonly #keep: number;
  /** What is subtracted from every row: distances stay, and the products and their rounding become small. */
  readonly #centre: Float64Array;
  /** Whether all numbers, less the centre, are whole. */
  readonly #whole: boolean;
  /** |a| of each query and |b| of the longest distinct row, less the centre. */
  readonly #lengths: Float64Array;
  #longest = 0;
  /** [queries, keep], best first. */
  readonly #scores: Float32Array;
  readonly #groups: Int32Array;

  constructor(
    queries: Table,
    { base, first, wanted }: { readonly base: Table; readonly first: Int32Array; readonly wanted: number },
  ) {
    this.#queries = queries;
    this.#base = base;
    this.#first = first;
    this.#wanted = Math.min(wanted, first.length);
    this.#keep = Math.min(wanted + SPARE, first.length);
    this.#whole = !(queries.values instanceof Float32Array || base.values instanceof Float32Array);
    this.#centre = meanRow(base, this.#whole);
    this.#lengths = new Float64Array(queries.count);
    this.#scores = new Float32Array(queries.count * this.#keep).fill(-Infinity);
    this.#groups = new Int32Array(queries.count * this.#keep).fill(-1);
  }

  /** Goes through all pairs of blocks. */
  async collect(device: Device, onProgress: (share: number) => Promise<void>): Promise<void> {
    const { width, count } = this.#queries, keep = this.#keep, distinct = this.#first.length;
    const rowsOfBase = Math.max(keep, Math.min(BASE, Math.floor(BASE_NUMBERS / width), distinct));
    const rowsOfQueries = Math.min(QUERIES, count);
    const kept = Math.max(1, Math.floor(QUERY_NUMBERS / width / rowsOfQueries)) * rowsOfQueries;
    const block = tf.variable(tf.zeros<tf.Rank.R2>([rowsOfBase, width]), false);
    const halves = tf.variable(tf.zeros<tf.Rank.R1>([rowsOfBase]), false);
    const score = await compile(device, ({ rows }) => {
      const scores = tf.sub(tf.matMul(rows as tf.Tensor2D, block, false, true), halves); // [Q, R]
      const { values, indices } = tf.topk(scores, keep);
      return { values, indices };
    }, { rows: { shape: [rowsOfQueries, width] } });
    try {
      const total = Math.ceil(count / rowsOfQueries) * Math.ceil(distinct / rowsOfBase);
      let done = 0;
      for (let from = 0; from < count; from += kept) {
        const blocks: Float32Array<ArrayBuffer>[] = [];
        for (let start = from; start < Math.min(from + kept, count); start += rowsOfQueries) {
          blocks.push(this.#queryBlock(start, rowsOfQueries));
          await onProgress(done / total);
        }
        for (let start = 0; start < distinct; start += rowsOfBase) {
          const { rows, norms } = this.#baseBlock(start, rowsOfBase);
          tf.tidy(() => {
            block.assign(tf.tensor2d(rows, [rowsOfBase, width]));
            halves.assign(tf.tensor1d(norms));
          });
          await device.push([block, halves]);
          for (const rows of blocks) {
            await score.run({ rows });
            await onProgress(++done / total);
          }
          const { values, indices } = await score.read();
          this.#merge(from, { start, values, indices });
        }
      }
    } finally {
      score.dispose();
      tf.dispose([block, halves]);
    }
  }

  /** Queries from `start` on, less the centre. */
  #queryBlock(start: number, count: number): Float32Array<ArrayBuffer> {
    const { values, width } = this.#queries;
    const block = new Float32Array(count * width);
    for (let row = 0; row < count && start + row < this.#queries.count; row++) {
      const from = (start + row) * width;
      let square = 0;
      for (let column = 0; column < width; column++) {
        const value = values[from + column] - this.#centre[column];
        block[row * width + column] = value;
        square += value * value;
      }
      mustBeFinite(square);
      this.#lengths[start + row] = Math.sqrt(square);
    }
    return block;
  }

  /** Distinct rows from `start` on, less the centre, and half their squared lengths; what is not there is far away. */
  #baseBlock(
    start: number,
    count: number,
  ): { readonly rows: Float32Array<ArrayBuffer>; readonly norms: Float32Array<ArrayBuffer> } {
    const { values, width } = this.#base;
    const rows = new Float32Array(count * width), norms = new Float32Array(count).fill(NOWHERE);
    for (let row = 0; row < count && start + row < this.#first.length; row++) {
      const from = this.#first[start + row] * width;
      let square = 0;
      for (let column = 0; column < width; column++) {
        const value = values[from + column] - this.#centre[column];
        rows[row * width + column] = value;
        square += value * value;
      }
      mustBeFinite(square);
      norms[row] = square / 2;
      this.#longest = Math.max(this.#longest, Math.sqrt(square));
    }
    return { rows, norms };
  }

  /** Takes the best of a block of the base into the candidates; blocks come in ascending order. */
  #merge(
    from: number,
    best: { readonly start: number; readonly values: TypedArray; readonly indices: TypedArray },
  ): void {
    const { start, values, indices } = best, keep = this.#keep, scores = this.#scores, groups = this.#groups;
    const rows = Math.min(values.length / keep, this.#queries.count - from);
    for (let row = 0; row < rows; row++) {
      const first = (from + row) * keep, last = first + keep - 1;
      for (let at = row * keep; at < (row + 1) * keep && values[at] > scores[last]; at++) {
        const group = start + indices[at];
        if (group >= this.#first.length) break;
        let place = last;
        for (; place > first && values[at] > scores[place - 1]; place--) {
          scores[place] = scores[place - 1];
          groups[place] = groups[place - 1];
        }
        scores[place] = values[at];
        groups[place] = group;
      }
    }
  }

  /** The candidates of a query with their exact distances, nearest first. */
  measured(query: number): Measured[] {
    const found: Measured[] = [];
    for (let at = query * this.#keep; at < (query + 1) * this.#keep; at++) {
      if (this.#groups[at] >= 0) {
        found.push({ row: this.#groups[at], square: this.#square(query, this.#groups[at], Infinity) });
      }
    }
    return found.sort(byDistance).slice(0, this.#wanted);
  }

  /** Whether no row that is not a candidate can be nearer than `found`, or as near and earlier. */
  isCertain(query: number, found: readonly Measured[]): boolean {
    if (this.#keep === this.#first.length) return true;
    const { width } = this.#queries, length = this.#lengths[query], longest = this.#longest;
    // Whole numbers that float32 holds are multiplied and added without rounding, and ties go to the earlier row.
    const exact = this.#whole && 2 * length * longest + longest * longest < WHOLE;
    // |rounding of a sum of n products| <= n u |a||b|; the rest: centring, half lengths, the difference.
    const rounding = exact ? 0 : ROUNDING * ((width + 5) * length * longest + longest * longest);
    const farthest = found[found.length - 1].square;
    const others = length * length * (1 - 2 ** -50) -
      2 * (this.#scores[(query + 1) * this.#keep - 1] + rounding);
    return exact ? farthest <= others : farthest < others || farthest === 0;
  }

  /** The nearest distinct rows of a query by comparing it with all of them. */
  compareAll(query: number): Measured[] {
    const best: Measured[] = [];
    for (let row = 0; row < this.#first.length; row++) {
      const limit = best.length < this.#wanted ? Infinity : best[best.length - 1].square;
      const square = this.#square(query, row, limit);
      if (square >= limit) continue;
      if (best.length === this.#wanted) best.pop();
      best.push({ row, square });
      best.sort(byDistance);
    }
    return best;
  }

  /** The squared distance of a query from a distinct row, or something of at least `limit` where it is that large. */
  #square(query: number, group: number, limit: number): number {
    const a = this.#queries.values, b = this.#base.values, { width } = this.#queries;
    const row = this.#first[group];
    let square = 0;
    for (let i = query * width, j = row * width, end = i + width; i < end && square < limit;) {
      for (const stop = Math.min(end, i + STRETCH); i < stop; i++, j++) square += (a[i] - b[j]) ** 2;
    }
    return square;
  }
}

/** Numbers that are compared before a distance is looked at. */
const STRETCH = 64;

/** The mean of the rows, rounded where all numbers are to stay whole. */
function meanRow({ values, count, width }: Table, whole: boolean): Float64Array {
  const mean = new Float64Array(width);
  // A few thousand rows, evenly spread, are enough: any centre is right, a near one is good.
  const step = Math.max(1, Math.floor(count / 4096));
  let taken = 0;
  for (let row = 0; row < count; row += step, taken++) {
    for (let column = 0; column < width; column++) mean[column] += values[row * width + column];
  }
  return mean.map((sum) => whole ? Math.round(sum / taken) : sum / taken);
}

function mustBeFinite(square: number): void {
  // Its half must be below the score of a row that is not there.
  if (square < NOWHERE) return;
  throw new RangeError(
    "Cannot compare rows as all their numbers must be finite: look for NaN and Infinity in the files",
  );
}

/**
 * The same for sequences of tokens, where the distance is the number of places in which two differ (Hamming): tokens are
 * names, and 7 is no nearer to 6 than to 1.
 */
export async function nearestSequences(
  queries: Table,
  base: Table,
  options: Omit<NearestOptions, "device">,
): Promise<Neighbours> {
  mustFit(queries, base);
  const { own, onProgress = () => Promise.resolve() } = options, { width } = base;
  const k = Math.min(options.k, base.count - (own === undefined ? 0 : 1));
  const rows = new Int32Array(queries.count * k), distances = new Float64Array(queries.count * k);
  for (let query = 0; query < queries.count; query++) {
    await onProgress(query / queries.count);
    const best: Measured[] = [];
    for (let row = 0; row < base.count && k > 0; row++) {
      if (row === own?.[query]) continue;
      const limit = best.length < k ? Infinity : best[k - 1].square;
      let differing = 0;
      for (let i = query * width, j = row * width, end = i + width; i < end && differing < limit; i++, j++) {
        if (queries.values[i] !== base.values[j]) differing++;
      }
      if (differing >= limit) continue;
      if (best.length === k) best.pop();
      best.push({ row, square: differing });
      best.sort(byDistance);
    }
    best.forEach(({ row, square }, place) => {
      rows[query * k + place] = row;
      distances[query * k + place] = square;
    });
  }
  await onProgress(1);
  return { k, rows, distances };
}
