/**
 * Which stretches of a generated sequence stand, token for token, in the text it was learned from: what a sequence
 * that is no training sequence is put together of.
 */

/** A stretch of a sequence that stands in the source. */
export interface Span {
  /** Index of its first token in the sequence. */
  readonly start: number;
  readonly length: number;
  /** Index in the source where the stretch stands first. */
  readonly source: number;
}

/** Finds stretches of sequences in one source, in time linear in the sequence. */
export class SpanFinder {
  // A suffix automaton (Blumer et al. 1985): its states are the sets of stretches that end at the same places.
  readonly #next: Map<number, number>[] = [new Map()];
  readonly #link: number[] = [-1];
  readonly #length: number[] = [0];
  /** Index of the last token of the state's first appearance. */
  readonly #end: number[] = [-1];

  /** @param source Tokens; negative ones are gaps that nothing matches. */
  constructor(source: Int32Array) {
    let last = 0;
    source.forEach((token, index) => last = token < 0 ? 0 : this.#append(token, index, last));
  }

  /** Adds a token after what `last` stands for; gives the state of the longer stretch. */
  #append(token: number, index: number, last: number): number {
    const known = this.#next[last].get(token);
    if (known !== undefined) {
      // After a gap, what stands here may have been read before.
      return this.#length[known] === this.#length[last] + 1 ? known : this.#clone(last, token, known);
    }
    const state = this.#add(new Map(), { length: this.#length[last] + 1, link: 0, end: index });
    let at = last;
    while (at >= 0 && !this.#next[at].has(token)) {
      this.#next[at].set(token, state);
      at = this.#link[at];
    }
    if (at >= 0) {
      const target = this.#next[at].get(token)!;
      this.#link[state] = this.#length[target] === this.#length[at] + 1
        ? target
        : this.#clone(at, token, target);
    }
    return state;
  }

  /** Splits from `target` the stretches that `at` and `token` make. */
  #clone(at: number, token: number, target: number): number {
    const copy = this.#add(new Map(this.#next[target]), {
      length: this.#length[at] + 1,
      link: this.#link[target],
      end: this.#end[target],
    });
    this.#link[target] = copy;
    for (let from = at; from >= 0 && this.#next[from].get(token) === target; from = this.#link[from]) {
      this.#next[from].set(token, copy);
    }
    return copy;
  }

  #add(
    next: Map<number, number>,
    state: { readonly length: number; readonly link: number; readonly end: number },
  ): number {
    this.#link.push(state.link);
    this.#length.push(state.length);
    this.#end.push(state.end);
    return this.#next.push(next) - 1;
  }

  /**
   * Spans of `sequence`, in order and apart from each other: the longest that the source holds, then the longest left
   * and right of it, and so on, as far as they have `minimum` tokens. Of equally long ones the first is taken.
   */
  find(sequence: Int32Array, { minimum }: { readonly minimum: number }): Span[] {
    // Of each token, the longest stretch that ends with it and stands in the source, and its state.
    const lengths = new Int32Array(sequence.length), states = new Int32Array(sequence.length);
    let state = 0, matched = 0;
    sequence.forEach((token, index) => {
      while (state > 0 && !this.#next[state].has(token)) {
        state = this.#link[state];
        matched = this.#length[state];
      }
      const next = this.#next[state].get(token);
      if (next !== undefined) {
        state = next;
        matched++;
      }
      lengths[index] = matched;
      states[index] = state;
    });

    const spans: Span[] = [];
    const cover = (from: number, to: number): void => {
      let length = 0, last = from;
      for (let index = from; index < to; index++) {
        const possible = Math.min(lengths[index], index + 1 - from);
        if (possible > length) [length, last] = [possible, index];
      }
      if (length < Math.max(1, minimum)) return;
      const start = last + 1 - length;
      cover(from, start);
      spans.push({ start, length, source: this.#firstEnd(states[last], length) + 1 - length });
      cover(last + 1, to);
    };
    cover(0, sequence.length);
    return spans;
  }
  /** Where the last `length` tokens that `state` stands for end first: what is cut short may stand earlier. */
  #firstEnd(state: number, length: number): number {
    let at = state;
    while (this.#length[this.#link[at]] >= length) at = this.#link[at];
    return this.#end[at];
  }
}
