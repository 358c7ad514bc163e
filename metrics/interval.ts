import type { Random } from "../base/random.ts";

/** A confidence interval. */
export interface Interval {
  /** Its lower end. */
  readonly low: number;
  /** Its upper end. */
  readonly high: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
export const Z95 = 1.959963984540054;

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
  // At the ends centre and reach are equal but for rounding.
  return {
    low: successes === 0 ? 0 : Math.max(0, (centre - reach) / scale),
    high: successes === trials ? 1 : Math.min(1, (centre + reach) / scale),
  };
}

/** Sets that are drawn anew for an interval. */
const RESAMPLES = 1000;

/**
 * The 95 % percentile bootstrap interval (Efron 1979) of sum(parts) / sum(wholes), where items, not what they hold, are
 * independent: for shares of tokens that come in texts. 1,000 sets are drawn.
 *
 * @throws {RangeError} where there is no item.
 */
export function bootstrapRatio(
  items: { readonly parts: ArrayLike<number>; readonly wholes: ArrayLike<number> },
  random: Random,
): Interval {
  const { parts, wholes } = items, count = parts.length;
  if (count === 0) throw new RangeError("Cannot give an interval as there is no item: give one at least");
  const ratios = Float64Array.from({ length: RESAMPLES }, () => {
    let part = 0, whole = 0;
    for (let draw = 0; draw < count; draw++) {
      const item = random.integer(count);
      part += parts[item];
      whole += wholes[item];
    }
    return whole === 0 ? 0 : part / whole;
  }).sort();
  const tail = Math.floor(0.025 * RESAMPLES);
  return { low: ratios[tail], high: ratios[RESAMPLES - 1 - tail] };
}
