/**
 * Counts: how often each token followed the tokens before it, and nothing else. The simplest thing that memorizes, and
 * exactly: what the networks of the other models come near to, this one is from the start.
 *
 * After: Shannon (1948), whose approximations to English draw each letter or word from what follows its predecessors in
 * a book, and Katz (1987), who backs off to a shorter context where a longer one was not seen.
 *
 * The context of a token are the `order` tokens before it, the beginning of the sequence being a token of its own: with
 * all of them in sight (the default) only training sequences can be drawn, each as often as it was seen; with fewer, what
 * is drawn changes from one training sequence to another wherever they agree for so long.
 *
 * Departures: nothing is discounted, so a token that never followed a known context has probability 0 there.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import type { Sequences } from "../data/sequences.ts";
import type { Weights } from "../engine/optimizers.ts";
import {
  factorization,
  type FitOptions,
  runMemorization,
  type SequenceExperiment,
  sequenceModel,
} from "../run/memorize.ts";
import { pauses } from "../base/pauses.ts";
import type { SampleOptions } from "../run/sampling.ts";
import { integer } from "../run/task.ts";
import type { Description } from "../run/write_report.ts";
import { AUTOENCODER_PART } from "./binary_autoencoder.ts";

/** Everything that decides what is counted. */
export interface NgramConfig {
  readonly model: "ngram";
  /** Number of distinct tokens; tokens are 0 <= t < vocabulary. */
  readonly vocabulary: number;
  /** Tokens in a sequence. */
  readonly length: number;
  /** How many tokens before the next one are its context. */
  readonly order: number;
  /** How many contexts of all lengths up to `order` there are, and different tokens after them. */
  readonly contexts: number;
  readonly followers: number;
}

/** A model: its configuration and its counts. */
export interface Ngram {
  readonly config: NgramConfig;
  /**
   * int32. `contexts` [contexts, 2]: the context that is one token shorter, by its row, and the older token that is
   * added; row 0 is the empty one. `followers` [followers, 3]: context, next token, and how often, in this order.
   */
  readonly weights: Weights;
}

/** Allocates the counts, all 0. */
export function build(config: NgramConfig): Ngram {
  const zeros = (shape: [number, number]): tf.Variable =>
    tf.tidy(() => tf.variable(tf.zeros(shape, "int32"), false));
  return {
    config,
    weights: { contexts: zeros([config.contexts, 2]), followers: zeros([config.followers, 3]) },
  };
}

/** What is found in sequences: contexts as a tree that grows into the past, and what follows each. */
export interface Counts {
  /** [contexts, 2] */
  readonly contexts: Int32Array;
  /** [followers, 3] */
  readonly followers: Int32Array;
}

/** Contexts, or tokens after them, that are counted at most: what a Map of JavaScript's holds, but for a reserve. */
const MOST_COUNTED = 10_000_000;

/**
 * Counts what follows every context of up to `order` tokens.
 *
 * @throws {RangeError} where there are too many to be held.
 */
export async function count(sequences: Sequences, { order }: { readonly order: number }): Promise<Counts> {
  const { tokens, count, length, vocabulary } = sequences;
  const tree = new ContextTree(vocabulary), rows = [0, 0];
  const numbers = new Map<number, number>(), pause = pauses();
  for (let sequence = 0; sequence < count; sequence++) {
    const at = sequence * length;
    for (let position = 0; position < length; position++) {
      await pause();
      if (numbers.size > MOST_COUNTED) {
        throw new RangeError(
          `Cannot count contexts of up to ${order} tokens in ${count} sequences of ${length} as there are more than ` +
            `${MOST_COUNTED.toLocaleString("en-US")} of what follows them: lower --order or --count`,
        );
      }
      let context = 0;
      for (let back = 0; back <= Math.min(order, position + 1); back++) {
        if (back > 0) {
          const older = back > position ? vocabulary : tokens[at + position - back];
          const known = tree.find(context, older);
          context = known ?? tree.add(context, older);
          if (known === undefined) rows.push(tree.parentOf(context), older);
        }
        // Contexts and tokens are fewer than 2^26 each.
        const key = context * (vocabulary + 1) + tokens[at + position];
        numbers.set(key, (numbers.get(key) ?? 0) + 1);
      }
    }
  }
  const keys = [...numbers.keys()].sort((a, b) => a - b);
  const followers = new Int32Array(3 * keys.length);
  keys.forEach((key, row) => {
    followers.set([Math.floor(key / (vocabulary + 1)), key % (vocabulary + 1), numbers.get(key)!], 3 * row);
  });
  return { contexts: Int32Array.from(rows), followers };
}

