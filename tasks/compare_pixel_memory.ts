/**
 * `deno task compare-pixel-memory`: the same recurrent network learns to predict few images and many, pixel by pixel;
 * how much of what it then draws is its training set?
 */
import { load } from "../models/mod.ts";
import { remembered } from "../models/pixel_predictor/memory.ts";
import type { SheetSection } from "../report/grid.ts";
import type { Block } from "../report/html.ts";
import type { LinePlot } from "../report/plot.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { runManifest } from "../run/manifest.ts";
import { pixelModelFlags } from "../run/pixel_experiment.ts";
import { openPixelSets } from "../run/pixel_source.ts";
import type { StoredRun } from "../run/run.ts";
import { integer, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import { comparisonFlags, figuresOf, metricOf, pixelLine, writeTables } from "./pixel_comparison.ts";
import {
  figureName,
  figuresIn,
  memoryCostTable,
  memoryFindings,
  memoryTable,
  setName,
} from "./pixel_tables.ts";

/** Above so many images a predictor's memory is not measured. */
const MOST = 1024;
/** What is kept of a model's run. */
const MEASURED = [
  ...["memorized_mass", "memorized_fraction", "memorized_fraction_low", "memorized_fraction_high", "samples"],
  ...[
    "distinct_sequences",
    "sample_distance",
    "test_distance",
    "train_nats_per_image",
    "test_nats_per_image",
  ],
];
/** Samples of each model on the page. */
const SHOWN = 10;

/**
 * The sizes that `--counts` lists.
 *
 * @throws {UsageError} where it lists none, or one too large, or one twice.
 */
function countsOf(list: string): number[] {
  const counts = list.split(",").map(Number);
  if (
    counts.some((count) => !Number.isSafeInteger(count) || count < 2 || count > MOST) ||
    new Set(counts).size < counts.length
  ) {
    throw new UsageError(
      `--counts must be different whole numbers from 2 to ${MOST}, with commas between: current value is "${list}"`,
    );
  }
  return counts.toSorted((a, b) => a - b);
}

/** All figures of the comparison, under the names that its summary has for them. */
function memoryFigures(counts: readonly number[], runs: readonly StoredRun[]): Record<string, number> {
  const models = counts.map(setName);
  return {
    ...figuresOf(models, { runs, metrics: MEASURED }),
    ...Object.fromEntries(models.flatMap((model, at) => [
      [figureName(model, "steps"), runs[at].summary?.steps ?? NaN],
      [figureName(model, "seconds"), runs[at].summary?.seconds ?? NaN],
    ])),
  };
}

/** A figure of each run against the number of images. */
function against(
  counts: readonly number[],
  y: LinePlot["y"],
  series: readonly { readonly name: string; readonly y: readonly number[] }[],
): LinePlot {
  return {
    x: { label: "training images", scale: "log" },
    y,
    series: series.map((one) => ({ ...one, x: counts })),
  };
}

if (import.meta.main) {
  const { count: _count, epochs: _epochs, models: _models, ...common } = comparisonFlags;
  const { cell, units, layers, learningRate } = pixelModelFlags;
  await runTask({
    name: "compare-pixel-memory",
    summary:
      "Train pixel predictors on few images and on many, and compare how much of them they draw again.",
    flags: {
      ...common,
      ...{ cell, units, layers, learningRate },
      steps: integer({ min: 1, default: 4000, help: "optimizer updates of each model" }),
      counts: text({ placeholder: "N,M", default: "16,64,256,1024", help: "how many images each learns" }),
    },
    run: async ({ counts: list, ...flags }, run) => {
      const counts = countsOf(list), most = counts[counts.length - 1];
      const sets = await openPixelSets({ ...flags, count: most });
      // Closed before the runs, which use all processors themselves.
      await (async () => {
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: sets.source, device, model: { counts, seed: flags.seed } });
      })();
      const { cell, units, layers, learningRate } = flags;
      const lines = counts.map((count) =>
        pixelLine({ cell, units, layers }, {
          ...{ task: "train-pixel-predictor", folder: String(count), flags: { ...flags, count } },
          own: { learningRate },
        })
      );
      const runs = await runManifest(lines, { within: run, executor: flags });

      await using device = await openTaskDevice(flags, run.session);
      run.session.follow("drawing");
      const sections: SheetSection[] = [];
      for (const [at, { folder }] of runs.entries()) {
        const loaded = await load(folder, device);
        if (loaded.kind !== "pixel-predictor") {
          throw new Error(`Cannot compare ${folder} as it holds a ${loaded.kind}: train it again`);
        }
        const { train } = await openPixelSets({ ...flags, count: counts[at] });
        const section = await remembered(loaded.model, { device, train, count: SHOWN });
        sections.push({
          caption: `${count(counts[at])} images`,
          ...section,
          legend: at === 0 ? section.legend : undefined,
        });
        for (const weight of Object.values(loaded.model.weights)) weight.dispose();
      }
      const metrics = memoryFigures(counts, runs), figure = figuresIn(metrics);
      const table = memoryTable(counts, figure), cost = memoryCostTable(counts, figure);
      await writeTables(run, [{ title: "Memory", table }, { title: "Cost", table: cost }]);
      const of = (name: string): number[] => runs.map((one) => metricOf(one, name));
      await writePage(run, {
        title: "Few images and many, remembered pixel by pixel",
        abstract:
          `A ${cell.toUpperCase()} of ${
            layers === 1 ? "" : `${layers} x `
          }${units} units is trained to predict the ` +
          `pixels of ${
            counts.map(count).join(", ")
          } images, ${sets.train.length} pixels each. A model that knew its ` +
          "training set by heart would draw nothing else; one that had learned what digits look like would draw new " +
          "ones.",
        figures: counts.map((images, at) => ({
          label: `${count(images)} images`,
          value: percent(metricOf(runs[at], "memorized_mass")),
          note: "memorized mass",
        })),
        sections: [
          {
            title: "Memory",
            blocks: [
              {
                kind: "formula",
                formula: String.raw`m = \sum_{x \in X} p(x), \quad ` +
                  String.raw`p(x) = \prod_{t=1}^{${sets.train.length}} p(x_t \mid x_{<t})`,
                text: "$X$ are the distinct training images, $m$ the memorized mass.",
              },
              { kind: "table", table },
              ...memoryFindings(counts, figure).map((text): Block => ({ kind: "paragraph", text })),
              {
                kind: "panels",
                panels: [
                  {
                    title: "(a) Memory",
                    plot: against(counts, { label: "share", range: [0, 1] }, [
                      { name: "memorized mass", y: of("memorized_mass") },
                      { name: "memorized fraction", y: of("memorized_fraction") },
                    ]),
                  },
                  {
                    title: "(b) Cost of an image",
                    plot: against(counts, { label: "cross-entropy", unit: "nats per image" }, [
                      { name: "training images", y: of("train_nats_per_image") },
                      { name: "test images", y: of("test_nats_per_image") },
                      { name: "floor", y: counts.map(Math.log) },
                    ]),
                  },
                ],
                columns: 2,
                caption:
                  "(a) What is drawn again. (b) What an image costs: memory is where training images cost little more " +
                  "than their floor, and test images much more.",
              },
              { kind: "table", table: cost },
            ],
          },
          {
            title: "Samples",
            blocks: [{
              kind: "sheet",
              sheet: { sections },
              distance: "pixels off the nearest training image",
              caption:
                "Above samples as they were drawn, none chosen; below each the nearest training image.",
            }],
          },
        ],
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics,
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      counts.forEach((images, at) =>
        run.note(`${count(images)} images: memorized mass ${percent(metricOf(runs[at], "memorized_mass"))}`)
      );
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
