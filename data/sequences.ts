/** Sequences of tokens, and everything about which token follows which prefix. */

/** A table of equally long sequences of tokens; a training set may hold a sequence more than once. */
export interface Sequences {
  /** [count, length], 0 <= token < vocabulary. */
  readonly tokens: Int32Array;
  /** How many sequences. */
  readonly count: number;
  /** Tokens in each. */
  readonly length: number;
  /** How many different tokens there may be. */
  readonly vocabulary: number;
}

/** Every prefix that stands in a training set, once, with the exact histogram of the token that follows. */
export interface PrefixTable {
  /** [size, length - 1]: token i of the prefix in column i, `vocabulary` ("absent") in columns that it does not reach. */
  readonly prefixes: Int32Array;
  /** [size, vocabulary]: the share of each next token among all training sequences with this prefix. */
  readonly histograms: Float32Array;
  /** [size]: how many training sequences have this prefix. */
  readonly counts: Int32Array;
  /** How many prefixes. */
  readonly size: number;
  /** [count, length]: the row of the prefix that stands before each token of each training sequence. */
  readonly rows: Int32Array;
}

/**
 * Collects the prefixes of a training set in a trie.
 *
 * @param range observation range: only this many tokens before the next one are seen, older ones are absent, and
 * prefixes that look alike are one. Absent: all.
 */
export function prefixTable(
  sequences: Sequences,
  options: { readonly range?: number } = {},
): PrefixTable {
  const { tokens, count, length, vocabulary } = sequences;
  const range = options.range ?? length;
  const columns = length - 1;
  const children = new Map<number, number>();
  const byContext = new Map<number, number>();
  const counts: number[] = [];
  /** Where each row's prefix stands: as an index into the tokens, of the token that follows it. */
  const places: number[] = [];
  const rows = new Int32Array(count * length);
  let nodes = 1;

  function nodeOf(sequence: number, from: number, to: number): number {
    let node = 0;
    for (let position = from; position < to; position++) {
      // Positions are part of the path: a range that does not reach the start still knows where it stands.
      const key = (node * length + position) * vocabulary + tokens[sequence * length + position];
      let child = children.get(key);
      if (child === undefined) {
        child = nodes++;
        children.set(key, child);
      }
      node = child;
    }
    return node;
  }

  for (let sequence = 0; sequence < count; sequence++) {
    for (let position = 0; position < length; position++) {
      const from = Math.max(0, position - range);
      const node = nodeOf(sequence, from, position);
      let row = byContext.get(node);
      if (row === undefined) {
        row = counts.push(0) - 1;
        byContext.set(node, row);
        places.push(sequence * length + position);
      }
      counts[row]++;
      rows[sequence * length + position] = row;
    }
  }

  const prefixes = new Int32Array(places.length * columns).fill(vocabulary);
  places.forEach((place, row) => {
    const position = place % length, from = Math.max(0, position - range), start = place - position;
    prefixes.set(tokens.subarray(start + from, place), row * columns + from);
  });
  const histograms = new Float32Array(counts.length * vocabulary);
  rows.forEach((row, index) => histograms[row * vocabulary + tokens[index]]++);
  for (let index = 0; index < histograms.length; index++) {
    histograms[index] /= counts[Math.floor(index / vocabulary)];
  }
  return {
    prefixes,
    histograms,
    counts: Int32Array.from(counts),
    size: counts.length,
    rows,
  };
}

/** The log-probability in nats of each token by the histogram of its prefix, [count, length]. */
export function histogramLogs(
  { tokens, vocabulary }: Sequences,
  { histograms, counts, rows }: PrefixTable,
): Float64Array {
  return Float64Array.from(tokens, (token, index) => {
    const row = rows[index];
    // The share is a ratio of small whole numbers, of which the table keeps seven digits.
    return Math.log(Math.round(histograms[row * vocabulary + token] * counts[row]) / counts[row]);
  });
}

/**
 * The lowest possible mean over tokens of the cross-entropy, in nats: the entropy of the next token given what the
 * range shows, under the training set's own distribution. With all tokens in range, times the length, it is the
 * entropy of the distribution over whole sequences.
 */
export function entropyFloor(table: PrefixTable): number {
  const vocabulary = table.histograms.length / table.size;
  let sum = 0, total = 0;
  for (let row = 0; row < table.size; row++) {
    total += table.counts[row];
    for (let token = 0; token < vocabulary; token++) {
      const share = table.histograms[row * vocabulary + token];
      if (share > 0) sum -= table.counts[row] * share * Math.log(share);
    }
  }
  return sum / total;
}

/** Each sequence as numbers of its own. */
export function rowsOf({ tokens, count, length }: Sequences): number[][] {
  return Array.from({ length: count }, (_, row) => [...tokens.subarray(row * length, (row + 1) * length)]);
}

/** Sign channels, rows and columns of sites of a code. */
export type CodeShape = readonly [channels: number, rows: number, columns: number];

/** Sign channels of a code. */
const SIGNS = 3;
/** Pixels of an image, up and across, for each site of its code. */
export const PIXELS_A_SITE = 8;

/** The shape of the code of an image: a site for each 8x8 pixels, the last of a row or column maybe fewer. */
export function codeShape({ height, width }: { readonly height: number; readonly width: number }): CodeShape {
  return [SIGNS, Math.ceil(height / PIXELS_A_SITE), Math.ceil(width / PIXELS_A_SITE)];
}

/** The code of an image of 28 or 32 pixels. */
export const CODE_SHAPE: CodeShape = codeShape({ height: 28, width: 28 });

/**
 * Reads codes [N, ...shape] of signs (-1 or +1) as sequences of tokens, a site each, row by row: channel 0 gives the
 * highest bit, +1 is 1. Codes of shape [3, 4, 4] are sequences of 16 tokens in 0..7.
 *
 * @param shape Absent: [3, 4, 4].
 */
export function codesToSequences(codes: Int8Array, shape: CodeShape = CODE_SHAPE): Sequences {
  const [channels, rows, columns] = shape;
  const length = rows * columns, count = codes.length / (channels * length);
  const tokens = new Int32Array(count * length);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let site = 0; site < length; site++) {
        const bit = codes[(image * channels + channel) * length + site] > 0 ? 1 : 0;
        tokens[image * length + site] |= bit << (channels - 1 - channel);
      }
    }
  }
  return { tokens, count, length, vocabulary: 1 << channels };
}

/** The inverse of `codesToSequences`. */
export function sequencesToCodes(tokens: Int32Array, shape: CodeShape = CODE_SHAPE): Int8Array {
  const [channels, rows, columns] = shape;
  const length = rows * columns, count = tokens.length / length;
  const codes = new Int8Array(count * channels * length);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let site = 0; site < length; site++) {
        const bit = (tokens[image * length + site] >> (channels - 1 - channel)) & 1;
        codes[(image * channels + channel) * length + site] = bit ? 1 : -1;
      }
    }
  }
  return codes;
}
