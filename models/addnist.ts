/**
 * Sums of three digits, one a colour channel, from the sums alone: one small network reads each channel, and what it
 * says of the three is convolved into the distribution of their sum.
 *
 * After: Geada et al. (2024), "Insights from the use of previously unseen neural architecture search datasets", whose
 * AddNIST it is; fewer than 100,000 parameters and at most 10,000 steps, as the fourth assignment demands. The network is
 * of the kind of Simonyan and Zisserman (2015), with batch normalization and GELU.
 *
 * Departures: the weights are shared by the channels, and the sum is computed and not learned: no digit's label is ever
 * shown. `--network generic` learns the sum from the colour image instead, as any classifier would.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { ADDNIST_CLASSES, ADDNIST_COUNTS, type AddnistSet, openAddnist } from "../data/addnist.ts";
import type { ImageSet } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, oneCycleRate, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { gelu } from "../layers/activations.ts";
import { batchNorm } from "../layers/batch_norm.ts";
import { conv2d } from "../layers/conv2d.ts";
import { chain, type LayerMaker, type Network, sequential, trained, type Training } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { globalMaxPool, maxPool } from "../layers/pool.ts";
import { UNIFORM } from "../layers/starts.ts";
import { accuracy } from "../metrics/accuracy.ts";
import { count } from "../report/numbers.ts";
import { type AffineLimits, distorted } from "../run/affine.ts";
import { epochBatches } from "../run/batches.ts";
import {
  type ClassificationExperiment,
  type ClassificationFit,
  classifierModel,
  classifyImages,
} from "../run/classification.ts";
import { openTaskDevice } from "../run/device.ts";
import { chosenLevels } from "../run/images.ts";
import { readStoredFlags } from "../run/stored_flags.ts";
import { choice, commonFlags, type FlagValues, integer, number, runTask, text } from "../run/task.ts";
import { train } from "../run/training.ts";
import type { Description } from "../run/write_report.ts";

/** Everything that decides what is built and how it learns. */
export interface AddnistConfig {
  readonly model: "addnist";
  /** "shared": one network of digits for all channels; "generic": one network of the colour image. */
  readonly network: "shared" | "generic";
  /** Height and width of an image in pixels. */
  readonly size: number;
  /** Channels of the convolutions: one at full size, two at half, two at a quarter. */
  readonly filters: readonly [number, number, number];
  /** Whether each channel is moved anew each time by a random affine map of its own. */
  readonly distorted: boolean;
  /** Images in one step. */
  readonly batch: number;
  /** AdamW step size at the peak of its cycle. */
  readonly learningRate: number;
  /** Decoupled weight decay per unit of the step size. */
  readonly weightDecay: number;
  readonly seed: number;
}

/** The configuration that reaches the goal. */
export const ADDNIST = Object.freeze({
  ...{ filters: [24, 40, 72], batch: 64, learningRate: 6e-3, weightDecay: 0.01 } as const,
});

/** What the assignment allows: fewer parameters than these, and no more steps. */
const MOST_PARAMETERS = 99_999, MOST_STEPS = 10_000;
/** Digits are 0 <= digit < 10, one a channel. */
const DIGITS = 10, CHANNELS = 3;
/** Largest random distortion: radians, share of the size, shear, and pixels. */
const DISTORTION: AffineLimits = { rotation: 0.25, scale: 0.15, shear: 0.2, shift: 2 };
/** How far test images are moved where answers to several views are averaged. */
const GENTLE: AffineLimits = { rotation: 0.1, scale: 0.06, shear: 0, shift: 1 };
/**
 * Adam's memory of squared gradients. With the usual 0.999 and with He's starts, which make the first answers sure and the
 * first gradients large, the loss stayed near 0.7 from step 300 to 900: every digit was in part taken for the next one.
 */
const BETA2 = 0.99;
/** The step size rises for that share of all steps, from that share of its peak, and falls to 0. */
const CYCLE = { rise: 0.3, start: 0.04, end: 0 } as const;
/** Added to probabilities whose logarithm is taken, as float32 rounds small ones to 0. */
const TINY = 1e-12;

/** A model: its configuration, its network and the weights. */
export interface Addnist {
  readonly config: AddnistConfig;
  readonly network: Network;
  readonly weights: Weights;
}

/** A convolution, batch normalization and GELU. Weights start small, here and at the output: see `BETA2`. */
function block(name: string, filters: number): LayerMaker {
  return chain(
    conv2d(name, { filters, kernel: 3, bias: false, start: UNIFORM }),
    batchNorm(`${name}/norm`),
    gelu,
  );
}

