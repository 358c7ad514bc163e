/** Sequences cut from longer ones: any stream of symbols becomes windows of tokens. */
import { createHash } from "node:crypto";
import type { Sequences } from "./sequences.ts";

/** Windows of a stream of symbols, coded as tokens. */
export interface Windows<Symbol> {
  readonly sequences: Sequences;
  /** The symbol of each token: those that the windows hold and no others. */
  readonly symbols: readonly Symbol[];
  /** [count]: where in the stream each window starts. */
  readonly starts: Int32Array;
  /** The token of each symbol of the stream, -1 where no window reaches. */
  readonly stream: Int32Array;
}

/**
 * Where windows can start in pieces that stand one after the other in a stream: every `stride` symbols in each piece,
 * and never so late that the window would reach into the next one.
 *
 * @param lengths of the pieces.
 */
export function windowStarts(
  lengths: readonly number[],
  options: { readonly window: number; readonly stride: number },
): Int32Array {
  const { window, stride } = options;
  const starts: number[] = [];
  let base = 0;
  for (const length of lengths) {
    for (let start = 0; start + window <= length; start += stride) starts.push(base + start);
    base += length;
  }
  return Int32Array.from(starts);
}

/**
 * Codes the windows of `stream` that start at `starts`. Tokens number the symbols in ascending order, so that equal
 * windows have equal tokens whatever stands around them.
 *
 * @param options.key equal for equal symbols and only these.
 */
export function codeWindows<Symbol>(
  stream: readonly Symbol[],
  options: {
    readonly starts: Int32Array;
    readonly window: number;
    readonly key: (symbol: Symbol) => string | number;
    readonly compare: (a: Symbol, b: Symbol) => number;
  },
): Windows<Symbol> {
  const { starts, window, key, compare } = options;
  const reached = new Uint8Array(stream.length);
  for (const start of starts) reached.fill(1, start, start + window);
  const found = new Map<string | number, Symbol>();
  stream.forEach((symbol, index) => {
    if (reached[index]) found.set(key(symbol), symbol);
  });
  const symbols = [...found.values()].sort(compare);
  const tokenOf = new Map(symbols.map((symbol, token) => [key(symbol), token]));
  const coded = Int32Array.from(stream, (symbol, index) => reached[index] ? tokenOf.get(key(symbol))! : -1);
  const tokens = new Int32Array(starts.length * window);
  starts.forEach((start, index) => tokens.set(coded.subarray(start, start + window), index * window));
  return {
    sequences: { tokens, count: starts.length, length: window, vocabulary: symbols.length },
    symbols,
    starts,
    stream: coded,
  };
}

/** SHA-256, in hexadecimal, of the symbols followed by the tokens: what a run folder records of its sequences. */
export function windowsDigest({ sequences, symbols }: Windows<unknown>): string {
  return createHash("sha256").update(JSON.stringify(symbols)).update(sequences.tokens).digest("hex");
}
