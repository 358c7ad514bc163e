/** The Fréchet distance between two sets of features (Heusel et al. 2017), in double precision. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Mean and covariance of a set of features. */
export interface FeatureStatistics {
  readonly mean: Float64Array;
  /** [size, size], divided by N - 1. */
  readonly covariance: Float64Array;
}

/**
 * Makes sure that a covariance of `size` features can be estimated from `count` samples: to be called before they are
 * computed.
 *
 * @throws {RangeError} unless there are more samples than features: the covariance would have no full rank.
 */
export function mustHaveFullRank(count: number, size: number): void {
  if (Number.isInteger(count) && count > size) return;
  throw new RangeError(
    `Cannot estimate a covariance of ${size} features as more than ${size} samples must be given: ` +
      `${count} give it a rank of at most ${Math.max(0, Math.floor(count) - 1)}`,
  );
}

/**
 * Statistics of features [N, size].
 *
 * @throws {RangeError} as `mustHaveFullRank`.
 */
export function featureStatistics(features: ArrayLike<number>, size: number): FeatureStatistics {
  const count = features.length / size;
  mustHaveFullRank(count, size);
  const mean = new Float64Array(size), covariance = new Float64Array(size * size);
  for (let at = 0; at < features.length; at++) mean[at % size] += features[at] / count;
  const centred = new Float64Array(size);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) centred[i] = features[row * size + i] - mean[i];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) covariance[i * size + j] += centred[i] * centred[j];
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      covariance[j * size + i] = covariance[i * size + j] /= count - 1;
    }
  }
  return { mean, covariance };
}

/**
 * |m1 - m2|² + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2. The last trace is the sum of the roots of the eigenvalues of a
 * symmetric matrix: the root of S1 S2 itself, which is not symmetric, may come out complex.
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const size = a.mean.length;
  if (b.mean.length !== size) {
    throw new RangeError(
      `Cannot compare features as both must have ${size} of them: one has ${b.mean.length}`,
    );
  }
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = symmetric(matrix(a.covariance, size));
  const roots = values.map(rootOf);
  const scaled = vectors.clone();
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      scaled.set(row, column, vectors.get(row, column) * roots[column]);
    }
  }
  const root = scaled.mmul(vectors.transpose());
  const product = root.mmul(matrix(b.covariance, size)).mmul(root);
  const rounded = product.clone().add(product.transpose()).mul(0.5);
  const overlap = symmetric(rounded).realEigenvalues.reduce((sum, value) => sum + rootOf(value), 0);
  let distance = 0, traces = 0;
  for (let i = 0; i < size; i++) {
    distance += (a.mean[i] - b.mean[i]) ** 2;
    traces += a.covariance[i * (size + 1)] + b.covariance[i * (size + 1)];
  }
  return distance + traces - 2 * overlap;
}

/** Eigenvalues that rounding made negative are 0. */
function rootOf(value: number): number {
  return Math.sqrt(Math.max(0, value));
}

function symmetric(of: Matrix): EigenvalueDecomposition {
  return new EigenvalueDecomposition(of, { assumeSymmetric: true });
}

function matrix(values: Float64Array, size: number): Matrix {
  return Matrix.from1DArray(size, size, values);
}
