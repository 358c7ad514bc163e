/** The audit of a set of samples: how much of it is the training set, and how much of a held-out set would seem to be. */
import { stream } from "../base/random.ts";
import type { Device } from "../engine/device.ts";
import {
  bootstrapRatio,
  cellsOf,
  copyingTest,
  coveredTokens,
  exactCopies,
  isAuthentic,
  isNearCopy,
  kMeans,
  type NearMiss,
  occurrences,
  psnrOfSquare,
  RowIndex,
  type Score,
  type Table,
  type Verbatim,
  VerbatimIndex,
  wilson,
} from "../metrics/mod.ts";
import type { TextSet } from "./audit_sets.ts";
import { nearest, nearestSequences, type Neighbours } from "./nearest.ts";

/** An estimate and its 95 % interval; the limits are null where a number is no estimate (the longest of all). */
export interface Figure {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Figures by name, in 0..1 where they are shares; null where they cannot be had. */
export type Figures = Readonly<Record<string, Figure | null>>;

/** One item of a set of rows against the training set. */
export interface RowFinding {
  /** The first training item that equals it, or -1. */
  readonly copyOf: number;
  /** The nearest training item, in the space that is compared. */
  readonly nearest: number;
  /** Distances from the nearest and the k-th nearest; NaN where there are not k. */
  readonly d1: number;
  readonly dk: number;
  /** In pixels, from the image that is nearest in pixels; NaN for what is no image. */
  readonly psnr: number;
  readonly nearestInPixels: number;
  /** Distance of the nearest training item from its own nearest other; NaN where there is none. */
  readonly spacing: number;
}

/** One text against the training texts. */
export interface TextFinding {
  readonly copyOf: number;
  readonly tokens: number;
  readonly copied: number;
  readonly spans: readonly Verbatim[];
  readonly longest: Verbatim | null;
  readonly nearMiss: NearMiss | null;
}

/** What an audit of one set gives. */
export interface SetAudit<Finding> {
  readonly figures: Figures;
  readonly findings: readonly Finding[];
  /** How many items are copies of each training item (exact or near; for texts exact), and how many of them there are. */
  readonly produced: Int32Array;
}

/** An audit, beside it that of the held-out set. */
export interface Audit<Finding> {
  readonly samples: SetAudit<Finding>;
  readonly heldOut: SetAudit<Finding> | null;
}

/** Names of figures carry their thresholds. */
export function ratioName(threshold: number): string {
  return threshold === 1 / 3 ? "ratio_below_third" : `ratio_below_${threshold}`;
}

/** A set of rows: its numbers, and its features where those are compared. */
export interface RowSet {
  readonly table: Table;
  readonly features?: Table;
}

/** How rows are compared. */
export interface RowOptions {
  readonly device: Device;
  readonly kind: "images" | "features" | "sequences";
  /** Which neighbour the nearest is compared with. */
  readonly k: number;
  readonly ratio: number;
  /** The PSNR in dB from which on an image is called a copy, and the largest possible value of images. */
  readonly psnr: number;
  readonly peak?: number;
  readonly cells: number;
  readonly seed: number;
  readonly onProgress: (phase: string, share: number) => Promise<void>;
}

/** Audits images, features or sequences. */
export async function auditRows(
  sets: { readonly training: RowSet; readonly samples: RowSet; readonly heldOut: RowSet | null },
  options: RowOptions,
): Promise<Audit<RowFinding>> {
  const { training } = sets, { kind, cells, seed } = options;
  const index = new RowIndex(training.table);
  const find = async (set: RowSet, name: string): Promise<RowFinding[]> =>
    await findRows(set, training, { ...options, index, name });
  const samples = await find(sets.samples, "samples");
  const heldOut = sets.heldOut === null ? null : await find(sets.heldOut, "held-out");
  const space = (set: RowSet): Table => set.features ?? set.table;
  // Tokens are names: they have no mean.
  const centres = heldOut === null || kind === "sequences" || cells < 2
    ? undefined
    : kMeans(space(training), { cells, random: stream(seed).fork("cells") });
  const placed = (findings: readonly RowFinding[], set: RowSet) => ({
    distances: findings.map(({ d1 }) => d1),
    cells: centres === undefined ? new Int32Array(findings.length) : cellsOf(space(set), centres),
  });
  const against = (a: ReturnType<typeof placed>, b: ReturnType<typeof placed>) => {
    const test = copyingTest(a, b);
    return {
      c_t: figureOf(test.global),
      ...(centres === undefined ? {} : { c_t_cells: figureOf(test.cells) }),
    };
  };
  const none = { c_t: null };
  const summed = (findings: readonly RowFinding[], tests: Figures): SetAudit<RowFinding> => ({
    figures: { ...rowFigures(findings, options), ...tests },
    findings,
    produced: occurrences(findings.map((one) => isCopy(one, options.ratio)), training.table.count),
  });
  if (heldOut === null || sets.heldOut === null) return { samples: summed(samples, none), heldOut: null };
  const places = placed(heldOut, sets.heldOut);
  // What chance makes of it: one half of the held-out items against the other.
  const half = (odd: number) => ({
    distances: places.distances.filter((_, item) => item % 2 === odd),
    cells: places.cells.filter((_, item) => item % 2 === odd),
  });
  return {
    samples: summed(samples, against(placed(samples, sets.samples), places)),
    heldOut: summed(heldOut, heldOut.length < 2 ? none : against(half(1), half(0))),
  };
}

/** The training item that a finding is a copy of, exact or near, or -1. */
export function isCopy({ copyOf, nearest, d1, dk }: RowFinding, ratio: number): number {
  return copyOf >= 0 ? copyOf : isNearCopy({ d1, dk }, ratio) ? nearest : -1;
}

async function findRows(
  set: RowSet,
  training: RowSet,
  options: RowOptions & { readonly index: RowIndex; readonly name: string },
): Promise<RowFinding[]> {
  const { device, kind, k, index, name, peak } = options;
  const search = async (
    phase: string,
    queries: Table,
    base: Table,
    more: { readonly k: number; readonly own?: Int32Array },
  ): Promise<Neighbours> => {
    const given = { ...more, onProgress: (share: number) => options.onProgress(phase, share) };
    return await (kind === "sequences"
      ? nearestSequences(queries, base, given)
      : nearest(queries, base, { device, ...given }));
  };
  const queries = set.features ?? set.table, base = training.features ?? training.table;
  const found = await search(`nearest of the ${name}`, queries, base, { k });
  const inPixels = set.features === undefined
    ? found
    : await search(`nearest pixels of the ${name}`, set.table, training.table, { k: 1 });
  const first = Int32Array.from({ length: queries.count }, (_, item) => found.rows[item * found.k]);
  // Only the training items that are nearest to something are asked for their own nearest.
  const asked = Int32Array.from(new Set(first)).sort();
  const spacings = new Map<number, number>();
  if (base.count > 1) {
    const spacing = await search(`spacing around the ${name}`, rowsOf(base, asked), base, {
      k: 1,
      own: asked,
    });
    asked.forEach((row, at) => spacings.set(row, spacing.distances[at]));
  }
  const copies = exactCopies(set.table, index);
  const size = training.table.width;
  return Array.from({ length: queries.count }, (_, item) => {
    const square = inPixels.distances[item * inPixels.k] ** 2;
    return {
      copyOf: copies[item] < 0 ? -1 : index.groups.first[copies[item]],
      nearest: first[item],
      d1: found.distances[item * found.k],
      dk: found.k < k ? NaN : found.distances[item * found.k + k - 1],
      psnr: peak === undefined ? NaN : psnrOfSquare(square, { size, peak }),
      nearestInPixels: inPixels.rows[item * inPixels.k],
      spacing: spacings.get(first[item]) ?? NaN,
    };
  });
}

function rowsOf({ values, width }: Table, rows: Int32Array): Table {
  const chosen = values.slice(0, rows.length * width);
  rows.forEach((row, at) => chosen.set(values.subarray(row * width, (row + 1) * width), at * width));
  return { values: chosen, count: rows.length, width };
}

function rowFigures(findings: readonly RowFinding[], { kind, ratio, psnr }: RowOptions): Figures {
  const share = (holds: (finding: RowFinding) => boolean): Figure =>
    shareOf(findings.filter(holds).length, findings.length);
  const known = (number: (finding: RowFinding) => number): boolean =>
    !findings.some((one) => Number.isNaN(number(one)));
  return {
    exact_copies: share(({ copyOf }) => copyOf >= 0),
    [ratioName(ratio)]: known(({ dk }) => dk) ? share((one) => isNearCopy(one, ratio)) : null,
    ...(kind === "images" ? { [`psnr_${psnr}`]: share((one) => one.psnr >= psnr) } : {}),
    authentic: known(({ spacing }) => spacing) ? share(({ d1, spacing }) => isAuthentic(d1, spacing)) : null,
  };
}

function shareOf(successes: number, trials: number): Figure {
  return { value: successes / trials, ...wilson(successes, trials) };
}

function figureOf(score: Score | null): Figure | null {
  return score === null ? null : { value: score.value, low: score.low, high: score.high };
}

/** How texts are compared. */
export interface TextOptions {
  /** Tokens from which on a verbatim stretch counts as copied. */
  readonly span: number;
  readonly seed: number;
  readonly onProgress: (phase: string, share: number) => Promise<void>;
}

/** Audits texts or tunes. */
export async function auditTexts(
  sets: { readonly training: TextSet; readonly samples: TextSet; readonly heldOut: TextSet | null },
  options: TextOptions,
): Promise<Audit<TextFinding>> {
  const { training } = sets, { span, seed } = options;
  const numbers = new Map<string, number>();
  for (const { tokens } of training.items) {
    for (const token of tokens) if (!numbers.has(token)) numbers.set(token, numbers.size);
  }
  const coded = (tokens: readonly string[]): Int32Array =>
    Int32Array.from(tokens, (token) => numbers.get(token) ?? -1);
  await options.onProgress("index", 0);
  const index = new VerbatimIndex(sourceOf(training, coded));
  const known = new Map<string, number>();
  training.items.forEach(({ tokens }, item) => {
    const key = keyOf(tokens);
    if (!known.has(key)) known.set(key, item);
  });
  const audit = async (set: TextSet, name: string): Promise<SetAudit<TextFinding>> => {
    const findings: TextFinding[] = [];
    for (const { tokens } of set.items) {
      await options.onProgress(`stretches of the ${name}`, findings.length / set.items.length);
      const sequence = coded(tokens), spans = index.find(sequence, { minimum: span });
      findings.push({
        copyOf: known.get(keyOf(tokens)) ?? -1,
        tokens: tokens.length,
        copied: coveredTokens(spans),
        spans,
        longest: index.longest(sequence, spans),
        nearMiss: spans.length > 0 ? null : index.nearMiss(sequence, { minimum: span }),
      });
    }
    await options.onProgress(`stretches of the ${name}`, 1);
    const share = (holds: (finding: TextFinding) => boolean): Figure =>
      shareOf(findings.filter(holds).length, findings.length);
    const parts = findings.map(({ copied }) => copied), wholes = findings.map(({ tokens }) => tokens);
    const total = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0);
    return {
      figures: {
        exact_copies: share(({ copyOf }) => copyOf >= 0),
        copied_tokens: {
          value: total(parts) / total(wholes),
          ...bootstrapRatio({ parts, wholes }, stream(seed).fork(`copied ${name}`)),
        },
        longest_span: {
          value: findings.reduce((most, { longest }) => Math.max(most, longest?.length ?? 0), 0),
          low: null,
          high: null,
        },
        near_misses: share(({ nearMiss }) => nearMiss !== null),
      },
      findings,
      produced: occurrences(findings.map(({ copyOf }) => copyOf), training.items.length),
    };
  };
  return {
    samples: await audit(sets.samples, "samples"),
    heldOut: sets.heldOut === null ? null : await audit(sets.heldOut, "held-out"),
  };
}

/** The texts one after the other with a gap after each, in the order of their items. */
function sourceOf({ items }: TextSet, coded: (tokens: readonly string[]) => Int32Array): Int32Array {
  const source = new Int32Array(items.reduce((sum, { tokens }) => sum + tokens.length + 1, 0));
  let at = 0;
  items.forEach(({ tokens }, item) => {
    source.set(coded(tokens), at);
    at += tokens.length;
    source[at++] = -2 - item;
  });
  return source;
}

/** Where a token of `sourceOf` stands: its item and its number in it. */
export function placeInTexts(
  { items }: TextSet,
): (source: number) => { readonly item: number; readonly token: number } {
  const starts: number[] = [];
  let at = 0;
  for (const { tokens } of items) {
    starts.push(at);
    at += tokens.length + 1;
  }
  return (source) => {
    let low = 0, high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= source) low = middle;
      else high = middle - 1;
    }
    return { item: low, token: source - starts[low] };
  };
}

function keyOf(tokens: readonly string[]): string {
  return tokens.join("\0");
}
