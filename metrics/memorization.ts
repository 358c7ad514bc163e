/**
 * How much of what a model generates is its training set. Sequences are rows of integers, [N, length].
 * A training set may hold a sequence more than once: "distinct" means different rows, and only those are counted.
 */
import { type Interval, wilson } from "./interval.ts";

/** The different rows of a table, in order of first appearance. */
export interface DistinctRows {
  /** For each distinct row, the index where it first stands. */
  readonly first: Int32Array;
  /** For each distinct row, how often it stands in the table. */
  readonly counts: Int32Array;
  /** For each row of the table, which distinct row it is. */
  readonly of: Int32Array;
}

/** A row as a key of a Map: equal rows and only these give equal keys. */
function rowKey(rows: ArrayLike<number>, row: number, length: number): string {
  let key = "";
  for (let index = row * length; index < (row + 1) * length; index++) key += rows[index] + ",";
  return key;
}

/** Finds the different rows of a table [N, length] of integers. */
export function distinctRows(rows: ArrayLike<number>, length: number): DistinctRows {
  const seen = new Map<string, number>(), first: number[] = [], counts: number[] = [];
  const of = Int32Array.from({ length: rows.length / length }, (_, row) => {
    const key = rowKey(rows, row, length);
    let index = seen.get(key);
    if (index === undefined) {
      index = first.push(row) - 1;
      counts.push(0);
      seen.set(key, index);
    }
    counts[index]++;
    return index;
  });
  return { first: Int32Array.from(first), counts: Int32Array.from(counts), of };
}

/** What a set of generated sequences shares with the training set. */
export interface Memorization {
  /** How many sequences were generated. */
  readonly samples: number;
  /** Generated sequences that are training sequences. */
  readonly memorized: number;
  /** memorized / samples. */
  readonly fraction: number;
  /** Its 95 % Wilson interval. */
  readonly interval: Interval;
  /** Share of the distinct training sequences that were generated at least once. */
  readonly coverage: number;
  /** For each sample the index of the first equal training sequence, or -1. */
  readonly matches: Int32Array;
}

/** Finds rows in a table. */
export interface RowFinder {
  /** For each of the rows [N, length] the index of the first equal row of the table, or -1. */
  in(rows: ArrayLike<number>): Int32Array;
  /** How many different rows the table has. */
  readonly distinct: number;
}

/** Makes the rows of a table [N, length] findable. */
export function rowFinder(table: ArrayLike<number>, length: number): RowFinder {
  const known = new Map<string, number>();
  for (let row = 0; row < table.length / length; row++) {
    const key = rowKey(table, row, length);
    if (!known.has(key)) known.set(key, row);
  }
  return {
    in: (rows) =>
      Int32Array.from(
        { length: rows.length / length },
        (_, row) => known.get(rowKey(rows, row, length)) ?? -1,
      ),
    distinct: known.size,
  };
}

/** What generated sequences share with a training set of `distinct` different ones, from their `matches` in it. */
export function memorizationOf(matches: Int32Array, distinct: number): Memorization {
  const memorized = matches.reduce((sum, match) => sum + (match >= 0 ? 1 : 0), 0);
  const covered = new Set(matches);
  covered.delete(-1);
  return {
    samples: matches.length,
    memorized,
    fraction: memorized / matches.length,
    interval: wilson(memorized, matches.length),
    coverage: covered.size / distinct,
    matches,
  };
}

/** Compares generated with training sequences, both [N, length]. */
export function memorization(
  samples: ArrayLike<number>,
  training: ArrayLike<number>,
  options: { readonly length: number },
): Memorization {
  const find = rowFinder(training, options.length);
  return memorizationOf(find.in(samples), find.distinct);
}

/**
 * The coverage to expect of `samples` sequences drawn from the training set itself.
 *
 * @param counts how often each distinct sequence stands in it.
 */
export function expectedCoverage(counts: ArrayLike<number>, samples: number): number {
  const all = Array.from(counts), total = all.reduce((sum, count) => sum + count, 0);
  return all.reduce((sum, count) => sum + 1 - (1 - count / total) ** samples, 0) / all.length;
}

/**
 * The exact expectation of the memorized fraction: the model's probability of generating any training sequence.
 *
 * @param logProbabilities of each *distinct* training sequence, in nats.
 */
export function memorizedMass(logProbabilities: ArrayLike<number>): number {
  const masses = Float64Array.from(logProbabilities, Math.exp).sort();
  return masses.reduce((sum, mass) => sum + mass, 0);
}
