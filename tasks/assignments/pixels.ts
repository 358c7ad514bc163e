/** The second assignment: images read, predicted and completed as sequences of pixels. */
import { join } from "node:path";
import { gateFigures } from "../../analysis/gates.ts";
import { GATED_CELLS } from "../../layers/recurrent.ts";
import type { Block } from "../../report/html.ts";
import { count, percent } from "../../report/numbers.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import type { StoredRun } from "../../run/run.ts";
import { gateSections } from "../gate_sections.ts";
import { contestants } from "../pixel_comparison.ts";
import {
  ablationTable,
  classifierTable,
  continuationTable,
  type Figures,
  figuresIn,
  gapTable,
  lossTable,
  memoryCostTable,
  memoryFindings,
  memoryTable,
  RATES,
  rateTable,
  setName,
  VARIANTS,
  wholeTable,
} from "../pixel_tables.ts";
import { type Assignment, picture, type Question, type Scope } from "./assignment.ts";

/** The models that predict: the assignment asks for one cell. */
const PREDICTORS = contestants("gru").map(({ name }) => name);
/** Numbers of images whose memory is measured. */
const COUNTS = { quick: [8, 32], whole: [16, 64, 256, 1024] } as const;
/** The folders of runs that answer several questions. */
const CLASSIFICATION = "classifiers", PREDICTION = "predictors";
/** Images and steps of quick runs. */
const QUICK = { count: 128, test: 64, pool: 2, steps: 30 } as const;

function classifiers({ images, computing, quick, seed }: Scope): ManifestLine {
  return {
    task: "compare-pixel-classifiers",
    flags: {
      ...{ ...images, ...computing, seed, grid: true, ablation: true },
      ...quick ? { ...QUICK, trialCount: 128 } : { epochs: 10 },
    },
    folder: CLASSIFICATION,
  };
}

function predictors({ images, computing, quick, seed }: Scope): ManifestLine {
  return {
    task: "compare-pixel-predictors",
    flags: {
      ...{ ...images, ...computing, seed },
      ...quick ? { ...QUICK, images: 20, samples: 5, windows: 50 } : { epochs: 10 },
    },
    folder: PREDICTION,
  };
}

function memories({ images, computing, quick, seed }: Scope): ManifestLine {
  const counts = COUNTS[quick ? "quick" : "whole"].join(",");
  return {
    task: "compare-pixel-memory",
    flags: {
      ...{ ...images, ...computing, seed, counts, learningRate: 0.01 },
      ...quick ? { pool: 4, steps: 400, test: QUICK.test } : { pool: 2, steps: 20_000 },
    },
    folder: "memory",
  };
}

function figuresOf({ summary }: StoredRun): Figures {
  return figuresIn(summary?.metrics ?? {});
}

/** What the rows were trained on. */
function size({ quick }: Scope): string {
  return quick
    ? `${QUICK.count} images of 196 pixels, ${QUICK.steps} steps: quick sizes, far below the goals' 784 pixels`
    : "784 pixels of all training images, 10 epochs";
}

/** The name of which `value` is the largest. */
function largest(names: readonly string[], value: (name: string) => number): string {
  return names.reduce((best, name) => value(name) > value(best) ? name : best);
}

/** A difference of two shares in words, before the name of the second. */
function points(difference: number): string {
  return `${(100 * Math.abs(difference)).toFixed(2)} points ${difference < 0 ? "below" : "above"}`;
}

/** The three questions about cells, each answered for the LSTM and the GRU. */
function gates(): Question[] {
  const [cells, ...answers] = gateSections(gateFigures());
  const asked = [
    "Can the cell just store its current input? With which gates, or why not?",
    "Can the cell store its previous state and ignore the input? With which gates, or why not?",
    "Is a GRU a special case of an LSTM? An expression, or a counter-example.",
  ];
  return answers.map(({ title, blocks }, at) => ({
    title: `Cells ${at + 1}: ${title[0].toLowerCase()}${title.slice(1)}`,
    asks: asked[at],
    runs: [],
    answer: () =>
      Promise.resolve({
        figures: [],
        blocks: [
          ...at === 0 ? cells.blocks : [],
          ...blocks,
          ...at < answers.length - 1 ? [] : [{
            kind: "paragraph" as const,
            text: "Every figure is measured on cells of 8 units whose gates are set by their biases: " +
              "`deno task explain-gates`; docs/gates.md has the whole argument.",
          }],
        ],
      }),
  }));
}

