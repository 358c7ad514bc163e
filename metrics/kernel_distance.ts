/** The kernel distance between two sets of features (Bińkowski et al. 2018), which needs no Gaussian. */
import { stream } from "../base/random.ts";
import type { Interval } from "./interval.ts";

/** The mean over subsets, and what it is uncertain by. */
export interface KernelDistance {
  readonly value: number;
  /** 95 % interval of the mean over the subsets drawn. It does not know that subsets overlap: a lower bound. */
  readonly interval: Interval;
}

/** The 97.5 % quantile of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * Unbiased squared maximum mean discrepancy with the kernel (x y / size + 1)³ of features [N, size] and [M, size]: mean
 * over all pairs within each set, without pairs of a sample with itself, minus twice the mean over pairs between them.
 * It may be below 0.
 */
export function squaredDiscrepancy(a: ArrayLike<number>, b: ArrayLike<number>, size: number): number {
  const countA = a.length / size, countB = b.length / size;
  if (!(Number.isInteger(countA) && Number.isInteger(countB) && countA >= 2 && countB >= 2)) {
    throw new RangeError(
      `Cannot compare features as both sets must hold at least 2 rows of ${size}: they hold ${countA} and ${countB}`,
    );
  }
  return within(a, size) + within(b, size) - 2 * between(a, b, size);
}

/**
 * Mean of `squaredDiscrepancy` over `subsets` pairs of random subsets of `rows` samples each.
 *
 * @throws {RangeError} unless both sets hold at least `rows` samples and `subsets` is 2 or more.
 */
export function kernelDistance(a: ArrayLike<number>, b: ArrayLike<number>, options: {
  readonly size: number;
  readonly subsets: number;
  readonly rows: number;
  readonly seed: number;
}): KernelDistance {
  const { size, subsets, rows, seed } = options;
  const fewest = Math.min(a.length, b.length) / size;
  if (!(rows <= fewest && subsets >= 2)) {
    throw new RangeError(
      `Cannot draw subsets as there must be 2 or more of at most ${fewest} samples: current values are ${subsets} of ${rows}`,
    );
  }
  const random = stream(seed).fork("kernel-distance");
  const draw = (features: ArrayLike<number>): Float64Array => {
    const order = random.permutation(features.length / size);
    return Float64Array.from(
      { length: rows * size },
      (_, at) => features[order[Math.floor(at / size)] * size + at % size],
    );
  };
  const values = Array.from({ length: subsets }, () => squaredDiscrepancy(draw(a), draw(b), size));
  const value = values.reduce((sum, each) => sum + each, 0) / subsets;
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (subsets - 1);
  const reach = Z95 * Math.sqrt(variance / subsets);
  return { value, interval: { low: value - reach, high: value + reach } };
}

function kernel(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, size: number): number {
  let product = 0;
  for (let index = 0; index < size; index++) product += a[i * size + index] * b[j * size + index];
  return (product / size + 1) ** 3;
}

function within(a: ArrayLike<number>, size: number): number {
  const count = a.length / size;
  let sum = 0;
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) sum += kernel(a, i, a, j, size);
  return 2 * sum / (count * (count - 1));
}

function between(a: ArrayLike<number>, b: ArrayLike<number>, size: number): number {
  const countA = a.length / size, countB = b.length / size;
  let sum = 0;
  for (let i = 0; i < countA; i++) for (let j = 0; j < countB; j++) sum += kernel(a, i, b, j, size);
  return sum / (countA * countB);
}
