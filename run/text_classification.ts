/**
 * The experiment of a text classifier: opinions -> a model -> how often it is right on texts that it never saw, what it
 * takes for what, and which mistakes it is surest of. Texts held out of the training split say when to stop, and which
 * of the weights on the way to keep; the test set is read once, at the end.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import { openOpinions, type OpinionSet, SENTIMENT_DATASETS } from "../data/sentiment.ts";
import { type EncodedTexts, Vocabulary } from "../data/words.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import type { LayerRow, Training as Draws } from "../layers/layer.ts";
import { accuracy, confusion, crossEntropy, logSoftmax } from "../metrics/mod.ts";
import type { Block } from "../report/html.ts";
import { count as inDigits, percent } from "../report/numbers.ts";
import { epochBatches } from "./batches.ts";
import { classTables, interval } from "./classification.ts";
import { openTaskDevice } from "./device.ts";
import { clipped } from "./gradients.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import type { Run } from "./run.ts";
import { choice, commonFlags, type FlagValues, integer, number, runTask } from "./task.ts";
import { train, type Training } from "./training.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** All that decides what is built and how it learns. */
export interface TextConfig {
  readonly model: string;
  /** Numbers that words have: those of the vocabulary, the padding, and the unknown word. */
  readonly symbols: number;
  /** SHA-256 of the vocabulary, `words.txt` in the run folder. */
  readonly vocabulary: string;
  /** Words of a text that are read, the last ones. */
  readonly length: number;
  /** Texts in one step. */
  readonly batch: number;
  /** Peak step size of Adam. */
  readonly learningRate: number;
  /** Passes over the texts at most, but 500 steps at least, unless `--steps` says how many. */
  readonly epochs: number;
  readonly seed: number;
}

/** A classifier of texts. */
export interface TextClassifier<Config extends TextConfig = TextConfig> {
  readonly config: Config;
  readonly rows: readonly LayerRow[];
  readonly parameters: number;
  readonly weights: Weights;
}

/** What a model file tells about its classifier. */
export interface TextExperiment<Model extends TextClassifier> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** What the model adds to the configuration, and its own defaults. */
  readonly defaults: Omit<Model["config"], "symbols" | "vocabulary" | "length" | "seed">;
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (
    model: Model,
  ) => Pick<Description, "title" | "abstract" | "method" | "formula" | "code">;
  /** Words int32 [B, length], padded in front -> logits [B, 2]. */
  readonly logits: (model: Model, words: tf.Tensor2D, training?: Draws) => tf.Tensor2D;
  /** Factors of the rate by the weight's name. Absent: 1. */
  readonly factors?: Readonly<Record<string, number>>;
  /** Largest norm of the gradient. Absent: any. */
  readonly clip?: number;
}

/** What the labels 0 and 1 are called. */
export const VERDICTS = ["against", "for"] as const;
/** The file of the vocabulary, a word a line. */
const WORDS = "words.txt";
/** The share of the training texts that is held out, at most so many. */
const HELD_OUT_SHARE = 0.1, MOST_HELD_OUT = 2000;
/** Texts evaluated at once, and texts that were learned that are measured again. */
const EVALUATION_BATCH = 250, MEASURED = 2000;
/** Evaluations in an epoch, and at most in all; training stops where so many in a row brought nothing better. */
const EVALUATIONS = 4, MOST_EVALUATIONS = 20, PATIENCE = 4;
/** Steps that small sets are given, however many epochs these are. */
const LEAST_STEPS = 500;
/** Share of the steps in which the step size rises. */
const WARMUP_SHARE = 0.05;
/** Mistakes that are shown, and their last words. */
const SHOWN = 12, SHOWN_WORDS = 60;

const { offset: _offset, dataset: _dataset, ...shared } = commonFlags;
/** The flags of both tasks. */
const textFlags = {
  ...shared,
  dataset: choice(SENTIMENT_DATASETS, { default: "reviews", help: "which opinions" }),
  count: integer({ min: 20, help: "training texts, a tenth of them held out (default: all)" }),
  test: integer({ min: 1, help: "test texts (default: all)" }),
  words: integer({ min: 1, default: 20_000, help: "words that have a number: the most frequent ones" }),
  length: integer({ min: 4, default: 250, help: "words of a text that are read: the last ones" }),
  epochs: number({ min: 0, help: "passes over the training texts at most (default: the model's own)" }),
  batch: integer({ min: 1, help: "texts in one step (default: the model's own)" }),
  lr: number({ min: 0, help: "peak step size of Adam (default: the model's own)" }),
};
type TextFlags = FlagValues<typeof textFlags>;

