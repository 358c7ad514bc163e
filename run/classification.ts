/**
 * The experiment of an image classifier: images and labels -> a model -> how often it is right, on what it learned and
 * on what it never saw, class by class, and which mistakes it makes.
 */
import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { writeAtomically } from "../base/files.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { openTaskDevice } from "./device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { accuracy, confusion, crossEntropy, wilson } from "../metrics/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import type { Block, Section } from "../report/html.ts";
import { count, percent } from "../report/numbers.ts";
import { chosenLevels, drawnImages, imageFlags, openTestImages, openTrainingImages } from "./images.ts";
import { defaultsOf, type Measurable, type ModelFile, restored } from "./model_file.ts";
import type { Run, StoredRun } from "./run.ts";
import { readStoredFlags } from "./stored_flags.ts";
import { type Flags, type FlagValues, integer, runTask } from "./task.ts";
import { logSpaced, type Training } from "./training.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** A model that tells classes apart. */
export interface ClassifierModel {
  /** All that decides what is built and how it learns: it is stored with the weights. */
  readonly config: { readonly model: string };
  readonly weights: Weights;
}

/** The flags of every classifier's task. */
export const classificationFlags = {
  ...imageFlags,
  validation: integer({
    min: 0,
    default: 0,
    help:
      "training images after those learned that are held out, to draw the curves of in place of test images",
  }),
};
/** What the flags of a classifier's task say. */
export type ClassificationFlags = FlagValues<typeof classificationFlags>;

/** What a model file tells about its classifier. */
export interface ClassificationExperiment<Model extends ClassifierModel, F extends Flags = Flags> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /** The configuration for images of this kind and number. */
  readonly configure: (images: ImageSet, flags: ClassificationFlags & FlagValues<F>) => Model["config"];
  /** Allocates the model. */
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (model: Model, images: ImageSet) => Description;
  /** How many steps bring so many images to the goal. */
  readonly defaultSteps: (count: number) => number;
  readonly fit: (model: Model, options: ClassificationFit) => Promise<void>;
  /** Images [B, H, W, C] in 0..1 -> logits [B, classes]: to be compiled, for evaluation. */
  readonly logits: (model: Model, images: tf.Tensor4D) => tf.Tensor2D;
  /** How many images are learned where `--count` does not say. Absent: 1,024. */
  readonly most?: number;
  /** The images that a model of this configuration takes. */
  readonly shape: (
    config: Model["config"],
  ) => { readonly size: number; readonly channels: number; readonly classes: number };
  /** Which of these images are learned. Absent: all. */
  readonly choose?: (images: ImageSet, flags: ClassificationFlags & FlagValues<F>) => ImageSet;
  /** After which steps of training on `count` images curves have a point. Absent: twelve, ever further apart. */
  readonly evaluateAt?: (model: Model, count: number) => NonNullable<Training["evaluateAt"]>;
  /**
   * Whether a step itself gives `train_accuracy` and `train_loss` of its images, so that no time is spent on measuring
   * what is learned before the end. Absent: no.
   */
  readonly scoresBatches?: boolean;
  /** More figures of a trained model. Absent: none. */
  readonly more?: (model: Model, trained: TrainedClassifier) => Promise<Readonly<Record<string, number>>>;
  /** More of the report. Absent: nothing. */
  readonly results?: (model: Model, trained: TrainedClassifier) => Promise<readonly Section[]>;
}

/** What there is when a classifier has been trained. */
export interface TrainedClassifier {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly test: ImageSet;
  /** Logits [count, classes] of the test images. */
  readonly answers: Float32Array;
  /** Steps made. */
  readonly steps: number;
  /** Logits [count, classes] of images. */
  readonly logits: (images: ImageSet) => Promise<Float32Array>;
}

/** What a classifier is trained on, and how long. `train` is given the rest as it is. */
export interface ClassificationFit extends Pick<Training, "evaluate" | "evaluateAt"> {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly steps: number;
  readonly budget?: number;
}

/** Images evaluated at once. */
const EVALUATION_BATCH = 500;
/** Images of each set of which the curves are drawn, at most, and points of a curve. */
const CURVE_IMAGES = 2000, CURVE_POINTS = 12;
/** Classes above which no table of them is printed, and mistakes on the sheet. */
const MOST_CLASSES = 20, SHOWN = 40;