function classification(scope: Scope): Question {
  return {
    title: "1 Classification",
    asks:
      "Pixel, affine map, cell, last output, linear, ReLU, linear, softmax: LSTMs and GRUs of 32, 64, 128 and 3 x 32 " +
      "units; testing and training loss and accuracy of each, a table a cell; a learning rate chosen on validation " +
      "images; SGD, momentum and Adam; beside a model that sees the whole image.",
    runs: [classifiers(scope)],
    answer: ([run]) => {
      const figure = figuresOf(run),
        names = GATED_CELLS.map((cell) => contestants(cell).map(({ name }) => name));
      const accuracy = (name: string): number => figure(name, "test_accuracy");
      const gap = (name: string): number => figure(name, "train_accuracy") - accuracy(name);
      const best = names.map((own) => largest(own, accuracy)), all = names.flat();
      const first = largest(best, accuracy), widest = largest(all, gap);
      const validation = (recipe: string): number => figure(`ablation-${recipe}`, "validation_accuracy");
      const recipes = VARIANTS.map(({ name }) => name), asItIs = recipes[0];
      const hurts = largest(recipes.slice(1, 6), (recipe) => validation(asItIs) - validation(recipe));
      const trials = scope.quick
        ? `${QUICK.steps} steps of 128 images`
        : "2 epochs of 10,000 images, pooled 2 x 2";
      return Promise.resolve({
        figures: [
          { label: first, value: percent(accuracy(first)), note: "test accuracy, pixel by pixel" },
          { label: "seen whole", value: percent(figure("whole", "test_accuracy")), note: "test accuracy" },
        ],
        blocks: [
          ...names.map((own, cell): Block => ({
            kind: "table",
            table: classifierTable(own, figure, `${GATED_CELLS[cell].toUpperCase()}. ${size(scope)}`),
          })),
          {
            kind: "paragraph",
            text:
              `The best LSTM is \`${best[0]}\`, right in ${
                percent(accuracy(best[0]))
              } of the test images, the ` +
              `best GRU \`${best[1]}\`, right in ${percent(accuracy(best[1]))}. ${
                contestants("gru").map((_, at) => {
                  const [lstm, gru] = names.map((own) => own[at]);
                  return `\`${gru}\` is ${points(accuracy(gru) - accuracy(lstm))} \`${lstm}\``;
                }).join(", ")
              }. Training images are told right more often than test images by up to ${
                (100 * gap(widest)).toFixed(2)
              } points (\`${widest}\`): so much of what it knows of them is memory.`,
          },
          { kind: "table", table: wholeTable(figure) },
          {
            kind: "paragraph",
            text:
              `Seen whole, the same black and white images are told right in ${
                percent(figure("whole", "test_accuracy"))
              }: ${
                points(figure("whole", "test_accuracy") - accuracy(first))
              } the best that reads them pixel by pixel. All that a reader knows of the first row must ` +
              "come through its state to the last; a convolution sees neighbours above each other beside each other.",
          },
          { kind: "table", table: rateTable(all, figure, trials) },
          {
            kind: "paragraph",
            text: `Of the rates ${RATES.join(", ")} each model took the best on validation images: ${
              all.map((name) => `${figure(name, "learning_rate")} (\`${name}\`)`).join(", ")
            }. The test images had no part in it.`,
          },
          { kind: "table", table: ablationTable(figure, trials) },
          {
            kind: "paragraph",
            text: `Adam reaches ${
              percent(validation(asItIs))
            } of the validation images in that time, momentum ${percent(validation("momentum"))}, SGD ${
              percent(validation("sgd"))
            }. Of the other changes the one that costs most is *${
              VARIANTS.find(({ name }) => name === hurts)?.text
            }*: ${percent(validation(hurts))}.`,
          },
        ],
      });
    },
  };
}

function prediction(scope: Scope): Question {
  return {
    title: "2 Prediction",
    asks:
      "Pixel, affine map, cell, affine map, sigmoid at every step; four sizes of one cell, testing and training loss; " +
      "predictions of 1, 10, 28 pixels and the rest. The last 300 pixels of 100 test images masked and continued by 1, " +
      "10, 28, 300 pixels by each model: the cross-entropy of what is drawn against that of the truth; a success, a " +
      "failure and one of high variance, 5 samples each.",
    runs: [predictors(scope)],
    answer: async ([run]) => {
      const figure = figuresOf(run), nats = (name: string): number => figure(name, "test_nats_per_pixel");
      const best = largest(PREDICTORS, (name) => -nats(name));
      const rest = ["continuation_nats_rest", "truth_nats_rest"].map((metric) => figure(best, metric));
      const next = ["continuation_nats_1", "truth_nats_1"].map((metric) => figure(best, metric));
      return {
        figures: [{ label: best, value: nats(best).toFixed(4), note: "test nats per pixel" }],
        blocks: [
          { kind: "table", table: lossTable(PREDICTORS, figure, size(scope)) },
          {
            kind: "paragraph",
            text:
              `\`${best}\` needs least: ${nats(best).toFixed(4)} nats a pixel, ${
                figure(best, "test_nats_per_image").toFixed(2)
              } an image, ${
                Math.abs(figure(best, "train_nats_per_pixel") - nats(best)).toFixed(4)
              } a pixel from what training images cost. The first pixel, which nothing predicts, is drawn with its share ` +
              "among the training images, and is in neither figure.",
          },
          { kind: "table", table: continuationTable(PREDICTORS, figure) },
          {
            kind: "paragraph",
            text:
              `A model that is right pays as much for the truth as for what it draws. \`${best}\` pays ${
                next[0].toFixed(3)
              } nats for a pixel of its own and ${next[1].toFixed(3)} for the true one, ${
                rest[0].toFixed(2)
              } for all that ` +
              `is missing and ${rest[1].toFixed(2)} for the truth: the truth costs ${
                percent(Math.abs(rest[1] / rest[0] - 1))
              } ${rest[1] > rest[0] ? "more" : "less"}. ${
                rest[1] > rest[0]
                  ? "What it draws is more ordinary, by its own measure, than what people write."
                  : "What it draws wanders into images that are rarer, by its own measure, than what people write."
              }`,
          },
          ...await picture(
            { ...run, folder: join(run.folder, `${best}-filled`) },
            "continuations.png",
            `A success, a failure and an image of high variance, by ${best}: truth and what was given, then samples.`,
          ),
          {
            kind: "paragraph",
            text: "Predictions of 1, 10, 28 pixels and the rest stand on each model's page: " +
              `${
                PREDICTORS.map((name) => `\`predictors/${name}/report.html\``).join(", ")
              }; the sheet of each in ` +
              `${PREDICTORS.map((name) => `\`predictors/${name}-filled/report.html\``).join(", ")}.`,
          },
        ],
      };
    },
  };
}

function inpainting(): Question {
  return {
    title: "3 In-painting with past and future",
    asks:
      "One missing pixel, and a window of 2 x 2: the formula; by each of the four models the most probable filling " +
      "beside truth and mask, and its cross-entropy against the truth's.",
    runs: [],
    answer: async (_runs, runOf) => {
      const run = runOf(PREDICTION), figure = figuresOf(run);
      const right = (name: string): number => figure(name, "inpainting_accuracy_4"),
        best = largest(PREDICTORS, right);
      const own = (metric: string): number => figure(best, metric);
      return {
        figures: [
          {
            label: "single pixels",
            value: percent(own("inpainting_accuracy_1")),
            note: `filled right by ${best}`,
          },
          { label: "2 x 2", value: percent(right(best)), note: `filled right by ${best}` },
        ],
        blocks: [
          {
            kind: "formula",
            formula: String.raw`p(x_M \mid x_R) = \frac{p(x_M, x_R)}{\sum_{y \in \{0,1\}^{|M|}} p(y, x_R)}`,
            text:
              "$M$ are the missing pixels, $R$ the rest, before and after; each $p$ is a product over all pixels.",
          },
          { kind: "table", table: gapTable(PREDICTORS, figure) },
          {
            kind: "paragraph",
            text:
              `All 2 or 16 fillings are scored, so the most probable is exact, and never costs more than the truth. ` +
              `By \`${best}\` one pixel costs ${
                own("inpainting_nats_best_1").toFixed(3)
              } nats where the truth costs ${own("inpainting_nats_truth_1").toFixed(3)}, 2 x 2 pixels ${
                own("inpainting_nats_best_4").toFixed(3)
              } where it costs ${
                own("inpainting_nats_truth_4").toFixed(3)
              }. Of missing pixels whose surroundings have both values ${
                percent(own("inpainting_accuracy_1"))
              } (goal ` +
              `90 %) and ${
                percent(right(best))
              } (goal 88 %) are right; anywhere in the image, where most is background, ${
                percent(own("inpainting_accuracy_1_uniform"))
              } and ${percent(own("inpainting_accuracy_4_uniform"))}.`,
          },
          ...(await Promise.all(PREDICTORS.map((name) =>
            picture(
              { ...run, folder: join(run.folder, `${name}-filled`) },
              "gaps.png",
              `${name}: from the top truth, what is missing, the most probable filling.`,
            )
          ))).flat(),
        ],
      };
    },
  };
}

