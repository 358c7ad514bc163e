/**
 * `deno task compare-pixel-predictors`: recurrent networks of four sizes predict the same images pixel by pixel; each
 * then continues images whose end is missing, and fills gaps.
 */
import { GATED_CELLS } from "../layers/recurrent.ts";
import type { Block } from "../report/html.ts";
import { openTaskDevice } from "../run/device.ts";
import { type ManifestLine, runManifest } from "../run/manifest.ts";
import { openPixelSets } from "../run/pixel_source.ts";
import { choice, integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import {
  chosen,
  comparisonFlags,
  contestants,
  figuresOf,
  metricOf,
  type PixelContestant,
  pixelLine,
  sizeInWords,
  writeTables,
} from "./pixel_comparison.ts";
import { continuationTable, figuresIn, gapTable, HORIZONS, lossTable, WINDOWS } from "./pixel_tables.ts";

/** What is kept of a model's continuations and fillings. */
const FILLED = [
  ...HORIZONS.flatMap((horizon) => [`continuation_nats_${horizon}`, `truth_nats_${horizon}`]),
  ...WINDOWS.flatMap((window) => [
    `inpainting_accuracy_${window}`,
    `inpainting_nats_best_${window}`,
    `inpainting_nats_truth_${window}`,
  ]),
];

/** The fillings of a model's run. */
function fillingLine(
  { name }: PixelContestant,
  { folder, flags }: { readonly folder: string; readonly flags: ManifestLine["flags"] },
): ManifestLine {
  return { task: "inpaint-pixels", folder: `${name}-filled`, flags: { ...flags, predictor: folder } };
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
      const names = models.map(({ name }) => name);
      const metrics = {
        ...figuresOf(names, {
          runs: trained,
          metrics: ["test", "train"].flatMap((set) =>
            ["pixel", "image"].map((of) => `${set}_nats_per_${of}`)
          ),
        }),
        ...figuresOf(names, { runs: filled, metrics: FILLED }),
      };
      const figure = figuresIn(metrics);
      const tables = [
        { title: "Prediction", table: lossTable(names, figure, sizeInWords(flags, sets.train.length)) },
        { title: "The end of an image", table: continuationTable(names, figure) },
        { title: "Gaps, from both sides", table: gapTable(names, figure) },
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
      const sum = (field: "parameters" | "steps"): number =>
        trained.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics,
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
