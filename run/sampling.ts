/** What the sequence models share once they are trained: drawing sequences, and the probability of given ones. */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { prefixTable, type Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { categorical } from "../engine/random.ts";
import { overRows } from "../engine/rows.ts";
import { logSoftmax } from "../metrics/mod.ts";

/** What a sequence model must say of itself to be sampled. */
export interface NextToken {
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** How many preceding tokens the model may see. Absent: all. */
  readonly range?: number;
  /**
   * Prefixes int32 [B, length-1] of `position` tokens each, `vocabulary` where a token is absent -> logits [B,
   * vocabulary] of the token at `position`.
   */
  readonly logits: (prefixes: tf.Tensor2D, position: number) => tf.Tensor2D;
}

/** Sequences generated in one run of the device, or all of them where they are fewer. */
export const SAMPLE_BATCH = 1000;
/** Prefixes evaluated in one run of the device. */
const EVALUATION_BATCH = 2048;

/**
 * Draws the sequences [rows, length] of number `counter`, int32 [], that begin with the tokens `given`, int32 [rows, any]:
 * to be compiled. Absent `rows`: a whole batch; absent `given`: nothing is.
 */
export function generation(
  model: NextToken,
  options: { readonly seed: number; readonly rows?: number },
): (inputs: { readonly counter: tf.Tensor; readonly given?: tf.Tensor2D }) => { tokens: tf.Tensor } {
  const { vocabulary, length, range = length } = model;
  const { seed, rows = SAMPLE_BATCH } = options;
  const random = stream(seed).fork("sample");
  return ({ counter, given }) => {
    const absent = (columns: number): tf.Tensor2D => tf.fill([rows, columns], vocabulary, "int32");
    let tokens = given ?? absent(0); // [rows, position]
    for (let position = tokens.shape[1]; position < length; position++) {
      const from = Math.max(0, position - range);
      const parts = [
        absent(from),
        tokens.slice([0, from], [rows, position - from]),
        absent(length - 1 - position),
      ].filter((part) => part.size > 0);
      const next = categorical(model.logits(tf.concat(parts, 1), position), {
        random: random.fork(`position ${position}`),
        counter: counter as tf.Scalar,
      }).reshape([rows, 1]) as tf.Tensor2D;
      tokens = position === 0 ? next : tf.concat([tokens, next], 1);
    }
    return { tokens };
  };
}

/** Which sequences are drawn. */
export interface SampleOptions {
  readonly device: Device;
  readonly count: number;
  readonly seed: number;
  /** The tokens that each begins with, [count, any]; absent: none. */
  readonly given?: Int32Array;
}

/**
 * Draws `count` sequences [count, length] by ancestral sampling. Sequence i does not depend on `count`. The whole
 * generation of a batch, all positions, is one run of the device.
 */
export async function sampleSequences(model: NextToken, options: SampleOptions): Promise<Int32Array> {
  const { device, count, seed, given } = options, { length } = model;
  const rows = Math.min(SAMPLE_BATCH, count);
  const all = generation(model, { seed, rows }), counter = { shape: [], dtype: "int32" } as const;
  if (given !== undefined && given.length > 0) {
    return await complete(all, { ...options, given, rows, length });
  }
  const draw = await compile(device, ({ counter }) => all({ counter }), { counter });
  for (let batch = 0; batch * SAMPLE_BATCH < count; batch++) {
    await draw.run({ counter: Int32Array.of(batch) });
  }
  const { tokens } = await draw.read();
  draw.dispose();
  return (tokens as Int32Array).slice(0, count * length);
}

/** Draws what follows the tokens that are given. */
async function complete(
  all: ReturnType<typeof generation>,
  options: SampleOptions & { readonly given: Int32Array; readonly rows: number; readonly length: number },
): Promise<Int32Array> {
  const { device, count, given, rows, length } = options, known = given.length / count;
  const draw = await compile(device, (inputs) => all(inputs), {
    counter: { shape: [], dtype: "int32" },
    given: { shape: [rows, known], dtype: "int32" },
  });
  const { tokens } = await overRows(draw, {
    count,
    batch: rows,
    inputs: (index) => {
      const beginnings = new Int32Array(rows * known);
      index.forEach((row, at) => beginnings.set(given.subarray(row * known, (row + 1) * known), at * known));
      return { counter: Int32Array.of(index[0] / rows), given: beginnings };
    },
  });
  draw.dispose();
  return (tokens as Int32Array).slice(0, count * length);
}

/** Scores the same sequences by a model as it is at each call: compiled once, to be disposed. */
export interface Scorer {
  /** The log-probability in nats of each token given those before it, [count, length], in float64. */
  read(): Promise<Float64Array>;
  dispose(): void;
}

/** What a scorer reads, once. */
export async function scoredOnce(opened: Promise<Scorer>): Promise<Float64Array> {
  const scorer = await opened;
  const logs = await scorer.read();
  scorer.dispose();
  return logs;
}

/**
 * A scorer for models that take a prefix of any length. Every distinct prefix is evaluated once.
 *
 * @param logits prefixes int32 [B, length-1], `vocabulary` where absent -> [B, vocabulary].
 */
export async function prefixScorer(
  logits: (prefixes: tf.Tensor2D) => tf.Tensor2D,
  options: { readonly device: Device; readonly sequences: Sequences; readonly range?: number },
): Promise<Scorer> {
  const { device, sequences: { tokens, length, vocabulary }, range } = options;
  const table = prefixTable(options.sequences, { range });
  const prefixes = tf.tensor2d(table.prefixes, [table.size, length - 1], "int32");
  const batch = Math.min(EVALUATION_BATCH, table.size);
  const evaluate = await compile(
    device,
    ({ index }) => ({ logits: logits(tf.gather(prefixes, index as tf.Tensor1D)) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  return {
    async read() {
      const outputs = await overRows(evaluate, { count: table.size, batch, inputs: (index) => ({ index }) });
      const logs = logSoftmax(outputs.logits, vocabulary);
      return Float64Array.from(tokens, (token, index) => logs[table.rows[index] * vocabulary + token]);
    },
    dispose() {
      evaluate.dispose();
      prefixes.dispose();
    },
  };
}

/** The log-probability of each sequence, [count], from those of its tokens, [count, length]. */
export function sequenceSums(tokenLogProbabilities: Float64Array, length: number): Float64Array {
  return Float64Array.from(
    { length: tokenLogProbabilities.length / length },
    (_, row) => tokenLogProbabilities.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0),
  );
}
