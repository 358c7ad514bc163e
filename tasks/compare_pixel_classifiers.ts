/**
 * `deno task compare-pixel-classifiers`: LSTMs and GRUs of four sizes read the same images pixel by pixel, beside a
 * network that sees the same black and white images whole.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { IDX_FILES } from "../data/idx.ts";
import type { Split } from "../data/images.ts";
import { GATED_CELLS } from "../layers/recurrent.ts";
import type { Block } from "../report/html.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { type ManifestLine, runManifest } from "../run/manifest.ts";
import { binarized, openPixelSets, openPixelTest, type PixelSet } from "../run/pixel_source.ts";
import type { Run } from "../run/run.ts";
import { boolean, integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import {
  chosen,
  type ComparisonFlags,
  comparisonFlags,
  contestants,
  figuresOf,
  metricOf,
  pixelLine,
  sizeInWords,
  writeTables,
} from "./pixel_comparison.ts";
import {
  ablationTable,
  classifierTable,
  figureName,
  figuresIn,
  rateMetric,
  RATES,
  rateTable,
  VARIANTS,
  wholeTable,
} from "./pixel_tables.ts";

/** Holds the short runs, whose reports are too many to be parts of the page. */
const TRIALS = "trials";
const TASK = "train-pixel-classifier";
const ALL = GATED_CELLS.flatMap(contestants);
/** Epochs and pooling of the trials that choose learning rates and compare recipes. */
const TRIAL_EPOCHS = 2, TRIAL_POOL = 2;

type Flags = ComparisonFlags & {
  readonly grid: boolean;
  readonly ablation: boolean;
  readonly trialCount: number;
};

/** Trains each model with each rate of the grid, shortly: the accuracies, and the best rate of each on validation images. */
async function chooseRates(
  models: readonly typeof ALL[number][],
  { flags, run }: { readonly flags: Flags; readonly run: Run },
): Promise<Record<string, number>> {
  const lines = models.flatMap((model) =>
    RATES.map((learningRate) =>
      pixelLine(model, {
        ...{ task: TASK, folder: join(TRIALS, `grid-${model.name}-${learningRate}`), flags: trial(flags) },
        own: { learningRate },
      })
    )
  );
  const runs = await runManifest(lines, { within: run, executor: flags, name: "grid" });
  return Object.fromEntries(models.flatMap(({ name }, model) => {
    const own = runs.slice(model * RATES.length, (model + 1) * RATES.length);
    const accuracies = own.map((one) => metricOf(one, "validation_accuracy"));
    return [
      ...RATES.map((rate, at) => [figureName(name, rateMetric(rate)), accuracies[at]]),
      [figureName(name, "learning_rate"), RATES[accuracies.indexOf(Math.max(...accuracies))]],
    ];
  }));
}

/** What the trials are. */
function trialsInWords({ trialCount, pool, steps }: Flags): string {
  const side = Math.max(TRIAL_POOL, pool);
  return `${steps === undefined ? `${TRIAL_EPOCHS} epochs` : `${count(steps)} steps`} of ${
    count(trialCount)
  } images, pixels being means of ${side} x ${side}`;
}

/** The flags of a short trial. */
function trial(flags: Flags): ComparisonFlags {
  return { ...flags, count: flags.trialCount, pool: Math.max(TRIAL_POOL, flags.pool), epochs: TRIAL_EPOCHS };
}

/** Trains GRU-64 shortly with each part of the recipe changed. */
async function ablate(
  { flags, run }: { readonly flags: Flags; readonly run: Run },
): Promise<Record<string, number>> {
  const lines = VARIANTS.map(({ name, flags: own }) =>
    pixelLine({ cell: "gru", units: 64, layers: 1 }, {
      ...{ task: TASK, folder: join(TRIALS, `ablation-${name}`), flags: trial(flags), own },
    })
  );
  const runs = await runManifest(lines, { within: run, executor: flags, name: "ablation" });
  return figuresOf(
    VARIANTS.map(({ name }) => `ablation-${name}`),
    { runs, metrics: ["validation_accuracy", "validation_loss"] },
  );
}

/**
 * Writes the black and white images as an IDX data set: what the network that sees them whole learns. A pixel that was
 * made of a square is drawn as that square, so that images have the size that the network is made for.
 */
