/**
 * The likelihood-ratio attack: was an item among what a model learned? Other models, of which half learned the item,
 * show how its statistic is distributed either way.
 *
 * After: Carlini et al. (2022), "Membership inference attacks from first principles", arXiv 2112.03570, the online attack.
 * Departure: the statistic is what the model gives, here the log-probability of an item by a density, where the paper has
 * the scaled confidence of a classifier.
 */
import type { Random } from "../base/random.ts";
import { bootstrapRatio, type Interval } from "./interval.ts";
import { mannWhitney } from "./mann_whitney.ts";
import { membership } from "./membership.ts";

/** What one model says of a set of items. */
export interface Shadow {
  /** [items]: 1 where the item was among those it learned. */
  readonly learned: Uint8Array;
  /** [items]: higher for what was learned. */
  readonly statistics: Float64Array;
}

/** Models from which on each item has a variance of its own, as in the paper; below, all items share one. */
const OWN_VARIANCES = 64;
/** What a variance counts as at least: of equal statistics there is none. */
const LEAST_VARIANCE = 1e-12;

/** Sums over some models of an item's statistic. */
interface Sums {
  readonly count: number;
  readonly mean: number;
  /** Of squared distances from the mean. */
  readonly squares: number;
}

/**
 * Scores [models][items]: for each model the log-likelihood ratio of each item's statistic under the normal
 * distributions that the *other* models give it, those that learned the item against those that did not.
 *
 * @throws {RangeError} where an item is left without two models on either side, or models are of different items.
 */
export function liraScores(shadows: readonly Shadow[]): Float64Array[] {
  const items = shadows[0]?.statistics.length ?? 0;
  if (shadows.some(({ learned, statistics }) => learned.length !== items || statistics.length !== items)) {
    throw new RangeError(
      "Cannot compare models as they are of different items: ask all of them about the same",
    );
  }
  return shadows.map((target) => {
    const others = shadows.filter((shadow) => shadow !== target);
    const sides = [0, 1].map((side) => {
      const sums = Array.from({ length: items }, (_, item) => sumsOf(others, item, side));
      const own = shadows.length >= OWN_VARIANCES;
      const total = (of: (sums: Sums) => number): number => sums.reduce((sum, each) => sum + of(each), 0);
      const shared = total(({ squares }) => squares) / total(({ count }) => count - 1);
      return sums.map(({ mean, squares, count }) => ({
        mean,
        variance: Math.max(LEAST_VARIANCE, own ? squares / (count - 1) : shared),
      }));
    });
    return target.statistics.map((value, item) =>
      normalLog(value, sides[1][item]) - normalLog(value, sides[0][item])
    );
  });
}

function sumsOf(shadows: readonly Shadow[], item: number, side: number): Sums {
  const values = shadows.flatMap(({ learned, statistics }) =>
    learned[item] === side ? [statistics[item]] : []
  );
  if (values.length < 2) {
    throw new RangeError(
      `Cannot judge item ${item} as ${values.length} other models ${
        side === 1 ? "learned it" : "did not learn it"
      }: at least two must on either side`,
    );
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    count: values.length,
    mean,
    squares: values.reduce((sum, value) => sum + (value - mean) ** 2, 0),
  };
}

/** Log-density of a normal distribution. */
function normalLog(
  value: number,
  { mean, variance }: { readonly mean: number; readonly variance: number },
): number {
  return -((value - mean) ** 2 / variance + Math.log(2 * Math.PI * variance)) / 2;
}

/** A figure with its 95 % interval. */
export interface Bounded {
  readonly value: number;
  readonly interval: Interval;
}

/** What scores of several models' items are worth as a test of membership. */
export interface Attack {
  /** Mean over the models of the area under each one's curve. */
  readonly auc: Bounded;
  /** By rate of false positives over all models together: the share of members that are found. */
  readonly truePositives: readonly Bounded[];
}

/** Members and others among the scored items of all models. */
export function pooled(
  shadows: readonly Pick<Shadow, "learned">[],
  scores: readonly Float64Array[],
): { readonly members: number[]; readonly others: number[] } {
  const of = (side: number): number[] =>
    scores.flatMap((all, model) => [...all].filter((_, item) => shadows[model].learned[item] === side));
  return { members: of(1), others: of(0) };
}

/** Measures scores [models][items]. Intervals are percentile bootstraps over the models, each with all of its items. */
export function attack(
  shadows: readonly Pick<Shadow, "learned">[],
  scores: readonly Float64Array[],
  { rates, random }: { readonly rates: readonly number[]; readonly random: Random },
): Attack {
  const apart = scores.map((all, model) => pooled([shadows[model]], [all]));
  const areas = apart.map(({ members, others }) => mannWhitney(members, others).above);
  const every = pooled(shadows, scores), falling = Float64Array.from(every.others).sort().reverse();
  const { points } = membership(every.members, every.others, { rates });
  return {
    auc: {
      value: areas.reduce((sum, area) => sum + area, 0) / areas.length,
      interval: bootstrapRatio({ parts: areas, wholes: areas.map(() => 1) }, random.fork("area")),
    },
    truePositives: points.map(({ falsePositives, truePositives }) => {
      const threshold = falling[Math.floor(falsePositives * falling.length)];
      return {
        value: truePositives,
        interval: bootstrapRatio({
          parts: apart.map(({ members }) => members.filter((score) => score > threshold).length),
          wholes: apart.map(({ members }) => members.length),
        }, random.fork(`rate ${falsePositives}`)),
      };
    }),
  };
}
