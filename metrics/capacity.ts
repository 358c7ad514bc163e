/** How many bits of its training set a model holds: code lengths with the model and without it. */

/** Equally long rows of tokens. */
interface Rows {
  /** [count, length], 0 <= token < vocabulary. */
  readonly tokens: Int32Array;
  readonly count: number;
  readonly length: number;
  readonly vocabulary: number;
}

/** Orders of the counts that a reference may have. */
const LONGEST_CONTEXT = 3;
/** What is added to every count: half an occurrence, after Krichevsky and Trofimov (1981). */
const PSEUDO_COUNT = 0.5;

/** Bits of a list of uniformly random rows: its entropy, and so what it takes to write them with no model. */
export function uniformBits({ count, length, vocabulary }: Omit<Rows, "tokens">): number {
  return count * length * Math.log2(vocabulary);
}

/**
 * Bits of a training set that a model holds: what the set takes without it less what it takes with it, none where the
 * model is no help. After Morris et al. (2025), who count what a model tells of a set beyond what is known without it.
 *
 * @param set.without Bits of the set by uniform draws, or by a reference that did not learn it.
 * @param set.nats Code length of the set by the model: minus the sum of its log-probabilities, in nats.
 */
export function memorizedBits(
  { without, nats }: { readonly without: number; readonly nats: number },
): number {
  return Math.max(0, without - nats / Math.LN2);
}

/** What rows take by a reference. */
export interface ReferenceCode {
  readonly bits: number;
  /** How many tokens before the next one it looks at. */
  readonly order: number;
}

/**
 * Code length of rows by a reference that has seen other rows of the same kind only: at each position it has counted
 * what followed the last tokens, with half an occurrence added to all. How many tokens it looks at is chosen by halves
 * of those others.
 *
 * @throws {RangeError} where there are fewer than two others.
 */
export function referenceCode(rows: Rows, others: Rows): ReferenceCode {
  if (others.count < 2) {
    throw new RangeError(
      `Cannot count what is usual as others must be two at least: current value is ${others.count}`,
    );
  }
  const half = others.count >> 1, split = half * others.length;
  const first = { ...others, tokens: others.tokens.subarray(0, split), count: half };
  const second = { ...others, tokens: others.tokens.subarray(split), count: others.count - half };
  const orders = Array.from({ length: LONGEST_CONTEXT + 1 }, (_, order) => order);
  const tried = orders.map((order) => countedBits(second, first, order));
  const order = tried.indexOf(Math.min(...tried));
  return { bits: countedBits(rows, others, order), order };
}

/** Code length of rows by the counts of others, in bits. */
function countedBits({ tokens, length, vocabulary }: Rows, others: Rows, order: number): number {
  const contexts = vocabulary ** order;
  const counts = new Float64Array(length * contexts * vocabulary).fill(PSEUDO_COUNT);
  const totals = new Float64Array(length * contexts).fill(PSEUDO_COUNT * vocabulary);
  /** The row of the table that stands for a position and the last tokens; those before the beginning count as 0. */
  const contextAt = (of: Int32Array, at: number): number => {
    const position = at % length;
    let context = position;
    for (let back = order; back > 0; back--) {
      context = context * vocabulary + (back <= position ? of[at - back] : 0);
    }
    return context;
  };
  others.tokens.forEach((token, at) => {
    const context = contextAt(others.tokens, at);
    counts[context * vocabulary + token]++;
    totals[context]++;
  });
  return tokens.reduce((bits, token, at) => {
    const context = contextAt(tokens, at);
    return bits - Math.log2(counts[context * vocabulary + token] / totals[context]);
  }, 0);
}
