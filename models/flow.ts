/**
 * Flow matching: a network that says in which direction a mixture of noise and image becomes the image. Following it from
 * noise makes images.
 *
 * After: Lipman et al. (2023), "Flow matching for generative modeling", and Liu et al. (2023), "Flow straight and fast",
 * whose paths are straight: x_t = (1 - t) noise + t image, with the velocity image - noise as the target. The network is a
 * U-Net (Ronneberger et al. 2015) of residual blocks with group normalization, told the time and the class by FiLM (Perez
 * et al. 2018). Times are logit-normal (Esser et al. 2024), spread as the noise levels of Karras et al. (2022) are, after
 * whom images are drawn by Heun's method.
 *
 * Departures: fewer than a million parameters and no attention; the first convolution has stride 2, so that the U-Net works
 * at half the size, and a linear path beside it, whose gains follow time and class, carries fine noise at full size; skips
 * are merged by a 1x1 convolution.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import type { ImageSet } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import {
  adam,
  cosineRate,
  type MovingAverages,
  movingAverages,
  type Optimizer,
  warmDecay,
  type Weights,
} from "../engine/optimizers.ts";
import { normal } from "../engine/random.ts";
import { silu } from "../layers/activations.ts";
import { conv2d } from "../layers/conv2d.ts";
import { conv2dTranspose } from "../layers/conv2d_transpose.ts";
import { embedding } from "../layers/embedding.ts";
import { groupNorm } from "../layers/group_norm.ts";
import {
  type LayerMaker,
  type LayerRow,
  type Network,
  retitled,
  sequential,
  type Training,
} from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { flatten } from "../layers/reshape.ts";
import { normalOfVariance, zeros } from "../layers/starts.ts";
import { epochBatches } from "../run/batches.ts";
import type { Generator } from "../run/generated_images.ts";
import {
  checkParameters,
  type GenerationExperiment,
  type GenerationFit,
  GENERATOR_LIMITS,
  generatorModel,
  runGeneration,
  trainingBatch,
} from "../run/generation.ts";
import { integer, number } from "../run/task.ts";
import { train } from "../run/training.ts";
import { datasetInWords, type Description } from "../run/write_report.ts";

/** Everything that decides what is built, how it learns and how it draws. */
export interface FlowConfig {
  readonly model: "flow";
  /** [height, width, channels] of an image. */
  readonly image: readonly [number, number, number];
  readonly classes: number;
  /** Channels at half, a quarter and an eighth of the size; multiples of 8. */
  readonly widths: readonly [number, number, number];
  /** Numbers that time and class become. */
  readonly embedding: number;
  /** Images in one step. */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  /** Log-odds of the times that are learned: normal, by default as noise levels are in Karras et al. (2022), Table 1. */
  readonly times: { readonly mean: number; readonly deviation: number };
  /** Steps of Heun's method from noise to image, two evaluations each. */
  readonly solverSteps: number;
  /** How far the velocity goes beyond that without a class to that of the class; 1: as it was learned. */
  readonly guidance: number;
  readonly seed: number;
}

/** The sizes by default: 938,526 parameters of images in colour of 32 x 32 with 100 classes, 21 GFLOP a step. */
export const FLOW = Object.freeze({
  ...{ widths: [56, 64, 80], embedding: 128, batch: 48, learningRate: 2e-3 } as const,
  ...{ times: { mean: 1.2, deviation: 1.2 }, solverSteps: 18, guidance: 3 },
});

/** Residual blocks of a level on the way down, at the smallest size, and of a level on the way up. */
const BLOCKS = { down: 1, middle: 2, up: 2 } as const;
/** Height and width of the kernels that read and write pixels, and of those between two sizes. */
const PIXEL_KERNEL = 6, DOWN_KERNEL = 3, UP_KERNEL = 2;
/** The path beside the U-Net: height and width of the kernel that reads pixels, and its channels. */
const DIRECT = { kernel: 5, channels: 16 } as const;
/** Sines and as many cosines that tell the time, the slowest so much slower than the fastest. */
const TIME_WAVES = 32, TIME_SCALE = 1000, SLOWEST = 1e4;
/** Share of images that are learned without their class, so that guidance has something to go beyond. */
const UNLABELLED = 0.1;
/** The averages' decay once they are warm, and steps in which the step size rises. */
const AVERAGE_DECAY = 0.999, WARMUP = 200;
/** What ends a branch starts near 0, so that blocks start as the identity. */
const SMALL = { kernel: normalOfVariance(1e-2), bias: zeros };

/** Two networks, and between them a scale of each channel by time and class; in a residual block a shift, too. */
interface Block {
  readonly first: Network;
  readonly film: Network;
  readonly second: Network;
}

