/**
 * `deno task compare-addnist`: what the AddNIST network owes to its parts. The same images and steps without
 * augmentation, without sharing weights between channels, smaller and larger, and for fewer and more steps; each by the
 * figures that the assignment asks for.
 */
import { join } from "node:path";
import { openAddnist } from "../data/addnist.ts";
import type { Block } from "../report/html.ts";
import { count, number, percent } from "../report/numbers.ts";
import { openTaskDevice } from "../run/device.ts";
import { pointsByEpoch } from "../run/epochs.ts";
import { readLog } from "../run/log.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { StoredRun } from "../run/run.ts";
import { boolean, choice, commonFlags, integer, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

/** One of the networks that are compared. */
interface Variant {
  /** The folder of its run within this one. */
  readonly name: string;
  readonly title: string;
  readonly flags: ManifestLine["flags"];
  /** How many times the steps of the others; absent: as many. */
  readonly steps?: number;
}

/** The first is what the others are compared with. */
export const VARIANTS: readonly Variant[] = [
  { name: "full", title: "the whole recipe", flags: {} },
  { name: "no-augmentation", title: "images as they are", flags: { augmentation: "none" } },
  {
    name: "generic",
    title: "nothing shared: one network of the colour image",
    flags: { network: "generic" },
  },
  { name: "10k", title: "a tenth of the parameters", flags: { width: 0.31 } },
  { name: "30k", title: "a third of the parameters", flags: { width: 0.55 } },
  { name: "200k", title: "twice the parameters, outside the rules", flags: { width: 1.45 } },
  { name: "third", title: "a third of the steps", flags: {}, steps: 1 / 3 },
  { name: "triple", title: "three times the steps", flags: {}, steps: 10 / 3 },
];

/** What `--quick` stands for. */
const QUICK = { count: 500, pool: 600, steps: 12, variants: "full,generic" } as const;

/** What came out for one of them. */
export interface Outcome {
  readonly variant: Variant;
  readonly metrics: NonNullable<StoredRun["summary"]>["metrics"];
  readonly seconds: number;
}

function metric({ metrics }: Outcome, name: string): number {
  return metrics[name] ?? NaN;
}

/** The table that the assignment asks for, a row each. */
export function variantTable(outcomes: readonly Outcome[]): Block {
  return {
    kind: "table",
    table: {
      columns: [
        ...["Variant", "Parameters", "Steps", "Penalty", "Test", "Validation", "Training"],
        ...["Training loss", "Single digits", "Seconds"],
      ],
      rows: outcomes.map((outcome) => {
        const digits = metric(outcome, "digit_accuracy");
        return [
          outcome.variant.title,
          count(metric(outcome, "parameters")),
          count(metric(outcome, "steps")),
          metric(outcome, "penalty"),
          percent(metric(outcome, "test_accuracy")),
          percent(metric(outcome, "validation_accuracy")),
          percent(metric(outcome, "train_accuracy")),
          number(metric(outcome, "train_loss")),
          Number.isNaN(digits) ? "" : percent(digits),
          Math.round(outcome.seconds),
        ];
      }),
      caption:
        "One run each, from one seed; the share of test, validation and training images told right. Training figures are of images as they are, after training. " +
        "Validation images chose nothing here, and test images nothing anywhere.",
    },
  };
}

/** What the figures say, in words. */
export function findings(outcomes: readonly Outcome[]): string[] {
  const [full] = outcomes;
  const of = (name: string): Outcome | undefined => outcomes.find(({ variant }) => variant.name === name);
  const reached = (outcome: Outcome): string => percent(metric(outcome, "test_accuracy"));
  const gap = (outcome: Outcome): string =>
    `${(100 * (metric(outcome, "train_accuracy") - metric(outcome, "test_accuracy"))).toFixed(2)} points`;
  const against = (name: string, text: (outcome: Outcome) => string): string[] => {
    const outcome = of(name);
    return outcome === undefined ? [] : [text(outcome)];
  };
  return [
    `*As it is* the network is right on ${reached(full)} of the test images, ${
      gap(full)
    } less than on training ` +
    "images. Public figures on the authors' own images: 87.7 % by students, 97.91 % by the best network of any size.",
    ...against(
      "no-augmentation",
      (outcome) =>
        `*Augmentation.* Without moved digits ${reached(outcome)}, and the gap to the training images is ` +
        `${
          gap(outcome)
        }: a digit is the same digit when it is turned, which 60,000 of them do not tell often enough.`,
    ),
    ...against(
      "generic",
      (outcome) =>
        `*Sharing.* A network that sees the three channels at once must learn 20 classes of 915 triples, each digit in ` +
        `each channel anew: ${reached(outcome)} with as many steps.`,
    ),
    ...against(
      "10k",
      (small) =>
        `*Parameters.* ${count(metric(small, "parameters"))} of them reach ${reached(small)}` +
        [of("30k"), of("200k")].map((outcome) =>
          outcome === undefined ? "" : `, ${count(metric(outcome, "parameters"))} reach ${reached(outcome)}`
        ).join("") + ".",
    ),
    ...against("third", (few) =>
      `*Steps.* ${count(metric(few, "steps"))} reach ${reached(few)}` +
      against("triple", (many) => `, ${count(metric(many, "steps"))} reach ${reached(many)}`).join("") +
      ". Each run has the whole cycle of the step size."),
  ];
}

const { offset: _, ...common } = commonFlags;

if (import.meta.main) {
  await runTask({
    name: "compare-addnist",
    summary: "Train the AddNIST network without its parts, smaller and larger, and compare.",
    flags: {
      ...common,
      dataset: choice(["digits", "mnist"], { default: "digits", help: "whose digits are added" }),
      count: integer({ min: 1, help: "how many images to learn (default: the whole training split)" }),
      pool: integer({ min: 1, help: "how many training digits images are made of (default: all)" }),
      steps: integer({ min: 3, default: 3000, help: "optimizer updates of each variant but the last two" }),
      variants: text({
        placeholder: "A,B",
        default: VARIANTS.map(({ name }) => name).join(","),
        help: "which ones",
      }),
      quick: boolean({
        help: "small sizes, about a minute: full and generic alone, 12 steps on 500 images of 600 digits",
      }),
      ...executorFlags,
    },
    run: async ({ quick, ...given }, run) => {
      const flags = quick ? { ...given, ...QUICK } : given;
      const { dataset, dataDir, count: images, pool, steps, seed, device: kind, threads } = flags;
      const names = flags.variants.split(",");
      const unknown = names.find((name) => !VARIANTS.some((variant) => variant.name === name));
      if (unknown !== undefined) {
        throw new UsageError(
          `--variants must be of ${
            VARIANTS.map(({ name }) => name).join(", ")
          }: current value is "${unknown}"`,
        );
      }
      const chosen = VARIANTS.filter(({ name }) => names.includes(name));
      const { split: __, ...learned } = await openAddnist({
        ...{ source: dataset, dataDir, split: "train", count: images, pool },
      });
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({
          dataset: { ...learned, split: "train" },
          device,
          model: { models: chosen.map(({ name }) => name) },
        });
      }
      const shared = { dataset, dataDir, count: images, pool, seed, device: kind, threads };
      const lines = chosen.map(({ name, flags, steps: factor = 1 }) => ({
        task: "train-addnist",
        flags: { ...shared, steps: Math.round(steps * factor), ...flags },
        folder: name,
      }));
      const runs = await runManifest(lines, { within: run, executor: flags });
      const outcomes = chosen.map((variant, index): Outcome => {
        const { metrics = {}, seconds = NaN } = runs[index].summary ?? {};
        return { variant, metrics, seconds };
      });
      const curves = await Promise.all(chosen.map(async (variant, index) => {
        const log = await readLog(join(runs[index].folder, "log.jsonl"));
        return { name: variant.title, ...pointsByEpoch(log, { field: "validation_accuracy", epoch: 1 }) };
      }));
      await writePage(run, {
        title: "AddNIST: what the network owes to its parts",
        abstract:
          "Three digits, one a colour channel, and their sum for a label. The same network without its parts, " +
          "smaller and larger, and for fewer and more steps.",
        figures: outcomes.slice(0, 3).map((outcome) => ({
          label: outcome.variant.title,
          value: percent(metric(outcome, "test_accuracy")),
          note: "of the test images",
        })),
        sections: [
          {
            title: "Variants",
            blocks: [
              variantTable(outcomes),
              ...findings(outcomes).map((text): Block => ({ kind: "paragraph", text })),
            ],
          },
          {
            title: "Accuracy over training",
            blocks: [{
              kind: "plot",
              plot: {
                x: { label: "step", scale: "log" },
                y: { label: "validation accuracy" },
                series: curves,
              },
              caption: "Of 2,000 validation images, as training went on.",
            }],
          },
        ],
      });
      const metrics = Object.fromEntries(
        outcomes.flatMap((outcome) =>
          ["test_accuracy", "train_accuracy", "validation_accuracy", "parameters", "penalty"].map((name) =>
            [`${outcome.variant.name.replaceAll("-", "_")}_${name}`, metric(outcome, name)] as const
          )
        ),
      );
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({ metrics, parameters: sum("parameters"), steps: sum("steps") });
      for (const outcome of outcomes) {
        run.note(`${outcome.variant.title}: test accuracy ${percent(metric(outcome, "test_accuracy"))}`);
      }
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}
