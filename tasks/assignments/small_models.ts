/** The assignment on small models: a classifier of sums of digits, and a generator of images, both within limits. */
import type { Block } from "../../report/html.ts";
import { count, number, percent } from "../../report/numbers.ts";
import { meanAndDeviation } from "../../metrics/mod.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import type { StoredRun } from "../../run/run.ts";
import {
  type Assignment,
  goalTable,
  metricOf,
  paragraph,
  picture,
  type Question,
  type Scope,
} from "./assignment.ts";

/** How many times the classifier is trained, each from a seed of its own. */
const SEEDS = 3;
/** What share of the baseline's distance the generator's is to be at most. */
const SHARE = 0.5;
/** Folders of runs that others name. */
const FLOW = "flow", DCGAN = "dcgan", CLASSIFIER = "classifier";
/** Sizes that end in minutes. */
const QUICK = {
  addnist: { count: 200, pool: 600, steps: 20, width: 0.2 },
  comparison: { count: 200, pool: 600, steps: 9, variants: "full" },
  classifier: { count: 60, steps: 2, width: 0.05 },
  flow: { count: 60, steps: 4, width: 0.1, batch: 4, solverSteps: 2, samples: 40 },
  dcgan: { count: 60, steps: 3, width: 0.05, batch: 4, samples: 40 },
  assessment: { reference: 50 },
} as const;

/** The assignment of `deno task assignment small-models`. */
export const SMALL_MODELS: Assignment = {
  name: "small-models",
  title: "Small models, line by line",
  abstract:
    "The sums of three digits from fewer than 100,000 parameters in at most 10,000 steps, and a generator of images from " +
    "fewer than 1,000,000 in at most 50,000, its samples of noise alone.",
  questions: (scope) => [addnist(scope), generator(scope), distances(scope)],
  readings: [
    "A step is one gradient of the whole model. Averaging weights takes no gradient and is no step; of two networks that " +
    "learn from each other, one gradient of each together is a step, as the whole model has then been passed once.",
    "Running statistics of batch normalization are no parameters; frozen weights are. 100,000 and 1,000,000 are one too " +
    "many.",
    "No test image chooses anything. In place of testing accuracy over training stands that of validation images, which " +
    "are made of training digits.",
    "The distance asked for is that of Inception features: `deno task fid` measures it where the published weights are at " +
    "hand. What is measured here is the same distance of another network's features, under another name, `fd_classifier`; " +
    "it can be compared with the marks on this page and with nothing else.",
    "The paper is written of these runs by `deno task paper`.",
    "No label of a test image and no image goes into a sample: it is made of noise and of the class that is asked for; " +
    "classes are asked for in turn.",
  ],
};

function addnist({ images, computing, quick, seed }: Scope): Question {
  const shared = { ...images, ...computing };
  const runs = Array.from({ length: SEEDS }, (_, draw): ManifestLine => ({
    task: "train-addnist",
    flags: { ...shared, seed: seed + draw, ...quick ? QUICK.addnist : {} },
    folder: `addnist-${draw}`,
  }));
  return {
    title: "The classifier",
    asks:
      "AddNIST with fewer than 100,000 parameters in at most 10,000 steps; both stated, and the penalty; accuracy over " +
      "training; the final training loss, training accuracy and test accuracy, mean and deviation; the gap, the variance, " +
      "whether it would scale, and what else was done.",
    runs: [...runs, {
      task: "compare-addnist",
      flags: { ...shared, seed, ...quick ? QUICK.comparison : {} },
      folder: "addnist-comparison",
    }],
    answer: (found) => {
      const trained = found.slice(0, SEEDS), [first] = trained;
      const estimate = (name: string, show: (value: number) => string): string => {
        const { mean, deviation } = meanAndDeviation(trained.map((run) => metricOf(run, name)));
        return `${show(mean)} ± ${show(deviation)}`;
      };
      const gap = meanAndDeviation(
        trained.map((run) => metricOf(run, "train_accuracy") - metricOf(run, "test_accuracy")),
      ).mean;
      const test = estimate("test_accuracy", percent);
      return Promise.resolve({
        figures: [{ label: "AddNIST", value: test, note: `test accuracy, ${SEEDS} seeds` }],
        blocks: [
          limits([{ label: "AddNIST classifier", run: first }]),
          {
            kind: "table",
            table: {
              columns: ["Figure", `${SEEDS} seeds`],
              rows: [
                ["training loss", estimate("train_loss", number)],
                ["training accuracy", estimate("train_accuracy", percent)],
                ["test accuracy", test],
              ],
              caption:
                "Mean and standard deviation, after training, of all images as they are. Curves over training stand " +
                "in the report of each run, a part of this page.",
            },
          },
          paragraph(
            `*The gap* between training and test images is ${
              (100 * gap).toFixed(2)
            } points on average; *the variance* ` +
              "over seeds is the deviation above. How many steps it takes, what more parameters would bring, and what " +
              "moving the digits and sharing the network bring, each left out in turn, stands in the comparison below " +
              "this page, one run each.",
          ),
        ],
      });
    },
  };
}

