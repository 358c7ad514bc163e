/**
 * `deno task memorized-images`: which training images a classifier has memorized. Many networks learn random subsets of
 * the same images; an image is memorized as far as those that learned it are right on it and the others are not.
 *
 * After: Feldman and Zhang (2020), "What neural networks memorize and why", arXiv 2008.03703.
 * Departures: small networks, a thousand images, dozens of subsets; as many images of each class in every subset.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import type { ImageSet } from "../data/images.ts";
import { correlation, type LabelMemorization, labelMemorization, type Trial } from "../metrics/mod.ts";
import { drawnRows } from "../models/cifar_classifier.ts";
import { load } from "../models/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { imageFlags, openTrainingImages } from "../run/images.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import { boolean, choice, integer, number, runTask, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

/** An image counts as memorized from this score on, as in the paper. */
const MEMORIZED = 0.25;
/** What `--quick` stands for. */
const QUICK = { count: 100, steps: 20, subsets: 12, width: 0.1 } as const;
/** Images on each part of the sheet. */
const SHOWN = 30;

/** How many images of each class a subset has: the share of those of the smallest class. */
export function subsetSize({ labels, classes }: Pick<ImageSet, "labels" | "classes">, share: number): number {
  const sizes = new Int32Array(classes);
  for (const label of labels) sizes[label]++;
  return Math.floor(share * Math.min(...sizes));
}

/** The images whose scores are highest, and those that are known best without being learned. */
export function memorizationTiles(
  images: ImageSet,
  { learned, unlearned, scores }: LabelMemorization,
): Sheet {
  const { height, width, channels, labels, classNames } = images;
  const drawn = imagesOf(images.pixels, [images.count, height, width, channels]);
  const whole = (share: number): string => `${Math.round(100 * share)}\u00a0%`;
  const tiles = (order: readonly number[]) =>
    order.slice(0, SHOWN).map((image) => ({
      image: drawn[image],
      label: `${classNames?.[labels[image]] ?? labels[image]}: ${whole(learned[image])}, ${
        whole(unlearned[image])
      }`,
    }));
  const known = Array.from(scores.keys()).filter((image) => Number.isFinite(scores[image]));
  const note =
    "The class, how often it is named by networks that learned the image, and how often by the others.";
  return {
    sections: [
      {
        caption: "The most memorized images",
        note,
        tiles: tiles(known.toSorted((a, b) => scores[b] - scores[a] || a - b)),
      },
      {
        caption: "Images known without having been learned",
        note,
        tiles: tiles(known.toSorted((a, b) => unlearned[b] - unlearned[a] || a - b)),
      },
    ],
  };
}

