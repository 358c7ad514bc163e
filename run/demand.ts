/** What a sequence model and its training would take, said before anything is allocated, with what would fit. */
import { inGigabytes, MOST_BYTES } from "../base/too_large.ts";
import type { Sequences } from "../data/sequences.ts";
import { COPIES } from "../layers/layer.ts";

/** What is known of sequences before they are made. */
export type SequenceShape = Pick<Sequences, "count" | "length" | "vocabulary">;

/** What is held at once, in numbers of four bytes. */
export interface Demand {
  /** Trained ones. Their gradients, moments and copies are counted by who asks. */
  readonly weights: number;
  /** All others: the training set as it is learned, a training step's values, what is evaluated. */
  readonly others: number;
}

/** Numbers that an entry of a Map takes, at its emptiest. */
const MAP_ENTRY = 60;

/**
 * What learning prefixes takes beside the weights: `prefixTable` at its largest, each prefix with its tokens, the
 * histogram of what follows, and that as predicted, in float32 and float64.
 */
export function prefixDemand({ count, length, vocabulary }: SequenceShape): number {
  return count * length * (MAP_ENTRY + 4 * length + 4 * vocabulary);
}

/**
 * Makes sure that a model of sequences fits into memory.
 *
 * @param options.demand of sequences of this shape.
 * @param options.shorten What to do for sequences of so many tokens: "lower --window to 12".
 * @throws {RangeError} saying what would fit.
 */
export function checkDemand(shape: SequenceShape, options: {
  readonly demand: (shape: SequenceShape) => Demand;
  readonly shorten: (length: number) => string;
}): void {
  const { demand, shorten } = options;
  const bytes = (of: SequenceShape): number => {
    const { weights, others } = demand(of);
    return 4 * (COPIES * weights + others);
  };
  const needed = bytes(shape);
  if (needed <= MOST_BYTES) return;
  const fits = (changed: Partial<SequenceShape>): boolean => bytes({ ...shape, ...changed }) <= MOST_BYTES;
  const count = largest(shape.count, (count) => fits({ count }));
  const length = largest(shape.length, (length) => fits({ length }));
  const remedy = count !== undefined
    ? `lower --count to ${count}`
    : length !== undefined
    ? shorten(length)
    : "learn fewer different tokens, or count with train-ngram";
  const written = (number: number): string => number.toLocaleString("en-US");
  throw new RangeError(
    `Cannot learn ${written(shape.count)} sequences of ${written(shape.length)} tokens out of ` +
      `${written(shape.vocabulary)} as ${written(demand(shape).weights)} weights and their training take ` +
      `${inGigabytes(needed)}, and ${inGigabytes(MOST_BYTES)} is the most: ${remedy}`,
  );
}

/** The largest whole number from 2 up to `most` that fits; undefined where 2 does not. Smaller ones fit, too. */
function largest(most: number, fits: (number: number) => boolean): number | undefined {
  if (!fits(2)) return undefined;
  let low = 2, high = most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Tokens that are drawn at most: they are also written as one text, whose length is limited. */
const MOST_DRAWN = 50_000_000;

/**
 * Makes sure that so many samples can be held and written.
 *
 * @throws {RangeError} saying how many can.
 */
export function checkSamples(samples: number, { length }: Pick<SequenceShape, "length">): void {
  if (samples * length <= MOST_DRAWN) return;
  throw new RangeError(
    `Cannot draw ${samples.toLocaleString("en-US")} sequences of ${length} tokens as ` +
      `${
        MOST_DRAWN.toLocaleString("en-US")
      } tokens are the most that are drawn at once: lower --samples to ` +
      Math.floor(MOST_DRAWN / length),
  );
}
