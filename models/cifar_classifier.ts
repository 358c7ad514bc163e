/**
 * A classifier of small photographs that learns in a few passes: a frozen whitening convolution, three blocks of
 * convolutions with batch normalization, one linear layer.
 *
 * After: Jordan (2024), "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv 2404.00498, its network and its recipe.
 *
 * Departures: narrower blocks (64, 128, 128), batches of 500, as a processor has a hundredth of a GPU's arithmetic; the
 * whitening's biases are trained to the end and not for three epochs; grey images are not flipped.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import type { ImageSet } from "../data/images.ts";
import { compile } from "../engine/device.ts";
import { averaged, momentum, oneCycleRate, type Optimizer, type Weights } from "../engine/optimizers.ts";
import { gelu, times } from "../layers/activations.ts";
import { batchNorm } from "../layers/batch_norm.ts";
import { conv2d } from "../layers/conv2d.ts";
import {
  chain,
  extents,
  type LayerMaker,
  type Network,
  sequential,
  trained,
  type Training,
} from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { maxPool } from "../layers/pool.ts";
import { flatten } from "../layers/reshape.ts";
import { HE_NORMAL, identityFirst, type Start, UNIFORM, zeros } from "../layers/starts.ts";
import { epochBatches } from "../run/batches.ts";
import {
  type ClassificationExperiment,
  type ClassificationFit,
  classifierModel,
  classify,
  type LoadedClassifier,
  runClassification,
  type TrainedClassifier,
} from "../run/classification.ts";
import { accuracy } from "../metrics/mod.ts";
import { chosenImages, rowsPerClass } from "../run/images.ts";
import { epochSection } from "../run/epochs.ts";
import { readLog } from "../run/log.ts";
import type { ModelFile } from "../run/model_file.ts";
import { choice, integer, number } from "../run/task.ts";
import { train } from "../run/training.ts";
import { datasetInWords, type Description } from "../run/write_report.ts";
import { allPlaced, placed, type Placement, views } from "./cifar_classifier/placement.ts";
import { channelStatistics, whiteningFilters } from "./cifar_classifier/whitening.ts";

/** What an ablation can leave out. */
const PARTS = ["nothing", "whitening", "augmentation", "averages", "smoothing", "identity"] as const;

/** Everything that decides what is built and how it learns. */
export interface CifarClassifierConfig {
  readonly model: "cifar-classifier";
  /** Height and width of an image in pixels. */
  readonly size: number;
  /** Grey: 1, colour: 3. */
  readonly channels: number;
  readonly classes: number;
  /** Channels of the three blocks. */
  readonly filters: readonly [number, number, number];
  /** Images in one step. */
  readonly batch: number;
  /** Step size at its peak, for `STEP_IMAGES` images. */
  readonly learningRate: number;
  /** Share of a weight that is taken from it, at the peak, in as many images. */
  readonly weightDecay: number;
  /** The part of the recipe that is left out: see `fit` and the network. */
  readonly without: typeof PARTS[number];
  readonly seed: number;
}

/** The recipe. */
export const CIFAR_CLASSIFIER = Object.freeze({
  ...{ filters: [64, 128, 128], batch: 500, learningRate: 11.5, weightDecay: 0.0153 } as const,
});

const MOMENTUM = 0.85, SMOOTHING = 0.2;
/** Images over which the step size is counted: 1,024, and what momentum adds of those before. */
const STEP_IMAGES = 1024 * (1 + 1 / (1 - MOMENTUM));
/** The step size rises from a fifth of its peak in that share of the steps, and falls to that share of it. */
const CYCLE = { rise: 0.23, start: 0.2, end: 0.07 } as const;
/** How much faster the shifts of batch normalizations learn. */
const SHIFT_RATE = 64;
/** Steps between updates of the averages, and the share that they keep at the end; it grows with the step's third power. */
const AVERAGE_EVERY = 5, AVERAGE_DECAY = 0.95 ** AVERAGE_EVERY;
/** Largest shift of an image, in pixels. */
const SHIFT = 2;
/** Height and width of the whitening's patches, images that they are taken of, and what is added to their variances. */
const PATCH = 2, WHITENED_IMAGES = 5000, WHITENING_EPSILON = 5e-4;
/** Share of the newest batch in running statistics, and the factor of the logits. */
const STATISTICS_MOMENTUM = 0.4, LOGIT_FACTOR = 1 / 9;
/** Passes over all images; fewer images get as many steps at least. */
const EPOCHS = 8, FEWEST_STEPS = 200;
/** Points of a curve at most, one an epoch. */
const CURVE_POINTS = 10;

