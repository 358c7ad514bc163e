/**
 * A convolutional classifier: image in, class out, cross-entropy.
 *
 * After: LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document recognition".
 *
 * Departures: two strided 5x5 convolutions in place of convolution and subsampling, ReLU, Adam; and every training
 * image is drawn anew each time under a random affine map (rotation, scale, shear, shift), which from few images is
 * worth more than any change of the network.
 */
import * as tf from "@tensorflow/tfjs";
import { writeAtomically } from "../base/files.ts";
import { type Random, stream } from "../base/random.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { accuracy, crossEntropy, wilson } from "../metrics/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import { epochBatches } from "../run/batches.ts";
import { openTaskDevice } from "../run/device.ts";
import { openTrainingImages } from "../run/images.ts";
import { assignVariables, readWeights, type Run } from "../run/run.ts";
import { commonFlags, integer, runTask } from "../run/task.ts";
import { train } from "../run/training.ts";
import { type Description, layerTable, writeReport } from "../run/write_report.ts";

/** Everything that decides what is built and how it learns. */
export interface ClassifierConfig {
  readonly model: "classifier";
  /** Height and width of an image in pixels. */
  readonly size: number;
  /** Grey: 1, colour: 3. */
  readonly channels: number;
  readonly classes: number;
  /** Channels of the two convolutions. */
  readonly filters: readonly [number, number];
  /** Units of the hidden linear layer. */
  readonly hidden: number;
  /** Images in one step. */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The configuration that reaches the goal: 97 % from 1,024 images of MNIST, 99 % from all. */
export const CLASSIFIER = Object.freeze(
  { filters: [16, 32], hidden: 128, batch: 64, learningRate: 2e-3 } as const,
);

const KERNEL = 5;
const STRIDE = 2;
const WARMUP_STEPS = 50;
/** Images evaluated at once. */
const EVALUATION_BATCH = 500;
/** Largest random distortion: radians, share of the size, shear, and pixels. */
const DISTORTION = { rotation: 0.26, scale: 0.15, shear: 0.3, shift: 2 } as const;

/** A classifier: its configuration and its weights. */
export interface Classifier {
  readonly config: ClassifierConfig;
  readonly weights: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: ClassifierConfig): Classifier {
  const { size, channels, classes, filters: [first, second], hidden, seed } = config;
  const random = stream(seed).fork("init");
  const rest = Math.ceil(Math.ceil(size / STRIDE) / STRIDE);
  const weights = tf.tidy(() => ({
    ...layer(random, "conv1", [KERNEL, KERNEL, channels, first]),
    ...layer(random, "conv2", [KERNEL, KERNEL, first, second]),
    ...layer(random, "hidden", [rest * rest * second, hidden]),
    ...layer(random, "output", [hidden, classes]),
  }));
  return { config, weights };
}

/** Normal with variance 2 / inputs (He et al. 2015), biases 0. */
function layer(random: Random, name: string, shape: number[]): Weights {
  const size = shape.reduce((product, extent) => product * extent, 1), outputs = shape[shape.length - 1];
  const kernel = random.fork(name).normals(size, Math.sqrt(2 * outputs / size));
  return {
    [`${name}/kernel`]: tf.variable(tf.tensor(kernel, shape)),
    [`${name}/bias`]: tf.variable(tf.zeros([outputs])),
  };
}

/** Images [B, H, W, C] in 0..1 -> logits [B, classes]. */
export function forward({ weights }: Classifier, images: tf.Tensor4D): tf.Tensor2D {
  const convolution = (name: string, x: tf.Tensor4D): tf.Tensor4D =>
    tf.relu(tf.add(
      tf.conv2d(x, weights[`${name}/kernel`] as unknown as tf.Tensor4D, STRIDE, "same"),
      weights[`${name}/bias`],
    ));
  const linear = (name: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${name}/kernel`] as tf.Tensor2D), weights[`${name}/bias`]);
  return tf.tidy(() => {
    const features = convolution("conv2", convolution("conv1", images)); // [B, H/4, W/4, F]
    const flat = features.reshape([images.shape[0], -1]) as tf.Tensor2D;
    return linear("output", tf.relu(linear("hidden", flat))); // [B, classes]
  });
}

/** Mean cross-entropy in nats of labels int32 [B]. */
export function loss(model: Classifier, images: tf.Tensor4D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const logs = tf.logSoftmax(forward(model, images)); // [B, classes]
    return tf.neg(tf.mean(tf.sum(tf.mul(logs, tf.oneHot(labels, model.config.classes)), 1))) as tf.Scalar;
  });
}

/** Images as numbers in 0..1, [count, H, W, C]. */
function levels(images: ImageSet): Float32Array {
  return Float32Array.from(images.pixels, (byte) => byte / 255);
}

/** Draws image `index` under a random affine map into `out`, by bilinear interpolation; outside is 0. */
export function distort(
  images: Float32Array,
  options: {
    readonly index: number;
    readonly size: number;
    readonly channels: number;
    readonly random: Random;
    readonly out: Float32Array;
  },
): void {
  const { index, size, channels, random, out } = options;
  const within = (limit: number): number => (2 * random.uniform() - 1) * limit;
  const angle = within(DISTORTION.rotation),
    scale = 1 + within(DISTORTION.scale),
    shear = within(DISTORTION.shear);
  const right = within(DISTORTION.shift), down = within(DISTORTION.shift);
  const cos = Math.cos(angle) * scale, sin = Math.sin(angle) * scale, centre = (size - 1) / 2;
  const base = index * size * size * channels;
  const level = (row: number, column: number, channel: number): number =>
    row < 0 || row >= size || column < 0 || column >= size
      ? 0
      : images[base + (row * size + column) * channels + channel];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = x - centre + right, v = y - centre + down;
      const column = centre + cos * u + (scale * shear - sin) * v, row = centre + sin * u + cos * v;
      const left = Math.floor(column), top = Math.floor(row), fx = column - left, fy = row - top;
      for (let channel = 0; channel < channels; channel++) {
        out[(y * size + x) * channels + channel] =
          (1 - fy) * ((1 - fx) * level(top, left, channel) + fx * level(top, left + 1, channel)) +
          fy * ((1 - fx) * level(top + 1, left, channel) + fx * level(top + 1, left + 1, channel));
      }
    }
  }
}

/** Trains on randomly distorted images, in epochs. */
export async function fit(model: Classifier, options: {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly steps: number;
  readonly budget?: number;
}): Promise<void> {
  const { run, device, images, steps, budget } = options;
  const { size, channels, learningRate, seed } = model.config;
  const batch = Math.min(model.config.batch, images.count), area = size * size * channels;
  const source = levels(images), optimizer = adam(model.weights, { beta2: 0.99 });
  const step = await compile(device, ({ x, labels, rate }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, x as tf.Tensor4D, labels as tf.Tensor1D),
      Object.values(model.weights),
    );
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  }, {
    x: { shape: [batch, size, size, channels] },
    labels: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
  });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const distortions = stream(seed).fork("distort");
  await train(run, {
    phase: "classifier",
    steps,
    budget,
    device,
    variables: { ...model.weights, ...optimizer.slots },
    step: async (t, steps) => {
      const index = rows(t), random = distortions.at(t), x = new Float32Array(batch * area);
      index.forEach((image, row) => {
        distort(source, {
          index: image,
          size,
          channels,
          random,
          out: x.subarray(row * area, (row + 1) * area),
        });
      });
      const rate = cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS });
      await step.run({
        x,
        labels: Int32Array.from(index, (image) => images.labels[image]),
        rate: Float32Array.of(rate),
      });
    },
    read: () => step.read(),
  });
  step.dispose();
  optimizer.dispose();
}

/** Logits [count, classes] of all images. */
export async function classify(
  model: Classifier,
  options: { readonly device: Device; readonly images: ImageSet },
): Promise<Float32Array> {
  const { device, images: { count, height, width, channels } } = options;
  const batch = Math.min(EVALUATION_BATCH, count);
  const images = tf.tensor4d(levels(options.images), [count, height, width, channels]);
  const evaluate = await compile(
    device,
    ({ index }) => ({ logits: forward(model, tf.gather(images, index as tf.Tensor1D)) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  const { logits } = await overRows(evaluate, { count, batch, inputs: (index) => ({ index }) });
  evaluate.dispose();
  images.dispose();
  return logits as Float32Array;
}

/** The model that a run's weights hold. */
export async function loadClassifier(folder: string): Promise<Classifier> {
  const { tensors, metadata } = await readWeights(folder);
  const model = build(JSON.parse(metadata.config) as ClassifierConfig);
  assignVariables(model.weights, tensors, folder);
  return model;
}

function describe(model: Classifier, images: ImageSet): Description {
  const { size, channels, classes, filters: [first, second], hidden, batch, learningRate } = model.config;
  const half = Math.ceil(size / STRIDE), quarter = Math.ceil(half / STRIDE);
  return {
    title: `Classifier of ${images.count.toLocaleString("en-US")} ${images.name} images`,
    abstract:
      "A small convolutional network learns the label of an image; the test images, which it never sees, " +
      "say what it learned beyond its training set.",
    method: [
      "A convolutional network [@lenet] trained by cross-entropy. Each time an image is used it is drawn under a " +
      "new random affine map: up to 15 degrees of rotation, 15% of scale, 0.3 of shear, and 2 pixels of shift.",
      `Adam [@adam], ${learningRate} decaying by half a cosine, batches of ${batch}.`,
    ],
    formula: {
      formula: String.raw`p(y \mid x) = softmax(f(x))_y`,
      text: "$f$ is the network below, $y$ the class.",
    },
    layers: [
      { type: "Input", output: `N x ${channels} x ${size} x ${size}` },
      {
        type: "Conv2d, ReLU",
        weight: `${channels} x ${first} x ${KERNEL} x ${KERNEL}`,
        stride: STRIDE,
        padding: 2,
        output: `N x ${first} x ${half} x ${half}`,
      },
      {
        type: "Conv2d, ReLU",
        weight: `${first} x ${second} x ${KERNEL} x ${KERNEL}`,
        stride: STRIDE,
        padding: 2,
        output: `N x ${second} x ${quarter} x ${quarter}`,
      },
      { type: "Linear, ReLU", weight: `${quarter * quarter * second} x ${hidden}`, output: `N x ${hidden}` },
      { type: "Linear, Softmax", weight: `${hidden} x ${classes}`, output: `N x ${classes}` },
    ],
    loss: { name: "cross-entropy", unit: "nats" },
    parameters: Object.values(model.weights).reduce((sum, weight) => sum + weight.size, 0),
    code: [forward, loss, distort],
    references: [
      {
        key: "lenet",
        authors: "LeCun, Bottou, Bengio, Haffner",
        year: 1998,
        title: "Gradient-based learning applied to document recognition",
        venue: "Proceedings of the IEEE 86",
      },
      {
        key: "adam",
        authors: "Kingma, Ba",
        year: 2015,
        title: "Adam: a method for stochastic optimization",
        venue: "ICLR",
      },
    ],
  };
}

/** The test images that the model gets wrong, the surest mistakes first. */
function mistakes(images: ImageSet, logits: Float32Array): Sheet {
  const { classes, height, width } = images;
  const wrong = Array.from(images.labels, (label, index) => {
    const scores = logits.subarray(index * classes, (index + 1) * classes);
    const guess = scores.indexOf(Math.max(...scores));
    return { index, label, guess, margin: scores[guess] - scores[label] };
  }).filter(({ label, guess }) => label !== guess).sort((a, b) => b.margin - a.margin);
  const all = imagesOf(images.pixels, [images.count, height, width]);
  return {
    sections: [{
      caption: `${wrong.length} of ${images.count} test images are taken for another class`,
      note: "The surest mistakes first: the class of each image, and the answer.",
      tiles: wrong.slice(0, 40).map(({ index, label, guess }) => ({
        image: all[index],
        label: `${label} → ${guess}`,
      })),
    }],
  };
}

if (import.meta.main) {
  await runTask({
    name: "train-classifier",
    summary: "Train a convolutional classifier and measure it on the whole test set.",
    flags: {
      ...commonFlags,
      steps: integer({ min: 1, help: "optimizer updates (default: 3,000, or 6,000 from 10,000 images on)" }),
    },
    run: async (flags, run) => {
      const images = await openTrainingImages(flags);
      const { dataset, dataDir } = flags;
      const test = await openImages({ dataset, dataDir, split: "test" });
      await using device = await openTaskDevice(flags, run.session);
      const model = build({
        model: "classifier",
        ...CLASSIFIER,
        size: images.height,
        channels: images.channels,
        classes: images.classes,
        seed: flags.seed,
      });
      await run.configure({ dataset: images, device, model: model.config });
      const description = describe(model, images), { parameters } = description;
      run.note(layerTable(description.layers, parameters));
      const steps = flags.steps ?? (images.count < 10_000 ? 3000 : 6000);
      await fit(model, { run, device, images, steps, budget: flags.budget });
      await run.saveWeights(model.weights, { model: "classifier", config: model.config });
      const logits = await classify(model, { device, images: test });
      const truth = Float32Array.from(
        { length: logits.length },
        (_, at) => test.labels[Math.floor(at / test.classes)] === at % test.classes ? 1 : 0,
      );
      const metrics = {
        test_accuracy: accuracy(logits, test.labels),
        test_loss: crossEntropy(logits, truth, { vocabulary: test.classes }),
        train_accuracy: accuracy(await classify(model, { device, images }), images.labels),
        test_images: test.count,
      };
      const sheet = mistakes(test, logits);
      await writeAtomically(run.path("mistakes.png"), imageGrid(sheet));
      const { low, high } = wilson(Math.round(metrics.test_accuracy * test.count), test.count);
      const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
      await writeReport(run, {
        description,
        metrics,
        figures: [
          {
            label: "test accuracy",
            value: percent(metrics.test_accuracy),
            note: `of ${test.count.toLocaleString("en-US")} images; 95% interval ${percent(low)} to ${
              percent(high)
            }`,
          },
          { label: "training accuracy", value: percent(metrics.train_accuracy) },
        ],
        results: [{
          title: "Mistakes",
          blocks: [{ kind: "sheet", sheet }],
        }],
      });
      await run.finish({ metrics, parameters });
      run.note(`test accuracy ${percent(metrics.test_accuracy)} of ${test.count} images`);
    },
  });
}