/** The network: one channel [B, H, W, 1] -> logits of digits [B, 10]; generic, images [B, H, W, 3] -> [B, 20]. */
export function addnistNetwork({ network, size, filters: [first, second, third] }: AddnistConfig): Network {
  const shared = network === "shared";
  return sequential([size, size, shared ? 1 : CHANNELS], [
    block("conv1", first),
    maxPool(2),
    block("conv2", second),
    block("conv3", second),
    maxPool(2),
    block("conv4", third),
    block("conv5", third),
    globalMaxPool,
    linear("output", shared ? DIGITS : ADDNIST_CLASSES, { start: UNIFORM }),
  ]);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: AddnistConfig): Addnist {
  const network = addnistNetwork(config);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** Of the shared network: images [B, H, W, 3] in 0..1 -> logits of the digit in each channel, [B, 3, 10]. */
export function digitLogits(model: Addnist, images: tf.Tensor4D, training?: Training): tf.Tensor3D {
  const { size } = model.config;
  const planes = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, size, size, 1]); // [3B, H, W, 1]
  return tf.reshape(model.network.apply<tf.Tensor2D>(model.weights, planes, training), [
    -1,
    CHANNELS,
    DIGITS,
  ]);
}

/**
 * The distribution of the sum of two independent numbers, p [B, m] and q [B, n] -> [B, m + n - 1]: their convolution, as
 * the table of all pairs times the matrix that says which pair has which sum.
 */
export function sumOf(p: tf.Tensor2D, q: tf.Tensor2D): tf.Tensor2D {
  const [, m] = p.shape, [, n] = q.shape, sums = m + n - 1;
  const pairs = tf.reshape(tf.mul(tf.expandDims(p, 2), tf.expandDims(q, 1)), [-1, m * n]); // [B, m n]
  const hasSum = Float32Array.from({ length: m * n * sums }, (_, at) => {
    const pair = Math.floor(at / sums);
    return Math.floor(pair / n) + pair % n === at % sums ? 1 : 0;
  });
  return tf.matMul(pairs, tf.tensor2d(hasSum, [m * n, sums]));
}

/** Images [B, H, W, 3] in 0..1 -> logits of their labels, [B, 20]: shared, logarithms of the sum's probabilities. */
export function forward(model: Addnist, images: tf.Tensor4D, training?: Training): tf.Tensor2D {
  if (model.config.network === "generic") return model.network.apply(model.weights, images, training);
  return tf.tidy(() => {
    const shares = tf.softmax(digitLogits(model, images, training)); // [B, 3, 10]
    const digit = (channel: number): tf.Tensor2D =>
      tf.reshape(tf.slice(shares, [0, channel, 0], [-1, 1, -1]), [-1, DIGITS]);
    const sums = sumOf(sumOf(digit(0), digit(1)), digit(2)); // [B, 28]
    // Label 0 is a sum of 1.
    return tf.log(tf.add(tf.slice(sums, [0, 1], [-1, ADDNIST_CLASSES]), TINY));
  });
}

/** Mean cross-entropy in nats of labels int32 [B]. */
export function loss(
  model: Addnist,
  images: tf.Tensor4D,
  { labels, training }: { readonly labels: tf.Tensor1D; readonly training?: Training },
): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, images, training)); // [B, 20]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, tf.oneHot(labels, ADDNIST_CLASSES)), 1)));
  });
}

/** Trains in epochs. */
export async function fit(model: Addnist, options: ClassificationFit): Promise<void> {
  const { run, images, steps, ...training } = options, { device } = training;
  const { size, learningRate, weightDecay, seed } = model.config;
  const batch = Math.min(model.config.batch, images.count);
  const learned = trained(model.weights), optimizer = adam(learned, { beta2: BETA2, weightDecay });
  const random = stream(seed).fork("layers");
  const step = await compile(device, ({ x, labels, rate, counter }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, x, { labels, training: { random, counter } }),
      Object.values(learned),
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  }, {
    x: { shape: [batch, size, size, CHANNELS] },
    labels: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
    counter: { shape: [], dtype: "int32" },
  });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const distortions = stream(seed).fork("distort");
  await train(run, {
    ...training,
    phase: "addnist",
    steps,
    variables: { ...model.weights, ...optimizer.slots },
    step: async (t, steps) => {
      const index = rows(t);
      await step.run({
        x: model.config.distorted
          ? distorted(images, index, { apart: true, limits: DISTORTION, random: distortions.at(t) })
          : chosenLevels(images, index),
        labels: Int32Array.from(index, (image) => images.labels[image]),
        rate: Float32Array.of(oneCycleRate(t, { steps, peak: learningRate, ...CYCLE })),
        counter: Int32Array.of(t),
      });
    },
    read: () => step.read(),
  });
  step.dispose();
  optimizer.dispose();
}

