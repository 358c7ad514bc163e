/**
 * `deno task compare-cifar-subsets`: how well the classifier of small photographs does that learned 1, 10, 100, 1,000
 * images of each class, or all. The step size is chosen for each number on training images that are held out; then several
 * draws of the images are learned with it, and measured on the whole test set.
 */
import { join } from "node:path";
import { type Estimate, meanAndDeviation } from "../metrics/mod.ts";
import { CIFAR_CLASSIFIER } from "../models/cifar_classifier.ts";
import type { Block, Section } from "../report/html.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { epochSection } from "../run/epochs.ts";
import { imageFlags, openTrainingImages } from "../run/images.ts";
import { readLog } from "../run/log.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { StoredRun } from "../run/run.ts";
import { boolean, choice, integer, number, runTask, text, UsageError } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";

/** Where all images are learned. */
const ALL = "all";
/** The step sizes that are tried, as factors of the recipe's own. */
const FACTORS = [0.25, 1, 4] as const;

/** What `--quick` stands for. */
const QUICK = { count: 500, steps: 30, sizes: "1,10,all", draws: 2, validation: 0, width: 0.1 } as const;

/** How many images of each class are learned; undefined: all. */
type PerClass = number | undefined;

/** What came out for one number of images. */
export interface Outcome {
  /** All of them, not of each class. */
  readonly images: number;
  /** The step size that was chosen. */
  readonly rate: number;
  /** One value a draw. */
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/**
 * Reads "1,10,all".
 *
 * @throws {UsageError} naming what is neither a number nor "all".
 */
export function parseSizes(sizes: string): readonly PerClass[] {
  return sizes.split(",").map((size) => {
    if (size === ALL) return undefined;
    const perClass = Number(size);
    if (Number.isInteger(perClass) && perClass >= 1) return perClass;
    throw new UsageError(
      `--sizes must be whole numbers of at least 1, or "${ALL}", with commas: current value is "${size}"`,
    );
  });
}

/** The step size whose run was right on most of the images held out; the recipe's own where none was tried. */
export function bestRate(
  tried: readonly { readonly rate: number; readonly validationAccuracy: number }[],
): number {
  return tried.reduce(
    (best, each) => each.validationAccuracy > best.validationAccuracy ? each : best,
    { rate: CIFAR_CLASSIFIER.learningRate as number, validationAccuracy: -Infinity },
  ).rate;
}

function share(values: readonly number[]): string {
  const { mean, deviation }: Estimate = meanAndDeviation(values);
  return values.length === 1 ? percent(mean) : `${percent(mean)} ± ${percent(deviation)}`;
}

function gaps({ train, test }: Outcome): readonly number[] {
  return train.map((accuracy, draw) => accuracy - test[draw]);
}

/** Accuracies and their difference against the number of images: a table and a plot. */
export function subsetBlocks(outcomes: readonly Outcome[]): readonly Block[] {
  const curve = (name: string, values: (outcome: Outcome) => readonly number[]) => ({
    name,
    x: outcomes.map(({ images }) => images),
    y: outcomes.map((outcome) => meanAndDeviation(values(outcome)).mean),
  });
  return [
    {
      kind: "table",
      table: {
        columns: ["Images", "Draws", "Step size", "Training accuracy", "Test accuracy", "Difference"],
        rows: outcomes.map((outcome) => [
          ...[count(outcome.images), String(outcome.test.length), String(outcome.rate)],
          ...[share(outcome.train), share(outcome.test), share(gaps(outcome))],
        ]),
        caption:
          "Mean ± standard deviation over the draws. Training images are measured as they are, after training; " +
          "the test set whole.",
      },
    },
    {
      kind: "plot",
      plot: {
        x: { label: "images learned", scale: "log" },
        y: { label: "accuracy", range: [0, 1] },
        series: [
          curve("training images", ({ train }) => train),
          curve("test images", ({ test }) => test),
          curve("difference", gaps),
        ],
      },
      caption: "Means over the draws.",
    },
  ];
}

/** What the figures say, in words. */
export function findings(outcomes: readonly Outcome[]): string {
  const [fewest] = outcomes, most = outcomes[outcomes.length - 1];
  return `From ${count(fewest.images)} images the network is right on ${
    share(fewest.test)
  } of the test images, and on ` +
    `${share(fewest.train)} of what it learned; from ${count(most.images)} on ${share(most.test)} and ` +
    `${share(most.train)}. The difference, what it knows only of images that it has seen, goes from ` +
    `${share(gaps(fewest))} to ${
      share(gaps(most))
    }: with few images there are many ways to be right on all of them, ` +
    "and nothing in them says which one holds for others.";
}

function metric(run: StoredRun, name: string): number {
  return run.summary?.metrics[name] ?? NaN;
}

function nameOf(perClass: PerClass): string {
  return String(perClass ?? ALL);
}

if (import.meta.main) {
  await runTask({
    name: "compare-cifar-subsets",
    summary: "Train the classifier of small photographs on ever more images, and compare training with test.",
    flags: {
      ...imageFlags,
      dataset: choice(["digits", "mnist", "cifar10", "cifar100"], {
        default: "digits",
        help: "what to learn",
      }),
      count: integer({ min: 1, help: "how many images to draw from (default: the whole training split)" }),
      steps: integer({ min: 1, help: "optimizer updates of each run (default: its own)" }),
      sizes: text({
        placeholder: "N,N",
        default: "1,10,100,1000,all",
        help: "how many images of each class are learned",
      }),
      draws: integer({ min: 1, default: 3, help: "how often the images of a number are drawn anew" }),
      validation: integer({
        min: 0,
        default: 5000,
        help: "images held out to choose step sizes by; 0: the recipe's own for all",
      }),
      width: number({ min: 0.01, default: 1, help: "the blocks' channels, as a factor" }),
      quick: boolean({
        help: "small sizes, about a minute: 1, 10 and all of 500 images, 30 steps, a tenth of the width",
      }),
      ...executorFlags,
    },
    run: async ({ quick, ...given }, run) => {
      const flags = quick ? { ...given, ...QUICK } : given;
      const { dataset, dataDir, offset, steps, seed, device: kind, threads, validation, width, draws } =
        flags;
      const sizes = parseSizes(flags.sizes);
      const images = await openTrainingImages(flags, { most: Infinity, session: run.session });
      if (validation >= images.count) {
        throw new UsageError(
          `--validation must be less than the ${images.count} images drawn from: current value is ${validation}`,
        );
      }
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: images, device, model: { models: sizes.map(nameOf) } });
      }
      const shared = { dataset, dataDir, offset, steps, seed, width, device: kind, threads };
      const line = (folder: string, flags: ManifestLine["flags"]): ManifestLine => (
        { task: "train-cifar-classifier", flags: { ...shared, ...flags }, folder }
      );
      const rates = FACTORS.map((factor) => factor * CIFAR_CLASSIFIER.learningRate);
      // All images are what the recipe was made for, and none would be left to choose by.
      const tuned: readonly PerClass[] = validation === 0
        ? []
        : sizes.filter((perClass) => perClass !== undefined);
      const trials = tuned.flatMap((perClass) =>
        rates.map((lr) =>
          line(`try-${nameOf(perClass)}-${lr}`, {
            perClass,
            lr,
            validation,
            count: images.count - validation,
          })
        )
      );
      const tried = await runManifest(trials, { within: run, executor: flags, name: "trials" });
      const chosen = sizes.map((perClass) =>
        bestRate(rates.flatMap((rate, at) => {
          const index = tuned.indexOf(perClass);
          return index < 0 ? [] : [{
            rate,
            validationAccuracy: metric(tried[index * rates.length + at], "validation_accuracy"),
          }];
        }))
      );
      const lines = sizes.flatMap((perClass, at) =>
        // There is but one draw of all.
        Array.from({ length: perClass === undefined ? 1 : draws }, (_, draw) =>
          line(`${nameOf(perClass)}-${draw}`, { perClass, draw, lr: chosen[at], count: images.count }))
      );
      const runs = await runManifest(lines, { within: run, executor: flags });
      const own = sizes.map((perClass) =>
        runs.filter((_, index) => lines[index].flags.perClass === perClass)
      );
      const outcomes = own.map((runs, at): Outcome => ({
        images: runs[0].config.dataset.count,
        rate: chosen[at],
        train: runs.map((run) => metric(run, "train_accuracy")),
        test: runs.map((run) => metric(run, "test_accuracy")),
      }));
      const curves = await Promise.all(own.map(async ([first], at): Promise<Section> => {
        const log = await readLog(join(first.folder, "log.jsonl"));
        const batch = Math.min(CIFAR_CLASSIFIER.batch, outcomes[at].images);
        const section = epochSection(log, { epoch: Math.max(1, Math.round(outcomes[at].images / batch)) });
        return { ...section, title: `${count(outcomes[at].images)} images, the first draw, by epoch` };
      }));
      await writePage(run, {
        title: `Learning from few and from many of ${datasetInWords(images)}`,
        abstract:
          "The same network learns few images of each class, and many. What it is right on among those, and " +
          "among images that it never saw, parts the further the fewer there are.",
        figures: outcomes.map(({ images, test }) => ({
          label: `${count(images)} images`,
          value: share(test),
          note: "test accuracy",
        })),
        sections: [
          {
            title: "Accuracy by number of images",
            blocks: [...subsetBlocks(outcomes), { kind: "paragraph", text: findings(outcomes) }],
          },
          ...curves,
        ],
      });
      const metrics = Object.fromEntries(outcomes.flatMap((outcome, at) => {
        const name = nameOf(sizes[at]);
        return [
          [`test_accuracy_${name}`, meanAndDeviation(outcome.test).mean],
          [`train_accuracy_${name}`, meanAndDeviation(outcome.train).mean],
        ];
      }));
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({ metrics, parameters: sum("parameters"), steps: sum("steps") });
      for (const { images, test } of outcomes) {
        run.note(`${count(images)} images: test accuracy ${share(test)}`);
      }
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}
