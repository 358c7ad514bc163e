/**
 * `deno task compare-pixel-memory`: the same recurrent network learns to predict few images and many, pixel by pixel;
 * how much of what it then draws is its training set?
 */
import { load } from "../models/mod.ts";
import { remembered } from "../models/pixel_predictor/memory.ts";
import type { SheetSection } from "../report/grid.ts";
import type { Block, Table } from "../report/html.ts";
import type { LinePlot } from "../report/plot.ts";
import { count, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { type ManifestLine, runManifest, writeManifest } from "../run/manifest.ts";
import { pixelModelFlags } from "../run/pixel_experiment.ts";
import { openPixelSets } from "../run/pixel_source.ts";
import type { StoredRun } from "../run/run.ts";
import { integer, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import { metricOf, writeTables } from "./pixel_comparison.ts";

const TASK = "train-pixel-predictor";
/** Above so many images a predictor's memory is not measured. */
const MOST = 1024;
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

function memoryTable(counts: readonly number[], runs: readonly StoredRun[]): Table {
  return {
    columns: [
      "Images",
      "Distinct",
      "Memorized mass",
      "Memorized fraction (95 % interval)",
      "Samples off, pixels",
      "Test images off, pixels",
    ],
    rows: runs.map((run, at) => [
      count(counts[at]),
      count(metricOf(run, "distinct_sequences")),
      percent(metricOf(run, "memorized_mass")),
      `${percent(metricOf(run, "memorized_fraction"))} (${
        percent(metricOf(run, "memorized_fraction_low"))
      } to ${percent(metricOf(run, "memorized_fraction_high"))})`,
      metricOf(run, "sample_distance").toFixed(2),
      metricOf(run, "test_distance").toFixed(2),
    ]),
    caption:
      "The mass is exact: the sum of the model's probability of each distinct training image. The fraction is of " +
      `${
        metricOf(runs[0], "samples")
      } samples that equal a training image in every pixel. Off is the mean number ` +
      "of pixels in which samples, and test images, differ from the nearest training image: samples that are not " +
      "nearer than test images are no copies.",
  };
}

function costTable(counts: readonly number[], runs: readonly StoredRun[]): Table {
  return {
    columns: [
      "Images",
      "Floor, nats per image",
      "Training, nats per image",
      "Test, nats per image",
      "Steps",
      "Seconds",
    ],
    rows: runs.map((run, at) => [
      count(counts[at]),
      Math.log(counts[at]).toFixed(2),
      metricOf(run, "train_nats_per_image").toFixed(2),
      metricOf(run, "test_nats_per_image").toFixed(2),
      count(run.summary?.steps ?? NaN),
      Math.round(run.summary?.seconds ?? NaN),
    ]),
    caption:
      "The floor is ln of the number of images: what one costs who knows all by heart, were they all distinct. " +
      "All pixels but the first are counted.",
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

/** What the figures say, in words. */
function findings(counts: readonly number[], runs: readonly StoredRun[]): string[] {
  const mass = (at: number): number => metricOf(runs[at], "memorized_mass"), last = runs.length - 1;
  const held = counts.filter((_, at) => mass(at) >= 0.5);
  const nearer = counts.filter((_, at) =>
    metricOf(runs[at], "sample_distance") < metricOf(runs[at], "test_distance")
  );
  const list = (of: readonly number[]): string => of.length === 0 ? "no number of" : of.map(count).join(", ");
  return [
    `The memorized mass is ${percent(mass(0))} of ${count(counts[0])} images` +
    (last === 0 ? "." : `, and ${percent(mass(last))} of ${count(counts[last])}.`) +
    ` Half of it or more is reached with ${list(held)} images.`,
    `Samples are nearer to the training set than test images are with ${
      list(nearer)
    } images: they were drawn ` +
    "from what was seen, in part at least.",
  ];
}

if (import.meta.main) {
  const { count: _count, epochs: _epochs, ...modelFlags } = pixelModelFlags;
  await runTask({
    name: "compare-pixel-memory",
    summary:
      "Train pixel predictors on few images and on many, and compare how much of them they draw again.",
    flags: {
      ...modelFlags,
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
      // The runs share out what is left of the budget.
      const { out: _out, resume: _resume, force: _force, budget: _budget, ...shared } = flags;
      const lines = counts.map((count): ManifestLine => ({
        ...{ task: TASK, folder: String(count) },
        flags: { ...shared, count },
      }));
      await writeManifest(run.path("runs.jsonl"), lines);
      const runs = await runManifest(lines, { folder: run.folder, session: run.session });

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
      const { cell, units, layers } = flags;
      const table = memoryTable(counts, runs), cost = costTable(counts, runs);
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
              ...findings(counts, runs).map((text): Block => ({ kind: "paragraph", text })),
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
        metrics: Object.fromEntries(
          counts.flatMap((images, at) =>
            ["memorized_mass", "memorized_fraction", "sample_distance"].map((name) => [
              `${name}_${images}`,
              metricOf(runs[at], name),
            ])
          ),
        ),
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