/** Points that the assignment takes off: 5 for each tenth, also one begun, by which either limit is passed. */
export function penalty(
  { parameters, steps }: { readonly parameters: number; readonly steps: number },
): number {
  const tenths = (value: number, limit: number): number => Math.ceil(Math.max(0, value / limit - 1) * 10);
  return 5 * (tenths(parameters, MOST_PARAMETERS) + tenths(steps, MOST_STEPS));
}

/** The share of single digits that the shared network tells right, though it was shown sums alone. */
export async function digitAccuracy(
  model: Addnist,
  { device, set }: { readonly device: Device; readonly set: AddnistSet },
): Promise<number> {
  const { size } = model.config, batch = Math.min(500, set.count);
  const read = await compile(device, ({ images }) => ({ digits: tf.argMax(digitLogits(model, images), 2) }), {
    images: { shape: [batch, size, size, CHANNELS] },
  });
  const { digits } = await overRows(read, {
    count: set.count,
    batch,
    inputs: (rows) => ({ images: chosenLevels(set, rows) }),
  });
  read.dispose();
  return set.digits.reduce((right, digit, at) => right + (digit === digits[at] ? 1 : 0), 0) / digits.length;
}

/** The share of images whose label has the largest mean probability over views that are moved a little at random. */
export async function averagedAccuracy(
  model: Addnist,
  { device, set, views }: { readonly device: Device; readonly set: AddnistSet; readonly views: number },
): Promise<number> {
  const { size, seed } = model.config, batch = Math.min(500, set.count), random = stream(seed).fork("views");
  const ask = await compile(
    device,
    ({ images }) => ({ probabilities: tf.softmax(forward(model, images)) }),
    { images: { shape: [batch, size, size, CHANNELS] } },
  );
  const sums = new Float32Array(set.count * ADDNIST_CLASSES);
  for (let view = 0; view < views; view++) {
    const draws = random.fork(String(view));
    const { probabilities } = await overRows(ask, {
      count: set.count,
      batch,
      inputs: (rows) => ({
        images: distorted(set, rows, { apart: true, limits: GENTLE, random: draws.at(rows[0]) }),
      }),
    });
    probabilities.forEach((probability, at) => sums[at] += probability);
  }
  ask.dispose();
  return accuracy(sums, set.labels);
}

function describe(model: Addnist, images: ImageSet): Description {
  const { network, batch, learningRate, weightDecay, distorted } = model.config;
  const shared = network === "shared";
  return {
    title: `Sums of three digits, ${shared ? "read one by one" : "read at once"}`,
    abstract: shared
      ? "One network reads the digit in each channel of an image. What it says of the three is convolved into the " +
        "distribution of their sum, and only the sum is ever shown to it."
      : "A network reads three digits, one a channel, at once, and learns the classes that their sums are.",
    method: [
      `AddNIST [@addnist], made anew by its rule from ${images.name}: 45,000 images to learn, 15,000 to choose by, ` +
      "10,000 to test, whose digits are test digits; no image is there twice.",
      `Convolutions with batch normalization [@batchnorm] and GELU [@gelu]. AdamW [@adamw], ${learningRate} at the ` +
      `peak of one cycle [@onecycle], weight decay ${weightDecay}, batches of ${batch}. ` +
      (distorted
        ? "Each channel is drawn each time under a new random affine map: up to 0.25 radians of rotation, 15 % of " +
          "scale, 0.2 of shear, 2 pixels of shift."
        : "Images are learned as they are."),
      "Test images are asked about as they are. The averaged accuracy, where --views asks for it, is of views instead " +
      "whose channels are moved at random, by up to 0.1 radians, 6 % of scale and a pixel; probabilities are averaged.",
    ],
    formula: shared
      ? {
        formula: String.raw`p(s \mid x) = \sum_{r + g + b = s} f(x_1)_r \, f(x_2)_g \, f(x_3)_b`,
        text: "$f$ is the softmax of the network below, $x_i$ a channel; label $s - 1$, for sums of 1 to 20.",
      }
      : {
        formula: String.raw`p(y \mid x) = \operatorname{softmax}(f(x))_y`,
        text: "$f$ is the network below, $y$ the sum less one.",
      },
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy", unit: "nats" },
    code: [addnistNetwork, sumOf, forward, loss],
  };
}

