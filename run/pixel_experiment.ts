/**
 * The experiment of a recurrent model of pixels: binarized images -> a model -> its figures on what it learned and on
 * the test set. While it learns, validation images are watched; the test set is used once, at the end.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { openImages } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, momentum, type Optimizer, sgd, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { GATE_STARTS, GATED_CELLS, type GatedCell, type GateStart } from "../layers/recurrent.ts";
import type { KeyFigure, Section } from "../report/html.ts";
import { count as inDigits } from "../report/numbers.ts";
import { epochBatches } from "./batches.ts";
import { openTaskDevice } from "./device.ts";
import { clipped } from "./gradients.ts";
import { defaultsOf, type Measurable, type ModelFile, restored } from "./model_file.ts";
import {
  binarized,
  bitsOf,
  firstOf,
  openPixelSets,
  openPixelTest,
  pixelFlags,
  type PixelSet,
  type PixelSets,
} from "./pixel_source.ts";
import type { Run } from "./run.ts";
import { readStoredFlags } from "./stored_flags.ts";
import { choice, type FlagValues, integer, number, runTask } from "./task.ts";
import { logSpaced, train, type Training } from "./training.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** All that decides what is built and how it learns. */
export interface PixelConfig {
  readonly model: string;
  readonly cell: GatedCell;
  readonly units: number;
  readonly layers: number;
  /** Pixels of an image that are read, and pixels in its rows. */
  readonly pixels: number;
  readonly width: number;
  /** Side of the squares that were made one pixel. */
  readonly pool: number;
  readonly classes: number;
  /** The share of training images whose first pixel is ink, (n + 1) / (images + 2). */
  readonly firstInk: number;
  readonly batch: number;
  readonly optimizer: "adam" | "momentum" | "sgd";
  readonly learningRate: number;
  readonly schedule: "cosine" | "constant";
  readonly warmup: number;
  /** The norm above which the gradient of all weights is scaled down; 0: never. */
  readonly clip: number;
  readonly gates: GateStart;
  readonly recurrentStart: "orthogonal" | "uniform";
  readonly seed: number;
}

/** A recurrent model of pixels. */
export interface PixelModel {
  readonly config: PixelConfig;
  readonly weights: Weights;
}

/** The flags of both tasks. */
export const pixelModelFlags = {
  ...pixelFlags,
  cell: choice(GATED_CELLS, { default: "gru", help: "the recurrent cell" }),
  units: integer({ min: 1, default: 64, help: "units of a layer" }),
  layers: integer({ min: 1, default: 1, help: "layers on each other" }),
  batch: integer({ min: 1, default: 64, help: "images in a step" }),
  epochs: number({ min: 0.01, default: 2, help: "how often all images are gone through, without --steps" }),
  optimizer: choice(["adam", "momentum", "sgd"], {
    default: "adam",
    help: "what turns gradients into updates",
  }),
  learningRate: number({ min: 0, default: 4e-3, help: "the largest step size" }),
  schedule: choice(["cosine", "constant"], {
    default: "cosine",
    help: "how the step size falls after warm-up",
  }),
  warmup: integer({
    min: 0,
    default: 200,
    help: "steps in which the step size rises, at most a fifth of all",
  }),
  clip: number({ min: 0, default: 1, help: "largest norm of the gradient; 0: any" }),
  gates: choice(GATE_STARTS, { default: "uniform", help: "how the gates that keep the state start" }),
  recurrentStart: choice(["orthogonal", "uniform"], {
    default: "orthogonal",
    help: "how recurrent kernels start",
  }),
};
/** What they say. */
export type PixelModelFlags = FlagValues<typeof pixelModelFlags>;

/** Figures of a set of images, each the mean over the images. */
export type PixelScores = Readonly<Record<string, number>>;

