/** The part of an assignment that asks for a classifier of photographs: from all images, and from few. */
import { join } from "node:path";
import type { Block } from "../../report/html.ts";
import { count, number, percent } from "../../report/numbers.ts";
import { epochSection } from "../../run/epochs.ts";
import { readLog } from "../../run/log.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import type { StoredRun } from "../../run/run.ts";
import { goalTable, metricOf, paragraph, type Question, type Scope } from "./assignment.ts";

/** What is asked for, as a share of the test images. */
const GOAL = 0.9;
/** The ablation: three passes over a fifth of the images. */
const ABLATION = { count: 10_000, steps: 60 } as const;
/** What it leaves out. */
export const PARTS = ["whitening", "augmentation", "averages", "smoothing", "identity"] as const;
/** Sizes that end in minutes. */
const QUICK = { count: 100, steps: 4, width: 0.05 } as const;
const QUICK_SUBSETS = { ...QUICK, sizes: "1,2,all", draws: 2, validation: 0 } as const;

/** Questions 5.1 and 5.2. */
export function classifiers({ photographs, computing, quick, seed }: Scope): readonly Question[] {
  const shared = { ...photographs, ...computing, seed };
  const train = (folder: string, flags: ManifestLine["flags"]): ManifestLine => ({
    task: "train-cifar-classifier",
    flags: { ...shared, ...flags, ...quick ? QUICK : {} },
    folder,
  });
  return [
    {
      title: "5.1 Photographs, all of them",
      asks:
        "A network of one's own, from scratch, that is right on more than 90 % of the 10,000 test images; training " +
        "loss, training accuracy, testing loss and testing accuracy against epochs; whether it was reached, why it is " +
        "hard, and what was done.",
      runs: [
        train("photographs", {}),
        train("photographs-few", ABLATION),
        ...PARTS.map((without) => train(`photographs-without-${without}`, { ...ABLATION, without })),
      ],
      answer: async ([run, whole, ...parts]) => {
        const { batch } = run.config.model as { readonly batch: number };
        const epoch = Math.max(1, Math.round(run.config.dataset.count / batch));
        const { blocks } = epochSection(await readLog(join(run.folder, "log.jsonl")), { epoch });
        return {
          figures: [{
            label: "photographs",
            value: percent(metricOf(run, "test_accuracy")),
            note: `of ${count(metricOf(run, "test_images"))} test images`,
          }],
          blocks: [
            goalTable([{
              ...{ label: `${count(run.config.dataset.count)} images of ${run.config.dataset.name}`, run },
              ...{ metric: "test_accuracy", asked: { above: GOAL }, show: percent },
            }]),
            ...blocks,
            paragraph(
              "*Why it is hard.* A photograph of 32 x 32 pixels shows a class in any pose, colour, size and light, before " +
                "any background, and 5,000 of each class are few against that: the network is right on " +
                `${percent(metricOf(run, "train_accuracy"))} of what it learned, as it is, and on ${
                  percent(metricOf(run, "test_accuracy"))
                } of the rest. Which classes are taken for which stands in its report. And the arithmetic is large: ${
                  number(metricOf(run, "pflop"))
                } PFLOP were spent, in ${Math.round((run.summary?.seconds ?? NaN) / 60)} minutes.`,
            ),
            paragraph(
              "*What was done.* The first layer is not learned but calculated, so that it costs no steps; images are " +
                "shifted and flipped; labels are smoothed, so that no step is spent on being ever surer; convolutions " +
                "start as the identity, so that a deep network begins as a shallow one; training goes on from running " +
                "averages. What each of these is worth was measured by leaving it out:",
            ),
            ablation(whole, parts),
          ],
        };
      },
    },
    {
      title: "5.2 Photographs, few of them",
      asks:
        "The same from 1, 10, 100 and 1,000 images of each class and from all, tuned for each, the test set whole: the " +
        "four curves for each, and training accuracy, testing accuracy and their difference against the number of images.",
      runs: [{
        task: "compare-cifar-subsets",
        flags: { ...shared, ...quick ? QUICK_SUBSETS : {} },
        folder: "photograph-subsets",
      }],
      answer: ([run]) => {
        const sizes = Object.keys(run.summary?.metrics ?? {}).flatMap((name) =>
          name.startsWith("test_accuracy_") ? [name.slice("test_accuracy_".length)] : []
        );
        const gap = (size: string): string =>
          percent(metricOf(run, `train_accuracy_${size}`) - metricOf(run, `test_accuracy_${size}`));
        return Promise.resolve({
          figures: [],
          blocks: [
            {
              kind: "table",
              table: {
                columns: ["Images of each class", "Training accuracy", "Testing accuracy", "Difference"],
                rows: sizes.map((size) => {
                  const [train, test] = ["train", "test"].map((set) =>
                    metricOf(run, `${set}_accuracy_${size}`)
                  );
                  return [size, percent(train), percent(test), percent(train - test)];
                }),
                caption:
                  "Means over the draws. The plot over a logarithmic axis, deviations, the step sizes chosen and " +
                  "the four curves of each stand in the report, a part of this page.",
              },
            },
            paragraph(
              `The difference is ${gap(sizes[0])} where the fewest images are learned and ${
                gap(sizes[sizes.length - 1])
              } where the most are. Few images can be told apart in many ways that are right on all of them, and ` +
                "nothing in them says which one holds for others.",
            ),
          ],
        });
      },
    },
  ];
}

function ablation(whole: StoredRun, parts: readonly StoredRun[]): Block {
  const row = (title: string, run: StoredRun): (string | number)[] => [
    title,
    percent(metricOf(run, "test_accuracy")),
    `${(100 * (metricOf(run, "test_accuracy") - metricOf(whole, "test_accuracy"))).toFixed(2)} points`,
    percent(metricOf(run, "train_accuracy")),
  ];
  return {
    kind: "table",
    table: {
      columns: ["Without", "Test accuracy", "Change", "Training accuracy"],
      rows: [row("nothing", whole), ...parts.map((run, at) => row(PARTS[at], run))],
      caption: `One run each, ${count(whole.config.dataset.count)} images, ${
        count(whole.summary?.steps ?? NaN)
      } steps. Differences of less than a point are noise.`,
    },
  };
}