/** The network's parts, in the order in which they are applied. */
interface Parts {
  readonly time: Network;
  readonly label: Network;
  readonly input: Network;
  readonly down: readonly { readonly blocks: readonly Block[]; readonly narrow: Network }[];
  readonly middle: readonly Block[];
  readonly up: readonly {
    readonly widen: Network;
    readonly merge: Network;
    readonly blocks: readonly Block[];
  }[];
  readonly output: Network;
  readonly direct: Block;
}

/** A model: its configuration, its network and the weights. */
export interface Flow {
  readonly config: FlowConfig;
  readonly parts: Parts;
  /** Every network of the parts. */
  readonly networks: readonly Network[];
  readonly parameters: number;
  readonly weights: Weights;
}

function half([height, width]: readonly number[]): readonly [number, number] {
  return [Math.ceil(height / 2), Math.ceil(width / 2)];
}

/** The extents of the three levels. */
function extentsOf({ image }: Pick<FlowConfig, "image">): readonly (readonly [number, number])[] {
  const first = half(image), second = half(first);
  return [first, second, half(second)];
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: FlowConfig): Flow {
  const { image, classes, widths, embedding: units, seed } = config, extents = extentsOf(config);
  const networks: Network[] = [];
  const part = (
    title: string,
    input: readonly number[],
    [first, ...rest]: readonly LayerMaker[],
  ): Network => {
    const network = sequential(input, [retitled((type) => `${title}: ${type}`, first), ...rest]);
    networks.push(network);
    return network;
  };
  const blocks = (name: string, level: number, count: number): Block[] =>
    Array.from({ length: count }, (_, at) => {
      const filters = widths[level], shape = [...extents[level], filters], title = `${name}/block${at + 1}`;
      return {
        first: part(title, shape, [
          groupNorm(`${title}/norm1`),
          silu,
          conv2d(`${title}/conv1`, { filters, kernel: 3 }),
          groupNorm(`${title}/norm2`, { affine: false }),
        ]),
        film: part(`${title}, FiLM`, [units], [linear(`${title}/film`, 2 * filters, { start: SMALL })]),
        second: part(title, shape, [silu, conv2d(`${title}/conv2`, { filters, kernel: 3, start: SMALL })]),
      };
    });
  const pixels = { kernel: PIXEL_KERNEL, stride: 2 };
  const parts: Parts = {
    time: part("time", [2 * TIME_WAVES], [linear("time/hidden", units), silu, linear("time/output", units)]),
    label: part("class", [1], [
      embedding("class", { symbols: classes + 1, units, start: normalOfVariance(1) }),
      flatten,
    ]),
    input: part("input", image, [conv2d("input", { filters: widths[0], ...pixels })]),
    down: [0, 1].map((level) => ({
      blocks: blocks(`down${level + 1}`, level, BLOCKS.down),
      narrow: part(`down${level + 1}/narrow`, [...extents[level], widths[level]], [
        conv2d(`down${level + 1}/narrow`, { filters: widths[level + 1], kernel: DOWN_KERNEL, stride: 2 }),
      ]),
    })),
    middle: blocks("middle", 2, BLOCKS.middle),
    up: [1, 0].map((level) => ({
      widen: part(`up${level + 1}/widen`, [...extents[level + 1], widths[level + 1]], [
        conv2dTranspose(`up${level + 1}/widen`, {
          ...{ filters: widths[level], kernel: UP_KERNEL, stride: 2, size: extents[level] },
        }),
      ]),
      merge: part(`up${level + 1}/merge`, [...extents[level], 2 * widths[level]], [
        conv2d(`up${level + 1}/merge`, { filters: widths[level], kernel: 1 }),
      ]),
      blocks: blocks(`up${level + 1}`, level, BLOCKS.up),
    })),
    output: part("output", [...extents[0], widths[0]], [
      groupNorm("output/norm"),
      silu,
      conv2dTranspose("output", { filters: image[2], ...pixels, size: [image[0], image[1]], start: SMALL }),
    ]),
    direct: {
      first: part("direct", image, [
        conv2d("direct/conv1", { filters: DIRECT.channels, kernel: DIRECT.kernel }),
      ]),
      film: part("direct, FiLM", [units], [linear("direct/film", DIRECT.channels, { start: SMALL })]),
      second: part("direct", [image[0], image[1], DIRECT.channels], [
        conv2d("direct/conv2", { filters: image[2], kernel: 1, start: SMALL }),
      ]),
    },
  };
  const parameters = networks.reduce((sum, { parameters }) => sum + parameters, 0);
  checkParameters(parameters);
  const random = stream(seed).fork("init");
  const weights = Object.fromEntries(networks.flatMap((network) => Object.entries(network.init(random))));
  return { config, parts, networks, parameters, weights };
}

