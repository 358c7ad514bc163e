/** Sequences cut from longer ones: any stream of symbols becomes windows of tokens. */
import { createHash } from "node:crypto";
import type { Sequences } from "./sequences.ts";

/** A stream of symbols, each given by its number; symbols and numbers belong together one to one. */
export interface SymbolStream<Symbol> {
  readonly ids: Int32Array;
  readonly symbols: readonly Symbol[];
  /** Lengths of the pieces that stand one after the other in it, which no window may span. */
  readonly lengths: readonly number[];
}

/** How windows are cut. */
export interface WindowShape {
  /** Symbols in a window. */
  readonly window: number;
  /** How far each window starts after the one before. */
  readonly stride: number;
}

/** Windows of a stream of symbols, coded as tokens. */
export interface Windows<Symbol> {
  readonly sequences: Sequences;
  /** The symbol of each token: those that the windows hold and no others. */
  readonly symbols: readonly Symbol[];
  /** [count]: where in the stream each window starts. */
  readonly starts: Int32Array;
  /** The token of each symbol of the stream, -1 of those in no window. */
  readonly tokenOf: Int32Array;
}

/** How many windows there are in pieces of these lengths: every `stride` symbols in each, none over its end. */
export function countWindows(lengths: readonly number[], shape: WindowShape): number {
  return lengths.reduce((sum, length) => sum + windowsIn(length, shape), 0);
}

function windowsIn(length: number, { window, stride }: WindowShape): number {
  return length < window ? 0 : Math.floor((length - window) / stride) + 1;
}

/** Where in the stream the windows of these numbers (ascending, from 0) start. */
export function windowStarts(
  lengths: readonly number[],
  options: WindowShape & { readonly numbers: Iterable<number> },
): Int32Array {
  const starts: number[] = [];
  let piece = 0, base = 0, before = 0, here = windowsIn(lengths[0] ?? 0, options);
  for (const number of options.numbers) {
    while (number >= before + here) {
      base += lengths[piece++];
      before += here;
      here = windowsIn(lengths[piece], options);
    }
    starts.push(base + (number - before) * options.stride);
  }
  return Int32Array.from(starts);
}

/** Numbers of `count` windows that are spread evenly over `available` ones, the first among them. */
export function spreadOver(available: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => Math.floor(index * available / count));
}

/** Numbers of at most `count` of the windows that are not `chosen` (ascending), evenly spread over them. */
export function spreadOverRest(
  chosen: ArrayLike<number>,
  { available, count }: { readonly available: number; readonly count: number },
): Float64Array {
  const left = available - chosen.length;
  let passed = 0;
  return spreadOver(left, Math.min(count, left)).map((rank) => {
    while (passed < chosen.length && chosen[passed] <= rank + passed) passed++;
    return rank + passed;
  });
}

/**
 * Codes the windows of a stream that start at `starts`. Tokens number the symbols in ascending order, so that equal
 * windows have equal tokens whatever stands around them.
 */
export function codeWindows<Symbol>(
  { ids, symbols }: Omit<SymbolStream<Symbol>, "lengths">,
  options: {
    readonly starts: Int32Array;
    readonly window: number;
    readonly compare: (a: Symbol, b: Symbol) => number;
  },
): Windows<Symbol> {
  const { starts, window, compare } = options;
  const tokens = new Int32Array(starts.length * window);
  const token = new Int32Array(symbols.length).fill(-1), reached: number[] = [];
  starts.forEach((start, index) => {
    for (let at = 0; at < window; at++) {
      const id = ids[start + at];
      if (token[id] < 0) token[id] = reached.push(id) - 1;
      tokens[index * window + at] = id;
    }
  });
  reached.sort((a, b) => compare(symbols[a], symbols[b])).forEach((id, rank) => token[id] = rank);
  tokens.forEach((id, index) => tokens[index] = token[id]);
  return {
    sequences: { tokens, count: starts.length, length: window, vocabulary: reached.length },
    symbols: reached.map((id) => symbols[id]),
    starts,
    tokenOf: token,
  };
}

/**
 * Codes other windows with the tokens of those that they are `like`: the ones that have no other symbols. Symbols have
 * the same numbers in both streams.
 */
export function codeOtherWindows(
  { ids }: Pick<SymbolStream<unknown>, "ids">,
  { starts, like }: { readonly starts: Int32Array; readonly like: Windows<unknown> },
): Sequences {
  const { sequences: { length, vocabulary }, tokenOf } = like;
  const tokens = Array.from(
    starts,
    (start) => ids.subarray(start, start + length).map((id) => tokenOf[id] ?? -1),
  )
    .filter((window) => !window.includes(-1));
  return {
    tokens: Int32Array.from(tokens.flatMap((window) => [...window])),
    count: tokens.length,
    length,
    vocabulary,
  };
}

/** What windows hold of a stream, in its order. */
export interface LearnedStream {
  /** The token of each symbol that a window reaches; -1 where some are left out in between. */
  readonly tokens: Int32Array;
  /** For each of them where it stands in the windows, as an index into [count, length]; -1 at a gap. */
  readonly places: Int32Array;
}

/** Puts windows together again: those that overlap or touch become one stretch. */
export function learnedStream(
  { sequences: { tokens, count, length }, starts }: Pick<Windows<unknown>, "sequences" | "starts">,
): LearnedStream {
  const order = Array.from({ length: count }, (_, index) => index).sort((a, b) => starts[a] - starts[b]);
  const stream: number[] = [], places: number[] = [];
  let end = -1;
  for (const index of order) {
    if (end >= 0 && starts[index] > end) {
      stream.push(-1);
      places.push(-1);
    }
    for (let at = Math.max(0, end - starts[index]); at < length; at++) {
      stream.push(tokens[index * length + at]);
      places.push(index * length + at);
    }
    end = starts[index] + length;
  }
  return { tokens: Int32Array.from(stream), places: Int32Array.from(places) };
}

/** SHA-256, in hexadecimal, of the symbols followed by the tokens: what a run folder records of its sequences. */
export function windowsDigest(
  { sequences, symbols }: Pick<Windows<unknown>, "sequences" | "symbols">,
): string {
  const { buffer, byteOffset, byteLength } = sequences.tokens;
  return createHash("sha256").update(JSON.stringify(symbols)).update(
    new Uint8Array(buffer, byteOffset, byteLength),
  )
    .digest("hex");
}