/** Texts as numbers, with their verdicts. */
export interface LabelledTexts extends EncodedTexts {
  /** [count]: 1 for, 0 against. */
  readonly labels: Uint8Array;
}

/** Opinions as numbers. */
function encoded(
  { texts, labels }: Pick<OpinionSet, "texts" | "labels">,
  { vocabulary, width }: { readonly vocabulary: Vocabulary; readonly width: number },
): LabelledTexts {
  return { ...vocabulary.encodeAll(texts, { width }), labels };
}

function fileOf(vocabulary: Vocabulary): { readonly content: string; readonly sha256: string } {
  const content = vocabulary.words.join("\n");
  return { content, sha256: createHash("sha256").update(content).digest("hex") };
}

/** The whole program of a text classifier. */
export async function runTexts<Model extends TextClassifier>(
  experiment: TextExperiment<Model>,
): Promise<never> {
  const { name, summary } = experiment;
  return await runTask({
    name,
    summary,
    flags: textFlags,
    run: async (flags, run) => {
      const { dataset, dataDir, length } = flags;
      const opinions = await openOpinions({ dataset, dataDir, split: "train", count: flags.count });
      const unseen = await openOpinions({ dataset, dataDir, split: "test", count: flags.test });
      const heldOut = Math.min(MOST_HELD_OUT, Math.ceil(HELD_OUT_SHARE * opinions.count));
      const learned = part(opinions, { from: 0, to: opinions.count - heldOut });
      const vocabulary = Vocabulary.of(learned.texts, { size: flags.words }), file = fileOf(vocabulary);
      const width = { vocabulary, width: length };
      const sets = {
        learned: encoded(learned, width),
        heldOut: encoded(part(opinions, { from: learned.texts.length, to: opinions.count }), width),
        test: encoded(unseen, width),
      };
      const config: Model["config"] = {
        ...configOf(experiment, { ...flags, symbols: vocabulary.size, vocabulary: file.sha256 }),
      };
      await using device = await openTaskDevice(flags, run.session);
      await run.configure({ dataset: opinions, device, model: config });
      await writeAtomically(run.path(WORDS), file.content);
      await learnTexts(experiment, { model: experiment.build(config), run, device, sets, unseen, flags });
    },
  });
}

function part(
  { texts, labels }: OpinionSet,
  { from, to }: { readonly from: number; readonly to: number },
): Pick<OpinionSet, "texts" | "labels"> {
  return { texts: texts.slice(from, to), labels: labels.slice(from, to) };
}

function configOf<Model extends TextClassifier>(
  { defaults }: Pick<TextExperiment<Model>, "defaults">,
  flags:
    & Pick<TextConfig, "symbols" | "vocabulary">
    & Pick<TextFlags, "length" | "batch" | "lr" | "epochs" | "seed">,
): Model["config"] {
  const { symbols, vocabulary, length, seed } = flags;
  const { batch = defaults.batch, lr = defaults.learningRate, epochs = defaults.epochs } = flags;
  return { ...defaults, symbols, vocabulary, length, batch, learningRate: lr, epochs, seed };
}