async function writeWhole(
  run: Run,
  { flags, train, test }: { readonly flags: Flags; readonly train: PixelSet; readonly test: PixelSet },
): Promise<ManifestLine> {
  const sets: readonly (readonly [Split, PixelSet])[] = [["train", train], ["test", test]], { pool } = flags;
  const folder = run.path("images");
  await Deno.mkdir(folder, { recursive: true });
  for (const [split, { bits, labels, count, length, width }] of sets) {
    const names = IDX_FILES[split], height = length / width, area = length * pool * pool;
    const pixels = new Uint8Array(count * area);
    for (let at = 0; at < pixels.length; at++) {
      const image = Math.floor(at / area),
        row = Math.floor(at % area / (width * pool)),
        column = at % (width * pool);
      const place = Math.floor(row / pool) * width + Math.floor(column / pool);
      pixels[at] = 255 * bits[image * length + place];
    }
    await writeAtomically(join(folder, names.images), idx([count, height * pool, width * pool], pixels));
    await writeAtomically(join(folder, names.labels), idx([count], labels));
  }
  const { seed, device, threads, steps } = flags;
  return {
    ...{ task: "train-classifier", folder: "whole" },
    flags: { dataset: "idx", dataDir: folder, count: train.count, seed, device, threads, steps },
  };
}

/** An array of bytes as an IDX file: 0, 0, 8 for bytes, the number of axes, the axes as big-endian words. */
function idx(shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + bytes.length), view = new DataView(file.buffer);
  file.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent));
  file.set(bytes, 4 + 4 * shape.length);
  return file;
}

if (import.meta.main) {
  await runTask({
    name: "compare-pixel-classifiers",
    summary:
      "Train recurrent networks that read images pixel by pixel, and compare how well they tell them apart.",
    flags: {
      ...comparisonFlags,
      grid: boolean({ help: "choose the learning rate of each model before, on validation images" }),
      ablation: boolean({ help: "train variants of GRU-64, to see what makes it learn" }),
      trialCount: integer({ min: 1, default: 10_000, help: "images of --grid and --ablation" }),
    },
    run: async (flags, run) => {
      const models = chosen(ALL, flags.models), sets = await openPixelSets(flags);
      // Closed before the runs, which use all processors themselves.
      await (async () => {
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({
          dataset: sets.source,
          device,
          model: { models: models.map(({ name }) => name), seed: flags.seed },
        });
      })();
      const rates = flags.grid ? await chooseRates(models, { flags, run }) : {};
      const { pool } = flags;
      const whole = await writeWhole(run, {
        flags,
        train: binarized(sets.source, { pool }),
        test: (await openPixelTest({ ...flags, pixels: undefined })).set,
      });
      const lines = [
        ...models.map((model) =>
          pixelLine(model, {
            ...{ task: TASK, folder: model.name, flags },
            own: { learningRate: rates[figureName(model.name, "learning_rate")] },
          })
        ),
        whole,
      ];
      const runs = await runManifest(lines, { within: run, executor: flags });
      const metrics = {
        ...figuresOf(models.map(({ name }) => name), {
          runs,
          metrics: ["test_accuracy", "test_loss", "train_accuracy", "train_loss"],
        }),
        ...figuresOf(["whole"], {
          runs: runs.slice(models.length),
          metrics: ["test_accuracy", "test_loss", "train_accuracy"],
        }),
        ...rates,
        ...flags.ablation ? await ablate({ flags, run }) : {},
      };
      const figure = figuresIn(metrics), size = sizeInWords(flags, sets.train.length);
      const trials = trialsInWords(flags);
      const tables = [
        ...GATED_CELLS.flatMap((cell) => {
          const own = models.filter((model) => model.cell === cell).map(({ name }) => name);
          return own.length === 0
            ? []
            : [{ title: cell.toUpperCase(), table: classifierTable(own, figure, size) }];
        }),
        { title: "The same images, whole", table: wholeTable(figure) },
        ...flags.grid
          ? [{ title: "Learning rates", table: rateTable(models.map(({ name }) => name), figure, trials) }]
          : [],
        ...flags.ablation ? [{ title: "What makes it learn", table: ablationTable(figure, trials) }] : [],
      ];
      await writeTables(run, tables);
      await writePage(run, {
        title: "Images told apart pixel by pixel",
        abstract:
          "Recurrent networks read black and white images row by row, a pixel a step, and say after the last " +
          "what they saw.",
        figures: models.map(({ name }, at) => ({
          label: name,
          value: percent(metricOf(runs[at], "test_accuracy")),
          note: "test accuracy",
        })),
        sections: tables.map(({ title, table }) => ({
          title,
          blocks: [{ kind: "table", table } satisfies Block],
        })),
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics,
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