/** Contexts by the tokens that they add to a shorter one. */
class ContextTree {
  readonly #children = new Map<number, number>();
  readonly #parents: number[] = [0];
  readonly #symbols: number;

  constructor(vocabulary: number) {
    this.#symbols = vocabulary + 1;
  }

  find(context: number, older: number): number | undefined {
    return this.#children.get(context * this.#symbols + older);
  }

  add(context: number, older: number): number {
    const added = this.#parents.push(context) - 1;
    this.#children.set(context * this.#symbols + older, added);
    return added;
  }

  parentOf(context: number): number {
    return this.#parents[context];
  }
}

/** Puts the counts of the training set in; there is nothing to optimize. */
export async function fit({ config, weights }: Ngram, { sequences }: FitOptions): Promise<void> {
  const { contexts, followers } = await count(sequences, config);
  tf.tidy(() => {
    weights.contexts.assign(tf.tensor2d(contexts, [config.contexts, 2], "int32"));
    weights.followers.assign(tf.tensor2d(followers, [config.followers, 3], "int32"));
  });
}

/** The counts as they are asked for. */
interface Table {
  /** The longest known context of the token at `position` in a sequence that begins at `at`. */
  readonly contextOf: (tokens: Int32Array, at: number, position: number) => number;
  /** First row of each context in `followers`, and the one after the last. */
  readonly starts: Int32Array;
  readonly followers: Int32Array;
  /** Sum of the counts of each context. */
  readonly totals: Float64Array;
}

async function openTable({ config, weights }: Ngram): Promise<Table> {
  const { order, vocabulary } = config;
  const contexts = await weights.contexts.data() as Int32Array;
  const followers = await weights.followers.data() as Int32Array;
  const tree = new ContextTree(vocabulary);
  for (let row = 1; row < config.contexts; row++) tree.add(contexts[2 * row], contexts[2 * row + 1]);
  const starts = new Int32Array(config.contexts + 1), totals = new Float64Array(config.contexts);
  for (let row = 0; row < config.followers; row++) {
    starts[followers[3 * row] + 1] = row + 1;
    totals[followers[3 * row]] += followers[3 * row + 2];
  }
  for (let context = 1; context <= config.contexts; context++) {
    starts[context] = Math.max(starts[context], starts[context - 1]);
  }
  return {
    followers,
    starts,
    totals,
    contextOf(tokens, at, position) {
      let context = 0;
      for (let back = 1; back <= Math.min(order, position + 1); back++) {
        const next = tree.find(context, back > position ? vocabulary : tokens[at + position - back]);
        if (next === undefined) break;
        context = next;
      }
      return context;
    },
  };
}

/**
 * Draws `count` sequences [count, length] token by token, from the tokens on that are `given`, [count, any] (absent:
 * none). Sequence i does not depend on `count`.
 */