/** Trains and measures `model` in the folder of `run`, which is configured. */
async function learnTexts<Model extends TextClassifier>(
  experiment: TextExperiment<Model>,
  options: {
    readonly model: Model;
    readonly run: Run;
    readonly device: Device;
    readonly sets: Readonly<Record<"learned" | "heldOut" | "test", LabelledTexts>>;
    /** The test texts as they were written. */
    readonly unseen: OpinionSet;
    readonly flags: Pick<TextFlags, "steps" | "budget">;
  },
): Promise<void> {
  const { model, run, device, sets, unseen, flags } = options, { rows, parameters } = model;
  run.note(layerTable(rows, parameters));
  const classifier = await openTextClassifier(experiment, { model, device });
  const best = new BestWeights(model.weights);
  await fitTexts(experiment, model, {
    run,
    device,
    texts: sets.learned,
    steps: flags.steps,
    budget: flags.budget,
    best,
    score: async () => scored("validation", await classifier.logits(sets.heldOut), sets.heldOut),
  });
  best.restore();
  await run.saveWeights(model.weights, { model: model.config.model, config: model.config });
  run.session.follow("measuring");
  const logits = await classifier.logits(sets.test), learned = firstOf(sets.learned, MEASURED);
  const metrics = {
    ...scored("test", logits, sets.test),
    ...scored("train", await classifier.logits(learned), learned),
    ...scored("validation", await classifier.logits(sets.heldOut), sets.heldOut),
    test_texts: sets.test.count,
    validation_texts: sets.heldOut.count,
    best_step: best.step,
  };
  classifier.dispose();
  best.dispose();
  const { test_accuracy, train_accuracy, validation_accuracy } = metrics, tested = sets.test.count;
  const { vocabulary: _, ...hyperparameters } = model.config;
  await writeReport(run, {
    hyperparameters,
    description: {
      ...experiment.describe(model),
      layers: rows,
      parameters,
      loss: { name: "cross-entropy", unit: "nats" },
      references: [],
    },
    metrics,
    figures: [
      {
        label: "test accuracy",
        value: percent(test_accuracy),
        note: `of ${inDigits(tested)} texts; 95 % interval ${interval(test_accuracy, tested)}`,
      },
      {
        label: "validation accuracy",
        value: percent(validation_accuracy),
        note: `of ${inDigits(sets.heldOut.count)} texts held out of the training split`,
      },
      {
        label: "training accuracy",
        value: percent(train_accuracy),
        note: `of the first ${inDigits(learned.count)}`,
      },
    ],
    results: [
      {
        title: "Verdicts",
        blocks: [
          {
            kind: "paragraph",
            text: `${inDigits(sets.learned.count)} texts of the training split learn, ${
              inDigits(sets.heldOut.count)
            } say when to stop and which weights to keep: those after step ${
              inDigits(metrics.best_step)
            }. The test texts are read once, at the end.`,
          },
          ...classTables(confusion(logits, sets.test.labels), { names: VERDICTS, things: "texts" }),
        ],
      },
      { title: "Surest mistakes", blocks: mistakes(unseen, logits) },
    ],
  });
  await run.finish({ metrics, parameters });
  run.note(
    `test accuracy ${percent(test_accuracy)} of ${tested} texts (${interval(test_accuracy, tested)}): see ` +
      run.path("report.html"),
  );
}

/** The weights at the best of several moments. Its variables belong into the checkpoint, or resuming forgets them. */
class BestWeights {
  /** Copies of the weights, and what `score`, `step` and `behind` say. */
  readonly variables: Weights;
  readonly #weights: Weights;

  constructor(weights: Weights) {
    this.#weights = weights;
    const copies = Object.entries(weights).map((
      [name, weight],
    ) => [`best/${name}`, tf.variable(weight, false)]);
    const numbers = ["score", "step", "behind"].map((
      name,
    ) => [`best/${name}`, tf.variable(tf.scalar(0), false)]);
    this.variables = Object.fromEntries([...copies, ...numbers]);
  }

  /** The step at which they were the best; 0 before any were offered. */
  get step(): number {
    return this.#number("step");
  }

  /** How many offers the best is behind. */
  get behind(): number {
    return this.#number("behind");
  }

