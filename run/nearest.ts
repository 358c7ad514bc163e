/**
 * Exact nearest neighbours of rows among rows, in Euclidean distance.
 *
 * Candidates come from matrix products on the engine: the score a.b - |b|²/2 is largest where |a - b| is smallest, and
 * each block of the base gives every query its few largest. Long rows are first mapped to short ones whose distances are
 * at most theirs, so that a small product tells most of the base from the nearest rows. The candidates are measured in
 * float64, difference by difference: |a|² + |b|² - 2 a.b in float32 puts a copy at a distance above 0. What mapping and
 * rounding can have hidden is bounded: a query whose nearest rows are not certain to be among its candidates is searched
 * again, without the map, and if that does not settle it, compared with every row.
 */
import type { Device } from "../engine/device.ts";
import { type RowGroups, RowIndex, type Table } from "../metrics/mod.ts";
import { identityMap, principalMap } from "./nearest/row_map.ts";
import { byDistance, type Measured, Search } from "./nearest/search.ts";

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

/** From how many numbers a row on a map is worth its making. */
const MAPPED_WIDTH = 256;
/** What share of the work is done when all queries have been searched with a map. */
const MAPPED_SHARE = 0.8;

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
  const rows = new Int32Array(queries.count * k), distances = new Float64Array(queries.count * k);
  // Rows that stand in the base more than once would fill the candidates: each is searched once.
  const { groups } = new RowIndex(base);
  const members = membersOf(groups);
  const settle = (query: number, found: readonly Measured[]): void => {
    const all = found.flatMap(({ row: group, square }) =>
      Array.from(members(group), (row) => ({ row, square }))
    ).filter(({ row }) => row !== own?.[query]).sort(byDistance);
    all.slice(0, k).forEach(({ row, square }, place) => {
      rows[query * k + place] = row;
      distances[query * k + place] = Math.sqrt(square);
    });
  };

  // One more where one of them may be the query itself.
  const wanted = own === undefined ? k : k + 1;
  const search = new Search(queries, { base, first: groups.first, wanted });
  let asked: Int32Array = Int32Array.from({ length: queries.count }, (_, query) => query), done = 0;
  const width = mappedWidth(base.width);
  if (
    base.width >= MAPPED_WIDTH && isMapWorthIt(width, { queries: queries.count, rows: groups.first.length })
  ) {
    const map = await principalMap(device, { rows: search.sample(), columns: base.width, width });
    if (await search.isSelective(device, map)) {
      asked = await search.pass(device, {
        map,
        asked,
        settle,
        onProgress: (share) => onProgress(MAPPED_SHARE * share),
      });
      done = MAPPED_SHARE;
    }
  }
  if (asked.length > 0) {
    asked = await search.pass(device, {
      map: identityMap(base.width),
      asked,
      settle,
      onProgress: (share) => onProgress(done + (1 - done) * share),
    });
  }
  for (const query of asked) {
    settle(query, search.compareAll(query));
    await onProgress(1);
  }
  await onProgress(1);
  return { k, rows, distances };
}

/** Numbers of a mapped row: the longer a row, the more it takes to tell it from others. */
function mappedWidth(width: number): number {
  return Math.min(256, Math.max(64, 16 * Math.round(width / 192)));
}

/**
 * Whether a search is large enough for a map: to map the base costs as much as the products of 2 `width` queries, and to
 * find the directions as much as those of some 100 `width`² pairs.
 */
function isMapWorthIt(
  width: number,
  { queries, rows }: { readonly queries: number; readonly rows: number },
): boolean {
  return queries >= 8 * width && queries * rows >= 400 * width ** 2;
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
