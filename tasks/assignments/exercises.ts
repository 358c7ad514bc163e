/** The assignment of exact exercises: optimizers on a line, two L1 autoencoders, common features, layers, photographs, fields. */
import type { Block } from "../../report/html.ts";
import { number } from "../../report/numbers.ts";
import { lossByEpoch } from "../../run/autoencoding.ts";
import type { StoredRun } from "../../run/run.ts";
import {
  type Assignment,
  goalsOn,
  metricOf,
  paragraph,
  picture,
  type Question,
  type Scope,
} from "./assignment.ts";
import { COMPARISON, comparison, networkOf } from "./autoencoders.ts";
import { classifiers } from "./photographs.ts";

function optimizers(): Question {
  return {
    title: "1 Optimization",
    asks:
      "Gradient descent on a slope with a bump; the largest bump that Adam escapes; all of Adam's quantities in one plot, " +
      "there and on ReLU, sigmoid and |x|; explanations.",
    runs: [{ task: "optimizers-on-a-line", flags: {}, folder: "optimizers" }],
    answer: ([run]) => {
      const escaped = Math.floor(metricOf(run, "largest_bump_escaped") * 100) / 100;
      return Promise.resolve({
        figures: [{
          label: "largest bump escaped",
          value: escaped.toFixed(2),
          note: "Adam, rate 0.3, epsilon 0",
        }],
        blocks: [
          paragraph(
            "*1.1* At rate 0.3 every step is 0.3 long, as the slope is 1 or -1 everywhere: gradient descent goes 0.3, 0.6, " +
              "0.9, 1.2, stands on the bump of height 0.5, is sent back to 0.9, and swings between the two for ever. It " +
              `gets past a bump only by stepping over the whole of it, up to a height of ${
                metricOf(run, "largest_bump_escaped_by_descent").toFixed(2)
              }.`,
          ),
          paragraph(
            `*1.2* Adam escapes bumps up to ${
              metricOf(run, "largest_bump_escaped").toFixed(5)
            }, by bisection: **${escaped.toFixed(2)}**. Its momentum carries it uphill for some steps.`
              .replaceAll("**", ""),
          ),
          paragraph(
            "*1.3* As long as |g| is 1, v-hat is exactly 1, so a step is 0.3 times m-hat, an average of the slopes so far. " +
              "On the bump m-hat turns only slowly; whether it changes its sign before the top decides. The plots, one for " +
              "a height on each side of the limit with all six quantities, stand in the run's report, a part of this page.",
          ),
          paragraph(
            `*1.4* From x = 2, after 30 steps: ReLU ${
              metricOf(run, "relu_x").toFixed(3)
            }, having coasted past 0 where the ` +
              `slope ended; sigmoid ${
                metricOf(run, "sigmoid_x").toFixed(3)
              }, as Adam divides a small slope by its own ` +
              `size and walks on; |x| ${
                metricOf(run, "absolute_x").toFixed(3)
              }, swinging about 0, as v-hat stays 1 and ` +
              `the rate 0.3. The engine's Adam makes the same steps to ${
                metricOf(run, "engine_difference").toExponential(1)
              }.`,
          ),
        ],
      });
    },
  };
}

const KINDS = { dense: "fully connected", conv: "convolutional" } as const;