  /** Keeps the weights after `step`, as tfjs sees them, where `score` is larger than all before. */
  offer(score: number, step: number): void {
    // The score is kept in float32: an equal one is no better.
    if (Math.fround(score) <= this.#number("score")) return this.#set("behind", this.behind + 1);
    for (const [name, weight] of Object.entries(this.#weights)) this.variables[`best/${name}`].assign(weight);
    this.#set("score", score);
    this.#set("step", step);
    this.#set("behind", 0);
  }

  /** Gives the weights their best values. */
  restore(): void {
    for (const [name, weight] of Object.entries(this.#weights)) weight.assign(this.variables[`best/${name}`]);
  }

  dispose(): void {
    tf.dispose(Object.values(this.variables));
  }

  #number(name: string): number {
    return this.variables[`best/${name}`].dataSync()[0];
  }

  #set(name: string, value: number): void {
    tf.tidy(() => this.variables[`best/${name}`].assign(tf.scalar(value)));
  }
}

/** What `fitTexts` is given. */
export interface TextFit extends Pick<Training, "budget"> {
  readonly run: Run;
  readonly device: Device;
  readonly texts: LabelledTexts;
  /** Absent: those of the configuration's epochs. */
  readonly steps?: number;
  /** Where the best weights are kept; absent: nowhere, and no step but the last ends training. */
  readonly best?: BestWeights;
  /** Figures of held-out texts, `validation_accuracy` among them. */
  readonly score?: () => Promise<Readonly<Record<string, number>>>;
}

/** Trains in epochs. */
export async function fitTexts<Model extends TextClassifier>(
  experiment: Pick<TextExperiment<Model>, "logits" | "factors" | "clip">,
  model: Model,
  options: TextFit,
): Promise<void> {
  const { run, device, texts, best, score, budget } = options, { config, weights } = model;
  const { clip, factors } = experiment, { seed, learningRate, length } = config;
  const batch = Math.min(config.batch, texts.count), list = Object.values(weights);
  const optimizer = adam(weights, { factors }), draws = stream(seed).fork("dropout");
  const step = await compile(device, ({ words, labels, rate, counter }) => {
    const { value, grads } = tf.variableGrads(
      () => meanCrossEntropy(experiment.logits(model, words, { random: draws, counter }), labels),
      list,
    );
    optimizer.applyGradients(clip === undefined ? grads : clipped(grads, clip), rate);
    return { loss: value };
  }, {
    words: { shape: [batch, length], dtype: "int32" },
    labels: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
    counter: { shape: [], dtype: "int32" },
  });
  const epoch = texts.count / batch;
  const total = options.steps ?? Math.round(Math.max(config.epochs * epoch, LEAST_STEPS));
  const between = Math.max(1, Math.round(Math.max(epoch / EVALUATIONS, total / MOST_EVALUATIONS)));
  const rows = epochBatches(stream(seed).fork("batches"), { count: texts.count, batch });
  await train(run, {
    phase: config.model,
    steps: total,
    budget,
    device,
    variables: { ...weights, ...optimizer.slots, ...best?.variables },
    logEvery: Math.max(1, Math.min(50, Math.round(epoch / 4))),
    step: async (t, steps) => {
      const warmup = Math.ceil(WARMUP_SHARE * Math.min(steps, total));
      const index = rows(t);
      await step.run({
        words: rowsOf(texts, index),
        labels: Int32Array.from(index, (row) => texts.labels[row]),
        rate: Float32Array.of(cosineRate(t, { steps, peak: learningRate, warmup })),
        counter: Int32Array.of(t),
      });
    },
    read: () => step.read(),
    evaluateAt: (t) => t % between === 0,
    ...score === undefined ? {} : {
      evaluate: async (t) => {
        const figures = await score();
        best?.offer(figures.validation_accuracy, t);
        return figures;
      },
      stopWhen: () => best !== undefined && best.behind >= PATIENCE,
    },
  });
  step.dispose();
  optimizer.dispose();
}

/** Mean cross-entropy in nats of logits [B, 2] and labels int32 [B]. */
export function meanCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() =>
    tf.neg(tf.mean<tf.Scalar>(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, VERDICTS.length)), 1)))
  );
}

/** Rows of texts, [rows, width]. */
function rowsOf({ tokens, width }: Pick<EncodedTexts, "tokens" | "width">, rows: Int32Array): Int32Array {
  const words = new Int32Array(rows.length * width);
  rows.forEach((row, at) => words.set(tokens.subarray(row * width, (row + 1) * width), at * width));
  return words;
}

function firstOf(texts: LabelledTexts, most: number): LabelledTexts {
  const count = Math.min(most, texts.count);
  return {
    ...texts,
    count,
    tokens: texts.tokens.subarray(0, count * texts.width),
    labels: texts.labels.subarray(0, count),
  };
}

/** Accuracy, and mean cross-entropy in nats, of the answers to texts. */
function scored<Name extends string>(
  name: Name,
  logits: Float32Array,
  { labels, count }: Pick<LabelledTexts, "labels" | "count">,
): Record<`${Name}_accuracy` | `${Name}_loss`, number> {
  const truth = new Float32Array(count * VERDICTS.length);
  for (let row = 0; row < count; row++) truth[row * VERDICTS.length + labels[row]] = 1;
  const figures = [
    [`${name}_accuracy`, accuracy(logits, labels)],
    [`${name}_loss`, crossEntropy(logits, truth, { vocabulary: VERDICTS.length })],
  ];
  return Object.fromEntries(figures) as Record<`${Name}_accuracy` | `${Name}_loss`, number>;
}

/** A classifier that is compiled once for all that it shall read. */
interface OpenTextClassifier {
  /** Logits [count, 2] of texts, with the weights as the device has them. */
  readonly logits: (texts: Pick<EncodedTexts, "tokens" | "count" | "width">) => Promise<Float32Array>;
  readonly dispose: () => void;
}

async function openTextClassifier<Model extends TextClassifier>(
  { logits }: Pick<TextExperiment<Model>, "logits">,
  { model, device, batch = EVALUATION_BATCH }: {
    readonly model: Model;
    readonly device: Device;
    readonly batch?: number;
  },
): Promise<OpenTextClassifier> {
  const { length } = model.config;
  const evaluate = await compile(device, ({ words }) => ({ logits: logits(model, words) }), {
    words: { shape: [batch, length], dtype: "int32" },
  });
  return {
    logits: async ({ tokens, count, width }) => {
      const { logits } = await overRows(evaluate, {
        count,
        batch,
        inputs: (rows) => ({
          words: rowsOf({ tokens, width }, rows),
        }),
      });
      return logits as Float32Array;
    },
    dispose: () => evaluate.dispose(),
  };
}