/** A classifier: its configuration, its network and the weights. */
export interface CifarClassifier {
  readonly config: CifarClassifierConfig;
  readonly network: Network;
  readonly weights: Weights;
}

/** Levels less their channel's mean, over its deviation, which `prepare` finds in the training images. */
function standardized(name: string): LayerMaker {
  return (input) => {
    const channels = input[input.length - 1], shape = [channels];
    return {
      rows: [{ type: "Standardized", output: extents(input) }],
      output: input,
      weights: {
        [`${name}/mean`]: { shape, start: (random) => zeros(random, { size: channels }), role: "buffer" },
        [`${name}/deviation`]: { shape, start: () => new Float32Array(channels).fill(1), role: "buffer" },
      },
      apply: (weights, x) => tf.div(tf.sub(x, weights[`${name}/mean`]), weights[`${name}/deviation`]),
    };
  };
}

/** A block: convolution, max-pool, convolution, each half ending in batch normalization and GELU. */
function block(
  name: string,
  { filters, start }: { readonly filters: number; readonly start: Start },
): LayerMaker {
  const convolution = { filters, kernel: 3, bias: false, start };
  const norm = { scale: false, momentum: STATISTICS_MOMENTUM };
  return chain(
    conv2d(`${name}/conv1`, convolution),
    maxPool(2, { padding: "valid" }),
    batchNorm(`${name}/norm1`, norm),
    gelu,
    conv2d(`${name}/conv2`, convolution),
    batchNorm(`${name}/norm2`, norm),
    gelu,
  );
}

/** All but the last layer: images [B, H, W, C] in 0..1 -> features [B, k]. */
function featureLayers({ channels, filters, without }: CifarClassifierConfig): readonly LayerMaker[] {
  const start = without === "identity" ? UNIFORM : { kernel: identityFirst(3), bias: zeros };
  return [
    standardized("standard"),
    conv2d("whitening", {
      filters: 2 * PATCH ** 2 * channels,
      kernel: PATCH,
      padding: "valid",
      frozen: without !== "whitening",
      start: HE_NORMAL,
    }),
    gelu,
    ...filters.map((filters, at) => block(`block${at + 1}`, { filters, start })),
    maxPool(3, { padding: "valid" }),
    flatten,
  ];
}

/** The network: images [B, H, W, C] in 0..1 -> logits [B, classes]. */
export function cifarNetwork(config: CifarClassifierConfig): Network {
  const { size, channels, classes } = config;
  return sequential([size, size, channels], [
    ...featureLayers(config),
    linear("output", classes, { bias: false, start: UNIFORM }),
    times(LOGIT_FACTOR),
  ]);
}

/** What the last layer reads: images [B, H, W, C] in 0..1 -> features [B, k]. */
export function features({ config, weights }: CifarClassifier, images: tf.Tensor4D): tf.Tensor2D {
  const { size, channels } = config;
  return sequential([size, size, channels], featureLayers(config)).apply(weights, images);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: CifarClassifierConfig): CifarClassifier {
  const network = cifarNetwork(config);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** Sets what is taken from the training images and not learned: the standardization and the whitening filters. */
export function prepare({ config, weights }: CifarClassifier, images: ImageSet): void {
  const statistics = channelStatistics(images), { height, width, channels } = images;
  const first = Math.min(WHITENED_IMAGES, images.count) * height * width * channels;
  const filters = config.without === "whitening" ? {} : {
    "whitening/kernel": whiteningFilters({ ...images, pixels: images.pixels.subarray(0, first) }, {
      ...{ kernel: PATCH, statistics, epsilon: WHITENING_EPSILON },
    }),
  };
  const found = { "standard/mean": statistics.mean, "standard/deviation": statistics.deviation, ...filters };
  for (const [name, values] of Object.entries(found)) {
    tf.tidy(() => weights[name].assign(tf.tensor(values, weights[name].shape)));
  }
}

/** Images [B, H, W, C] in 0..1 -> logits [B, classes]. */
export function forward(
  { network, weights }: CifarClassifier,
  images: tf.Tensor4D,
  training?: Training,
): tf.Tensor2D {
  return network.apply(weights, images, training);
}

/** Cross-entropy in nats of labels int32 [B], summed, where a share of each label is spread over all classes. */
export function loss(
  model: CifarClassifier,
  logits: tf.Tensor2D,
  { labels, smoothing }: { readonly labels: tf.Tensor1D; readonly smoothing: number },
): tf.Scalar {
  const { classes } = model.config;
  return tf.tidy(() => {
    const targets = tf.add(tf.mul(tf.oneHot(labels, classes), 1 - smoothing), smoothing / classes);
    return tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits))));
  });
}