function l1(
  kind: keyof typeof KINDS,
  { runs, part }: Pick<Question, "runs"> & { readonly part: string },
): Question {
  return {
    title: `${part} Autoencoder, ${KINDS[kind]}`,
    asks:
      "ReLU after every layer, L1 loss, Adam, the whole training split, a bottleneck of 2 and of 32 numbers with all else " +
      "the same; the training loss against epochs, an input and its reconstruction for each; what is noticed.",
    runs,
    answer: async (_, runOf) => {
      const all = runOf(COMPARISON);
      const [two, many, linear] = await Promise.all(
        [`${kind}-2`, `${kind}-32`, `${kind}-2-linear`].map((name) => networkOf(all, name)),
      );
      const figure = (run: StoredRun, name: string): string => number(metricOf(run, name));
      const dead = (run: StoredRun): string =>
        `${metricOf(run, "dead_units")} of ${metricOf(run, "latent_units")}`;
      const isDead = (run: StoredRun): boolean =>
        metricOf(run, "dead_units") === metricOf(run, "latent_units");
      const asked = { 2: 0.08, 32: kind === "dense" ? 0.03 : 0.015 };
      const curves = await Promise.all([two, many].map(async (run) => {
        const { batch } = run.config.model as { readonly batch: number };
        const [learned] = await lossByEpoch(run.folder, { images: run.config.dataset.count, batch });
        return { ...learned, name: `${metricOf(run, "latent_units")} numbers` };
      }));
      return {
        figures: [{
          label: `${KINDS[kind]}, 2 and 32`,
          value: `${figure(two, "held_out_l1")}, ${figure(many, "held_out_l1")}`,
          note: "L1 of test images, levels",
        }],
        blocks: [
          ...goalsOn(
            "mnist",
            ([[2, two], [32, many]] as const).map(([latent, run]) => ({
              ...{ label: `${KINDS[kind]}, ${latent} numbers`, run, show: number },
              ...{ metric: "held_out_l1", asked: { atMost: asked[latent] } },
            })),
          ),
          paragraph(
            `With 2 numbers a test image is off by ${
              figure(two, "held_out_l1")
            } levels on average, with 32 by ${
              figure(many, "held_out_l1")
            }, where on MNIST an image that is all black would be off by .1325 and the median image by .1255.` +
              (isDead(two) || isDead(many)
                ? " Where all units are dead every image gets the same drawing, and the median image is all that was " +
                  "learned."
                : " Two numbers say which digit it is, roughly, and how it leans; strokes that do not fit a digit's usual " +
                  "form are drawn as that form, or not at all: under L1 the best guess is the median, and where ink is " +
                  "likelier absent than present the median is black. 32 numbers draw this image rather than its class."),
          ),
          paragraph(
            `Of the bottleneck ${dead(two)} and ${
              dead(many)
            } units are dead: 0 for every image, without a gradient, for ` +
              `good. Without the ReLUs of bottleneck and output ${dead(linear)} are, at ${
                figure(linear, "held_out_l1")
              } levels with 2 numbers. What keeps ReLUs alive here: small drawings and positive biases at the start, and ` +
              "Adam without momentum, which would carry a sinking unit beyond recall.",
          ),
          {
            kind: "plot",
            plot: {
              x: { label: "epoch" },
              y: { label: "mean absolute error", unit: "levels" },
              series: curves,
            },
            caption: "The training loss of both.",
          },
          ...await inputs(two, many),
          paragraph(
            "The one figure of six panels, (a) to (f), stands in the comparison's report, a part of this page, under " +
              "*Loss by epoch*.",
          ),
        ],
      };
    },
  };
}

async function inputs(two: StoredRun, many: StoredRun): Promise<readonly Block[]> {
  const caption = (count: number) => `Test images and their reconstructions from ${count} numbers.`;
  return [
    ...await picture(two, "reconstructions.png", caption(2)),
    ...await picture(many, "reconstructions.png", caption(32)),
  ];
}

function commonFeatures({ images, computing, quick, seed, folder }: Scope): Question {
  return {
    title: "3 Common features",
    asks:
      "The mean of the convolutional networks' latents over the training images, decoded, for 2 and 32 numbers; explain.",
    runs: [{
      task: "common-features",
      flags: {
        ...images,
        ...computing,
        seed,
        ...(quick ? { count: 512 } : {}),
        autoencoders: `${folder}/${COMPARISON}`,
      },
      folder: "common-features",
    }],
    answer: async ([run]) => ({
      figures: [],
      blocks: [
        ...await picture(run, "common-features.png", "The mean latent, decoded: of 2 numbers, and of 32."),
        paragraph(
          `From 2 numbers the decoded mean is ${
            number(metricOf(run, "mean_distance_2"))
          } levels (root of the mean square) ` +
            `from the mean of all images, from 32 ${
              number(metricOf(run, "mean_distance_32"))
            }. It is no mean of the ` +
            "images: the decoder is not linear, so the middle of all latents is drawn as an image whose latent lies there, " +
            "or, where none lies there, as strokes that many digits share. What weights and biases hold in common for all " +
            "images is thus seen only together with a latent; the report says to which class's mean each drawing is nearest.",
        ),
      ],
    }),
  };
}

