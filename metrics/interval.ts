/** A confidence interval of a share. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * The 95 % Wilson score interval of a share (Wilson 1927): it stays within 0..1, also where all or none succeed.
 *
 * @throws {RangeError} unless 0 <= successes <= trials and trials >= 1.
 */
export function wilson(successes: number, trials: number): Interval {
  if (!(trials >= 1 && successes >= 0 && successes <= trials)) {
    throw new RangeError(
      `Cannot give an interval as 0 <= successes <= trials must hold: ${successes} of ${trials}`,
    );
  }
  const share = successes / trials, square = Z95 * Z95;
  const centre = share + square / (2 * trials);
  const reach = Z95 * Math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials));
  const scale = 1 + square / trials;
  return { low: Math.max(0, (centre - reach) / scale), high: Math.min(1, (centre + reach) / scale) };
}