/** The test texts that the model gets wrong, the surest mistakes first: their last words. */
function mistakes({ texts, labels }: OpinionSet, logits: Float32Array): readonly Block[] {
  const probabilities = logSoftmax(logits, VERDICTS.length).map(Math.exp);
  const wrong = Array.from(labels, (label, index) => ({
    text: texts[index],
    label,
    sure: probabilities[index * VERDICTS.length + 1 - label],
  })).filter(({ sure }) => sure > 0.5).sort((a, b) => b.sure - a.sure);
  return [{
    kind: "table",
    table: {
      columns: ["Verdict", "Answer", "Sure", "Text"],
      rows: wrong.slice(0, SHOWN).map(({ text, label, sure }) => [
        VERDICTS[label],
        VERDICTS[1 - label],
        percent(sure),
        lastWords(text),
      ]),
      caption:
        `${inDigits(wrong.length)} of ${inDigits(texts.length)} test texts are taken for the opposite. ` +
        `The ${
          Math.min(SHOWN, wrong.length)
        } that the model is surest of, by their last ${SHOWN_WORDS} words.`,
    },
  }];
}

function lastWords(text: string): string {
  const words = text.replaceAll(/<[^<>]*>/g, " ").trim().split(/\s+/);
  return words.length <= SHOWN_WORDS ? words.join(" ") : `… ${words.slice(-SHOWN_WORDS).join(" ")}`;
}

/** A trained text classifier on its device. */
export interface LoadedTextClassifier<Model extends TextClassifier> {
  readonly kind: Model["config"]["model"];
  readonly model: Model;
  /** The words that the model knows. */
  readonly vocabulary: Vocabulary;
  /** How probable it is that each text is for what it is about. */
  opinions(texts: readonly string[]): Promise<readonly number[]>;
}

/** What a text classifier's file exports as `MODEL`. */
export function textModel<Model extends TextClassifier>(
  experiment: TextExperiment<Model>,
): ModelFile<LoadedTextClassifier<Model>> {
  const { name, build } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored<Model>(folder, { build });
      const vocabulary = await readVocabulary(folder, model.config);
      return {
        kind: model.config.model,
        model,
        vocabulary,
        opinions: async (texts) => {
          const width = model.config.length, batch = Math.min(EVALUATION_BATCH, texts.length);
          const classifier = await openTextClassifier(experiment, { model, device, batch });
          const logits = await classifier.logits(vocabulary.encodeAll(texts, { width }));
          classifier.dispose();
          const logs = logSoftmax(logits, VERDICTS.length);
          return texts.map((_, row) => Math.exp(logs[row * VERDICTS.length + 1]));
        },
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored<Model>(stored.folder, { build });
        const texts = drawnTexts(model.config, stored.config.dataset.count);
        return await fitTexts(experiment, model, { ...context, texts, steps: 1 });
      }
      const opinions = await openOpinions({ dataset: "reviews", split: "train", count: 64 });
      const flags = defaultsOf(textFlags), vocabulary = new Vocabulary([]), symbols = flags.words + 2;
      const model = build(configOf(experiment, { ...flags, symbols, vocabulary: "" }));
      const texts = encoded(opinions, { vocabulary, width: flags.length });
      await fitTexts(experiment, model, { ...context, texts, steps: 1 });
    },
  };
}

/** Texts of full length whose words and verdicts are drawn, as a model takes them. */
function drawnTexts({ symbols, length: width }: TextConfig, count: number): LabelledTexts {
  const random = stream(0).fork("explain");
  return {
    ...{ count, width, lengths: new Int32Array(count).fill(width) },
    tokens: Int32Array.from({ length: count * width }, () => random.integer(symbols)),
    labels: Uint8Array.from({ length: count }, () => random.integer(VERDICTS.length)),
  };
}

async function readVocabulary(folder: string, config: TextConfig): Promise<Vocabulary> {
  const path = join(folder, WORDS), content = await Deno.readTextFile(path);
  const vocabulary = new Vocabulary(content === "" ? [] : content.split("\n"));
  if (fileOf(vocabulary).sha256 !== config.vocabulary) {
    throw new Error(
      `Cannot use ${path} as it is not the vocabulary that the model learned with: copy the run folder again`,
    );
  }
  return vocabulary;
}
