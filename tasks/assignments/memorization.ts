/** The first assignment: binary codes of images, and three autoregressive models that memorize them. */
import type { ManifestLine } from "../../run/manifest.ts";
import { percent } from "../../report/numbers.ts";
import {
  type Assignment,
  decibels,
  goalTable,
  metricOf,
  picture,
  type Question,
  type Scope,
} from "./assignment.ts";

/** The three autoregressive models in the order in which they are asked for, and what each must memorize. */
const MODELS = [
  {
    name: "seq2token",
    title: "Sequence to token",
    asks: "prior sequence in, next token out",
    count: 100,
    goal: 0.8,
  },
  {
    name: "seq2seq",
    title: "Sequence to sequence",
    asks: "sequence in, sequence out, the future hidden by masks",
    count: 100,
    goal: 0.8,
  },
  {
    name: "seq2hist",
    title: "Sequence to histogram",
    asks: "prior sequence in, histogram of the next token out, learned from over 512 images",
    count: 1024,
    goal: 0.99,
  },
] as const;
const OTHER_DATA = ["text", "melody", "csv"] as const;

function classifier({ images, computing, quick, seed }: Scope): Question {
  const counts = quick ? [256] : [256, 1024, 60_000];
  return {
    title: "1 Classifier",
    asks: "Images in, labels out, trained by cross-entropy: an accuracy above 90% on test images.",
    runs: counts.map((count): ManifestLine => ({
      task: "train-classifier",
      flags: { ...images, ...computing, seed, count, ...(quick ? { steps: 600 } : {}) },
      folder: `classifier-${count}`,
    })),
    answer: async (runs) => ({
      figures: [{
        label: "classifier",
        value: percent(metricOf(runs[runs.length - 1], "test_accuracy")),
        note: `test accuracy from ${counts[counts.length - 1].toLocaleString("en-US")} images`,
      }],
      blocks: [
        goalTable(runs.map((run, index) => ({
          label: `${counts[index].toLocaleString("en-US")} training images`,
          run,
          metric: "test_accuracy",
          asked: { above: 0.9 },
          show: percent,
        }))),
        {
          kind: "paragraph",
          text:
            `On all of its own ${counts[0]} training images the first is right in ${
              percent(metricOf(runs[0], "train_accuracy"))
            }, on test images in ${
              percent(metricOf(runs[0], "test_accuracy"))
            }: what is between the two was remembered ` +
            "and not learned. A classifier that had only remembered would be near 10% on test images.",
        },
        ...await picture(
          runs[runs.length - 1],
          "mistakes.png",
          "Test images that the last of them gets wrong, the surest mistakes first.",
        ),
      ],
    }),
  };
}

function autoencoder({ images, computing, quick, seed }: Scope): Question {
  const count = quick ? 64 : 256;
  // Full width takes half an hour and more; an eighth of its channels shows that the network works.
  const table1 = quick ? { width: 0.125, count: 32, steps: 300 } : { width: 1, count: 256, steps: 500 };
  return {
    title: "2 Autoencoder",
    asks:
      "A binary latent of 3 x 4 x 4 signs an image, and an average PSNR above 25 dB; the network of Table 1.",
    runs: [
      {
        task: "train-autoencoder",
        flags: { ...images, ...computing, seed, count, ...(quick ? { steps: 600 } : {}) },
        folder: `autoencoder-${count}`,
      },
      {
        task: "train-autoencoder",
        flags: { ...images, ...computing, seed, architecture: "table1", ...table1 },
        folder: "autoencoder-table1",
      },
    ],
    answer: async (runs) => ({
      figures: runs.map((run, index) => ({
        label: index === 0 ? "autoencoder" : "Table 1",
        value: decibels(metricOf(run, "psnr_db")),
        note: `PSNR of ${index === 0 ? count : table1.count} images, ${
          metricOf(run, "distinct_codes")
        } distinct codes`,
      })),
      blocks: [
        goalTable(runs.map((run, index) => ({
          label: index === 0
            ? `${count} images, the project's dense network`
            : `${table1.count} images, Table 1 at ${
              table1.width === 1 ? "full width" : `${table1.width} of its width`
            }`,
          run,
          metric: "psnr_db",
          asked: { above: 25 },
          show: decibels,
        }))),
        {
          kind: "paragraph",
          text:
            `${
              metricOf(runs[0], "distinct_codes")
            } of ${count} images have a code of their own in the first, ` +
            `${
              metricOf(runs[1], "distinct_codes")
            } of ${table1.count} in the second. 48 signs could tell 2^48 images ` +
            "apart; a PSNR is taken over the 28x28 picture, without any padding, of grey levels in 0..1. On images " +
            `that they never saw the two reach ${decibels(metricOf(runs[0], "test_psnr_db"))} and ${
              decibels(metricOf(runs[1], "test_psnr_db"))
            }: a code of a known image is closer to an index than to a description.`,
        },
        ...await picture(runs[0], "reconstructions.png", "Images above what 48 signs keep of them."),
      ],
    }),
  };
}