/** What a model file tells about its model. */
export interface PixelExperiment<Model extends PixelModel> {
  /** The task, and the kind of its model. */
  readonly name: string;
  readonly summary: string;
  readonly kind: Model["config"]["model"];
  readonly build: (config: PixelConfig) => Model;
  readonly describe: (model: Model, sets: PixelSets) => Description;
  /** Mean loss in nats of bits [B, T] and labels int32 [B]. */
  readonly loss: (model: Model, bits: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar;
  /** Figures of each image, [B] each: their means become `test_...`, `train_...`, `validation_...`. */
  readonly scores: (
    model: Model,
    bits: tf.Tensor2D,
    labels: tf.Tensor1D,
  ) => Readonly<Record<string, tf.Tensor1D>>;
  /** Figures of the model as a whole, that are no means over a set. Absent: none. */
  readonly measure?: (
    model: Model,
    options: { readonly device: Device; readonly sets: PixelSets },
  ) => Promise<PixelScores>;
  /** What the report begins with. */
  readonly figures: (metrics: PixelScores) => readonly KeyFigure[];
  /** What the report shows beside the figures. */
  readonly results: (
    model: Model,
    options: { readonly device: Device; readonly sets: PixelSets; readonly metrics: PixelScores },
  ) => Promise<readonly Section[]>;
}

/** Images evaluated at once, those that curves are drawn of, points of a curve, and training images measured. */
const EVALUATION_BATCH = 250, WATCHED = 1000, CURVE_POINTS = 12, MEASURED = 10_000;

/** A network of gated cells in a title: "GRU of 3 x 32". */
export function cellsInWords(
  { cell, units, layers }: { readonly cell: string; readonly units: number; readonly layers: number },
): string {
  return `${cell.toUpperCase()} of ${layers === 1 ? "" : `${layers} x `}${units}`;
}

/** The configuration for images of this kind. */
export function pixelConfig(
  kind: string,
  train: PixelSet,
  flags: Omit<PixelModelFlags, "dataset" | "device">,
): PixelConfig {
  const { cell, units, layers, pool, optimizer, learningRate, schedule, warmup, clip, gates } = flags;
  let ink = 0;
  for (let image = 0; image < train.count; image++) ink += train.bits[image * train.length];
  return {
    model: kind,
    ...{ cell, units, layers, pixels: train.length, width: train.width, pool, classes: train.classes },
    firstInk: (ink + 1) / (train.count + 2),
    batch: Math.min(flags.batch, train.count),
    ...{ optimizer, learningRate, schedule, warmup, clip, gates },
    recurrentStart: flags.recurrentStart,
    seed: flags.seed,
  };
}

/** The whole program of a model of pixels. */
export async function runPixels<Model extends PixelModel>(
  experiment: PixelExperiment<Model>,
): Promise<never> {
  const { name, summary, kind } = experiment;
  return await runTask({
    name,
    summary,
    flags: pixelModelFlags,
    run: async (flags, run) => {
      const sets = await openPixelSets(flags), config = pixelConfig(kind, sets.train, flags);
      await using device = await openTaskDevice(flags, run.session);
      await run.configure({ dataset: sets.source, device, model: config });
      await learnPixels(experiment, run, { device, sets, config, flags });
    },
  });
}

async function learnPixels<Model extends PixelModel>(
  experiment: PixelExperiment<Model>,
  run: Run,
  options: {
    readonly device: Device;
    readonly sets: PixelSets;
    readonly config: PixelConfig;
    readonly flags: PixelModelFlags;
  },
): Promise<void> {
  const { device, sets, config, flags } = options, model = experiment.build(config);
  const description = experiment.describe(model, sets), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  const scorer = await openScorer(experiment, { model, device });
  const learned = firstOf(sets.train, WATCHED), watched = firstOf(sets.validation, WATCHED);
  const watch = async (): Promise<PixelScores> => ({
    ...named("train", await scorer.scores(learned)),
    ...named("validation", await scorer.scores(watched)),
  });
  await fitPixels(experiment, model, {
    run,
    device,
    images: sets.train,
    steps: flags.steps ?? Math.max(1, Math.round(flags.epochs * sets.train.count / config.batch)),
    budget: flags.budget,
    evaluateAt: logSpaced(CURVE_POINTS),
    evaluate: watch,
  });
  await run.saveWeights(model.weights, { model: config.model, config });
  const measured = firstOf(sets.train, MEASURED);
  const metrics = {
    ...named("test", await scorer.scores(sets.test)),
    ...named("train", await scorer.scores(measured)),
    ...named("validation", await scorer.scores(sets.validation)),
    test_images: sets.test.count,
    validation_images: sets.validation.count,
    ...await experiment.measure?.(model, { device, sets }),
  };
  scorer.dispose();
  const figures = experiment.figures(metrics);
  await writeReport(run, {
    description,
    figures,
    metrics,
    results: [
      {
        title: "Sets",
        blocks: [{
          kind: "paragraph",
          text:
            `${inDigits(sets.train.count)} images learn, ${inDigits(sets.validation.count)} others of the ` +
            `training file validate, ${
              inDigits(sets.test.count)
            } of the test file test, once, at the end. Curves ` +
            `are of the first ${inDigits(watched.count)} that validate and the first ${
              inDigits(learned.count)
            } that learn; training figures are of the first ${inDigits(measured.count)}.`,
        }],
      },
      ...await experiment.results(model, { device, sets, metrics }),
    ],
  });
  await run.finish({ metrics, parameters });
  run.note(figures.map(({ label, value }) => `${label} ${value}`).join(", "));
}

/** What `fitPixels` is given; `train` is given the rest as it is. */
export interface PixelFit extends Pick<Training, "evaluate" | "evaluateAt"> {
  readonly run: Run;
  readonly device: Device;
  readonly images: PixelSet;
  readonly steps: number;
  readonly budget?: number;
}

/** Trains in epochs. */
export async function fitPixels<Model extends PixelModel>(
  experiment: Pick<PixelExperiment<Model>, "name" | "loss">,
  model: Model,
  options: PixelFit,
): Promise<void> {
  const { run, images, steps, ...training } = options, { config, weights } = model;
  const { batch, clip, learningRate, schedule, warmup, seed } = config;
  const optimizer = optimizerOf(config.optimizer, weights), list = Object.values(weights);
  const step = await compile(training.device, ({ bits, labels, rate }) => {
    const { value, grads } = tf.variableGrads(() => experiment.loss(model, bits, labels), list);
    optimizer.applyGradients(clip > 0 ? clipped(grads, clip) : grads, rate);
    return { loss: value };
  }, {
    bits: { shape: [batch, images.length] },
    labels: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
  });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  await train(run, {
    ...training,
    phase: config.model,
    steps,
    variables: { ...weights, ...optimizer.slots },
    step: async (t, steps) => {
      const index = rows(t), rise = Math.min(warmup, Math.floor(steps / 5));
      const rate = schedule === "cosine"
        ? cosineRate(t, { steps, peak: learningRate, warmup: rise })
        : learningRate * Math.min(1, (t + 1) / Math.max(1, rise));
      await step.run({
        bits: bitsOf(images, index),
        labels: Int32Array.from(index, (image) => images.labels[image]),
        rate: Float32Array.of(rate),
      });
    },
    read: () => step.read(),
  });
  step.dispose();
  optimizer.dispose();
}

function optimizerOf(name: PixelConfig["optimizer"], weights: Weights): Optimizer {
  if (name === "sgd") return sgd(weights);
  return name === "momentum" ? momentum(weights, { momentum: 0.9 }) : adam(weights);
}

/** A model that is compiled once for all sets that it is measured on. */
interface Scorer {
  readonly scores: (set: PixelSet) => Promise<PixelScores>;
  readonly dispose: () => void;
}

async function openScorer<Model extends PixelModel>(
  { scores }: Pick<PixelExperiment<Model>, "scores">,
  { model, device }: { readonly model: Model; readonly device: Device },
): Promise<Scorer> {
  const batch = EVALUATION_BATCH;
  const compiled = await compile(
    device,
    ({ bits, labels }) => scores(model, bits, labels),
    { bits: { shape: [batch, model.config.pixels] }, labels: { shape: [batch], dtype: "int32" } },
  );
  return {
    scores: async (set) => {
      const values = await overRows(compiled, {
        count: set.count,
        batch,
        inputs: (rows) => ({
          bits: bitsOf(set, rows),
          labels: Int32Array.from(rows, (row) => set.labels[row]),
        }),
      });
      return Object.fromEntries(
        Object.entries(values).map(([name, each]) => {
          let sum = 0;
          for (const value of each) sum += value;
          return [name, sum / set.count];
        }),
      );
    },
    dispose: () => compiled.dispose(),
  };
}

/** The figures of `set`, each the mean over its images. */
export async function measurePixels<Model extends PixelModel>(
  experiment: Pick<PixelExperiment<Model>, "scores">,
  options: { readonly model: Model; readonly device: Device; readonly set: PixelSet },
): Promise<PixelScores> {
  const scorer = await openScorer(experiment, options);
  const scores = await scorer.scores(options.set);
  scorer.dispose();
  return scores;
}

function named(set: string, scores: PixelScores): PixelScores {
  return Object.fromEntries(Object.entries(scores).map(([name, value]) => [`${set}_${name}`, value]));
}

/** A trained model of pixels on its device. */
export interface LoadedPixels<Model extends PixelModel, Kind extends string> extends Measurable {
  readonly kind: Kind;
  readonly model: Model;
  /** The model's figures on a set. */
  scores(set: PixelSet): Promise<PixelScores>;
}

/** What the file of a model of pixels exports as `MODEL`. */
export function pixelModel<Model extends PixelModel, const Kind extends string>(
  experiment: PixelExperiment<Model> & { readonly kind: Kind },
): ModelFile<LoadedPixels<Model, Kind>> {
  const { name, kind, build } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored<Model>(folder, { build: (config) => build(config), kind });
      const scores = (set: PixelSet) => measurePixels(experiment, { model, device, set });
      return {
        ...{ kind, model, scores },
        testScores: async ({ folder, config }, { dataDir }) => {
          const own = readStoredFlags(pixelModelFlags, config.flags, { path: join(folder, "config.json") });
          const { set } = await openPixelTest({ ...own, dataDir: dataDir ?? own.dataDir });
          return named("test", await scores(set));
        },
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored<Model>(stored.folder, { build: (config) => build(config), kind });
        const images = drawnPixels(model.config, stored.config.dataset.count);
        return await fitPixels(experiment, model, { ...context, images, steps: 1 });
      }
      const images = binarized(await openImages({ dataset: "digits", split: "train", count: 64 }));
      const model = build(pixelConfig(kind, images, defaultsOf(pixelModelFlags)));
      await fitPixels(experiment, model, { ...context, images, steps: 1 });
    },
  };
}

/** Pixels and labels that are drawn, of the shape that a model learned. */
function drawnPixels({ pixels: length, width, classes }: PixelConfig, count: number): PixelSet {
  const random = stream(0).fork("explain");
  const drawn = (length: number, values: number): Uint8Array =>
    Uint8Array.from({ length }, () => random.integer(values));
  return {
    ...{ count, length, width, classes },
    bits: drawn(count * length, 2),
    labels: drawn(count, classes),
  };
}