/** How the weights learn, a batch of so many images at a time: kernels, and the shifts of batch normalizations faster. */
export function optimizersOf(
  { config: { learningRate, weightDecay }, weights }: CifarClassifier,
  batch: number,
): { readonly kernels: Optimizer; readonly shifts: Optimizer } {
  const decay = weightDecay * batch / learningRate, nesterov = { momentum: MOMENTUM, nesterov: true };
  const entries = Object.entries(trained(weights)),
    isShift = (name: string): boolean => name.endsWith("/shift");
  return {
    kernels: momentum(Object.fromEntries(entries.filter(([name]) => !isShift(name))), {
      ...nesterov,
      weightDecay: decay,
    }),
    // Their rate is larger, and their decay shall not be.
    shifts: momentum(Object.fromEntries(entries.filter(([name]) => isShift(name))), {
      ...nesterov,
      weightDecay: decay / SHIFT_RATE,
    }),
  };
}

/** One update on images x [B, H, W, C] in 0..1 and their classes, int32 [B]: to be compiled. The losses are means. */
export function trainingStep(model: CifarClassifier, options: {
  readonly kernels: Optimizer;
  readonly shifts: Optimizer;
  readonly random: Random;
}): (
  inputs: {
    readonly x: tf.Tensor4D;
    readonly labels: tf.Tensor1D;
    readonly rate: tf.Scalar;
    readonly counter: tf.Scalar;
  },
) => Readonly<Record<"loss" | "train_loss" | "train_accuracy", tf.Tensor>> {
  const { kernels, shifts, random } = options, learned = Object.values(trained(model.weights));
  const smoothing = model.config.without === "smoothing" ? 0 : SMOOTHING;
  return ({ x, labels, rate, counter }) => {
    // What leaves the function beside its gradients must be kept, and disposed of when it has been used.
    const sums: tf.Tensor[] = [];
    const { value, grads } = tf.variableGrads(() => {
      const logits = forward(model, x, { random, counter });
      const right = tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32");
      sums.push(tf.keep(loss(model, logits, { labels, smoothing: 0 })), tf.keep(tf.sum(right)));
      return loss(model, logits, { labels, smoothing });
    }, learned);
    kernels.applyGradients(grads, rate);
    shifts.applyGradients(grads, tf.mul(rate, SHIFT_RATE));
    const [mean, train_loss, train_accuracy] = [value, ...sums].map((sum) => tf.div(sum, x.shape[0]));
    tf.dispose(sums);
    return { loss: mean, train_loss, train_accuracy };
  };
}

/** Trains in epochs. Images stay bytes until their step. */
export async function fit(model: CifarClassifier, options: ClassificationFit): Promise<void> {
  const { run, images, steps, ...training } = options, { device } = training;
  const { size, channels, learningRate, without, seed } = model.config;
  const batch = Math.min(model.config.batch, images.count);
  prepare(model, images);
  const { kernels, shifts } = optimizersOf(model, batch), averages = averaged(model.weights);
  const step = await compile(
    device,
    trainingStep(model, { kernels, shifts, random: stream(seed).fork("layers") }),
    {
      x: { shape: [batch, size, size, channels] },
      labels: { shape: [batch], dtype: "int32" },
      rate: { shape: [] },
      counter: { shape: [], dtype: "int32" },
    },
  );
  const average = await compile(device, ({ decay }) => {
    averages.update(decay);
    return {};
  }, { decay: { shape: [] } });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const placements = placementsOf(model.config, { count: images.count, batch });
  await train(run, {
    ...training,
    phase: "classifier",
    steps,
    // So that no line of the log spans two epochs.
    logEvery: epochSteps(model.config, images.count),
    variables: {
      ...{ ...model.weights, ...kernels.slots, ...shifts.slots },
      ...without === "averages" ? {} : averages.slots,
    },
    step: async (t, steps) => {
      const index = rows(t);
      await step.run({
        x: placed(images, { index, placements: placements(t, index) }),
        labels: Int32Array.from(index, (image) => images.labels[image]),
        rate: Float32Array.of(oneCycleRate(t, { steps, peak: learningRate / STEP_IMAGES, ...CYCLE })),
        counter: Int32Array.of(t),
      });
      const made = t + 1;
      if (without === "averages") return;
      if (made === steps) await average.run({ decay: Float32Array.of(1) });
      else if (made % AVERAGE_EVERY === 0) {
        const share = steps === Infinity ? 0 : made / steps;
        await average.run({ decay: Float32Array.of(AVERAGE_DECAY * share ** 3) });
      }
    },
    read: () => step.read(),
  });
  for (const part of [step, average, kernels, shifts, averages]) part.dispose();
}

