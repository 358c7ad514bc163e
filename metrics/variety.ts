/** How much samples vary: in their classes, and from one to another. */

/** The classes that samples are taken for. */
export interface ClassVariety {
  /** Share of the classes that some sample is taken for. */
  readonly coverage: number;
  /** How many classes as frequent as each other would vary as much: e to the entropy of their shares. */
  readonly effective: number;
}

/** Of the classes 0 <= label < classes that samples are taken for. */
export function classVariety(labels: ArrayLike<number>, classes: number): ClassVariety {
  const counts = new Float64Array(classes);
  for (let at = 0; at < labels.length; at++) counts[labels[at]]++;
  let entropy = 0, named = 0;
  for (const count of counts) {
    if (count === 0) continue;
    named++;
    entropy -= count / labels.length * Math.log(count / labels.length);
  }
  return { coverage: named / classes, effective: Math.exp(entropy) };
}

/**
 * Mean Euclidean distance of all pairs of rows [N, size]: 0 where all are the same.
 *
 * @throws {RangeError} where there is no pair.
 */
export function meanPairDistance(features: ArrayLike<number>, size: number): number {
  const count = features.length / size;
  if (!(Number.isInteger(count) && count >= 2)) {
    throw new RangeError(
      `Cannot compare pairs as there must be at least 2 rows of ${size}: current value is ${count}`,
    );
  }
  let sum = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let at = 0; at < size; at++) square += (features[i * size + at] - features[j * size + at]) ** 2;
      sum += Math.sqrt(square);
    }
  }
  return 2 * sum / (count * (count - 1));
}
