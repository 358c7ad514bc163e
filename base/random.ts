/**
 * The one random generator of the project: Philox 4x32-10, a counter-based generator.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 *
 * A stream is a 64-bit key. Block `b` of step `s` is the bijection of the counter words (b, s, 0, 0) under that
 * key, and gives four 32-bit words. So element `i` of a draw is word `i % 4` of block `i / 4`, whatever device
 * draws it and in whatever order.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The key of a stream: two unsigned 32-bit words. */
export type Key = readonly [number, number];

function highWord(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** The Philox 4x32-10 bijection of four unsigned 32-bit counter words under `key`. */
export function philox(counter: readonly [number, number, number, number], key: Key): Uint32Array {
  const out = new Uint32Array(4);
  philoxInto(out, 0, counter[0], counter[1], counter[2], counter[3], key);
  return out;
}

function philoxInto(
  out: Uint32Array,
  at: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key: Key,
): void {
  let k0 = key[0] >>> 0, k1 = key[1] >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highWord(MULTIPLIER_0, c0), low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = highWord(MULTIPLIER_1, c2), low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** Words `4 * from ... 4 * (from + blocks)` of step `step` of the stream `key`. */
export function philoxWords(key: Key, step: number, from: number, blocks: number): Uint32Array {
  const words = new Uint32Array(blocks * 4);
  for (let block = 0; block < blocks; block++) {
    philoxInto(words, block * 4, (from + block) >>> 0, step >>> 0, 0, 0, key);
  }
  return words;
}

/** A 32-bit word as a float32 in [0, 1): its upper 24 bits. */
export function wordToUniform(word: number): number {
  return (word >>> 8) / 0x1000000;
}

/** Two words as two independent standard normal numbers (Box and Muller 1958). */
export function wordsToNormals(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(((a >>> 8) + 1) / 0x1000000));
  const angle = 2 * Math.PI * wordToUniform(b);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** A place in a stream: what a checkpoint keeps. */
export interface RandomState {
  /** The step, as `at` takes it. */
  readonly step: number;
  /** Blocks drawn within it. */
  readonly block: number;
  /** Words of the last block that are used. */
  readonly word: number;
}

/** A seeded stream of random numbers that can be forked by label and put back to a saved state. */
export class Random {
  /** What the stream's numbers are a function of, beside the step. */
  readonly key: Key;
  #step: number;
  #block = 0;
  #word = 4;
  #words: Uint32Array = new Uint32Array(4);

  /** The stream of `key` from `step` on: `stream` and `fork` make keys of seeds and labels. */
  constructor(key: Key, step = 0) {
    this.key = key;
    this.#step = step;
  }

  /** An independent stream: equal labels give equal streams, whatever was drawn from this one. */
  fork(label: string): Random {
    let state = [0x243f6a88, 0x85a308d3];
    for (const byte of new TextEncoder().encode(label)) {
      const mixed = philox([state[0], state[1], byte, 1], this.key);
      state = [mixed[0], mixed[1]];
    }
    const mixed = philox([state[0], state[1], label.length, 2], this.key);
    return new Random([mixed[0], mixed[1]]);
  }

  /** The same stream from the start of its step `step`: what a training loop draws at that step. */
  at(step: number): Random {
    return new Random(this.key, step);
  }

  /** Where the stream stands. */
  get state(): RandomState {
    return { step: this.#step, block: this.#block, word: this.#word };
  }

  set state(state: RandomState) {
    this.#step = state.step;
    this.#block = state.block;
    this.#word = state.word;
    if (state.word < 4) this.#words = philoxWords(this.key, state.step, state.block - 1, 1);
  }

  /** An unsigned 32-bit integer. */
  word(): number {
    if (this.#word === 4) {
      this.#words = philoxWords(this.key, this.#step, this.#block++, 1);
      this.#word = 0;
    }
    return this.#words[this.#word++];
  }

  /** A number in [0, 1) with 24 random bits. */
  uniform(): number {
    return wordToUniform(this.word());
  }

  /** A standard normal number. */
  normal(): number {
    return wordsToNormals(this.word(), this.word())[0];
  }

  /** An integer in [0, limit), without bias (Lemire 2019). */
  integer(limit: number): number {
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= 2 ** 32)) {
      throw new RangeError(`Cannot draw an integer as limit must be in 1..2^32: current value is ${limit}`);
    }
    const threshold = (2 ** 32) % limit;
    for (;;) {
      const word = this.word();
      const low = Math.imul(word, limit) >>> 0;
      if (low >= threshold) return limit === 2 ** 32 ? word : highWord(word, limit);
    }
  }

  /** The numbers 0 ... count-1 in random order (Fisher and Yates). */
  permutation(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const moved = order[last];
      order[last] = order[other];
      order[other] = moved;
    }
    return order;
  }

  /** `count` standard normal numbers times `scale`. */
  normals(count: number, scale = 1): Float32Array {
    return Float32Array.from({ length: count }, () => this.normal() * scale);
  }

  /** `count` numbers, uniform in [-limit, limit). */
  uniforms(count: number, limit = 1): Float32Array {
    return Float32Array.from({ length: count }, () => (2 * this.uniform() - 1) * limit);
  }
}

/** The root stream of a seed (an integer, 0 <= seed < 2^53). Fork it by label before drawing. */
export function stream(seed: number): Random {
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new RangeError(
      `Cannot seed a stream as seed must be an integer in 0..2^53-1: current value is ${seed}`,
    );
  }
  return new Random([seed >>> 0, Math.floor(seed / 2 ** 32)]);
}
