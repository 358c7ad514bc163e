/** What the sequence models share once they are trained: drawing sequences, and the probability of given ones. */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { prefixTable, type Sequences } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { categorical } from "../engine/random.ts";
import { eachRows, overRows } from "../engine/rows.ts";
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
   * vocabulary] of the token at `position`. Where `at`, int32 [], is given, they are of `at` tokens, `position` at
   * most, and the logits of the token at `at`.
   */
  readonly logits: (prefixes: tf.Tensor2D, position: number, at?: tf.Scalar) => tf.Tensor2D;
}

/** Sequences generated in one run of the device, or all of them where they are fewer. */
export const SAMPLE_BATCH = 1000;
/**
 * Tokens in a sequence up to which one function generates them all: it has each position's network in it, so that of
 * a sequence of 500 tokens would take minutes to compile. Longer ones are drawn a token a run.
 */
const LONGEST_UNROLLED = 32;
/** Pairs of positions in the sequences that are seen at once: attention has numbers for each, in every head. */
const MOST_PAIRS = 5_000_000;
/** Prefixes evaluated in one run of the device. */
const EVALUATION_BATCH = 2048;

/** Every window of `size` tokens, int32 [vocabulary ** size, size], by its number to the base `vocabulary`. */
function everyWindow(vocabulary: number, size: number): tf.Tensor2D {
  const count = vocabulary ** size;
  const digits = Array.from({ length: count * size }, (_, at) => {
    const window = Math.floor(at / size), place = size - 1 - at % size;
    return Math.floor(window / vocabulary ** place) % vocabulary;
  });
  return tf.tensor2d(digits, [count, size], "int32");
}

/**
 * Draws the sequences [rows, length] of number `counter`, int32 [], that begin with the tokens `given`, int32 [rows, any]:
 * to be compiled. Absent `rows`: a whole batch; absent `given`: nothing is. While fewer windows than `rows` can have been
 * seen, the network reads each of them once.
 */
export function generation(
  model: NextToken,
  options: { readonly seed: number; readonly rows?: number },
): (inputs: { readonly counter: tf.Tensor; readonly given?: tf.Tensor2D }) => { tokens: tf.Tensor } {
  const { vocabulary, length, range = length } = model;
  const { seed, rows = SAMPLE_BATCH } = options;
  const random = stream(seed).fork("sample");
  return ({ counter, given }) => {
    let tokens = given ?? tf.zeros<tf.Rank.R2>([rows, 0], "int32"); // [rows, position]
    for (let position = tokens.shape[1]; position < length; position++) {
      const from = Math.max(0, position - range), size = position - from;
      const window: tf.Tensor2D = tokens.slice([0, from], [rows, size]);
      const isShared = given === undefined && vocabulary ** size < rows;
      const seen = isShared ? everyWindow(vocabulary, size) : window, count = seen.shape[0];
      const absent = (columns: number): tf.Tensor2D => tf.fill([count, columns], vocabulary, "int32");
      const parts = [absent(from), seen, absent(length - 1 - position)].filter((part) => part.size > 0);
      const logits = model.logits(tf.concat(parts, 1), position);
      const next = categorical(isShared ? tf.gather(logits, numberOf(window, vocabulary)) : logits, {
        random: random.fork(`position ${position}`),
        counter: counter as tf.Scalar,
      }).reshape([rows, 1]) as tf.Tensor2D;
      tokens = position === 0 ? next : tf.concat([tokens, next], 1);
    }
    return { tokens };
  };
}

/** The number of each window [rows, size] to the base `vocabulary`, int32 [rows]. */
function numberOf(window: tf.Tensor2D, vocabulary: number): tf.Tensor1D {
  const [rows, size] = window.shape;
  if (size === 0) return tf.zeros([rows], "int32");
  const values = Array.from({ length: size }, (_, place) => vocabulary ** (size - 1 - place));
  return tf.sum(tf.mul(window, tf.tensor1d(values, "int32")), 1);
}

/** Sequences of a length that are drawn together. */
function batchOf(length: number): number {
  return length <= LONGEST_UNROLLED ? SAMPLE_BATCH : together(SAMPLE_BATCH, length);
}

/** How many sequences of a length a network with attention sees at once: `most`, or fewer where they are long. */
export function together(most: number, length: number): number {
  return Math.max(1, Math.min(most, Math.floor(MOST_PAIRS / length ** 2)));
}

/** How many runs of the device `sampleSequences` takes for sequences of `length` tokens, or longer ones of `extent`. */
export function samplingRuns(count: number, length: number, extent = length): number {
  const further = extent - length;
  return Math.ceil(count / batchOf(length)) * ((length <= LONGEST_UNROLLED ? 1 : length) + further);
}

/** Which sequences are drawn. */
export interface SampleOptions {
  readonly device: Device;
  readonly count: number;
  readonly seed: number;
  /** The tokens that each begins with, [count, any]; absent: none. */
  readonly given?: Int32Array;
  /** Tokens in each, more than the model's own length: `continued`. Absent: as many as the model learned. */
  readonly extent?: number;
  /** What logits are divided by, above 0: below 1 the probable gets more so, above 1 all gets more alike. Absent: 1. */
  readonly temperature?: number;
}