/** Times [B] in 0..1 as waves, [B, 2 TIME_WAVES]. */
function waves(times: tf.Tensor1D): tf.Tensor2D {
  const frequencies = Array.from(
    { length: TIME_WAVES },
    (_, wave) => TIME_SCALE * SLOWEST ** (-wave / TIME_WAVES),
  );
  const angles: tf.Tensor2D = tf.mul(tf.expandDims(times, 1), tf.tensor2d(frequencies, [1, TIME_WAVES]));
  return tf.concat([tf.cos(angles), tf.sin(angles)], 1);
}

/**
 * The velocity of mixtures x [B, H, W, C] at their times [B], towards images of their classes int32 [B]; the class after
 * the last one means any.
 */
export function velocity(
  { parts, weights }: Flow,
  x: tf.Tensor4D,
  { times, labels }: { readonly times: tf.Tensor1D; readonly labels: tf.Tensor1D },
): tf.Tensor4D {
  return tf.tidy(() => {
    const both = tf.add(
      parts.time.apply(weights, waves(times)),
      parts.label.apply(weights, tf.expandDims(labels, 1)),
    );
    const context = tf.mul(both, tf.sigmoid(both)); // [B, embedding]
    const told = ({ film }: Block): tf.Tensor4D =>
      tf.reshape(film.apply(weights, context), [x.shape[0], 1, 1, -1]);
    const through = (x: tf.Tensor4D, block: Block): tf.Tensor4D => {
      const inner = block.first.apply<tf.Tensor4D>(weights, x), [scale, shift] = tf.split(told(block), 2, 3);
      return tf.add(x, block.second.apply(weights, tf.add(tf.mul(inner, tf.add(scale, 1)), shift)));
    };
    const skips: tf.Tensor4D[] = [];
    let h = parts.input.apply<tf.Tensor4D>(weights, x);
    for (const { blocks, narrow } of parts.down) {
      h = blocks.reduce(through, h);
      skips.push(h);
      h = narrow.apply(weights, h);
    }
    h = parts.middle.reduce(through, h);
    parts.up.forEach(({ widen, merge, blocks }, at) => {
      const joined = tf.concat([widen.apply<tf.Tensor4D>(weights, h), skips[skips.length - 1 - at]], 3);
      h = blocks.reduce(through, merge.apply<tf.Tensor4D>(weights, joined));
    });
    const pixels = tf.mul(
      parts.direct.first.apply<tf.Tensor4D>(weights, x),
      tf.add(told(parts.direct), 1),
    );
    return tf.add(parts.output.apply(weights, h), parts.direct.second.apply<tf.Tensor4D>(weights, pixels));
  });
}

/** What images are mixed with, and how far each has come from it. */
export interface Mixing {
  /** [B, H, W, C], standard normal. */
  readonly noise: tf.Tensor4D;
  /** [B] in 0..1. */
  readonly times: tf.Tensor1D;
}

/** Draws what images of a shape [B, H, W, C] are mixed with; times are logit-normal. */
export function drawMixing(
  shape: tf.Tensor4D["shape"],
  { times: { mean, deviation }, random, counter }: Training & Pick<FlowConfig, "times">,
): Mixing {
  const logOdds = normal([shape[0]], { random: random.fork("times"), counter });
  return {
    noise: normal(shape, { random: random.fork("noise"), counter }),
    times: tf.sigmoid(tf.add(mean, tf.mul(deviation, logOdds))),
  };
}

/** Mean squared error of the velocity a number, of images [B, H, W, C] in -1..1 of their classes int32 [B]. */
export function loss(
  model: Flow,
  images: tf.Tensor4D,
  { labels, noise, times }: Mixing & { readonly labels: tf.Tensor1D },
): tf.Scalar {
  return tf.tidy(() => {
    const target = tf.sub(images, noise);
    const mixed: tf.Tensor4D = tf.add(noise, tf.mul(tf.reshape(times, [-1, 1, 1, 1]), target));
    return tf.mean(tf.square(tf.sub(velocity(model, mixed, { times, labels }), target)));
  });
}

