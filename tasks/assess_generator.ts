/**
 * `deno task assess-generator RUN --classifier RUN`: how far the images that a generator made are from test images, by what
 * a classifier of this project sees in them; how much they vary; and how many are training images.
 *
 * After: Heusel et al. (2017), Bińkowski et al. (2018), Kynkäänniemi et al. (2019), Naeem et al. (2020).
 * Departures: the features are those of a small classifier that learned the same images, not those of Inception-v3; so
 * the distances bear another name and are compared with nothing but each other.
 */
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import type { ImageSet } from "../data/images.ts";
import { featureStatistics, frechetDistance } from "../metrics/frechet.ts";
import { kernelDistance } from "../metrics/kernel_distance.ts";
import { neighbourhoods } from "../metrics/neighbourhoods.ts";
import { sharpness } from "../metrics/sharpness.ts";
import { classVariety, meanPairDistance } from "../metrics/variety.ts";
import { load } from "../models/mod.ts";
import { imageGrid } from "../report/grid.ts";
import { count, number, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { keptSamples, nearestSheet } from "../run/generated_images.ts";
import { learnedImages } from "../run/generation.ts";
import { chosenImages, openTestImages } from "../run/images.ts";
import { runFolder } from "../run/named_run.ts";
import { nearest } from "../run/nearest.ts";
import { findRun } from "../run/run.ts";
import { argument, commonFlags, integer, runTask, text, UsageError } from "../run/task.ts";
import { datasetInWords, metricsTable, writePage } from "../run/write_report.ts";

/** Subsets of the kernel distance, and images in each, at most. */
const SUBSETS = 50, SUBSET_ROWS = 1000;
/** Images of each kind whose neighbourhoods are compared, at most, and neighbours that a ball reaches to. */
const BALLS = 2000, NEIGHBOURS = 5;
/** Images of whose pairs the mean distance is taken, at most. */
const PAIRED = 1000;

/** The class with the highest logit of each row. */
function classesOf(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
}

/** The same kind of images with other pixels. */
function withPixels(
  images: ImageSet,
  { pixels, labels }: Pick<ImageSet, "pixels" | "labels">,
): ImageSet {
  return { ...images, pixels, labels, count: labels.length };
}

if (import.meta.main) {
  const { dataset: _dataset, count: _count, offset: _offset, steps: _steps, ...common } = commonFlags;
  await runTask({
    name: "assess-generator",
    summary:
      "Measure how far a generator's images are from test images, how they vary, and how many are copies.",
    flags: {
      run: argument({
        placeholder: "RUN",
        help: "a finished run of train-flow or train-dcgan: its folder, its name in runs/, or latest",
      }),
      classifier: text({
        placeholder: "RUN",
        help:
          "a finished run of train-cifar-classifier on images of the same kind, whose features are compared",
      }),
      reference: integer({ min: 2, help: "how many test images to compare with (default: all)" }),
      ...common,
      dataDir: text({
        placeholder: "DIR",
        help: "where the files of the generator's data set lie (default: where its run found them)",
      }),
    },
    run: async (flags, run) => {
      const { session } = run, folder = await runFolder(flags.run), stored = await findRun(folder);
      if (stored?.summary?.status !== "completed") {
        throw new UsageError(`RUN must be the folder of a finished run: current value is "${flags.run}"`);
      }
      if (flags.classifier === undefined) {
        throw new UsageError("--classifier must name a finished run of train-cifar-classifier");
      }
      const samples = await keptSamples(folder);
      const { images, flags: source } = await learnedImages(stored, { dataDir: flags.dataDir, session });
      const whole = await openTestImages(source, images);
      const test = flags.reference === undefined ? whole : chosenImages(
        whole,
        Int32Array.from({ length: Math.min(flags.reference, whole.count) }, (_, at) => at),
      );
      await using device = await openTaskDevice(flags, session);
      const classifier = await load(await runFolder(flags.classifier), device);
      if (classifier.kind !== "cifar-classifier") {
        throw new UsageError(
          `--classifier must name a run of train-cifar-classifier: ${flags.classifier} holds a ${classifier.kind}`,
        );
      }
      const { size, channels, classes } = classifier.model.config;
      if (
        size !== images.height || size !== images.width || channels !== images.channels ||
        classes !== images.classes
      ) {
        throw new UsageError(
          `--classifier must have learned images like the generator's: ${flags.classifier} learned ${classes} classes of ` +
            `${size}x${size}x${channels}, it ${images.classes} of ${images.height}x${images.width}x${images.channels}`,
        );
      }
      await run.configure({
        dataset: images,
        device,
        model: { generator: stored.config.model, classifier: classifier.model.config },
      });

      const made = withPixels(images, samples), { count: drawn } = made;
      const random = stream(flags.seed).fork("noise");
      const noise = withPixels(images, {
        ...made,
        pixels: Uint8Array.from(made.pixels, () => random.integer(256)),
      });
      session.follow("looking at images");
      const seen: Float32Array[] = [];
      for (const set of [made, images, test, noise]) seen.push(await classifier.features(set));
      const named = classesOf(await classifier.classify(made), classes);
      const [ours, learned, unseen, random256] = seen, width = ours.length / drawn;
      const rows = (features: Float32Array, most: number): Float32Array =>
        features.subarray(0, Math.min(features.length, most * width));

      session.follow("measuring distances", 5);
      const reference = featureStatistics(unseen, width);
      const distances: number[] = [];
      // As many training images as there are samples: the distance depends on how many are compared.
      for (const features of [ours, rows(learned, drawn), random256]) {
        distances.push(frechetDistance(featureStatistics(features, width), reference));
        await session.between();
      }
      const kernel = kernelDistance(ours, unseen, {
        ...{ size: width, subsets: SUBSETS, seed: flags.seed },
        rows: Math.min(SUBSET_ROWS, drawn, test.count),
      });
      await session.between();
      const balls = neighbourhoods(rows(unseen, BALLS), rows(ours, BALLS), {
        size: width,
        neighbours: NEIGHBOURS,
      });
      await session.between();
      const { coverage, effective } = classVariety(named, classes);
      const pairs = [ours, unseen].map((features) => meanPairDistance(rows(features, PAIRED), width));
      const copies = Object.fromEntries(
        Object.entries(stored.summary.metrics).flatMap(([name, value]) =>
          /^(copies_|memorized_)/.test(name) && value !== null ? [[name, value]] : []
        ),
      );
      const metrics = {
        fd_classifier: distances[0],
        fd_classifier_floor: distances[1],
        fd_classifier_noise: distances[2],
        kernel_distance: kernel.value,
        kernel_distance_low: kernel.interval.low,
        kernel_distance_high: kernel.interval.high,
        precision: balls.precision,
        recall: balls.recall,
        density: balls.density,
        feature_coverage: balls.coverage,
        class_coverage: coverage,
        effective_classes: effective,
        asked_accuracy: named.reduce((right, label, at) => right + (label === made.labels[at] ? 1 : 0), 0) /
          drawn,
        diversity: pairs[0] / pairs[1],
        sharpness: sharpness(made.pixels, images) / sharpness(test.pixels, images),
        ...copies,
        samples: drawn,
        test_images: test.count,
        features: width,
      };
      const near = await nearest(
        { values: rows(ours, 64), count: Math.min(64, drawn), width },
        { values: learned, count: images.count, width },
        { device, k: 1 },
      );
      const names = images.classNames ?? Array.from({ length: classes }, (_, label) => String(label));
      const sheet = nearestSheet(made.pixels, {
        ...{ images, rows: near.rows },
        words: (sample) => names[named[sample]],
      });
      await writeAtomically(run.path("nearest-by-features.png"), imageGrid(sheet));
      await writePage(run, {
        title: `${count(drawn)} made images beside ${datasetInWords(test)}`,
        abstract:
          "Images of a generator beside test images, by the features of a classifier: how far the two sets are apart, how " +
          "much the made ones vary, and how many are training images.",
        figures: [
          {
            label: "distance",
            value: number(metrics.fd_classifier),
            note: `of training images ${number(metrics.fd_classifier_floor)}, of noise ${
              number(metrics.fd_classifier_noise)
            }`,
          },
          {
            label: "classes made",
            value: percent(coverage),
            note: `as varied as ${number(effective)} equally frequent ones`,
          },
        ],
        sections: [
          {
            title: "Distances",
            blocks: [
              {
                kind: "paragraph",
                text:
                  `A Fréchet distance [@fid] of ${width} features of \`${flags.classifier}\`, and not the standard FID, whose ` +
                  "features are another network's: it says which of two generators is nearer, and nothing beside figures " +
                  `found elsewhere. ${count(drawn)} samples and ${
                    count(test.count)
                  } test images; the floor is what as ` +
                  "many training images have. The kernel distance [@kid] makes no assumption on their distribution; its " +
                  `interval is that of ${SUBSETS} subsets. Precision, recall [@precisionrecall], density and coverage ` +
                  `[@density] are of the first ${
                    count(Math.min(BALLS, drawn, test.count))
                  } of each and ${NEIGHBOURS} neighbours.`,
              },
              metricsTable(metrics),
            ],
          },
          {
            title: "Nearest training images by features",
            blocks: [{
              kind: "sheet",
              sheet,
              caption:
                "The first samples, what the classifier takes them for, and below each the training image whose " +
                "features are nearest.",
            }],
          },
        ],
        references: ["airbench"],
      });
      await run.finish({ metrics, parameters: stored.summary.parameters ?? 0, steps: 0 });
      run.note(
        `fd_classifier ${number(metrics.fd_classifier)}, floor ${
          number(metrics.fd_classifier_floor)
        }, noise ${number(metrics.fd_classifier_noise)}: see ${run.path("report.html")}`,
      );
    },
  });
}
