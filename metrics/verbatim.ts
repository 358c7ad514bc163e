/** Which stretches of texts stand, token for token, in a source, however long both are. */
import { suffixArray } from "./suffix_array.ts";

/** A stretch of a sequence that stands in the source. */
export interface Verbatim {
  /** Index of its first token in the sequence. */
  readonly start: number;
  readonly length: number;
  /** Index in the source where the stretch stands first. */
  readonly source: number;
}

/** A stretch that stands in the source but for a few tokens. */
export interface NearMiss extends Verbatim {
  /** Tokens that were put in, left out or changed. */
  readonly edits: number;
}

/** Tokens that may differ at one place of a near miss, and how many must be right after them. */
const LONGEST_EDIT = 3;
const RIGHT_AGAIN = 8;
/** A near miss has at most one edit for so many tokens. */
const TOKENS_AN_EDIT = 10;

/** A source that stretches are looked up in. */
export class VerbatimIndex {
  readonly #source: Int32Array;
  /** Where the source's suffixes start, in their order. */
  readonly #suffixes: Int32Array;

  /** @param source Tokens; negative ones are gaps that nothing matches. */
  constructor(source: Int32Array) {
    this.#source = source;
    this.#suffixes = suffixArray(source);
  }

  /**
   * The longest stretches of `sequence` that stand in the source and have at least `minimum` tokens, in order. None lies
   * within another; they may overlap. Tokens that the source lacks are negative.
   */
  find(sequence: Int32Array, { minimum }: { readonly minimum: number }): Verbatim[] {
    const found: Verbatim[] = [];
    const least = Math.max(1, minimum);
    for (let start = 0; start + least <= sequence.length;) {
      const length = this.#longest(sequence, start);
      if (length < least) {
        start++;
        continue;
      }
      found.push({ start, length, source: this.#firstPlace(sequence, start, length) });
      const end = start + length;
      if (end === sequence.length) break;
      // The first start whose stretch reaches farther: ends never go back, so it can be halved.
      let low = start + 1, high = end + 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (middle === end || this.#stands(sequence, middle, end + 1 - middle)) high = middle;
        else low = middle + 1;
      }
      start = low;
    }
    return found;
  }

  /** The longest of all stretches, the first of equally long ones; null where nothing stands in the source. */
  longest(sequence: Int32Array, found: readonly Verbatim[]): Verbatim | null {
    // Where long ones are known already, no other is longer.
    if (found.length > 0) return found.reduce((best, one) => one.length > best.length ? one : best);
    let start = 0, length = 0;
    for (let at = 0; at + length < sequence.length; at++) {
      const here = this.#longest(sequence, at);
      if (here > length) [start, length] = [at, here];
    }
    return length === 0 ? null : { start, length, source: this.#firstPlace(sequence, start, length) };
  }

  /**
   * The longest stretch of at least `minimum` tokens that stands in the source but for at most one token in ten: grown
   * from a verbatim stretch of half the minimum over places where up to three tokens differ and the next eight are
   * right. Null where there is none that differs at all.
   */
  nearMiss(sequence: Int32Array, { minimum }: { readonly minimum: number }): NearMiss | null {
    let best: NearMiss | null = null;
    for (const anchor of this.find(sequence, { minimum: Math.ceil(minimum / 2) })) {
      const right = this.#grow(sequence, anchor, 1), left = this.#grow(sequence, anchor, -1);
      const edits = right.edits + left.edits;
      const length = anchor.length + right.length + left.length;
      if (edits === 0 || length < minimum || edits * TOKENS_AN_EDIT > length) continue;
      if (best === null || length > best.length) {
        best = {
          start: anchor.start - left.length,
          length,
          source: anchor.source - left.sourceLength,
          edits,
        };
      }
    }
    return best;
  }

  /** How far the sequence goes on like the source, to the right (1) or to the left (-1) of a stretch. */
  #grow(
    sequence: Int32Array,
    { start, length, source }: Verbatim,
    direction: 1 | -1,
  ): { readonly length: number; readonly sourceLength: number; readonly edits: number } {
    const from = direction === 1 ? start + length : start - 1;
    const place = direction === 1 ? source + length : source - 1;
    const equal = (i: number, j: number): boolean => {
      const token = sequence[from + direction * i];
      return token !== undefined && token >= 0 && token === this.#source[place + direction * j];
    };
    const run = (i: number, j: number): number => {
      let tokens = 0;
      while (tokens < RIGHT_AGAIN && equal(i + tokens, j + tokens)) tokens++;
      return tokens;
    };
    let i = 0, j = 0, edits = 0;
    for (;;) {
      while (equal(i, j)) {
        i++;
        j++;
      }
      const jump = EDITS.find(([di, dj]) => run(i + di, j + dj) === RIGHT_AGAIN);
      if (jump === undefined) return { length: i, sourceLength: j, edits };
      i += jump[0];
      j += jump[1];
      edits += Math.max(...jump);
    }
  }

  /** How many tokens of the sequence from `start` on stand in the source at one place. */
  #longest(sequence: Int32Array, start: number): number {
    const place = this.#place(sequence, start, sequence.length - start);
    return Math.max(this.#common(sequence, start, place - 1), this.#common(sequence, start, place));
  }

  #stands(sequence: Int32Array, start: number, length: number): boolean {
    return this.#common(sequence, start, this.#place(sequence, start, length)) >= length;
  }

  /** The first of all places in the source where a stretch stands. */
  #firstPlace(sequence: Int32Array, start: number, length: number): number {
    let first = Infinity;
    for (
      let at = this.#place(sequence, start, length);
      at < this.#suffixes.length && this.#common(sequence, start, at, length) === length;
      at++
    ) first = Math.min(first, this.#suffixes[at]);
    return first;
  }

  /** Tokens that the sequence from `start` on and the suffix of rank `rank` have in common, up to `limit`. */
  #common(sequence: Int32Array, start: number, rank: number, limit = Infinity): number {
    if (rank < 0 || rank >= this.#suffixes.length) return 0;
    const suffix = this.#suffixes[rank], most = Math.min(sequence.length - start, limit);
    let length = 0;
    while (length < most && sequence[start + length] === this.#source[suffix + length]) length++;
    return length;
  }

  /** The rank of the first suffix that is not before the stretch. */
  #place(sequence: Int32Array, start: number, length: number): number {
    let low = 0, high = this.#suffixes.length;
    while (low < high) {
      const middle = (low + high) >> 1, suffix = this.#suffixes[middle];
      let at = 0;
      while (at < length && sequence[start + at] === this.#source[suffix + at]) at++;
      // What ends first comes first.
      const before = at < length &&
        (suffix + at >= this.#source.length || this.#source[suffix + at] < sequence[start + at]);
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What may differ at one place: tokens of the sequence and of the source that are passed over, the fewest first. */
const EDITS: readonly (readonly [number, number])[] = Array.from(
  { length: (LONGEST_EDIT + 1) ** 2 - 1 },
  (_, index) => [(index + 1) % (LONGEST_EDIT + 1), Math.floor((index + 1) / (LONGEST_EDIT + 1))] as const,
).sort((a, b) => Math.max(...a) - Math.max(...b) || a[0] + a[1] - b[0] - b[1]);

/** How many tokens of a sequence lie in at least one of the stretches. */
export function coveredTokens(stretches: readonly Verbatim[]): number {
  let covered = 0, end = 0;
  for (const { start, length } of stretches) {
    covered += Math.max(0, start + length - Math.max(start, end));
    end = Math.max(end, start + length);
  }
  return covered;
}
