/**
 * `deno task compare-pixel-classifiers`: LSTMs and GRUs of four sizes read the same images pixel by pixel, beside a
 * network that sees the same black and white images whole.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { IDX_FILES } from "../data/idx.ts";
import type { Split } from "../data/images.ts";
import { GATED_CELLS } from "../layers/recurrent.ts";
import type { Block, Table } from "../report/html.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { type ManifestLine, runManifest } from "../run/manifest.ts";
import { binarized, openPixelSets, openPixelTest, type PixelSet } from "../run/pixel_source.ts";
import type { Run, StoredRun } from "../run/run.ts";
import { boolean, integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import {
  chosen,
  type ComparisonFlags,
  comparisonFlags,
  contestants,
  metricOf,
  pixelLine,
  sizeInWords,
  writeTables,
} from "./pixel_comparison.ts";

const TASK = "train-pixel-classifier";
const ALL = GATED_CELLS.flatMap(contestants);
/** Test accuracy that each model shall reach at full size. */
const GOALS: Readonly<Record<string, number>> = {
  ...{ "lstm-32": 0.97, "lstm-64": 0.98, "lstm-128": 0.988, "lstm-3x32": 0.985 },
  ...{ "gru-32": 0.97, "gru-64": 0.98, "gru-128": 0.991, "gru-3x32": 0.988 },
};
/** Learning rates that validation images choose among; epochs and pooling of these trials. */
const RATES = [1e-3, 4e-3, 1e-2], TRIAL_EPOCHS = 2, TRIAL_POOL = 2;
/** What makes plain cells learn, each left out or changed alone. */
const VARIANTS: readonly {
  readonly name: string;
  readonly text: string;
  readonly flags: ManifestLine["flags"];
}[] = [
  { name: "as-it-is", text: "as it is", flags: {} },
  { name: "chrono-gates", text: "gates start for log-uniform memories", flags: { gates: "chrono" } },
  { name: "zero-gates", text: "gates start half open", flags: { gates: "zero" } },
  {
    name: "uniform-kernel",
    text: "recurrent kernel uniform, not orthogonal",
    flags: { recurrentStart: "uniform" },
  },
  { name: "no-clipping", text: "gradients as they are", flags: { clip: 0 } },
  { name: "constant-rate", text: "step size constant after warm-up", flags: { schedule: "constant" } },
  {
    name: "momentum",
    text: "momentum in place of Adam, rate 0.1",
    flags: { optimizer: "momentum", learningRate: 0.1 },
  },
  { name: "sgd", text: "SGD in place of Adam, rate 0.5", flags: { optimizer: "sgd", learningRate: 0.5 } },
];

type Flags = ComparisonFlags & {
  readonly grid: boolean;
  readonly ablation: boolean;
  readonly trialCount: number;
};

/** Trains each model with each rate of the grid, shortly, and returns the best of each on validation images. */
async function chooseRates(
  models: readonly typeof ALL[number][],
  { flags, run }: { readonly flags: Flags; readonly run: Run },
): Promise<{ readonly rates: ReadonlyMap<string, number>; readonly table: Table }> {
  const lines = models.flatMap((model) =>
    RATES.map((learningRate) =>
      pixelLine(model, {
        ...{ task: TASK, folder: `grid-${model.name}-${learningRate}`, flags: trial(flags) },
        own: { learningRate },
      })
    )
  );
  const runs = await runManifest(lines, { within: run, executor: flags, name: "grid" });
  const rates = new Map<string, number>();
  const rows = models.map(({ name }, model) => {
    const own = runs.slice(model * RATES.length, (model + 1) * RATES.length);
    const accuracies = own.map((one) => metricOf(one, "validation_accuracy"));
    rates.set(name, RATES[accuracies.indexOf(Math.max(...accuracies))]);
    return [name, ...accuracies.map(percent), String(rates.get(name))];
  });
  return {
    rates,
    table: {
      columns: ["Model", ...RATES.map((rate) => `Rate ${rate}`), "Chosen"],
      rows,
      caption:
        `Validation accuracy after ${TRIAL_EPOCHS} epochs of ${
          count(flags.trialCount)
        } images, pixels being ` +
        `means of ${Math.max(TRIAL_POOL, flags.pool)} x ${Math.max(TRIAL_POOL, flags.pool)}.`,
    },
  };
}

