/** The search for the nearest distinct rows of a base: candidates from products of mapped rows, measured exactly. */
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../engine/device.ts";
import type { TypedArray } from "../../engine/graph.ts";
import type { Table } from "../../metrics/mod.ts";
import { ROUNDING, type RowMap } from "./row_map.ts";

/** A row, or a group of equal ones, and its squared distance. */
export interface Measured {
  readonly row: number;
  readonly square: number;
}

/** Nearer first, of equally near ones the earlier. */
export function byDistance(a: Measured, b: Measured): number {
  return a.square - b.square || a.row - b.row;
}

/** Candidates of a block beyond the rows that are wanted: what lets a bound be told from a distance. */
const SPARE = 6;
/** Rows of a block of queries and of the base: the scores of a pair of blocks stay in the processor's cache. */
const QUERIES = 512;
const BASE = 2048;
/** Numbers at most: in a block of the base (64 MB), in the mapped queries of a pass (128 MB), in its candidates (twice 64 MB). */
const BASE_NUMBERS = 2 ** 24;
const QUERY_NUMBERS = 2 ** 25;
const CANDIDATES = 2 ** 24;
/** Where float32's whole numbers end. */
const WHOLE = 2 ** 24;
/** What squared lengths must be below, so that no score overflows. */
const LONGEST = 2 ** 124;
/** Queries that are measured between two looks at signals. */
const PATIENCE = 256;
/** Numbers that are compared before a distance is looked at. */
const STRETCH = 64;
/** Queries by which a map is judged, and the share of a block of the base that it may leave to be measured. */
const JUDGES = 16;
const SELECTIVE = 1 / 16;

/** The best of a block of the base for all queries of a pass: [queries, keep], best first. */
interface Best {
  readonly values: TypedArray;
  readonly indices: TypedArray;
}

/** Queries of a pass, mapped. */
interface Mapped {
  /** In blocks of equal length. */
  readonly blocks: readonly Float32Array[];
  /** Squared lengths, mapped, and lengths of the rows themselves, less the centre. */
  readonly squares: Float64Array;
  readonly lengths: Float64Array;
}

/** The search of some queries among the distinct rows of a base. */
export class Search {
  readonly #queries: Table;
  readonly #base: Table;
  /** The distinct rows. */
  readonly #first: Int32Array;
  readonly #wanted: number;
  /** What is subtracted from every row: distances stay, and the products and their rounding become small. */
  readonly #centre: Float64Array;
  /** Whether all numbers, less the centre, are whole. */
  readonly #whole: boolean;
  /** Block b of the base holds its distinct rows b, b + blocks, b + 2 blocks, …: an even sample, whatever the order. */
  readonly #blocks: number;
  readonly #blockRows: number;
  /** The length of the longest distinct row, less the centre. */
  #longest = 0;

  /** `first` are the distinct rows of the base, of which the `wanted` nearest ones are searched. */
  constructor(
    queries: Table,
    { base, first, wanted }: { readonly base: Table; readonly first: Int32Array; readonly wanted: number },
  ) {
    this.#queries = queries;
    this.#base = base;
    this.#first = first;
    this.#wanted = Math.min(wanted, first.length);
    this.#whole = !(queries.values instanceof Float32Array || base.values instanceof Float32Array);
    this.#centre = meanRow(base, this.#whole);
    const most = Math.max(1, Math.min(BASE, Math.floor(BASE_NUMBERS / base.width)));
    this.#blocks = Math.ceil(first.length / most);
    this.#blockRows = Math.ceil(first.length / this.#blocks);
  }

  /** An even sample of the distinct rows, less the centre: [rows, width]. */
  sample(): Float32Array<ArrayBuffer> {
    return this.#baseBlock(0);
  }