/** The whole program of a classifier. */
export async function runClassification<Model extends ClassifierModel, F extends Flags>(
  experiment: ClassificationExperiment<Model, F>,
): Promise<never> {
  const { name, summary, defaultSteps, most } = experiment;
  return await runTask({
    name,
    summary,
    flags: {
      ...classificationFlags,
      ...most === undefined ? {} : {
        count: integer({ min: 1, help: "how many images to learn (default: the whole training split)" }),
      },
      steps: integer({
        min: 1,
        help: `optimizer updates (default: ${count(defaultSteps(1024))} for 1,024 images)`,
      }),
      ...experiment.flags,
    },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as ClassificationFlags & FlagValues<F>;
      const { validation } = flags;
      const opened = await openTrainingImages(flags, { most, holdOut: true, session: run.session });
      const images = experiment.choose?.(opened, flags) ?? opened;
      if (images.classes < 2) {
        throw new Error(
          `Cannot classify ${
            flags.dataDir ?? images.name
          } as its images have no labels: put those of each class into ` +
            "a folder of its own, or give an array of labels",
        );
      }
      if (images.height !== images.width) {
        throw new Error(
          `Cannot classify images of ${images.height}x${images.width} as they must be square: give --size`,
        );
      }
      const test = await openTestImages(flags, images);
      const heldOut = validation === 0 ? undefined : await openTrainingImages(
        { ...flags, offset: opened.offset + opened.count, count: validation },
        { holdOut: true },
      );
      await using device = await openTaskDevice(flags, run.session);
      const model = experiment.build(experiment.configure(images, flags));
      await run.configure({ dataset: images, chosenFrom: opened.count, device, model: model.config });
      await classifyImages(experiment, { model, flags, run, device, images, test, heldOut });
    },
  });
}

/** Trains and measures `model` in the folder of `run`, which is configured: what comes after opening the images. */
export async function classifyImages<Model extends ClassifierModel, F extends Flags>(
  experiment: Omit<ClassificationExperiment<Model, F>, "configure" | "flags" | "choose">,
  options: {
    readonly model: Model;
    readonly flags: Pick<ClassificationFlags, "steps" | "budget">;
    readonly run: Run;
    readonly device: Device;
    readonly images: ImageSet;
    readonly test: ImageSet;
    /** Whose curves are drawn; absent: those of the test images. */
    readonly heldOut?: ImageSet;
  },
): Promise<void> {
  const { model, flags, run, device, images, test, heldOut } = options;
  const description = experiment.describe(model, images), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  const classifier = await openClassifier(experiment, {
    model,
    device,
    batch: Math.min(EVALUATION_BATCH, Math.max(images.count, test.count)),
    images,
  });
  const watched = { name: heldOut === undefined ? "test" : "validation", images: first(heldOut ?? test) };
  const learned = first(images),
    { scoresBatches = false, evaluateAt = () => logSpaced(CURVE_POINTS) } = experiment;
  await experiment.fit(model, {
    run,
    device,
    images,
    steps: flags.steps ?? experiment.defaultSteps(images.count),
    budget: flags.budget,
    evaluateAt: evaluateAt(model, images.count),
    evaluate: async () => ({
      ...(scoresBatches ? {} : scored("train", await classifier.logits(learned), learned)),
      ...scored(watched.name, await classifier.logits(watched.images), watched.images),
    }),
  });
  await run.saveWeights(model.weights, { model: model.config.model, config: model.config });
  const logits = await classifier.logits(test);
  const done = {
    ...{ run, device, images, test, answers: logits },
    steps: run.savedStep ?? 0,
    logits: (images: ImageSet) => classifier.logits(images),
  };
  const metrics = {
    ...scored("test", logits, test),
    ...scored("train", await classifier.logits(images), images),
    test_images: test.count,
    ...(heldOut === undefined ? {} : scored("validation", await classifier.logits(heldOut), heldOut)),
    ...await experiment.more?.(model, done),
  };
  const results = await experiment.results?.(model, done) ?? [];
  classifier.dispose();
  const sheet = mistakes(test, logits);
  await writeAtomically(run.path("mistakes.png"), imageGrid(sheet));
  const { test_accuracy, train_accuracy } = metrics;
  await writeReport(run, {
    description,
    figures: [
      {
        label: "test accuracy",
        value: percent(test_accuracy),
        note: `of ${count(test.count)} images; 95 % interval ${interval(test_accuracy, test.count)}`,
      },
      { label: "training accuracy", value: percent(train_accuracy) },
    ],
    metrics,
    results: [
      ...results,
      {
        title: "Classes",
        blocks: [
          {
            kind: "paragraph",
            text: `What is drawn under "Learning" was measured, while it learned, on the first ` +
              `${count(watched.images.count)} ${watched.name} images and on ${
                scoresBatches
                  ? "the images of the steps since the point before, as they were learned"
                  : `the first ${count(learned.count)} of those learned`
              }; all else on all images.`,
          },
          ...classTables(confusion(logits, test.labels), {
            names: Array.from({ length: test.classes }, (_, label) => className(test, label)),
            things: "images",
          }),
        ],
      },
      { title: "Mistakes", blocks: [{ kind: "sheet", sheet }] },
    ],
  });
  await run.finish({ metrics, parameters });
  run.note(`test accuracy ${percent(test_accuracy)} of ${test.count} images`);
}

