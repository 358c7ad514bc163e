/** What several runs say together. */
export interface Estimate {
  readonly mean: number;
  /** Of one run, NaN. */
  readonly deviation: number;
}

/** The mean of some values and their standard deviation, the unbiased one. */
export function meanAndDeviation(values: readonly number[]): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
