/** What one trained classifier says of a set of items. */
export interface Trial {
  /** [items]: 1 where the item was among those it learned. */
  readonly learned: Uint8Array;
  /** [items]: 1 where it names the item's class. */
  readonly right: Uint8Array;
}

/** How much being right on an item depends on having learned it. */
export interface LabelMemorization {
  /** [items]: the share of trials that are right, of those that learned the item; NaN where none did. */
  readonly learned: Float64Array;
  /** [items]: the same of those that did not. */
  readonly unlearned: Float64Array;
  /** [items]: the first less the second. 1: only who learned the item knows its class; 0: it is known from the others. */
  readonly scores: Float64Array;
}

/**
 * The estimate of Feldman and Zhang (2020) of how much each item's label is memorized, from classifiers that learned random
 * subsets of the items. Each share of n trials has a standard error of up to 0.5 / sqrt(n).
 *
 * @throws {RangeError} where there is no trial, or trials are of different items.
 */
export function labelMemorization(trials: readonly Trial[]): LabelMemorization {
  const items = trials[0]?.learned.length ?? 0;
  if (
    items === 0 || trials.some(({ learned, right }) => learned.length !== items || right.length !== items)
  ) {
    throw new RangeError(
      `Cannot estimate what is memorized as all trials must be of the same items, at least one: current number of trials is ${trials.length}`,
    );
  }
  const share = (item: number, wanted: number): number => {
    const those = trials.filter(({ learned }) => learned[item] === wanted);
    return those.reduce((sum, { right }) => sum + right[item], 0) / those.length;
  };
  const shares = (wanted: number): Float64Array =>
    Float64Array.from({ length: items }, (_, item) => share(item, wanted));
  const learned = shares(1), unlearned = shares(0);
  return { learned, unlearned, scores: learned.map((value, item) => value - unlearned[item]) };
}

/** Pearson's correlation of two lists, over the places where both are numbers. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const pairs = Array.from(a, (x, at) => [x, b[at]]).filter(([x, y]) =>
    Number.isFinite(x) && Number.isFinite(y)
  );
  const mean = (place: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[place], 0) / pairs.length;
  const [meanA, meanB] = [mean(0), mean(1)];
  let products = 0, squaresA = 0, squaresB = 0;
  for (const [x, y] of pairs) {
    products += (x - meanA) * (y - meanB);
    squaresA += (x - meanA) ** 2;
    squaresB += (y - meanB) ** 2;
  }
  return products / Math.sqrt(squaresA * squaresB);
}