/**
 * Draws `count` sequences [count, length], or [count, extent], by ancestral sampling. Sequence i does not depend on
 * `count`. All positions of a batch are one run of the device, or where sequences are long, each is.
 */
export async function sampleSequences(model: NextToken, options: SampleOptions): Promise<Int32Array> {
  const { device, count, seed, given } = options, { length } = model;
  if (options.temperature !== undefined && options.temperature !== 1) {
    return await sampleSequences(tempered(model, options.temperature), {
      ...options,
      temperature: undefined,
    });
  }
  if ((options.extent ?? length) > length) return await continued(model, options);
  if (length > LONGEST_UNROLLED) return await drawTokenByToken(model, options);
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

/** The same model with its logits divided by `temperature`. */
function tempered(model: NextToken, temperature: number): NextToken {
  return { ...model, logits: (...of) => tf.div(model.logits(...of), temperature) };
}

/** `sampleSequences` of long ones. What the network must look at grows by doubling, a function for each extent. */
async function drawTokenByToken(model: NextToken, options: SampleOptions): Promise<Int32Array> {
  const { device, count, seed, given = new Int32Array() } = options;
  const { vocabulary, length, range = length } = model, known = given.length / count;
  const rows = Math.min(batchOf(length), count), batches = Math.ceil(count / rows);
  const random = stream(seed).fork("sample"), tokens = new Int32Array(batches * rows * length);
  for (let row = 0; row < count; row++) {
    tokens.set(given.subarray(row * known, (row + 1) * known), row * length);
  }
  for (
    let from = known, to = LONGEST_UNROLLED;
    from < length;
    from = Math.max(known, to), to = Math.min(length, 2 * to)
  ) {
    if (to <= from) continue;
    const draw = await compile(device, ({ prefixes, position, counter }) => ({
      next: categorical(model.logits(prefixes, to - 1, position), { random, counter }),
    }), {
      prefixes: { shape: [rows, length - 1], dtype: "int32" },
      position: { shape: [], dtype: "int32" },
      counter: { shape: [], dtype: "int32" },
    });
    for (let batch = 0; batch < batches; batch++) {
      const own = tokens.subarray(batch * rows * length, (batch + 1) * rows * length);
      for (let position = from; position < to; position++) {
        const prefixes = Int32Array.from({ length: rows * (length - 1) }, (_, index) => {
          const row = Math.floor(index / (length - 1)), at = index % (length - 1);
          return at < position && at >= position - range ? own[row * length + at] : vocabulary;
        });
        await draw.run({
          prefixes,
          position: Int32Array.of(position),
          counter: Int32Array.of(batch * length + position),
        });
        const { next } = await draw.read();
        next.forEach((token, row) => own[row * length + position] = token);
      }
    }
    draw.dispose();
  }
  return tokens.slice(0, count * length);
}

/**
 * `sampleSequences` of more tokens than the model's length: what follows them is drawn token by token, each given those
 * of the window that it ends, as if a sequence began with the first of these.
 */
async function continued(model: NextToken, options: SampleOptions): Promise<Int32Array> {
  const { device, count, seed, given = new Int32Array(), extent = 0 } = options;
  const { vocabulary, length, range = length } = model, known = given.length / count;
  const rows = Math.min(batchOf(length), count), random = stream(seed).fork("continue");
  const start = Math.max(known, length), tokens = new Int32Array(count * extent);
  const begun = known < length ? await sampleSequences(model, { ...options, extent: undefined }) : given;
  for (let row = 0; row < count; row++) {
    tokens.set(begun.subarray(row * start, (row + 1) * start), row * extent);
  }
  const draw = await compile(device, ({ prefixes, counter }) => ({
    next: categorical(model.logits(prefixes, length - 1), { random, counter }),
  }), { prefixes: { shape: [rows, length - 1], dtype: "int32" }, counter: { shape: [], dtype: "int32" } });
  for (let first = 0; first < count; first += rows) {
    for (let position = start; position < extent; position++) {
      const prefixes = new Int32Array(rows * (length - 1)).fill(vocabulary);
      for (let row = 0; row < rows && first + row < count; row++) {
        const to = (first + row) * extent + position, seen = Math.min(range, length - 1);
        prefixes.set(tokens.subarray(to - seen, to), (row + 1) * (length - 1) - seen);
      }
      await draw.run({ prefixes, counter: Int32Array.of((first / rows) * extent + position) });
      const { next } = await draw.read();
      for (let row = 0; row < rows && first + row < count; row++) {
        tokens[(first + row) * extent + position] = next[row];
      }
    }
  }
  draw.dispose();
  return tokens;
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
      const logs = new Float64Array(tokens.length);
      // The tokens in the order of their prefixes.
      const order = Int32Array.from(tokens.keys()).sort((a, b) => table.rows[a] - table.rows[b]);
      let next = 0;
      await eachRows(evaluate, {
        count: table.size,
        batch,
        inputs: (index) => ({ index }),
        take: (outputs, first) => {
          const known = logSoftmax(outputs.logits, vocabulary);
          for (; next < order.length && table.rows[order[next]] < first + batch; next++) {
            const at = order[next];
            logs[at] = known[(table.rows[at] - first) * vocabulary + tokens[at]];
          }
        },
      });
      return logs;
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