/** One update of the weights and of their averages on images x [B, H, W, C] in -1..1: to be compiled. */
export function trainingStep(
  model: Flow,
  { optimizer, averages }: { readonly optimizer: Optimizer; readonly averages: MovingAverages },
): (
  inputs: Mixing & {
    readonly x: tf.Tensor4D;
    readonly labels: tf.Tensor1D;
    readonly rate: tf.Scalar;
    readonly decay: tf.Scalar;
  },
) => { readonly loss: tf.Scalar } {
  const weights = Object.values(model.weights);
  return ({ x, rate, decay, ...mixed }) => {
    const { value, grads } = tf.variableGrads(() => loss(model, x, mixed), weights);
    optimizer.applyGradients(grads, rate);
    averages.update(decay);
    return { loss: value };
  };
}

/** Trains in epochs, and leaves the averages of the weights in their place. Images stay bytes until their step. */
export async function fit(model: Flow, { run, device, images, steps }: GenerationFit): Promise<void> {
  const { image, classes, learningRate, times, seed } = model.config, { weights } = model;
  const batch = Math.min(model.config.batch, images.count), random = stream(seed).fork("flow");
  const optimizer = adam(weights), averages = movingAverages(weights);
  const update = trainingStep(model, { optimizer, averages });
  const step = await compile(
    device,
    ({ counter, ...inputs }) =>
      update({ ...inputs, ...drawMixing(inputs.x.shape, { times, random, counter }) }),
    {
      x: { shape: [batch, ...image] },
      labels: { shape: [batch], dtype: "int32" },
      rate: { shape: [] },
      decay: { shape: [] },
      counter: { shape: [], dtype: "int32" },
    },
  );
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const flips = stream(seed).fork("flips"), unlabelled = stream(seed).fork("unlabelled");
  await train(run, {
    phase: "flow",
    steps,
    mostSteps: GENERATOR_LIMITS.steps,
    device,
    variables: { ...weights, ...optimizer.slots, ...averages.slots },
    step: async (t, steps) => {
      const index = rows(t), hidden = unlabelled.at(t);
      await step.run({
        x: trainingBatch(images, { rows: index, flips: flips.at(t) }),
        labels: Int32Array.from(index, (row) => hidden.uniform() < UNLABELLED ? classes : images.labels[row]),
        rate: Float32Array.of(
          cosineRate(t, { steps, peak: learningRate, warmup: Math.min(WARMUP, steps / 10) }),
        ),
        decay: Float32Array.of(warmDecay(t, AVERAGE_DECAY)),
        counter: Int32Array.of(t),
      });
    },
    read: () => step.read(),
  });
  step.dispose();
  averages.adopt();
  await device.push(Object.values(weights));
  averages.dispose();
  optimizer.dispose();
}

/** Compiles one step of Heun's method, and goes with it from noise at time 0 to images at time 1, ever more slowly. */
export async function open(
  model: Flow,
  { device, batch }: { readonly device: Device; readonly batch: number },
): Promise<Generator> {
  const { image, classes, solverSteps, guidance } = model.config;
  const guided = (x: tf.Tensor4D, time: tf.Scalar, labels: tf.Tensor1D): tf.Tensor4D => {
    const times: tf.Tensor1D = tf.mul(tf.ones([batch]), time);
    const towards = velocity(model, x, { times, labels });
    if (guidance === 1) return towards;
    const anywhere = velocity(model, x, { times, labels: tf.fill([batch], classes, "int32") });
    return tf.add(anywhere, tf.mul(guidance, tf.sub(towards, anywhere)));
  };
  const advance = await compile(device, ({ x, labels, from, to }) => {
    const span = tf.sub(to, from), before = guided(x, from, labels);
    const after = guided(tf.add(x, tf.mul(span, before)), to, labels);
    return { x: tf.add(x, tf.mul(tf.div(span, 2), tf.add(before, after))) };
  }, {
    x: { shape: [batch, ...image] },
    labels: { shape: [batch], dtype: "int32" },
    from: { shape: [] },
    to: { shape: [] },
  });
  return {
    runs: solverSteps,
    draw: async (noise, labels) => {
      let x = noise;
      for (let step = 0; step < solverSteps; step++) {
        // Small steps near the image: details that are still noise there would stay as grain.
        const [from, to] = [step, step + 1].map((at) => Float32Array.of(1 - (1 - at / solverSteps) ** 2));
        await advance.run({ x, labels, from, to });
        x = (await advance.read()).x as Float32Array;
      }
      return x;
    },
    dispose: () => advance.dispose(),
  };
}

/**
 * Floating-point operations of one image in training, of convolutions: two each, once forward and twice backward. Linear
 * layers are of no account.
 */
