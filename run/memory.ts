/** What a sequence model remembers, exactly, at any moment of its training: the two curves that part. */
import type { Sequences } from "../data/sequences.ts";
import { type DistinctRows, distinctRows, entropy, memorizedMass, rowFinder } from "../metrics/mod.ts";
import { type Scorer, sequenceSums } from "./sampling.ts";

/** How much of a model is its training set; a type rather than an interface, so that it can be logged. */
export type Memory = {
  /** The probability that the next generated sequence is a training sequence. */
  readonly memorized_mass: number;
  /** Cross-entropy of a training sequence, in nats, copies counted as often as they stand in the set. */
  readonly sequence_nats: number;
  /** The same of a sequence that was not learned; absent where there are none, or one is impossible to the model. */
  readonly held_out_nats?: number;
};

/** Measures a model again and again while it changes. */
export interface MemoryMeter {
  /** Of the model as it is now. */
  measure(): Promise<Memory>;
  /** The different training sequences, and how often each stands in the set. */
  readonly distinct: DistinctRows;
  /** What `sequence_nats` cannot go below. */
  readonly entropy: number;
  /** How many sequences `held_out_nats` is of. */
  readonly heldOut: number;
  dispose(): void;
}

/**
 * Opens a meter of training sequences and of those held out, of which the ones that stand in the training set are left
 * out. All are scored in one pass; the caller disposes it.
 */
export async function openMemory(
  { sequences, heldOut }: { readonly sequences: Sequences; readonly heldOut?: Sequences },
  open: (sequences: Sequences) => Promise<Scorer>,
): Promise<MemoryMeter> {
  const { tokens, length, count } = sequences;
  const distinct = distinctRows(tokens, length), different = distinct.first.length;
  const others = heldOut === undefined ? new Int32Array() : notLearned(sequences, heldOut).tokens;
  const apart = others.length / length;
  const scored = new Int32Array((different + apart) * length);
  distinct.first.forEach((row, at) => scored.set(rowOf(tokens, row, length), at * length));
  scored.set(others, different * length);
  const scorer = await open({ ...sequences, tokens: scored, count: different + apart });
  return {
    distinct,
    entropy: entropy(distinct.counts),
    heldOut: apart,
    async measure() {
      const sums = sequenceSums(await scorer.read(), length);
      const trained = sums.subarray(0, different);
      const nats = -distinct.counts.reduce((sum, times, index) => sum + times * trained[index], 0) / count;
      const other = -sums.subarray(different).reduce((sum, value) => sum + value, 0) / apart;
      return {
        memorized_mass: memorizedMass(trained),
        sequence_nats: nats,
        ...Number.isFinite(other) ? { held_out_nats: other } : {},
      };
    },
    dispose: () => scorer.dispose(),
  };
}

function rowOf(tokens: Int32Array, row: number, length: number): Int32Array {
  return tokens.subarray(row * length, (row + 1) * length);
}

/** Those of `others` that are not among the sequences that were learned. */
export function notLearned({ tokens, length }: Sequences, others: Sequences): Sequences {
  const rows = [...rowFinder(tokens, length).in(others.tokens)].flatMap((match, row) =>
    match < 0 ? [row] : []
  );
  const left = new Int32Array(rows.length * length);
  rows.forEach((row, at) => left.set(others.tokens.subarray(row * length, (row + 1) * length), at * length));
  return { ...others, tokens: left, count: rows.length };
}