function weights(): Question {
  const kinds = [CLASSIFICATION, PREDICTION];
  return {
    title: "Trained weights",
    asks: "The final weights of every row, without the optimizer's state: loading them recomputes the row.",
    runs: [],
    answer: async (_runs, runOf) => {
      const names = [GATED_CELLS.flatMap((cell) => contestants(cell).map(({ name }) => name)), PREDICTORS];
      const rows = await Promise.all(
        names.flatMap((own, kind) =>
          own.map(async (name) => {
            const { size } = await Deno.stat(join(runOf(kinds[kind]).folder, name, "weights.safetensors"));
            return { folder: `${kinds[kind]}/${name}`, size };
          })
        ),
      );
      const total = rows.reduce((sum, { size }) => sum + size, 0);
      return {
        figures: [],
        blocks: [
          {
            kind: "table",
            table: {
              columns: ["Row", "Weights, bytes", "Computed again by"],
              rows: rows.map(({ folder, size }) => [folder, count(size), `deno task evaluate ${folder}`]),
              caption: `${rows.length} files of weights, ${
                (total / 1e6).toFixed(2)
              } MB in all; folders are beside this page.`,
            },
          },
        ],
      };
    },
  };
}

function memory(scope: Scope): Question {
  const counts = COUNTS[scope.quick ? "quick" : "whole"];
  return {
    title: "Beyond the assignment: memory",
    asks: "A predictor of few images and of many: how many of its samples are training images?",
    runs: [memories(scope)],
    answer: ([run]) => {
      const figure = figuresOf(run), fewest = counts[0];
      return Promise.resolve({
        figures: [{
          label: `${fewest} images remembered`,
          value: percent(figure(setName(fewest), "memorized_mass")),
          note: "memorized mass",
        }],
        blocks: [
          { kind: "table", table: memoryTable(counts, figure) },
          ...memoryFindings(counts, figure).map((text): Block => ({ kind: "paragraph", text })),
          { kind: "table", table: memoryCostTable(counts, figure) },
        ],
      });
    },
  };
}

