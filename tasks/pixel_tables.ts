/** The tables of the comparisons of recurrent models of pixels, from the figures that their summaries keep. */
import type { Table } from "../report/html.ts";
import { count, percent } from "../report/numbers.ts";
import type { ManifestLine } from "../run/manifest.ts";

/** A figure of one of the models that a comparison compared; NaN where it has none. */
export type Figures = (model: string, metric: string) => number;

/** What a comparison's summary calls a figure of one of its models. */
export function figureName(model: string, metric: string): string {
  return `${model.replaceAll("-", "_")}_${metric}`;
}

/** The figures in a comparison's summary. */
export function figuresIn(metrics: Readonly<Record<string, number | null>>): Figures {
  return (model, metric) => metrics[figureName(model, metric)] ?? NaN;
}

/** Test accuracy that each classifier shall reach at full size. */
const ACCURACIES: Readonly<Record<string, number>> = {
  ...{ "lstm-32": 0.97, "lstm-64": 0.98, "lstm-128": 0.988, "lstm-3x32": 0.985 },
  ...{ "gru-32": 0.97, "gru-64": 0.98, "gru-128": 0.991, "gru-3x32": 0.988 },
};
/** Nats per pixel that a predictor of each size shall reach at most, at full size. */
const NATS: Readonly<Record<string, number>> = { "32": 0.089, "64": 0.084, "128": 0.079, "3x32": 0.085 };

/** Learning rates that validation images choose among. */
export const RATES = [1e-3, 4e-3, 1e-2];
/** What makes plain cells learn, each left out or changed alone. */
export const VARIANTS: readonly {
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
/** How far images are continued, as the figures are named. */
export const HORIZONS = ["1", "10", "28", "rest"];
/** Windows that are filled, as the figures are named. */
export const WINDOWS = ["1", "4", "1_uniform", "4_uniform"];

/** Losses and accuracies; `size` says what they were trained on. */
export function classifierTable(models: readonly string[], figure: Figures, size: string): Table {
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
    rows: models.map((model) => [
      model,
      figure(model, "test_loss").toFixed(4),
      figure(model, "train_loss").toFixed(4),
      percent(figure(model, "test_accuracy")),
      percent(figure(model, "train_accuracy")),
      percent(ACCURACIES[model]),
      `${(100 * (figure(model, "test_accuracy") - ACCURACIES[model])).toFixed(2)} points`,
    ]),
    caption: `${size}. Losses are nats.`,
  };
}

/** The network that sees images whole. */
export function wholeTable(figure: Figures): Table {
  return {
    columns: ["Model", "Testing loss", "Testing accuracy", "Training accuracy"],
    rows: [[
      "convolutional classifier",
      figure("whole", "test_loss").toFixed(4),
      percent(figure("whole", "test_accuracy")),
      percent(figure("whole", "train_accuracy")),
    ]],
    caption:
      "A convolutional network that sees the same black and white images at once, distorted at random while it learns.",
  };
}

/** The metric of a trial with a learning rate. */
export function rateMetric(rate: number): string {
  return `validation_accuracy_at_${rate}`;
}

/** Which learning rate was chosen for each model; `trials` says after what. */
export function rateTable(models: readonly string[], figure: Figures, trials: string): Table {
  return {
    columns: ["Model", ...RATES.map((rate) => `Rate ${rate}`), "Chosen"],
    rows: models.map((model) => [
      model,
      ...RATES.map((rate) => percent(figure(model, rateMetric(rate)))),
      String(figure(model, "learning_rate")),
    ]),
    caption: `Validation accuracy after ${trials}.`,
  };
}

/** What each part of the recipe is worth. */
export function ablationTable(figure: Figures, trials: string): Table {
  return {
    columns: ["Recipe", "Validation accuracy", "Validation loss"],
    rows: VARIANTS.map(({ name, text }) => [
      text,
      percent(figure(`ablation-${name}`, "validation_accuracy")),
      figure(`ablation-${name}`, "validation_loss").toFixed(4),
    ]),
    caption: `GRU-64 after ${trials}.`,
  };
}

/** What pixels cost. */
export function lossTable(models: readonly string[], figure: Figures, size: string): Table {
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
    rows: models.map((model) => {
      const nats = figure(model, "test_nats_per_pixel"), goal = NATS[model.replace(/^[a-z]+-/, "")];
      return [
        model,
        nats.toFixed(4),
        figure(model, "train_nats_per_pixel").toFixed(4),
        figure(model, "test_nats_per_image").toFixed(2),
        figure(model, "train_nats_per_image").toFixed(2),
        goal.toFixed(3),
        (nats - goal).toFixed(4),
      ];
    }),
    caption: `${size}. Per pixel is the mean over all pixels but the first, per image their sum.`,
  };
}