export function trainingFlop(config: FlowConfig): number {
  const { image, widths } = config;
  const areas = extentsOf(config).map(([height, width]) => height * width);
  const blocks = (level: number, count: number): number => count * areas[level] * 2 * 9 * widths[level] ** 2;
  const level = (at: number): number =>
    blocks(at, BLOCKS.down + BLOCKS.up) + areas[at] * 2 * widths[at] ** 2 +
    areas[at + 1] * (DOWN_KERNEL ** 2 + UP_KERNEL ** 2) * widths[at] * widths[at + 1];
  const pixels = 2 * areas[0] * PIXEL_KERNEL ** 2 * image[2] * widths[0];
  const direct = image[0] * image[1] * DIRECT.channels * image[2] * (DIRECT.kernel ** 2 + 1);
  return 6 * (pixels + level(0) + level(1) + blocks(2, BLOCKS.middle) + direct);
}

function rowsOf({ networks, config: { image } }: Flow): readonly LayerRow[] {
  const [height, width, channels] = image;
  return [
    { type: "Input", output: ["N", channels, height, width].join(" x ") },
    ...networks.flatMap(({ rows }) => rows.slice(1)),
  ];
}

function describe(model: Flow, images: ImageSet): Description {
  const { batch, learningRate, times, solverSteps, guidance } = model.config;
  return {
    title: `Flow matching on ${datasetInWords(images)}`,
    abstract:
      "A small U-Net learns in which direction mixtures of noise and images become the images. Following it from noise " +
      "makes images that nobody drew, unless it has learned the training images by heart.",
    method: [
      "Paths from noise to image are straight [@flowmatching] [@rectifiedflow]: the target is their difference, the loss " +
      `the squared error. Times are logit-normal [@logitnormal], of log-odds ${times.mean} ± ${times.deviation}, as noise ` +
      "levels are in [@edm]. The network is a U-Net [@unet] of residual blocks with " +
      "group normalization [@groupnorm], told time and class by FiLM [@film]; beside it a linear path of two " +
      "convolutions at full size, whose gains follow time and class, carries the fine noise.",
      `Adam [@adam], ${learningRate} after a warm-up, decaying by half a cosine, ${batch} images a step, those in colour ` +
      `mirrored half of the time. A tenth is learned without its class. The weights are averages [@averages] of decay ` +
      `${AVERAGE_DECAY}, which warms up.`,
      `Images are drawn in ${solverSteps} steps of Heun's method [@edm], two evaluations each, ever smaller ` +
      "towards the image" +
      (guidance === 1 ? ", without guidance." : `, with guidance [@guidance] of ${guidance}.`) +
      " One gradient of the network is one step; averaging takes none.",
    ],
    formula: {
      formula: String
        .raw`L = \mathbb{E} \, \lVert v_\theta(x_t, t, y) - (x - \epsilon) \rVert^2, \quad x_t = (1 - t)\,\epsilon + t\,x, \quad \dot{x}_t = v_\theta(x_t, t, y)`,
      text: "$x$ is an image in -1..1, $y$ its class, $\\epsilon$ standard normal, $t$ in 0..1.",
    },
    layers: rowsOf(model),
    parameters: model.parameters,
    loss: { name: "squared error of the velocity", unit: "squared levels" },
    code: [velocity, loss, open],
  };
}

const FLAGS = {
  width: number({ min: 0.1, default: 1, help: "channels, as a factor" }),
  batch: integer({ min: 1, default: FLOW.batch, help: "images in one step" }),
  lr: number({ min: 0, default: FLOW.learningRate, help: "peak step size of Adam" }),
  solverSteps: integer({ min: 1, default: FLOW.solverSteps, help: "steps from noise to image" }),
  guidance: number({
    min: 0,
    default: FLOW.guidance,
    help: "how far to go beyond the class; 1 is as learned",
  }),
};

/** The experiment of `train-flow`. */
export const EXPERIMENT = {
  name: "train-flow",
  summary: "Train a generator of images by flow matching, and count the training images among what it makes.",
  flags: FLAGS,
  configure: ({ height, width: columns, channels, classes }, flags) => {
    const { width, batch, lr, solverSteps, guidance, seed } = flags;
    const [first, second, third] = FLOW.widths.map((channels) =>
      Math.max(8, 8 * Math.round(width * channels / 8))
    );
    return {
      ...{ model: "flow", ...FLOW, image: [height, columns, channels], classes },
      ...{ widths: [first, second, third], batch, learningRate: lr, solverSteps, guidance, seed },
    };
  },
  build,
  describe,
  defaultSteps: 20_000,
  fit,
  noise: ({ config: { image: [height, width, channels] } }) => height * width * channels,
  open,
} satisfies GenerationExperiment<Flow, typeof FLAGS>;

export const MODEL = generatorModel(EXPERIMENT);

if (import.meta.main) await runGeneration(EXPERIMENT);