/** A classifier that is compiled once for all that it shall look at. */
interface OpenClassifier {
  /** Logits [count, classes] of all images, with the weights as the device has them. */
  readonly logits: (images: ImageSet) => Promise<Float32Array>;
  readonly dispose: () => void;
}

/** Compiles the evaluation of `model`, `batch` images at a time, of the size of `images`. */
async function openClassifier<Model extends ClassifierModel, F extends Flags>(
  { logits }: Pick<ClassificationExperiment<Model, F>, "logits">,
  options: {
    readonly model: Model;
    readonly device: Device;
    readonly batch: number;
    readonly images: Pick<ImageSet, "height" | "width" | "channels">;
  },
): Promise<OpenClassifier> {
  const { model, device, batch, images: { height, width, channels } } = options;
  const evaluate = await compile(
    device,
    ({ images }) => ({ logits: logits(model, images) }),
    { images: { shape: [batch, height, width, channels] } },
  );
  return {
    logits: async (images) => {
      const { logits } = await overRows(evaluate, {
        count: images.count,
        batch,
        inputs: (rows) => ({ images: chosenLevels(images, rows) }),
      });
      return logits as Float32Array;
    },
    dispose: () => evaluate.dispose(),
  };
}

/** Logits [count, classes] of all images. */
export async function classify<Model extends ClassifierModel, F extends Flags>(
  experiment: Pick<ClassificationExperiment<Model, F>, "logits">,
  options: { readonly model: Model; readonly device: Device; readonly images: ImageSet },
): Promise<Float32Array> {
  const batch = Math.min(EVALUATION_BATCH, options.images.count);
  const classifier = await openClassifier(experiment, { ...options, batch });
  const logits = await classifier.logits(options.images);
  classifier.dispose();
  return logits;
}

/** A trained classifier on its device. */
export interface LoadedClassifier<Model extends ClassifierModel> extends Measurable {
  readonly kind: Model["config"]["model"];
  readonly model: Model;
  /** Logits [count, classes]. */
  classify(images: ImageSet): Promise<Float32Array>;
}

/** The test images that a stored run was measured on. */
type OpenTest = (
  stored: StoredRun,
  options: { readonly dataDir?: string; readonly channels: number },
) => Promise<ImageSet>;

const openStoredTest: OpenTest = async ({ folder, config }, { dataDir, channels }) => {
  const own = readStoredFlags(classificationFlags, config.flags, { path: join(folder, "config.json") });
  return await openTestImages({ ...own, dataDir: dataDir ?? own.dataDir }, { channels });
};

/**
 * What a classifier's file exports as `MODEL`.
 *
 * @param options.sample opens the images that `explain` looks at its step with. Absent: built-in digits.
 * @param options.openTest Absent: the test split of the data set that the run's flags name.
 */