const { offset: _, ...common } = commonFlags;

/** What decides the model. */
const OWN = {
  network: choice(["shared", "generic"], {
    default: "shared",
    help: "one network of digits for all channels, or one of the whole image",
  }),
  width: number({ min: 0.05, default: 1, help: "the convolutions' channels, as a factor" }),
  augmentation: choice(["affine", "none"], {
    default: "affine",
    help: "whether digits are turned, scaled, sheared and shifted",
  }),
  lr: number({ min: 0, default: ADDNIST.learningRate, help: "peak step size" }),
};

const FLAGS = {
  ...common,
  ...OWN,
  steps: integer({
    min: 1,
    help: `optimizer updates (default: ${count(MOST_STEPS)}, the most without a penalty)`,
  }),
  dataset: choice(["digits", "mnist"], { default: "digits", help: "whose digits are added" }),
  dataDir: text({ placeholder: "DIR", help: "where MNIST's files lie (default: .cache/data/mnist)" }),
  count: integer({
    min: 1,
    max: ADDNIST_COUNTS.train,
    default: ADDNIST_COUNTS.train,
    help: "how many images to learn",
  }),
  pool: integer({ min: 1, help: "how many training digits images are made of (default: all)" }),
  views: integer({
    min: 1,
    default: 1,
    help: "ask about each test image so often, moved a little each time, and average what is said",
  }),
};

function configure(
  { height }: Pick<ImageSet, "height">,
  { network, width, augmentation, lr, seed }: FlagValues<typeof OWN> & { readonly seed: number },
): AddnistConfig {
  const [first, second, third] = ADDNIST.filters.map((filters) => Math.max(1, Math.round(width * filters)));
  return {
    model: "addnist",
    ...ADDNIST,
    network,
    size: height,
    filters: [first, second, third],
    distorted: augmentation === "affine",
    learningRate: lr,
    seed,
  };
}

/** The experiment of `train-addnist`. */
export const EXPERIMENT = {
  name: "train-addnist",
  summary: "Learn the sums of three digits, one a channel, with fewer than 100,000 parameters.",
  flags: OWN,
  configure,
  build,
  shape: ({ size }) => ({ size, channels: CHANNELS, classes: ADDNIST_CLASSES }),
  describe,
  defaultSteps: () => MOST_STEPS,
  fit,
  logits: forward,
} satisfies ClassificationExperiment<Addnist, typeof OWN>;

/** As a set of images; validation images are of the training digits. */
function imagesOf({ split, ...set }: AddnistSet): ImageSet {
  return { ...set, split: split === "test" ? "test" : "train" };
}

export const MODEL = classifierModel(EXPERIMENT, {
  sample: async () =>
    imagesOf(await openAddnist({ source: "digits", split: "train", count: 1024, pool: 600 })),
  openTest: async ({ folder, config }, { dataDir }) => {
    const own = readStoredFlags(FLAGS, config.flags, { path: join(folder, "config.json") });
    const { dataset: source } = own;
    return imagesOf(await openAddnist({ source, dataDir: dataDir ?? own.dataDir, split: "test" }));
  },
});

if (import.meta.main) {
  await runTask({
    name: EXPERIMENT.name,
    summary: EXPERIMENT.summary,
    flags: FLAGS,
    run: async (flags, run) => {
      const { dataset: source, dataDir, count, pool, views } = flags;
      const learned = await openAddnist({ source, dataDir, split: "train", count, pool });
      const heldOut = await openAddnist({ source, dataDir, split: "valid", pool });
      const test = await openAddnist({ source, dataDir, split: "test" });
      await using device = await openTaskDevice(flags, run.session);
      const images = imagesOf(learned);
      const model = build(configure(images, flags));
      await run.configure({ dataset: images, device, model: model.config });
      await classifyImages({
        ...EXPERIMENT,
        more: async (model, { device, steps }) => {
          const { parameters } = model.network, points = penalty({ parameters, steps });
          run.note(`${parameters.toLocaleString("en-US")} parameters, ${steps} steps, penalty ${points}`);
          return {
            parameters,
            steps,
            penalty: points,
            ...views > 1
              ? { test_accuracy_averaged: await averagedAccuracy(model, { device, set: test, views }) }
              : {},
            ...model.config.network === "shared"
              ? { digit_accuracy: await digitAccuracy(model, { device, set: test }) }
              : {},
          };
        },
      }, {
        ...{ model, flags, run, device, images },
        test: imagesOf(test),
        heldOut: imagesOf(heldOut),
      });
    },
  });
}