  /**
   * Whether distances of mapped rows tell most of the base from the nearest rows of most queries: on random numbers of
   * many dimensions no map does.
   */
  async isSelective(device: Device, map: RowMap): Promise<boolean> {
    const size = this.#blockRows, { count } = this.#queries;
    const mapped = await compile(device, ({ rows }) => ({ coordinates: map.apply(rows) }), {
      rows: { shape: [size, this.#base.width] },
    });
    const judges = Int32Array.from(
      { length: Math.min(JUDGES, count, size) },
      (_, i, of = Math.min(JUDGES, count, size)) => Math.floor(i * count / of),
    );
    const rows = Array.from({ length: size }, (_, row) => row * this.#blocks)
      .filter((row) => row < this.#first.length);
    try {
      await mapped.run({ rows: this.sample() });
      await mapped.run({ rows: this.#queryBlock(judges, size).rows });
      const { coordinates } = await mapped.read();
      let left = 0;
      judges.forEach((query, judge) => {
        const limit = this.#compare(query, rows).at(-1)?.square ?? Infinity;
        const at = (size + judge) * map.width;
        for (let row = 0; row < rows.length; row++) {
          let square = 0;
          for (let i = 0; i < map.width; i++) {
            square += (coordinates[at + i] - coordinates[row * map.width + i]) ** 2;
          }
          if (square <= limit) left++;
        }
      });
      return left <= SELECTIVE * rows.length * judges.length;
    } finally {
      mapped.dispose();
    }
  }

  /**
   * Finds the nearest rows of the queries `asked` by their mapped distances, and gives them to `settle`; resolves to the
   * queries for which the map did not settle which rows are nearest.
   */
  async pass(
    device: Device,
    options: {
      readonly map: RowMap;
      readonly asked: Int32Array;
      readonly settle: (query: number, found: readonly Measured[]) => void;
      readonly onProgress: (share: number) => Promise<void>;
    },
  ): Promise<Int32Array> {
    const { map, asked, settle, onProgress } = options, { width } = this.#base;
    const blockRows = this.#blockRows, keep = Math.min(this.#wanted + SPARE, blockRows);
    const size = Math.min(QUERIES, asked.length);
    const most = Math.min(QUERY_NUMBERS / map.width, CANDIDATES / (this.#blocks * keep));
    const together = Math.max(1, Math.floor(most / size)) * size;
    const block = tf.variable(tf.zeros<tf.Rank.R2>([blockRows, map.width]), false);
    const halves = tf.variable(tf.zeros<tf.Rank.R1>([blockRows]), false);
    const mapQueries = await compile(device, ({ rows }) => ({ coordinates: map.apply(rows) }), {
      rows: { shape: [size, width] },
    });
    const mapBase = await compile(device, ({ rows }) => {
      const coordinates = map.apply(rows), half = tf.mul(tf.sum(tf.square(coordinates), 1), 0.5);
      block.assign(coordinates);
      halves.assign(half as tf.Tensor1D);
      return { longest: tf.max(half) };
    }, { rows: { shape: [blockRows, width] } });
    // a.b - |b|²/2 is largest where |a - b| is smallest.
    const score = await compile(device, ({ rows }) => {
      const { values, indices } = tf.topk(tf.sub(tf.matMul(rows, block, false, true), halves), keep);
      return { values, indices };
    }, { rows: { shape: [size, map.width] } });
    const open: number[] = [];
    try {
      const total = Math.ceil(asked.length / size) * this.#blocks;
      let done = 0;
      for (let from = 0; from < asked.length; from += together) {
        const chosen = asked.subarray(from, from + together);
        const mapped = await this.#mapped(chosen, {
          size,
          width: map.width,
          map: async (rows) => {
            await mapQueries.run({ rows });
            await onProgress(done / total);
            return Float32Array.from((await mapQueries.read()).coordinates);
          },
        });
        const best: Best[] = [];
        let longest = 0;
        for (let b = 0; b < this.#blocks; b++) {
          await mapBase.run({ rows: this.#baseBlock(b) });
          for (const rows of mapped.blocks) {
            await score.run({ rows });
            await onProgress(++done / total);
          }
          best.push(await score.read());
          longest = Math.max(longest, ...(await mapBase.read()).longest);
        }
        const verify = this.#verifier(best, { map, mapped, keep, longest: Math.sqrt(2.01 * longest) });
        for (let at = 0; at < chosen.length; at++) {
          if (at % PATIENCE === 0) await onProgress(done / total);
          const found = verify(chosen[at], at);
          if (found === undefined) open.push(chosen[at]);
          else settle(chosen[at], found);
        }
      }
    } finally {
      for (const compiled of [mapQueries, mapBase, score]) compiled.dispose();
      tf.dispose([block, halves]);
    }
    return Int32Array.from(open);
  }

  /** The nearest distinct rows of a query by comparing it with all of them. */
  compareAll(query: number): Measured[] {
    return this.#compare(query, Array.from(this.#first, (_, row) => row));
  }

  #compare(query: number, rows: readonly number[]): Measured[] {
    const best = new BestRows(this.#wanted);
    for (const row of rows) best.add(row, this.#square(query, row, best.limit));
    return best.rows;
  }

  async #mapped(
    chosen: Int32Array,
    options: {
      readonly size: number;
      readonly width: number;
      readonly map: (rows: Float32Array<ArrayBuffer>) => Promise<Float32Array>;
    },
  ): Promise<Mapped> {
    const { size, width, map } = options;
    const blocks: Float32Array[] = [];
    const squares = new Float64Array(chosen.length), lengths = new Float64Array(chosen.length);
    for (let start = 0; start < chosen.length; start += size) {
      const some = chosen.subarray(start, start + size);
      const block = this.#queryBlock(some, size);
      lengths.set(block.lengths, start);
      const coordinates = await map(block.rows);
      blocks.push(coordinates);
      for (let row = 0; row < some.length; row++) {
        for (let i = row * width; i < (row + 1) * width; i++) squares[start + row] += coordinates[i] ** 2;
      }
    }
    return { blocks, squares, lengths };
  }

  /**
   * Measures the candidates of a query, the `at`-th of a pass: gives its nearest rows, or nothing where others than the
   * candidates can be as near.
   */
  #verifier(
    best: readonly Best[],
    { map, mapped, keep, longest }: {
      readonly map: RowMap;
      readonly mapped: Mapped;
      readonly keep: number;
      readonly longest: number;
    },
  ): (query: number, at: number) => Measured[] | undefined {
    return (query, at) => {
      const square = mapped.squares[at], length = Math.sqrt(square);
      // Whole numbers that float32 holds are multiplied and added without rounding, and ties go to the earlier row.
      const exact = this.#whole && map.stretch === 1 && 2 * length * longest + longest * longest < WHOLE;
      const own = mapped.lengths[at], slack = exact ? 0 : map.slack;
      /** A row that is as near as `limit`, a squared distance, has at least this score. */
      const floorOf = (limit: number) => {
        const distance = Math.sqrt(limit);
        const reach = map.stretch * distance + slack * (own + Math.min(this.#longest, own + distance));
        // |rounding of a sum of n products| <= n u |a||b|; the rest: halves, and the difference.
        const other = Math.min(longest, length + reach);
        const rounding = exact ? 0 : ROUNDING * (map.width + 5) * (length + other) * other;
        return (square - reach * reach * (1 + 2 ** -40)) / 2 - rounding;
      };
      const found = new BestRows(this.#wanted);
      const measure = (block: number, index: number) => {
        const row = block + index * this.#blocks;
        // A block may be one row short.
        if (row < this.#first.length) found.add(row, this.#square(query, row, found.limit));
      };
      // The rows that seem nearest first: the others are then measured, if at all, no farther than needed.
      for (const { block, place } of bestPlaces(best, { from: at * keep, keep, count: this.#wanted })) {
        measure(block, best[block].indices[place]);
      }
      let limit = found.limit, floor = floorOf(limit);
      for (let block = 0; block < best.length; block++) {
        const { values, indices } = best[block];
        for (let place = at * keep; place < (at + 1) * keep && values[place] >= floor; place++) {
          measure(block, indices[place]);
          if (found.limit < limit) floor = floorOf(limit = found.limit);
        }
      }
      const all = exact || limit === 0 || keep === this.#blockRows ||
        best.every(({ values }) => values[(at + 1) * keep - 1] < floor);
      return all ? found.rows : undefined;
    };
  }

  /** Queries, less the centre, filled up with zeros. */
  #queryBlock(
    chosen: Int32Array,
    size: number,
  ): { readonly rows: Float32Array<ArrayBuffer>; readonly lengths: Float64Array } {
    const rows = new Float32Array(size * this.#queries.width), lengths = new Float64Array(chosen.length);
    chosen.forEach((query, place) => lengths[place] = this.#centred(this.#queries, query, { rows, place }));
    return { rows, lengths };
  }

  /** A block of distinct rows, less the centre; where one is missing, the last one once more. */
  #baseBlock(block: number): Float32Array<ArrayBuffer> {
    const rows = new Float32Array(this.#blockRows * this.#base.width);
    for (let place = 0; place < this.#blockRows; place++) {
      const row = block + place * this.#blocks;
      const length = this.#centred(
        this.#base,
        this.#first[row < this.#first.length ? row : row - this.#blocks],
        { rows, place },
      );
      this.#longest = Math.max(this.#longest, length);
    }
    return rows;
  }

  /** Copies a row, less the centre, and gives its length. */
  #centred(
    { values, width }: Table,
    row: number,
    to: { readonly rows: Float32Array; readonly place: number },
  ): number {
    const { rows } = to, centre = this.#centre;
    let square = 0;
    for (let column = 0, i = row * width, j = to.place * width; column < width; column++, i++, j++) {
      const value = values[i] - centre[column];
      rows[j] = value;
      square += value * value;
    }
    if (square < LONGEST) return Math.sqrt(square);
    throw new RangeError(
      "Cannot compare rows as all their numbers must be finite: look for NaN and Infinity in the files",
    );
  }

  /** The squared distance of a query from a distinct row, or something above `limit` where it is above it. */
  #square(query: number, distinct: number, limit: number): number {
    const a = this.#queries.values, b = this.#base.values, { width } = this.#queries;
    let square = 0;
    for (let i = query * width, j = this.#first[distinct] * width, end = i + width; i < end;) {
      for (const stop = Math.min(end, i + STRETCH); i < stop; i++, j++) square += (a[i] - b[j]) ** 2;
      if (square > limit) break;
    }
    return square;
  }
}

/** The nearest of the rows that are added, a few at most. */
class BestRows {
  readonly rows: Measured[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  /** The squared distance that a row must not exceed. */
  get limit(): number {
    return this.rows.length < this.#count ? Infinity : this.rows[this.#count - 1].square;
  }

  /** Adds a row, unless it is among them or too far. */
  add(row: number, square: number): void {
    const { rows } = this;
    if (square > this.limit) return;
    let place = rows.length;
    while (place > 0 && (square - rows[place - 1].square || row - rows[place - 1].row) < 0) place--;
    if (place > 0 && rows[place - 1].row === row) return;
    rows.splice(place, 0, { row, square });
    if (rows.length > this.#count) rows.pop();
  }
}

/** Where the highest scores of a query stand among its candidates: `keep` of each block, `from` on, in falling order. */
function bestPlaces(
  best: readonly Best[],
  { from, keep, count }: { readonly from: number; readonly keep: number; readonly count: number },
): { readonly block: number; readonly place: number; readonly value: number }[] {
  const places: { readonly block: number; readonly place: number; readonly value: number }[] = [];
  best.forEach(({ values }, block) => {
    for (let place = from; place < from + keep; place++) {
      const value = values[place];
      if (places.length === count && value <= places[count - 1].value) break;
      let at = places.length;
      while (at > 0 && value > places[at - 1].value) at--;
      places.splice(at, 0, { block, place, value });
      if (places.length > count) places.pop();
    }
  });
  return places;
}

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