export async function sample(
  model: Ngram,
  options: Omit<SampleOptions, "device">,
): Promise<Int32Array> {
  const { length } = model.config, { count, seed, given = new Int32Array(), temperature = 1 } = options;
  const extent = options.extent ?? length;
  if (temperature !== 1) {
    throw new RangeError(
      `Cannot draw from counts as their temperature must be 1: current value is ${temperature}; networks have one`,
    );
  }
  const known = given.length / count;
  const { contextOf, starts, followers, totals } = await openTable(model);
  const random = stream(seed).fork("sample"), tokens = new Int32Array(count * extent), pause = pauses();
  for (let sequence = 0; sequence < count; sequence++) {
    const draw = random.at(sequence), at = sequence * extent;
    await pause();
    tokens.set(given.subarray(sequence * known, (sequence + 1) * known), at);
    for (let position = known; position < extent; position++) {
      // After the length that was learned, as if the sequence began with the window that the token ends.
      const passed = Math.max(0, position - (length - 1));
      const context = contextOf(tokens, at + passed, position - passed);
      let row = starts[context], left = draw.integer(totals[context]);
      while (left >= followers[3 * row + 2]) left -= followers[3 * row++ + 2];
      tokens[at + position] = followers[3 * row + 1];
    }
  }
  return tokens;
}

/** The log-probability of each token given those before it, in nats, [count, length]; -Infinity where it is 0. */
export async function logProbabilities(
  model: Ngram,
  { sequences }: { readonly sequences: Sequences },
): Promise<Float64Array> {
  const { contextOf, starts, followers, totals } = await openTable(model);
  const { tokens, count, length } = sequences;
  const logs = new Float64Array(count * length).fill(-Infinity), pause = pauses();
  for (let at = 0; at < tokens.length; at += length) {
    await pause();
    for (let position = 0; position < length; position++) {
      const context = contextOf(tokens, at, position), token = tokens[at + position];
      for (let row = starts[context]; row < starts[context + 1]; row++) {
        if (followers[3 * row + 1] !== token) continue;
        logs[at + position] = Math.log(followers[3 * row + 2] / totals[context]);
        break;
      }
    }
  }
  return logs;
}

function describe({ config }: Ngram): Description {
  const { length, order, contexts, followers } = config;
  const sight = order >= length
    ? "all tokens before it"
    : `the ${order} token${order === 1 ? "" : "s"} before it`;
  return {
    title: "Counts of what follows",
    abstract:
      "How often each token followed the tokens before it in the training set is counted, and sequences are drawn from " +
      "the counts. Nothing is trained, so every figure is exact: this is what the networks are measured by.",
    method: [
      `The context of a token is ${sight}, the beginning of the sequence being a token of its own. Where a context was ` +
      "never seen, the longest part of it that was takes its place [@katz]; nothing is discounted. It is how Shannon " +
      "drew the first sentences from a model of English [@shannon].",
      `There are ${contexts.toLocaleString("en-US")} contexts of all lengths, with ` +
      `${followers.toLocaleString("en-US")} counts.`,
    ],
    formula: factorization(
      length,
      "Each factor is the share of $z_i$ among the tokens that followed the longest known context of $z_{<i}$.",
    ),
    parameters: followers,
    loss: { name: "cross-entropy", unit: "nats" },
    code: [count, logProbabilities],
  };
}

/** The experiment of `train-ngram`. */
export const EXPERIMENT = {
  name: "train-ngram",
  summary: "Count what follows what in codes of images, text, melodies or numbers: the exact memory.",
  configure: async (sequences, { order = sequences.length }) => {
    const { contexts, followers } = await count(sequences, { order });
    const { vocabulary, length } = sequences;
    return {
      model: "ngram",
      vocabulary,
      length,
      order: Math.min(order, length),
      contexts: contexts.length / 2,
      followers: followers.length / 3,
    };
  },
  build,
  flags: {
    order: integer({
      min: 0,
      help: "how many tokens before the next one are counted with it (default: all)",
    }),
  },
  describe,
  defaultSteps: () => 1,
  fit,
  sample,
  scorer: (model, { sequences }) =>
    Promise.resolve({ read: () => logProbabilities(model, { sequences }), dispose() {} }),
  autoencoder: AUTOENCODER_PART,
} satisfies SequenceExperiment<Ngram, { order: ReturnType<typeof integer> }>;

export const MODEL = sequenceModel(EXPERIMENT);

if (import.meta.main) await runMemorization(EXPERIMENT);
