/** How well a score tells the members of a training set from others: the attack's curve. */
import { type Interval, wilson } from "./interval.ts";
import { mannWhitney } from "./mann_whitney.ts";

/** A share of members that a threshold finds, and how many others it takes for members. */
export interface OperatingPoint {
  /** The largest share of others that may be taken for members. */
  readonly falsePositives: number;
  /** Share of the members that score above the threshold, and its 95 % interval. */
  readonly truePositives: number;
  /** Of `truePositives`. */
  readonly interval: Interval;
}

/** What a score is worth as a test of membership. */
export interface Membership {
  /** Area under the curve: the chance that a member scores above one that is none, of equal scores half; 1/2 is blind. */
  readonly auc: number;
  /** One for each rate that was asked for. */
  readonly points: readonly OperatingPoint[];
}

/**
 * Measures scores (higher for members) against those of sequences that were not learned (Carlini et al. 2022 ask for
 * the true positives at few false ones, as an average hides who is exposed). A threshold is the score of one of the
 * others: members must be above it, so that equal scores accuse nobody.
 *
 * @throws {RangeError} where a set is empty.
 */
export function membership(
  members: ArrayLike<number>,
  others: ArrayLike<number>,
  { rates = [0.001, 0.01] }: { readonly rates?: readonly number[] } = {},
): Membership {
  const { above } = mannWhitney(members, others);
  const falling = Float64Array.from(others).sort().reverse(), all = Array.from(members);
  return {
    auc: above,
    points: rates.map((rate) => {
      const threshold = falling[Math.floor(rate * falling.length)] ?? -Infinity;
      const found = all.filter((score) => score > threshold).length;
      return {
        falsePositives: rate,
        truePositives: found / all.length,
        interval: wilson(found, all.length),
      };
    }),
  };
}

/** The curve itself: for each distinct threshold, from the strictest on, the shares of others and members above it. */
export function operatingCurve(
  members: ArrayLike<number>,
  others: ArrayLike<number>,
): { readonly falsePositives: number[]; readonly truePositives: number[] } {
  const scores = [
    ...Array.from(members, (score) => ({ score, member: true })),
    ...Array.from(others, (score) => ({ score, member: false })),
  ].sort((a, b) => b.score - a.score);
  const falsePositives = [0], truePositives = [0];
  let found = 0, wrong = 0;
  scores.forEach(({ score, member }, index) => {
    if (member) found++;
    else wrong++;
    if (scores[index + 1]?.score === score) return;
    falsePositives.push(wrong / others.length);
    truePositives.push(found / members.length);
  });
  return { falsePositives, truePositives };
}
