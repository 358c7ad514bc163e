/** Kullback-Leibler divergence between Gaussians, in nats. The derivation stands in docs/variational-autoencoder.md. */

/** A Gaussian of k dimensions. */
export interface Gaussian {
  /** [k] */
  readonly mean: ArrayLike<number>;
  /** [k, k], symmetric and positive definite. */
  readonly covariance: ArrayLike<number>;
}

/** A Gaussian whose k dimensions are independent. */
export interface DiagonalGaussian {
  /** [k] */
  readonly mean: ArrayLike<number>;
  /** [k], above 0. */
  readonly variance: ArrayLike<number>;
}

/**
 * KL(p || q) = 1/2 (tr(Q^-1 P) + (q - p)' Q^-1 (q - p) - k + ln det Q - ln det P) of Gaussians with covariances P and Q.
 *
 * @throws {RangeError} where the sizes differ or a covariance is not positive definite.
 */
export function gaussianKl(p: Gaussian, q: Gaussian): number {
  const size = p.mean.length;
  if (q.mean.length !== size) {
    throw new RangeError(
      `Cannot compare Gaussians as both must have ${size} dimensions: one has ${q.mean.length}`,
    );
  }
  const lowerP = cholesky(p.covariance, size), lowerQ = cholesky(q.covariance, size);
  // tr(Q^-1 P) is the sum of squares of L_Q^-1 L_P, and the middle term that of L_Q^-1 (q - p).
  let squares = 0, logs = 0;
  for (let column = 0; column < size; column++) {
    squares += sumOfSquares(
      solveLower(lowerQ, Float64Array.from(p.mean, (_, row) => lowerP[row * size + column])),
    );
    logs += Math.log(lowerQ[column * (size + 1)]) - Math.log(lowerP[column * (size + 1)]);
  }
  squares += sumOfSquares(solveLower(lowerQ, Float64Array.from(p.mean, (mean, row) => q.mean[row] - mean)));
  return (squares - size) / 2 + logs;
}

/**
 * The same where all dimensions are independent: 1/2 sum(s²/t² + (m - n)²/t² - 1 - ln(s²/t²)). Without `q` against the
 * standard normal: 1/2 sum(s² + m² - 1 - ln s²), the regularizer of a variational autoencoder.
 *
 * @throws {RangeError} where the sizes differ or a variance is not above 0.
 */
export function diagonalGaussianKl(p: DiagonalGaussian, q?: DiagonalGaussian): number {
  let sum = 0;
  for (let index = 0; index < p.mean.length; index++) {
    const variance = p.variance[index], other = q === undefined ? 1 : q.variance[index];
    if (!(variance > 0 && other > 0)) {
      throw new RangeError(
        `Cannot compare Gaussians as variances must be above 0: they are ${variance} and ${other}`,
      );
    }
    const distance = p.mean[index] - (q === undefined ? 0 : q.mean[index]);
    sum += (variance + distance * distance) / other - 1 - Math.log(variance / other);
  }
  if (p.variance.length !== p.mean.length || (q !== undefined && q.mean.length !== p.mean.length)) {
    throw new RangeError(
      `Cannot compare Gaussians as all must have ${p.mean.length} dimensions: one has not`,
    );
  }
  return sum / 2;
}

/** The lower triangular L with L L' = matrix, [size, size]. */
function cholesky(matrix: ArrayLike<number>, size: number): Float64Array {
  if (matrix.length !== size * size) {
    throw new RangeError(
      `Cannot read a covariance as it must hold ${size} x ${size} numbers: it holds ${matrix.length}`,
    );
  }
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column];
      if (Math.abs(sum - matrix[column * size + row]) > 1e-9 * Math.abs(sum)) {
        throw new RangeError(
          `Cannot read a covariance as it must be symmetric: entries ${row}, ${column} differ`,
        );
      }
      for (let index = 0; index < column; index++) {
        sum -= lower[row * size + index] * lower[column * size + index];
      }
      if (row > column) lower[row * size + column] = sum / lower[column * (size + 1)];
      else if (sum > 0) lower[row * (size + 1)] = Math.sqrt(sum);
      else {throw new RangeError(
          "Cannot read a covariance as it must be positive definite: add to its diagonal",
        );}
    }
  }
  return lower;
}

/** The x with L x = right, for a lower triangular L. */
function solveLower(lower: Float64Array, right: Float64Array): Float64Array {
  const size = right.length, x = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let sum = right[row];
    for (let column = 0; column < row; column++) sum -= lower[row * size + column] * x[column];
    x[row] = sum / lower[row * (size + 1)];
  }
  return x;
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