if (import.meta.main) {
  await runTask({
    name: "memorized-images",
    summary: "Find the training images that a classifier is right on only because it learned them.",
    flags: {
      ...imageFlags,
      dataset: choice(["digits", "mnist", "cifar10", "cifar100"], {
        default: "digits",
        help: "what to learn",
      }),
      count: integer({ min: 2, default: 1000, help: "how many images are asked about" }),
      steps: integer({ min: 1, default: 60, help: "optimizer updates of each network" }),
      subsets: integer({ min: 2, default: 64, help: "how many networks learn a random subset each" }),
      share: number({
        min: 0.01,
        max: 0.99,
        default: 0.7,
        help: "share of the images that each of them learns",
      }),
      width: number({ min: 0.01, default: 0.5, help: "the blocks' channels, as a factor" }),
      quick: boolean({
        help: "small sizes, about a minute: 12 subsets of 100 images, 20 steps, a tenth of the width",
      }),
      ...executorFlags,
    },
    run: async ({ quick, ...given }, run) => {
      const flags = quick ? { ...given, ...QUICK } : given;
      const { dataset, dataDir, offset, steps, seed, device: kind, threads, subsets, share, width } = flags;
      const images = await openTrainingImages(flags, { session: run.session });
      const perClass = subsetSize(images, share);
      if (perClass < 1) {
        throw new UsageError(
          `--share ${share} of ${images.count} images leaves a class without any: raise it, or --count`,
        );
      }
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: images, device, model: { subsets, perClass } });
      }
      const lines = Array.from({ length: subsets }, (_, draw): ManifestLine => ({
        task: "train-cifar-classifier",
        flags: {
          ...{ dataset, dataDir, offset, count: images.count, steps, width, device: kind, threads },
          // Each network has a start of its own, too.
          ...{ perClass, draw, seed: seed + draw },
        },
        folder: `subset-${draw}`,
      }));
      const runs = await runManifest(lines, { within: run, executor: flags });

      await using device = await openTaskDevice(flags, run.session);
      const trials: Trial[] = [];
      run.session.follow("asking networks");
      for (const [draw, { folder }] of runs.entries()) {
        const model = await load(folder, device);
        if (model.kind !== "cifar-classifier") {
          throw new Error(`Cannot use ${folder} as it holds a ${model.kind}: train it again`);
        }
        const logits = await model.classify(images), { classes } = images;
        const learned = new Uint8Array(images.count);
        for (const row of drawnRows(images, { perClass, draw })) learned[row] = 1;
        const right = Uint8Array.from(images.labels, (label, image) => {
          const scores = logits.subarray(image * classes, (image + 1) * classes);
          return scores.indexOf(Math.max(...scores)) === label ? 1 : 0;
        });
        trials.push({ learned, right });
        for (const weight of Object.values(model.model.weights)) weight.dispose();
      }
      const found = labelMemorization(trials), scores = found.scores.filter(Number.isFinite);
      const halves = [0, 1].map((half) =>
        labelMemorization(trials.filter((_, at) => at % 2 === half)).scores
      );
      const mean = (values: Float64Array): number =>
        values.filter(Number.isFinite).reduce((sum, value) => sum + value, 0) /
        values.filter(Number.isFinite).length;
      const metrics = {
        learned_accuracy: mean(found.learned),
        unlearned_accuracy: mean(found.unlearned),
        mean_label_memorization: mean(found.scores),
        memorized_images: scores.filter((score) => score >= MEMORIZED).length,
        halves_correlation: correlation(halves[0], halves[1]),
        subsets,
      };
      const sheet = memorizationTiles(images, found);
      await writeAtomically(run.path("memorized-images.png"), imageGrid(sheet));
      await writeAtomically(
        run.path("scores.csv"),
        "image,label,learned,unlearned,score\n" +
          Array.from(
            found.scores,
            (score, image) =>
              [
                images.offset + image,
                images.labels[image],
                found.learned[image],
                found.unlearned[image],
                score,
              ].join(),
          ).join("\n") + "\n",
      );
      await writePage(run, {
        title: `Which of ${count(images.count)} images are memorized`,
        abstract:
          `${count(subsets)} networks learned ${
            count(perClass)
          } of each class, drawn at random. An image is ` +
          "memorized as far as networks that learned it name its class and the others do not [@longtail].",
        figures: [
          {
            label: "memorized images",
            value: count(metrics.memorized_images),
            note: `of ${count(images.count)}, with a score of ${MEMORIZED} and more`,
          },
          { label: "right on what was learned", value: percent(metrics.learned_accuracy) },
          { label: "right on the rest", value: percent(metrics.unlearned_accuracy) },
        ],
        sections: [
          {
            title: "Scores",
            blocks: [
              {
                kind: "plot",
                plot: {
                  kind: "histogram",
                  x: { label: "right when learned, less right when not" },
                  series: [{ name: "images", values: scores }],
                },
                caption: "The score of each image.",
              },
              {
                kind: "paragraph",
                text:
                  `A score is a difference of two shares of ${
                    count(subsets)
                  } networks, so it is rough; the highest of ` +
                  "many rough figures are too high. Scores of every other network correlate with those of the rest by " +
                  `${
                    metrics.halves_correlation.toFixed(2)
                  }: 1 would be no noise, 0 nothing else. All of them stand in ` +
                  "`scores.csv`.",
              },
            ],
          },
          { title: "Images", blocks: [{ kind: "sheet", sheet }] },
        ],
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({ metrics, parameters: sum("parameters"), steps: sum("steps") });
      run.note(
        `${metrics.memorized_images} of ${images.count} images are memorized; right on ${
          percent(metrics.learned_accuracy)
        } of what was learned and ${percent(metrics.unlearned_accuracy)} of the rest`,
      );
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}