/** The list behind `deno task assignment pixels`. */
export const PIXELS: Assignment = {
  name: "pixels",
  title: "Digits as sequences of pixels",
  abstract:
    "Black and white images are read row by row. Recurrent networks say at the end what they showed, or before each " +
    "pixel how probable it is to be ink; the latter is a model of whole images, which draws, completes and fills them. " +
    "The questions stand in the assignment's order; every figure is that of a run whose folder and report lie beside " +
    "this page.",
  questions: (scope) => [
    ...gates(),
    classification(scope),
    prediction(scope),
    inpainting(),
    weights(),
    memory(scope),
  ],
  readings: [
    "A pixel is ink where its level is above a tenth (a byte of 26 or more). Of MNIST's training file the first 5,000 " +
    "images validate and 55,000 learn; the test images are used once, at the end.",
    "The affine map between pixel and cell is the cell's own kernel and bias: an affine map of an affine map is one.",
    '"Per pixel" divides by the predicted pixels, all but the first; a first pixel is drawn with its share among the ' +
    "training images.",
    "The cross-entropy of a continuation is the mean over 10 samples; of one pixel the expectation is exact.",
    "The images of the third question are not to be had: windows are drawn by a seeded rule from test images where the " +
    "pixels around have both values; windows anywhere, which are mostly background, are reported apart.",
    "A success is the image with the fewest wrong pixels on average over its samples, a failure that with the most, high " +
    "variance that whose samples differ most from each other; each of the images with at least 10 missing pixels of ink.",
    "`--pixels N` reads only the first N pixels: the assignment's part of an image.",
  ],
};
