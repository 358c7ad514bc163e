/**
 * A deep convolutional generative adversarial network: one network makes images of noise, another tells them from training
 * images, and each learns from the other. The baseline of small generators.
 *
 * After: Radford, Metz, Chintala (2016), "Unsupervised representation learning with deep convolutional generative
 * adversarial networks": strided convolutions, batch normalization but at the generator's output and the discriminator's
 * input, ReLU and leaky ReLU, tanh at the end; images are brought to its range, -1..1.
 * Departures: fewer than a million parameters, both networks together; a noise of 64 normal numbers; images in colour
 * are mirrored half of the time.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import type { ImageSet } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, type Weights } from "../engine/optimizers.ts";
import { normal } from "../engine/random.ts";
import { leakyRelu, relu, tanh } from "../layers/activations.ts";
import { batchNorm } from "../layers/batch_norm.ts";
import { conv2d } from "../layers/conv2d.ts";
import { conv2dTranspose } from "../layers/conv2d_transpose.ts";
import {
  chain,
  type LayerMaker,
  type Network,
  retitled,
  sequential,
  trained,
  type Training,
} from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { flatten, reshape } from "../layers/reshape.ts";
import { type Start, zeros } from "../layers/starts.ts";
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

/** Everything that decides what is built and how it learns. */
export interface DcganConfig {
  readonly model: "dcgan";
  /** [height, width, channels] of an image. */
  readonly image: readonly [number, number, number];
  /** Classes of the images; neither network is told. */
  readonly classes: number;
  /** Numbers of noise. */
  readonly latent: number;
  /** Channels of the generator at an eighth, a quarter and half of the size. */
  readonly generator: readonly [number, number, number];
  /** Channels of the discriminator at half, a quarter and an eighth of the size. */
  readonly discriminator: readonly [number, number, number];
  /** Training images in one step, and as many of the generator's. */
  readonly batch: number;
  /** Adam step size of both networks. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The sizes by default. */
export const DCGAN = Object.freeze({
  ...{ latent: 64, generator: [160, 96, 48], discriminator: [48, 96, 192] } as const,
  ...{ batch: 64, learningRate: 2e-4 },
});

/** Height and width of kernels, Adam's momentum, slope below 0, and the deviation of weights at the start: the paper's. */
const KERNEL = 4, MOMENTUM = 0.5, SLOPE = 0.2, DEVIATION = 0.02;
const NORMAL: Start = { kernel: (random, { size }) => random.normals(size, DEVIATION), bias: zeros };

/** A model: its configuration, its two networks and their weights. */
export interface Dcgan {
  readonly config: DcganConfig;
  readonly generator: Network;
  readonly discriminator: Network;
  readonly parameters: number;
  /** Of the generator: what is kept. */
  readonly weights: Weights;
  readonly criticism: Weights;
}

function half([height, width]: readonly number[]): readonly [number, number] {
  return [Math.ceil(height / 2), Math.ceil(width / 2)];
}

/** Noise [B, latent] -> images [B, H, W, C] in -1..1. */
export function generatorNetwork({ image, latent, generator: widths }: DcganConfig): Network {
  const [height, width, channels] = image, second = half([height, width]), third = half(second);
  const start = half(third), pixels = { kernel: KERNEL, stride: 2, start: NORMAL };
  const widen = (name: string, filters: number, size: readonly [number, number]): LayerMaker =>
    chain(conv2dTranspose(name, { ...pixels, filters, size }), batchNorm(`${name}/norm`), relu);
  return sequential([latent], [
    retitled(
      (type) => `Generator: ${type}`,
      linear("generator/project", start[0] * start[1] * widths[0], { start: NORMAL, bias: false }),
    ),
    reshape([...start, widths[0]]),
    batchNorm("generator/norm"),
    relu,
    widen("generator/widen1", widths[1], third),
    widen("generator/widen2", widths[2], second),
    conv2dTranspose("generator/output", { ...pixels, filters: channels, size: [height, width] }),
    tanh,
  ]);
}

/** Images [B, H, W, C] in -1..1 -> logits [B, 1] of being a training image. */
export function discriminatorNetwork({ image, discriminator: [first, second, third] }: DcganConfig): Network {
  const pixels = { kernel: KERNEL, stride: 2, start: NORMAL };
  const narrow = (name: string, filters: number): LayerMaker =>
    chain(conv2d(name, { ...pixels, filters, bias: false }), batchNorm(`${name}/norm`), leakyRelu(SLOPE));
  return sequential(image, [
    retitled(
      (type) => `Discriminator: ${type}`,
      conv2d("discriminator/input", { ...pixels, filters: first }),
    ),
    leakyRelu(SLOPE),
    narrow("discriminator/narrow1", second),
    narrow("discriminator/narrow2", third),
    flatten,
    linear("discriminator/output", 1, { start: NORMAL }),
  ]);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: DcganConfig): Dcgan {
  const generator = generatorNetwork(config), discriminator = discriminatorNetwork(config);
  const parameters = generator.parameters + discriminator.parameters,
    random = stream(config.seed).fork("init");
  checkParameters(parameters);
  return {
    ...{ config, generator, discriminator, parameters },
    weights: generator.init(random),
    criticism: discriminator.init(random),
  };
}

/** Noise [B, latent] -> images [B, H, W, C] in -1..1. */
export function forward({ generator, weights }: Dcgan, noise: tf.Tensor2D, training?: Training): tf.Tensor4D {
  return generator.apply(weights, noise, training);
}

/** Mean cross-entropy in nats of telling training images [B, H, W, C] from made ones, both sides summed: 2 ln 2 at chance. */
export function discriminatorLoss(
  model: Dcgan,
  images: tf.Tensor4D,
  { noise, training }: { readonly noise: tf.Tensor2D; readonly training: Training },
): tf.Scalar {
  const { discriminator, criticism } = model;
  return tf.tidy(() => {
    const real = discriminator.apply<tf.Tensor2D>(criticism, images, training);
    const made = discriminator.apply<tf.Tensor2D>(criticism, forward(model, noise, training), training);
    return tf.add(tf.mean(tf.softplus(tf.neg(real))), tf.mean(tf.softplus(made)));
  });
}

/** Mean surprise in nats, to the discriminator, that made images are training images: ln 2 at chance. */
export function generatorLoss(model: Dcgan, noise: tf.Tensor2D, training: Training): tf.Scalar {
  const { discriminator, criticism } = model;
  return tf.tidy(() => {
    const made = discriminator.apply<tf.Tensor2D>(criticism, forward(model, noise, training), training);
    return tf.mean(tf.softplus(tf.neg(made)));
  });
}

/** Trains in epochs: a step is one gradient of the discriminator and then one of the generator. */
export async function fit(model: Dcgan, { run, device, images, steps }: GenerationFit): Promise<void> {
  const { image, latent, learningRate, seed } = model.config, { weights, criticism } = model;
  const batch = Math.min(model.config.batch, images.count), random = stream(seed).fork("dcgan");
  const made = trained(weights), told = trained(criticism), options = { beta1: MOMENTUM };
  const generating = adam(made, options), criticizing = adam(told, options);
  const step = await compile(device, ({ x, rate, counter }) => {
    const training = { random, counter };
    const noise = normal([batch, latent], { random: random.fork("noise"), counter });
    const first = tf.variableGrads(
      () => discriminatorLoss(model, x, { noise, training }),
      Object.values(told),
    );
    criticizing.applyGradients(first.grads, rate);
    const second = tf.variableGrads(() => generatorLoss(model, noise, training), Object.values(made));
    generating.applyGradients(second.grads, rate);
    return { loss: first.value, generator_loss: second.value };
  }, {
    x: { shape: [batch, ...image] },
    rate: { shape: [] },
    counter: { shape: [], dtype: "int32" },
  });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const flips = stream(seed).fork("flips"), rate = Float32Array.of(learningRate);
  await train(run, {
    phase: "dcgan",
    steps,
    mostSteps: GENERATOR_LIMITS.steps,
    device,
    variables: { ...weights, ...criticism, ...generating.slots, ...prefixed(criticizing.slots) },
    step: (t) =>
      step.run({
        x: trainingBatch(images, { rows: rows(t), flips: flips.at(t) }),
        rate,
        counter: Int32Array.of(t),
      }),
    read: () => step.read(),
  });
  for (const part of [step, generating, criticizing]) part.dispose();
}

/** Both optimizers have powers of beta: those of the discriminator's are told apart. */
function prefixed(slots: Weights): Weights {
  return Object.fromEntries(Object.entries(slots).map(([name, slot]) => [`criticizing/${name}`, slot]));
}

/** Compiles the generator as it is after training: batch normalization by running statistics. */
export async function open(
  model: Dcgan,
  { device, batch }: { readonly device: Device; readonly batch: number },
): Promise<Generator> {
  const make = await compile(device, ({ noise }) => ({ images: forward(model, noise) }), {
    noise: { shape: [batch, model.config.latent] },
  });
  return {
    runs: 1,
    draw: async (noise) => {
      await make.run({ noise });
      return (await make.read()).images as Float32Array;
    },
    dispose: () => make.dispose(),
  };
}

function describe(model: Dcgan, images: ImageSet): Description {
  const { batch, learningRate, latent } = model.config;
  return {
    title: `DCGAN on ${datasetInWords(images)}`,
    abstract:
      "One small network makes images of noise, another tells them from training images. Each is the other's loss: the " +
      "baseline that other small generators are measured by.",
    method: [
      "The networks and the recipe are those of the paper [@dcgan] [@gan] at a smaller width: batch normalization " +
      "[@batchnorm] but at the generator's end and the discriminator's beginning, tanh at the end, images in -1..1, the " +
      "range of tanh.",
      `Adam [@adam], ${learningRate}, momentum ${MOMENTUM}; ${batch} training images and as many made ones a step; those ` +
      "in colour are mirrored half of the time. A step takes the gradient of the discriminator once and that of the " +
      "generator once: that of the whole model. The discriminator is no part of what is kept.",
    ],
    formula: {
      formula: String
        .raw`L_D = -\mathbb{E} \log \sigma(D(x)) - \mathbb{E} \log(1 - \sigma(D(G(z)))), \quad L_G = -\mathbb{E} \log \sigma(D(G(z)))`,
      text: `$x$ is a training image, $z$ are ${latent} standard normal numbers.`,
    },
    layers: model.generator.rows.concat(model.discriminator.rows),
    parameters: model.parameters,
    loss: { name: "loss of the discriminator", unit: "nats" },
    code: [generatorNetwork, discriminatorNetwork, discriminatorLoss, generatorLoss],
  };
}

const FLAGS = {
  width: number({ min: 0.02, default: 1, help: "channels of both networks, as a factor" }),
  batch: integer({ min: 2, default: DCGAN.batch, help: "training images in one step" }),
  lr: number({ min: 0, default: DCGAN.learningRate, help: "step size of Adam" }),
};

/** The experiment of `train-dcgan`. */
export const EXPERIMENT = {
  name: "train-dcgan",
  summary:
    "Train a small adversarial generator of images, and count the training images among what it makes.",
  flags: FLAGS,
  configure: ({ height, width: columns, channels, classes }, { width, batch, lr, seed }) => {
    const scaled = ([a, b, c]: readonly [number, number, number]): [number, number, number] => {
      const of = (channels: number): number => Math.max(1, Math.round(width * channels));
      return [of(a), of(b), of(c)];
    };
    return {
      ...{ model: "dcgan", ...DCGAN, image: [height, columns, channels], classes },
      ...{ generator: scaled(DCGAN.generator), discriminator: scaled(DCGAN.discriminator) },
      ...{ batch, learningRate: lr, seed },
    };
  },
  build,
  describe,
  defaultSteps: 20_000,
  fit,
  noise: ({ config }) => config.latent,
  open,
} satisfies GenerationExperiment<Dcgan, typeof FLAGS>;

export const MODEL = generatorModel(EXPERIMENT);

if (import.meta.main) await runGeneration(EXPERIMENT);
