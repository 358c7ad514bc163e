/**
 * `deno task compare-pixel-predictors`: recurrent networks of four sizes predict the same images pixel by pixel; each
 * then continues images whose end is missing, and fills gaps.
 */
import { GATED_CELLS } from "../layers/recurrent.ts";
import type { Block, Table } from "../report/html.ts";
import { percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { type ManifestLine, runManifest } from "../run/manifest.ts";
import { openPixelSets } from "../run/pixel_source.ts";
import type { StoredRun } from "../run/run.ts";
import { choice, integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import {
  chosen,
  comparisonFlags,
  contestants,
  metricOf,
  type PixelContestant,
  pixelLine,
  sizeInWords,
  writeTables,
} from "./pixel_comparison.ts";

/** Nats per pixel that each size shall reach at most, at full size. */
const GOALS: Readonly<Record<string, number>> = { "32": 0.089, "64": 0.084, "128": 0.079, "3x32": 0.085 };
/** How far images are continued, as the figures are named. */
const HORIZONS = ["1", "10", "28", "rest"];

/** The fillings of a model's run. */
function fillingLine(
  { name }: PixelContestant,
  { folder, flags }: { readonly folder: string; readonly flags: ManifestLine["flags"] },
): ManifestLine {
  return { task: "inpaint-pixels", folder: `${name}-filled`, flags: { ...flags, predictor: folder } };
}

function lossTable(
  models: readonly PixelContestant[],
  { runs, size }: { readonly runs: readonly StoredRun[]; readonly size: string },
): Table {
  return {
    columns: [
      "Model",
      "Testing, nats per pixel",
      "Training, nats per pixel",
      "Testing, nats per image",
      "Training, nats per image",
      "Goal per pixel",
      "Off",
    ],
    rows: models.map(({ name, cell }, at) => {
      const goal = GOALS[name.slice(cell.length + 1)], nats = metricOf(runs[at], "test_nats_per_pixel");
      return [
        name,
        nats.toFixed(4),
        metricOf(runs[at], "train_nats_per_pixel").toFixed(4),
        metricOf(runs[at], "test_nats_per_image").toFixed(2),
        metricOf(runs[at], "train_nats_per_image").toFixed(2),
        goal.toFixed(3),
        (nats - goal).toFixed(4),
      ];
    }),
    caption: `${size}. Per pixel is the mean over all pixels but the first, per image their sum.`,
  };
}

function continuationTable(models: readonly PixelContestant[], runs: readonly StoredRun[]): Table {
  return {
    columns: ["Model", ...HORIZONS.flatMap((horizon) => [`${horizon}: drawn`, `${horizon}: truth`])],
    rows: models.map(({ name }, at) => [
      name,
      ...HORIZONS.flatMap((horizon) =>
        ["continuation", "truth"].map((kind) => {
          const nats = metricOf(runs[at], `${kind}_nats_${horizon}`);
          return Number.isNaN(nats) ? "" : nats.toFixed(3);
        })
      ),
    ]),
    caption:
      "Cross-entropy, in nats, of what is drawn after the given beginning and of what stands there in truth; the " +
      "pages of the models have it per pixel.",
  };
}

function gapTable(models: readonly PixelContestant[], runs: readonly StoredRun[]): Table {
  return {
    columns: [
      "Model",
      "Single pixels",
      "2 x 2",
      "Single, anywhere",
      "2 x 2, anywhere",
      "2 x 2: best, nats",
      "truth, nats",
    ],
    rows: models.map(({ name }, at) => [
      name,
      ...["1", "4", "1_uniform", "4_uniform"].map((kind) =>
        percent(metricOf(runs[at], `inpainting_accuracy_${kind}`))
      ),
      ...["best", "truth"].map((kind) => metricOf(runs[at], `inpainting_nats_${kind}_4`).toFixed(4)),
    ]),
    caption:
      "Missing pixels that the most probable filling tells right, from what stands before and after; goals are " +
      "90 % and 88 % where pixels around the window have both values.",
  };
}

if (import.meta.main) {
  await runTask({
    name: "compare-pixel-predictors",
    summary:
      "Train recurrent networks that predict images pixel by pixel, and compare what they know and fill.",
    flags: {
      ...comparisonFlags,
      cell: choice(GATED_CELLS, { default: "gru", help: "the recurrent cell" }),
      images: integer({ min: 1, default: 100, help: "test images whose end is drawn" }),
      samples: integer({ min: 1, default: 10, help: "samples of each image" }),
      windows: integer({ min: 1, default: 1000, help: "windows of each kind that are filled" }),
    },
    run: async (flags, run) => {
      const models = chosen(contestants(flags.cell), flags.models), sets = await openPixelSets(flags);
      // Closed before the runs, which use all processors themselves.
      await (async () => {
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({
          dataset: sets.source,
          device,
          model: { models: models.map(({ name }) => name), seed: flags.seed },
        });
      })();
      const { seed, device, threads, images, samples, windows } = flags;
      const lines = [
        ...models.map((model) =>
          pixelLine(model, { task: "train-pixel-predictor", folder: model.name, flags })
        ),
        ...models.map((model) =>
          fillingLine(model, {
            folder: run.path(model.name),
            flags: { seed, device, threads, images, samples, windows },
          })
        ),
      ];
      const runs = await runManifest(lines, { within: run, executor: flags });
      const trained = runs.slice(0, models.length), filled = runs.slice(models.length);
      const tables = [
        {
          title: "Prediction",
          table: lossTable(models, { runs: trained, size: sizeInWords(flags, sets.train.length) }),
        },
        { title: "The end of an image", table: continuationTable(models, filled) },
        { title: "Gaps, from both sides", table: gapTable(models, filled) },
      ];
      await writeTables(run, tables);
      await writePage(run, {
        title: "Images predicted pixel by pixel",
        abstract:
          "Recurrent networks say before each pixel of a black and white image how probable it is to be ink, " +
          "continue images from their beginnings, and fill gaps in them.",
        figures: models.map(({ name }, at) => ({
          label: name,
          value: metricOf(trained[at], "test_nats_per_pixel").toFixed(4),
          note: "test nats per pixel",
        })),
        sections: tables.map(({ title, table }) => ({
          title,
          blocks: [{ kind: "table", table } satisfies Block],
        })),
      });
      const metrics = models.flatMap(({ name }, at) => {
        const prefix = name.replaceAll("-", "_");
        return [
          ...["test_nats_per_pixel", "train_nats_per_pixel"].map((metric) =>
            [`${prefix}_${metric}`, metricOf(trained[at], metric)] as const
          ),
          ...["1", "4", "1_uniform", "4_uniform"].map((kind) =>
            [
              `${prefix}_inpainting_accuracy_${kind}`,
              metricOf(filled[at], `inpainting_accuracy_${kind}`),
            ] as const
          ),
        ];
      });
      const sum = (field: "parameters" | "steps"): number =>
        trained.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics: Object.fromEntries(metrics),
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