/** Which images `--per-class` and `--draw` choose of these, in the order in which they are learned. */
export function drawnRows(
  images: ImageSet,
  { perClass, draw }: { readonly perClass: number; readonly draw: number },
): Int32Array {
  return rowsPerClass(images, { count: perClass, random: stream(draw).fork("per class") });
}

/** Steps in which all images are learned once, to the nearest. */
function epochSteps({ batch }: CifarClassifierConfig, count: number): number {
  return Math.max(1, Math.round(count / batch));
}

/**
 * How the images of a step are placed: shifted at random, and those in colour flipped in every other epoch, half of them in
 * the even ones.
 */
function placementsOf(
  { channels, without, seed }: CifarClassifierConfig,
  { count, batch }: { readonly count: number; readonly batch: number },
): (t: number, index: Int32Array) => readonly Placement[] {
  const parity = stream(seed).fork("flips").permutation(count), shifts = stream(seed).fork("shifts");
  return (t, index) => {
    const random = shifts.at(t), within = (): number => random.integer(2 * SHIFT + 1) - SHIFT;
    return Array.from(index, (image, row) => {
      if (without === "augmentation") return { flipped: false, right: 0, down: 0 };
      const epoch = Math.floor((t * batch + row) / count);
      return {
        flipped: channels > 1 && (parity[image] + epoch) % 2 === 1,
        right: within(),
        down: within(),
      };
    });
  };
}

/** Logits of the test images, [count, classes], averaged over the ways in which each can be shown. */
export async function averagedAnswers(
  { test, answers, logits }: Pick<TrainedClassifier, "test" | "answers" | "logits">,
): Promise<Float32Array> {
  // The first view is the image as it is.
  const [{ share: plain }, ...others] = views({ flips: test.channels > 1 });
  const sums = answers.map((answer) => plain * answer);
  for (const { share, ...placement } of others) {
    const moved = await logits(allPlaced(test, placement));
    for (let at = 0; at < sums.length; at++) sums[at] += share * moved[at];
  }
  return sums;
}

/**
 * Floating-point operations of one image in training, of convolutions and products: two each, once forward and twice
 * backward, as the whitening is not trained and what goes into it needs no gradient.
 */
export function trainingFlop({ size, channels, classes, filters }: CifarClassifierConfig): number {
  let extent = size - PATCH + 1, inputs = 2 * PATCH ** 2 * channels, products = 0;
  const whitening = extent ** 2 * PATCH ** 2 * channels * inputs;
  for (const width of filters) {
    products += extent ** 2 * 9 * inputs * width;
    extent = Math.floor(extent / 2);
    products += extent ** 2 * 9 * width ** 2;
    inputs = width;
  }
  return 2 * (whitening + 3 * (products + Math.floor(extent / 3) ** 2 * inputs * classes));
}