function sequenceModel(
  model: typeof MODELS[number],
  { images, computing, quick, seed }: Scope,
): Question {
  const count = quick ? 32 : model.count, goal = percent(model.goal);
  return {
    title: `3 ${model.title}`,
    asks:
      `Tokens of 3 signs; ${model.asks}: more than ${goal} of the generated sequences are training sequences.`,
    runs: [{
      task: `train-${model.name}`,
      flags: {
        ...images,
        ...computing,
        seed,
        count,
        ...(quick ? { steps: 1500, autoencoderSteps: 600, samples: 1000 } : {}),
      },
      folder: model.name,
    }],
    answer: async ([run]) => ({
      figures: [{
        label: model.title.toLowerCase(),
        value: percent(metricOf(run, "memorized_fraction")),
        note: `of generated sequences are training sequences, ${count} images`,
      }],
      blocks: [
        goalTable([{
          label: `${metricOf(run, "distinct_codes")} distinct codes of ${count} images`,
          run,
          metric: "memorized_fraction",
          asked: { above: model.goal },
          show: percent,
        }]),
        {
          kind: "paragraph",
          text:
            `The fraction is of ${
              metricOf(run, "samples").toLocaleString("en-US")
            } sequences as they came (95% ` +
            `interval ${percent(metricOf(run, "memorized_fraction_low"))} to ${
              percent(metricOf(run, "memorized_fraction_high"))
            }); its exact expectation, the probability that the model gives to its training set, is ${
              percent(metricOf(run, "memorized_mass"))
            }. It generated ${percent(metricOf(run, "coverage"))} of the training sequences at least once.`,
        },
        ...await picture(run, "samples.png", "Generated images above their nearest training images."),
      ],
    }),
  };
}

function otherData({ computing, quick, seed }: Scope): Question {
  const pairs = OTHER_DATA.flatMap((dataset) => MODELS.map((model) => ({ dataset, model })));
  return {
    title: "4 Other data",
    asks: "The same experiment on data of another kind, such as text or music, with as few as two instances.",
    runs: pairs.map(({ dataset, model }): ManifestLine => ({
      task: `train-${model.name}`,
      flags: { dataset, ...computing, seed, ...(quick ? { count: 16, steps: 800, samples: 1000 } : {}) },
      folder: `${dataset}-${model.name}`,
    })),
    answer: (runs) => {
      const lowest =
        runs.toSorted((a, b) => metricOf(a, "memorized_fraction") - metricOf(b, "memorized_fraction"))[0];
      const { dataset, model } = pairs[runs.indexOf(lowest)];
      return Promise.resolve({
        figures: [{
          label: "other data",
          value: percent(metricOf(lowest, "memorized_fraction")),
          note: "the smallest memorized fraction of the nine",
        }],
        blocks: [
          goalTable(pairs.map(({ dataset, model }, index) => ({
            label: `${dataset}, ${model.name}: ${
              metricOf(runs[index], "distinct_sequences")
            } distinct sequences`,
            run: runs[index],
            metric: "memorized_fraction",
            asked: { above: model.goal },
            show: percent,
          }))),
          {
            kind: "paragraph",
            text:
              "Nothing in the models or the measures knows what a token stands for: a sign code of an image, a " +
              "character, a note, a number in a table. The smallest fraction of the nine is that of " +
              `*${model.title}* on ${dataset}, ${percent(metricOf(lowest, "memorized_fraction"))}.`,
          },
        ] as const,
      });
    },
  };
}

/** The list behind `deno task assignment memorization`. */
export const MEMORIZATION: Assignment = {
  name: "memorization",
  title: "Learning the distribution, or remembering the data",
  abstract:
    "Images become codes of 48 signs, codes become sequences of 16 tokens, and three autoregressive models " +
    "learn them: each factorizes p(Z) into next-token probabilities, so a model that learns these exactly can only " +
    "generate what it was shown. The questions stand in the assignment's order; every figure is that of a run whose " +
    "folder and report lie beside this page.",
  questions: (scope) => [
    classifier(scope),
    autoencoder(scope),
    ...MODELS.map((model) => sequenceModel(model, scope)),
    otherData(scope),
  ],
  readings: [
    "PSNR is the mean over images of each image's own, on the picture without padding: zeros around it would add " +
    "1.16 dB at 32x32.",
    "A training sequence is one that equals all tokens of a sample; one that stands twice in the training set counts " +
    "once in coverage and mass.",
    "Over 512 images is counted in distinct codes, as two images with one code would be one sequence.",
    "Generated sequences are counted as they come, none chosen.",
    "Table 1 leaves nine points open (a transposed convolution that would not keep its size, weights in two orders, " +
    "a stride that cannot be meant): docs/table1.md says how each is read.",
  ],
};