function layers(): Question {
  return {
    title: "4 Understanding the layers",
    asks: "Six layers with the library and without, their outputs compared.",
    runs: [{ task: "layers-from-scratch", flags: {}, folder: "layers" }],
    answer: ([run]) => {
      const differences = Object.entries(run.summary?.metrics ?? {}).filter(([name]) =>
        name.endsWith("_difference") && name !== "largest_difference"
      );
      const largest = Math.max(...differences.map(([, value]) => value ?? NaN));
      return Promise.resolve({
        figures: [{
          label: "layers from scratch",
          value: largest.toExponential(1),
          note: "largest difference",
        }],
        blocks: [
          {
            kind: "table",
            table: {
              columns: ["Layer", "Largest difference"],
              rows: differences.map(([name, value]) => [
                name.replace(/_difference$/, "").replaceAll("_", " "),
                (value ?? NaN).toExponential(2),
              ]),
              caption:
                "Between plain code and the library's outputs; the `torch_*` and `my_*` files lie in the run's folder.",
            },
          },
          paragraph(
            `The outputs match: the largest difference of all is ${
              largest.toExponential(1)
            }, a bit or two of float32. ` +
              "Batch normalization is compared in training (biased variance in the output, unbiased in the running one) " +
              "and in evaluation.",
          ),
        ],
      });
    },
  };
}

function fields(): Question {
  return {
    title: "6 Receptive fields",
    asks: "The receptive field of every layer of ten stacks.",
    runs: [{ task: "receptive-fields", flags: {}, folder: "receptive-fields" }],
    answer: ([run]) => {
      const finals = Object.entries(run.summary?.metrics ?? {}).filter(([name]) => name.startsWith("stack_"));
      return Promise.resolve({
        figures: [{
          label: "final fields",
          value: finals.map(([, side]) => side).join(", "),
          note: "pixels a side",
        }],
        blocks: [
          {
            kind: "table",
            table: {
              columns: finals.map(([name]) => name.replace("stack_", "Stack ")),
              rows: [finals.map(([, side]) => `${side} x ${side}`)],
              caption: "The final fields; those of every layer stand in the run's report.",
            },
          },
          paragraph(
            "Each layer adds its kernel less one, times the product of all strides before it. Every entry was also measured, " +
              "by changing rows, columns and corners of a real network's input.",
          ),
        ],
      });
    },
  };
}

/** The list behind `deno task assignment exercises`. */
export const EXERCISES: Assignment = {
  name: "exercises",
  title: "Optimization, autoencoders and exact exercises",
  abstract:
    "Optimizers on functions of one number, autoencoders whose units can die, what images have in common, layers written " +
    "by hand, photographs and how many of them it takes, and what a unit of a network sees. The questions stand in the assignment's order; every figure is that of " +
    "a run whose folder and report lie beside this page.",
  questions: (scope) => [
    optimizers(),
    l1("dense", { part: "2.1", runs: [comparison(scope)] }),
    l1("conv", { part: "2.2", runs: [] }),
    commonFeatures(scope),
    layers(),
    ...classifiers(scope),
    fields(),
  ],
  readings: [
    "Beyond the bump the landscape goes downhill for ever, and the slope at a kink is that to its right; 0/0 in Adam is 0.",
    "ReLU stands after all six layers, bottleneck and output included; the variant without these two is named *linear ends*.",
    "The figure of the convolutional network is not to be had: between its last pool and its 2 or 32 numbers stands one " +
    "linear layer, and one back.",
    "The library that layers are compared with is TensorFlow.js, and PyTorch by its stored outputs.",
    "Question 5's training curves are of the epoch's own batches, as they were learned, moved; the training images are " +
    "measured once more as they are, at the end. `--photographs cifar10` answers it with the images that it asks for.",
    "No stack of question 6 is padded.",
  ],
};