/** What continuations cost, and the truth. */
export function continuationTable(models: readonly string[], figure: Figures): Table {
  return {
    columns: ["Model", ...HORIZONS.flatMap((horizon) => [`${horizon}: drawn`, `${horizon}: truth`])],
    rows: models.map((model) => [
      model,
      ...HORIZONS.flatMap((horizon) =>
        ["continuation", "truth"].map((kind) => {
          const nats = figure(model, `${kind}_nats_${horizon}`);
          return Number.isNaN(nats) ? "" : nats.toFixed(3);
        })
      ),
    ]),
    caption:
      "Cross-entropy, in nats, of what is drawn after the given beginning and of what stands there in truth; the " +
      "pages of the models have it per pixel.",
  };
}

/** What the most probable fillings tell right, and what they cost. */
export function gapTable(models: readonly string[], figure: Figures): Table {
  return {
    columns: [
      "Model",
      "Single pixels",
      "2 x 2",
      "Single, anywhere",
      "2 x 2, anywhere",
      "Single: best, nats",
      "truth, nats",
      "2 x 2: best, nats",
      "truth, nats",
    ],
    rows: models.map((model) => [
      model,
      ...WINDOWS.map((window) => percent(figure(model, `inpainting_accuracy_${window}`))),
      ...["1", "4"].flatMap((window) =>
        ["best", "truth"].map((kind) => figure(model, `inpainting_nats_${kind}_${window}`).toFixed(4))
      ),
    ]),
    caption:
      "Missing pixels that the most probable filling tells right, from what stands before and after; goals are " +
      "90 % and 88 % where pixels around the window have both values. Nats are -ln p(filling | rest).",
  };
}

/** What figures call the model of so many images. */
export function setName(images: number): string {
  return `images-${images}`;
}

/** What is drawn again, of training sets of each size. */
export function memoryTable(counts: readonly number[], figure: Figures): Table {
  return {
    columns: [
      "Images",
      "Distinct",
      "Memorized mass",
      "Memorized fraction (95 % interval)",
      "Samples off, pixels",
      "Test images off, pixels",
    ],
    rows: counts.map((images) => {
      const own = (metric: string): number => figure(setName(images), metric);
      const fraction = percent(own("memorized_fraction"));
      return [
        count(images),
        count(own("distinct_sequences")),
        percent(own("memorized_mass")),
        `${fraction} (${percent(own("memorized_fraction_low"))} to ${
          percent(own("memorized_fraction_high"))
        })`,
        own("sample_distance").toFixed(2),
        own("test_distance").toFixed(2),
      ];
    }),
    caption:
      "The mass is exact: the sum of the model's probability of each distinct training image. The fraction is of " +
      `${
        figure(setName(counts[0]), "samples")
      } samples that equal a training image in every pixel. Off is the mean ` +
      "number of pixels in which samples, and test images, differ from the nearest training image: samples that " +
      "are not nearer than test images are no copies.",
  };
}

/** What images cost that were learned, and others. */
export function memoryCostTable(counts: readonly number[], figure: Figures): Table {
  return {
    columns: [
      "Images",
      "Floor, nats per image",
      "Training, nats per image",
      "Test, nats per image",
      "Steps",
      "Seconds",
    ],
    rows: counts.map((images) => [
      count(images),
      Math.log(images).toFixed(2),
      figure(setName(images), "train_nats_per_image").toFixed(2),
      figure(setName(images), "test_nats_per_image").toFixed(2),
      count(figure(setName(images), "steps")),
      Math.round(figure(setName(images), "seconds")),
    ]),
    caption:
      "The floor is ln of the number of images: what one costs who knows all by heart, were they all distinct. " +
      "All pixels but the first are counted.",
  };
}

/** What the figures of memory say, in words. */
export function memoryFindings(counts: readonly number[], figure: Figures): string[] {
  const mass = (images: number): number => figure(setName(images), "memorized_mass");
  const held = counts.filter((images) => mass(images) >= 0.5);
  const nearer = counts.filter((images) =>
    figure(setName(images), "sample_distance") < figure(setName(images), "test_distance")
  );
  const list = (of: readonly number[]): string => of.map(count).join(", ");
  return [
    `The memorized mass is ${
      counts.map((images) => `${percent(mass(images))} of ${count(images)} images`).join(", ")
    }. ${held.length === 0 ? "None is held to a half." : `Held to a half or more: ${list(held)} images.`}`,
    nearer.length === 0
      ? "Samples are nowhere nearer to the training set than test images are: what they have of it is no copy."
      : `Samples are nearer to the training set than test images are with ${
        list(nearer)
      } images: they were drawn ` +
        "from what was seen, in part at least.",
  ];
}