function describe(model: CifarClassifier, images: ImageSet): Description {
  const { batch, learningRate, without } = model.config;
  return {
    title: `Classifier of ${datasetInWords(images)}`,
    abstract:
      "A convolutional network of whitened patches learns the class of small photographs in a few passes; the test " +
      "images, which it never sees, say what it learned beyond its training set.",
    method: [
      `The network and the recipe are those of Jordan [@airbench], at a smaller width. The first convolution is frozen: ` +
      "its filters make patches of 2 x 2 pixels uncorrelated, each with both signs. First filters of the other " +
      "convolutions start as the identity.",
      `Nesterov momentum [@nesterov] of ${MOMENTUM}, batches of ${batch}, the cross-entropy summed over them with a fifth ` +
      `of each label spread over all classes [@labelsmoothing]. The step size is ${learningRate} / ${
        Math.round(STEP_IMAGES)
      } at the peak of one cycle [@onecycle], 64 times that for the shifts of batch normalizations [@batchnorm]; weights ` +
      "decay likewise.",
      "Images are shifted by up to two pixels, edges mirrored; those in colour are flipped in every other epoch. Every " +
      "five steps weights go on from their running averages [@lookahead], whose share grows.",
      "Test images are asked about as they are. The averaged accuracy is of six views instead, logits averaged: as they " +
      "are and moved along the diagonal by a pixel both ways, each also mirrored; grey images are not mirrored.",
      ...without === "nothing" ? [] : [`An ablation: without ${without}.`],
    ],
    formula: {
      formula: String.raw`p(y \mid x) = \operatorname{softmax}(f(x))_y`,
      text: "$f$ is the network below, $y$ the class.",
    },
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy with smoothed labels", unit: "nats" },
    code: [cifarNetwork, loss],
    references: ["cifar"],
  };
}

const FLAGS = {
  perClass: integer({
    min: 1,
    help: "learn so many images of each class, drawn from the others (default: all)",
  }),
  draw: integer({ min: 0, default: 0, help: "which draw of them" }),
  width: number({ min: 0.01, default: 1, help: "the blocks' channels, as a factor" }),
  lr: number({ min: 0, default: CIFAR_CLASSIFIER.learningRate, help: "peak step size, for 7,851 images" }),
  without: choice(PARTS, { default: "nothing", help: "a part of the recipe to leave out" }),
};

/** The experiment of `train-cifar-classifier`. */
export const EXPERIMENT = {
  name: "train-cifar-classifier",
  summary: "Train a classifier of small photographs and measure it on the whole test set.",
  flags: FLAGS,
  configure: ({ height, channels, classes }, { width, lr, without, seed }) => {
    const [first, second, third] = CIFAR_CLASSIFIER.filters.map((filters) =>
      Math.max(1, Math.round(width * filters))
    );
    return {
      ...{ model: "cifar-classifier", ...CIFAR_CLASSIFIER, size: height, channels, classes },
      ...{ filters: [first, second, third], learningRate: lr, without, seed },
    };
  },
  build,
  shape: (config) => config,
  describe,
  most: Infinity,
  choose: (images, { perClass, draw }) =>
    perClass === undefined ? images : chosenImages(images, drawnRows(images, { perClass, draw })),
  scoresBatches: true,
  evaluateAt: ({ config }, count) => {
    const epoch = epochSteps(config, count);
    return (t, steps) => t % (epoch * Math.ceil(steps / epoch / CURVE_POINTS)) === 0;
  },
  defaultSteps: (count) => Math.max(FEWEST_STEPS, Math.ceil(EPOCHS * count / CIFAR_CLASSIFIER.batch)),
  fit,
  logits: (model, images) => forward(model, images),
  more: async ({ config, network }, trained) => {
    const { images, test, steps } = trained;
    const flop = trainingFlop(config) * Math.min(config.batch, images.count) * steps;
    return {
      ...{ parameters: network.parameters, steps, pflop: flop / 1e15 },
      // Where fewer images were learned than are asked about, asking again would take longer than learning.
      ...images.count < test.count ? {} : {
        test_accuracy_averaged: accuracy(await averagedAnswers(trained), test.labels),
      },
    };
  },
  results: async ({ config }, { run, images }) => [
    epochSection(await readLog(run.path("log.jsonl")), { epoch: epochSteps(config, images.count) }),
  ],
} satisfies ClassificationExperiment<CifarClassifier, typeof FLAGS>;

/** A trained classifier, which also tells what it sees. */
export interface LoadedCifarClassifier extends LoadedClassifier<CifarClassifier> {
  /** Features [count, k] of images. */
  features(images: ImageSet): Promise<Float32Array>;
}

const CLASSIFIER = classifierModel(EXPERIMENT);

export const MODEL: ModelFile<LoadedCifarClassifier> = {
  ...CLASSIFIER,
  load: async (folder, device) => {
    const loaded = await CLASSIFIER.load(folder, device), { model } = loaded;
    // Evaluated in batches as logits are.
    return { ...loaded, features: (images) => classify({ logits: features }, { model, device, images }) };
  },
};

if (import.meta.main) await runClassification(EXPERIMENT);
