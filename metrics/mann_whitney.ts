/** The rank test of Mann and Whitney (1947), and the data-copying test that is made of it. */
import { type Interval, Z95 } from "./interval.ts";

/** How two sets of numbers compare. */
export interface RankTest {
  /** Share of pairs in which the number of the first set is the larger one; of equal ones half count. */
  readonly above: number;
  /** Standard normal where both sets are drawn from one distribution; negative where the first has smaller numbers. */
  readonly z: number;
}

/**
 * Compares two sets of numbers by the ranks of all of them. Ties share their mean rank, and the variance is that of
 * the ranks as they are; there is no correction for continuity. Where all numbers are equal, z is 0.
 *
 * @throws {RangeError} where a set is empty.
 */
export function mannWhitney(a: ArrayLike<number>, b: ArrayLike<number>): RankTest {
  const n = a.length, m = b.length, all = n + m;
  if (n === 0 || m === 0) {
    throw new RangeError("Cannot compare ranks as one of the two sets is empty: give a number each");
  }
  const value = (index: number): number => index < n ? a[index] : b[index - n];
  const order = Array.from({ length: all }, (_, index) => index).sort((i, j) => value(i) - value(j));
  let ranks = 0, ties = 0;
  for (let from = 0, to = 0; from < all; from = to) {
    while (to < all && value(order[to]) === value(order[from])) to++;
    // Ranks count from 1.
    for (let at = from; at < to; at++) if (order[at] < n) ranks += (from + 1 + to) / 2;
    ties += (to - from) ** 3 - (to - from);
  }
  const u = ranks - n * (n + 1) / 2;
  const variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
  return { above: u / (n * m), z: variance > 0 ? (u - n * m / 2) / Math.sqrt(variance) : 0 };
}

/** A number that is standard normal where there is nothing to see, and where it lies but for chance. */
export interface Score extends Interval {
  readonly value: number;
}

/** The data-copying test: well below 0 where samples lie nearer to the training set than held-out data do. */
export interface CopyingTest {
  /** z of the rank test of all distances, +- 1.96. */
  readonly global: Score;
  /** The mean of the cells' z, weighted by their held-out items, +- 1.96 of its own deviations; null without cells. */
  readonly cells: Score | null;
  /** Each cell that has enough of both. */
  readonly each: readonly {
    readonly cell: number;
    readonly samples: number;
    readonly heldOut: number;
    readonly z: number;
  }[];
}

/** Items of either kind that a cell needs: below this the normal approximation of ranks is poor. */
const LEAST_OF_A_CELL = 10;

/**
 * C_T of Meehan, Chaudhuri and Dasgupta (2020): the rank test of the distances samples -> nearest training item against
 * held-out -> nearest training item, over all and in each cell of a partition of the space.
 *
 * @param samples,heldOut distances, and the cell of each item.
 */
export function copyingTest(
  samples: { readonly distances: ArrayLike<number>; readonly cells: ArrayLike<number> },
  heldOut: { readonly distances: ArrayLike<number>; readonly cells: ArrayLike<number> },
): CopyingTest {
  const global = mannWhitney(samples.distances, heldOut.distances).z;
  const ofSamples = byCell(samples), ofHeldOut = byCell(heldOut);
  const each = [...ofHeldOut.keys()].sort((a, b) => a - b).flatMap((cell) => {
    const a = ofSamples.get(cell) ?? [], b = ofHeldOut.get(cell)!;
    if (Math.min(a.length, b.length) < LEAST_OF_A_CELL) return [];
    return [{ cell, samples: a.length, heldOut: b.length, z: mannWhitney(a, b).z }];
  });
  const weight = each.reduce((sum, cell) => sum + cell.heldOut, 0);
  const mean = each.reduce((sum, cell) => sum + cell.heldOut * cell.z, 0) / weight;
  const deviation = Math.sqrt(each.reduce((sum, cell) => sum + cell.heldOut ** 2, 0)) / weight;
  return { global: scoreOf(global, 1), cells: each.length === 0 ? null : scoreOf(mean, deviation), each };
}

function scoreOf(value: number, deviation: number): Score {
  return { value, low: value - Z95 * deviation, high: value + Z95 * deviation };
}

function byCell(
  { distances, cells }: { readonly distances: ArrayLike<number>; readonly cells: ArrayLike<number> },
): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let item = 0; item < distances.length; item++) {
    const list = found.get(cells[item]);
    if (list === undefined) found.set(cells[item], [distances[item]]);
    else list.push(distances[item]);
  }
  return found;
}