export function classifierModel<Model extends ClassifierModel, F extends Flags>(
  experiment: ClassificationExperiment<Model, F>,
  options: { readonly sample?: () => Promise<ImageSet>; readonly openTest?: OpenTest } = {},
): ModelFile<LoadedClassifier<Model>> {
  const { name, flags, configure, build, fit, shape } = experiment;
  const {
    sample = () => openImages({ dataset: "digits", split: "train", count: 1024 }),
    openTest = openStoredTest,
  } = options;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored(folder, { build });
      return {
        kind: model.config.model,
        model,
        classify: (images) => classify(experiment, { model, device, images }),
        testScores: async (stored, { dataDir }) => {
          const test = await openTest(stored, { dataDir, channels: shape(model.config).channels });
          return scored("test", await classify(experiment, { model, device, images: test }), test);
        },
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored(stored.folder, { build }), { size, ...rest } = shape(model.config);
        const images = drawnImages({
          ...rest,
          ...{ height: size, width: size, count: stored.config.dataset.count },
        });
        return await fit(model, { ...context, images, steps: 1 });
      }
      const images = await sample();
      const model = build(configure(images, { ...defaultsOf(classificationFlags), ...defaultsOf(flags) }));
      await fit(model, { ...context, images, steps: 1 });
    },
  };
}

/** The first images, as many as a curve is drawn of. */
function first(images: ImageSet): ImageSet {
  const count = Math.min(CURVE_IMAGES, images.count), area = images.pixels.length / images.count;
  return {
    ...images,
    count,
    pixels: images.pixels.subarray(0, count * area),
    labels: images.labels.subarray(0, count),
  };
}

/** Accuracy, and mean cross-entropy in nats, of the answers to `images`. */
function scored<Name extends string>(
  name: Name,
  logits: Float32Array,
  { labels, classes }: ImageSet,
): Record<`${Name}_accuracy` | `${Name}_loss`, number> {
  const truth = Float32Array.from(
    { length: logits.length },
    (_, at) => labels[Math.floor(at / classes)] === at % classes ? 1 : 0,
  );
  const scores = [
    [`${name}_accuracy`, accuracy(logits, labels)],
    [`${name}_loss`, crossEntropy(logits, truth, { vocabulary: classes })],
  ];
  return Object.fromEntries(scores) as Record<`${Name}_accuracy` | `${Name}_loss`, number>;
}

/**
 * Accuracy by class with its intervals, and what each class is taken for; nothing where there are many classes.
 *
 * @param counts [classes, classes], rows the labels, columns the answers.
 * @param options.things what was classified, as "images".
 */
export function classTables(
  counts: Int32Array,
  { names, things }: { readonly names: readonly string[]; readonly things: string },
): Block[] {
  const classes = names.length, Things = things[0].toUpperCase() + things.slice(1);
  if (classes > MOST_CLASSES) return [];
  const rowOf = (label: number): number[] =>
    Array.from(counts.subarray(label * classes, (label + 1) * classes));
  return [
    {
      kind: "table",
      table: {
        columns: ["Class", Things, "Right", "95 % interval"],
        rows: names.map((name, label) => {
          const row = rowOf(label), total = row.reduce((sum, count) => sum + count, 0);
          return total === 0
            ? [name, "0", "", ""]
            : [name, String(total), percent(row[label] / total), interval(row[label] / total, total)];
        }),
        caption: `Test ${things} of each class, and the share of them that is told right.`,
      },
    },
    {
      kind: "table",
      table: {
        columns: ["Class", ...names],
        rows: names.map((name, label) => [name, ...rowOf(label)]),
        caption: `How many test ${things} of each class (rows) are taken for each class (columns).`,
      },
    },
  ];
}

function className({ classNames }: ImageSet, label: number): string {
  return classNames?.[label] ?? String(label);
}

/** The test images that the model gets wrong, the surest mistakes first. */
function mistakes(images: ImageSet, logits: Float32Array): Sheet {
  const { classes, height, width, channels } = images;
  const wrong = Array.from(images.labels, (label, index) => {
    const scores = logits.subarray(index * classes, (index + 1) * classes);
    const guess = scores.indexOf(Math.max(...scores));
    return { index, label, guess, margin: scores[guess] - scores[label] };
  }).filter(({ label, guess }) => label !== guess).sort((a, b) => b.margin - a.margin);
  const all = imagesOf(images.pixels, [images.count, height, width, channels]);
  return {
    sections: [{
      caption: `${wrong.length} of ${images.count} test images are taken for another class`,
      note: "The surest mistakes first: the class of each image, and the answer.",
      tiles: wrong.slice(0, SHOWN).map(({ index, label, guess }) => ({
        image: all[index],
        label: `${className(images, label)} → ${className(images, guess)}`,
      })),
    }],
  };
}

/** The 95 % interval of a share of `count`, in words. */
export function interval(share: number, count: number): string {
  const { low, high } = wilson(Math.round(share * count), count);
  return `${percent(low)} to ${percent(high)}`;
}