/** The flags of a short trial. */
function trial(flags: Flags): ComparisonFlags {
  return { ...flags, count: flags.trialCount, pool: Math.max(TRIAL_POOL, flags.pool), epochs: TRIAL_EPOCHS };
}

/** What each part of the recipe is worth, by GRU-64 on short trials. */
async function ablation({ flags, run }: { readonly flags: Flags; readonly run: Run }): Promise<Table> {
  const lines = VARIANTS.map(({ name, flags: own }) =>
    pixelLine({ cell: "gru", units: 64, layers: 1 }, {
      ...{ task: TASK, folder: `ablation-${name}`, flags: trial(flags), own },
    })
  );
  const runs = await runManifest(lines, { within: run, executor: flags, name: "ablation" });
  return {
    columns: ["Recipe", "Validation accuracy", "Validation loss"],
    rows: VARIANTS.map(({ text }, at) => [
      text,
      percent(metricOf(runs[at], "validation_accuracy")),
      metricOf(runs[at], "validation_loss").toFixed(4),
    ]),
    caption: `GRU-64, ${TRIAL_EPOCHS} epochs of ${count(flags.trialCount)} images.`,
  };
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

function resultTable(
  models: readonly typeof ALL[number][],
  { runs, size }: { readonly runs: readonly StoredRun[]; readonly size: string },
): Table {
  return {
    columns: [
      "Model",
      "Testing loss",
      "Training loss",
      "Testing accuracy",
      "Training accuracy",
      "Goal",
      "Off",
    ],
    rows: models.map(({ name }, at) => {
      const accuracy = metricOf(runs[at], "test_accuracy");
      return [
        name,
        metricOf(runs[at], "test_loss").toFixed(4),
        metricOf(runs[at], "train_loss").toFixed(4),
        percent(accuracy),
        percent(metricOf(runs[at], "train_accuracy")),
        percent(GOALS[name]),
        `${(100 * (accuracy - GOALS[name])).toFixed(2)} points`,
      ];
    }),
    caption: `${size}. Losses are nats.`,
  };
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
      const trials = flags.grid ? await chooseRates(models, { flags, run }) : undefined;
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
            own: { learningRate: trials?.rates.get(model.name) },
          })
        ),
        whole,
      ];
      const runs = await runManifest(lines, { within: run, executor: flags });
      const size = sizeInWords(flags, sets.train.length);
      const tables = [
        ...GATED_CELLS.flatMap((cell) => {
          const own = models.filter((model) => model.cell === cell);
          if (own.length === 0) return [];
          const ownRuns = own.map((model) => runs[models.indexOf(model)]);
          return [{ title: cell.toUpperCase(), table: resultTable(own, { runs: ownRuns, size }) }];
        }),
        {
          title: "The same images, whole",
          table: {
            columns: ["Model", "Testing loss", "Testing accuracy", "Training accuracy"],
            rows: [[
              "convolutional classifier",
              metricOf(runs[models.length], "test_loss").toFixed(4),
              percent(metricOf(runs[models.length], "test_accuracy")),
              percent(metricOf(runs[models.length], "train_accuracy")),
            ]],
            caption:
              "A convolutional network that sees the same black and white images at once, distorted at random " +
              "while it learns.",
          },
        },
        ...trials === undefined ? [] : [{ title: "Learning rates", table: trials.table }],
        ...flags.ablation ? [{ title: "What makes it learn", table: await ablation({ flags, run }) }] : [],
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
      const metrics = Object.fromEntries(
        models.flatMap(({ name }, at) =>
          ["test_accuracy", "test_loss", "train_accuracy", "train_loss"].map((metric) => [
            `${name.replaceAll("-", "_")}_${metric}`,
            metricOf(runs[at], metric),
          ])
        ),
      );
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics: { ...metrics, whole_test_accuracy: metricOf(runs[models.length], "test_accuracy") },
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