function generator({ photographs, computing, quick, seed }: Scope): Question {
  const shared = { ...photographs, ...computing, seed };
  return {
    title: "The generator",
    asks:
      "A generator of fewer than 1,000,000 parameters, all networks together, in at most 50,000 steps, from noise: 64 " +
      "samples that nobody chose, interpolations between 8 pairs, and how far samples are from the images that were learned.",
    runs: [
      { task: "train-flow", flags: { ...shared, ...quick ? QUICK.flow : {} }, folder: FLOW },
      { task: "train-dcgan", flags: { ...shared, ...quick ? QUICK.dcgan : {} }, folder: DCGAN },
    ],
    answer: async ([flow, dcgan]) => {
      const copies = metricOf(flow, "copies_exact"), samples = metricOf(flow, "samples");
      return {
        figures: [{
          label: "exact copies",
          value: count(copies),
          note: `of ${count(samples)} samples of the flow`,
        }],
        blocks: [
          limits([{ label: "flow", run: flow }, { label: "DCGAN", run: dcgan }]),
          ...await picture(flow, "samples.png", `The first 64 samples of seed ${seed}, as they came.`),
          ...await picture(
            flow,
            "interpolations.png",
            "Eight pairs of samples, a row each: above through noise, below their two ends blended.",
          ),
          paragraph(
            "*Interpolations.* The noises of the two ends are joined on a great circle, so that what lies between is as " +
              "long as noise is; each point is an image that the model makes, where a blend shows two images at once.",
          ),
          ...await picture(
            flow,
            "nearest.png",
            "The samples, below each the training image nearest in its pixels.",
          ),
          {
            kind: "table",
            table: {
              columns: ["Copies", "flow", "DCGAN"],
              rows: [
                ["equal to a training image", "copies_exact"],
                ["PSNR to the nearest at least 25 dB", "copies_psnr"],
                ["nearest less than a third as far as the second", "copies_near"],
                ["samples", "samples"],
              ].map(([title, name]) => [title, ...[flow, dcgan].map((run) => count(metricOf(run, name)))]),
              caption: "How many samples are training images, by each of three rules.",
            },
          },
          ...await picture(dcgan, "samples.png", "The baseline's first 64 samples, as they came."),
        ],
      };
    },
  };
}

function distances({ photographs, computing, folder, quick, seed }: Scope): Question {
  const assessed = (run: string): ManifestLine => ({
    task: "assess-generator",
    flags: {
      ...computing,
      seed,
      run: `${folder}/${run}`,
      classifier: `${folder}/${CLASSIFIER}`,
      dataDir: photographs.dataDir,
      ...quick ? QUICK.assessment : {},
    },
    folder: `${run}-assessed`,
  });
  return {
    title: "How real, how varied",
    asks:
      "The distance of 10,000 samples from the 10,000 test images; whether samples are blurry, all classes are made and " +
      "samples differ from each other and from the training images.",
    runs: [
      {
        task: "train-cifar-classifier",
        flags: { ...photographs, ...computing, seed, ...quick ? QUICK.classifier : {} },
        folder: CLASSIFIER,
      },
      assessed(FLOW),
      assessed(DCGAN),
    ],
    answer: async ([classifier, flow, dcgan]) => {
      const of = (run: StoredRun, name: string): string => number(metricOf(run, name));
      const distance = metricOf(flow, "fd_classifier"), baseline = metricOf(dcgan, "fd_classifier");
      const row = (title: string, name: string, show = number): (string | number)[] => [
        title,
        show(metricOf(flow, name)),
        show(metricOf(dcgan, name)),
      ];
      return {
        figures: [{
          label: "distance",
          value: number(distance),
          note: `of training images ${of(flow, "fd_classifier_floor")}, of the DCGAN ${number(baseline)}`,
        }],
        blocks: [
          goalTable([{
            ...{
              label: "flow",
              run: flow,
              metric: "fd_classifier",
              asked: { atMost: SHARE * baseline },
              show: number,
            },
          }]),
          {
            kind: "table",
            table: {
              columns: ["Figure", "flow", "DCGAN"],
              rows: [
                row("distance of samples", "fd_classifier"),
                row("of as many training images", "fd_classifier_floor"),
                row("of noise", "fd_classifier_noise"),
                row("kernel distance", "kernel_distance"),
                row("precision", "precision", percent),
                row("recall", "recall", percent),
                row("density", "density"),
                row("coverage of test images", "feature_coverage", percent),
                row("classes made", "class_coverage", percent),
                row("classes in effect", "effective_classes"),
                row("asked classes made", "asked_accuracy", percent),
                row("diversity beside test images", "diversity"),
                row("sharpness beside test images", "sharpness"),
              ],
              caption: "By the features of this project's own classifier, which is right on " +
                `${percent(metricOf(classifier, "test_accuracy"))} of the test images: no standard FID.`,
            },
          },
          paragraph(
            `*Are samples blurry?* Neighbouring pixels differ ${
              of(flow, "sharpness")
            } times as much as those of test ` +
              `images, the baseline's ${
                of(dcgan, "sharpness")
              } times. *Is there a collapse?* Features of two samples are ` +
              `${of(flow, "diversity")} times as far apart as those of two test images (${
                of(dcgan, "diversity")
              }), and ` +
              `${percent(metricOf(flow, "class_coverage"))} of the classes are made ` +
              `(${
                percent(metricOf(dcgan, "class_coverage"))
              }). The baseline is told no class, so that it makes the asked ` +
              "one by chance.",
          ),
          ...await picture(
            flow,
            "nearest-by-features.png",
            "The flow's samples, below each the training image whose features are nearest.",
          ),
        ],
      };
    },
  };
}

/** Parameters, steps and the penalty of runs. */
function limits(runs: readonly { readonly label: string; readonly run: StoredRun }[]): Block {
  return {
    kind: "table",
    table: {
      columns: ["Model", "Parameters", "Steps", "Penalty"],
      rows: runs.map(({ label, run }) => [
        label,
        ...["parameters", "steps", "penalty"].map((name) => count(metricOf(run, name))),
      ]),
    },
  };
}
