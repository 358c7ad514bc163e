/**
 * A binary autoencoder: image -> 48 signs, [3, 4, 4] -> image.
 *
 * After: the BL-AE of Zhao & Basu (2025), arXiv 2506.21731: a signed binary latent small enough to be read as a
 * sequence of tokens. Its network is Table 1 of the first assignment, `--architecture table1`; how its decoder learns
 * to do with signs is, as in the authors' later code (localAuto, ICPR 2026), noise on the latents, `--recipe noise`.
 *
 * Departures, by default: a dense network; the gradient passes the sign by the straight-through estimator (Bengio et
 * al. 2013) of tanh; the loss is the mean over images of log(MSE + 1e-5), which is PSNR itself up to its sign and
 * scale, so that every decibel of every image counts alike; layer normalization; and codes that are fixed after the
 * first `settle` share of the steps, where two images with one code are told apart. Up to there the encoder finds a
 * code for every image; from there on the decoder learns a plain function of fixed codes, that is, it remembers. On
 * 1,024 images and equal steps that alone is worth 4 dB, layer normalization with that loss 3 dB, and a leaky slope of
 * 0.01 instead of 0.2 another 3 dB. `--search` then looks for better codes than the encoder's, of images that it
 * learned and of others: the encoder is a quick guess, and its signs are 1.8 dB off for images that it did not learn.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { CODE_SHAPE } from "../data/sequences.ts";
import { compile } from "../engine/device.ts";
import { adam, cosineRate, type Optimizer, type Weights } from "../engine/optimizers.ts";
import { normal } from "../engine/random.ts";
import { sign } from "../layers/sign.ts";
import { epochBatches } from "../run/batches.ts";
import type { AutoencoderPart } from "../run/image_source.ts";
import { restored } from "../run/model_file.ts";
import {
  autoencoderModel,
  learnImages,
  type ReconstructionExperiment,
  type ReconstructionFit,
  runReconstruction,
} from "../run/reconstruction.ts";
import { choice, type FlagValues, integer, number, UsageError } from "../run/task.ts";
import { train } from "../run/training.ts";
import {
  type Coded,
  decodeCodes,
  encodeImages,
  reconstruct,
  squaredErrors,
} from "./binary_autoencoder/coding.ts";
import { measureCodes } from "./binary_autoencoder/measure_codes.ts";
import {
  buildNetwork,
  type ImageShape,
  type Network,
  type NetworkConfig,
} from "./binary_autoencoder/networks.ts";
import { autoencoderFigures, describeAutoencoder } from "./binary_autoencoder/report.ts";
import { searchCodes } from "./binary_autoencoder/search_codes.ts";

// What a trained autoencoder can do.
export { type Coded, decodeCodes, reconstruct };

const ARCHITECTURES = ["dense", "table1"] as const;
const RECIPES = ["straight-through", "noise"] as const;

/** Everything that decides what is built and how it learns. */
export interface AutoencoderConfig {
  readonly model: "binary-autoencoder";
  readonly image: ImageShape;
  readonly network: NetworkConfig;
  /** What the decoder sees while the encoder learns: signs, or tanh of the latents and noise. */
  readonly recipe: typeof RECIPES[number];
  /** Images in one step (or all of them, where there are fewer). */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  /** Share of the steps after which the codes are fixed; 1: never. */
  readonly settle: number;
  readonly seed: number;
}

// Without defaults of their own, so that a run that gives none is also that of a sequence task.
const FLAGS = {
  architecture: choice(ARCHITECTURES, { help: "the network (default: dense)" }),
  width: number({
    min: 0.001,
    max: 4,
    help: "multiplies the channels of --architecture table1 (default: 1)",
  }),
  recipe: choice(RECIPES, { help: "how the decoder learns to do with signs (default: straight-through)" }),
  hidden: integer({ min: 1, help: "units of each hidden layer of the dense network (default: 512)" }),
  batch: integer({ min: 1, help: "images in one step (default: 128, or 64 for --architecture table1)" }),
  settle: number({ min: 0, max: 1, help: "share of the steps after which codes are fixed (default: 0.4)" }),
  search: integer({ min: 0, help: "rounds of a search for better codes than the encoder's (default: 0)" }),
};

/** What decides what is built. Absent ones are the default. */
export type AutoencoderChoice = Partial<FlagValues<typeof FLAGS>> & { readonly seed: number };

/**
 * The configuration of a choice. The dense one reaches the goal of 25 dB with a distinct code for each of 1,024
 * images. The step that a network bears shrinks with the number of inputs that its units sum.
 *
 * @throws {UsageError} where a flag is of another architecture.
 */
export function configOf(image: ImageShape, choice: AutoencoderChoice): AutoencoderConfig {
  const { seed, architecture = "dense", width = 1, recipe = "straight-through", settle = 0.4 } = choice;
  const { hidden = 512, batch = architecture === "dense" ? 128 : 64 } = choice;
  if (architecture === "dense" && choice.width !== undefined) {
    throw new UsageError("--width is of the other network: add --architecture table1, or leave it out");
  }
  if (architecture === "table1" && choice.hidden !== undefined) {
    throw new UsageError("--hidden is of the other network: leave out --architecture table1, or use --width");
  }
  const { height, width: columns, channels } = image;
  const dimensions = CODE_SHAPE[0];
  return {
    model: "binary-autoencoder",
    image: { height, width: columns, channels },
    network: architecture === "dense"
      ? { architecture, hidden, dimensions }
      : { architecture, width, dimensions },
    recipe,
    batch,
    learningRate: Math.min(4e-3, architecture === "dense" ? 2.048 / hidden : 2e-4 / width),
    settle,
    seed,
  };
}

const WARMUP_STEPS = 50;
/** Standard deviation of the noise, and weight of the latents' size, of the recipe "noise". */
const NOISE = 0.1, LATENT_WEIGHT = 0.1;

/** An autoencoder: its configuration, and its network with the weights. */
export interface Autoencoder {
  readonly config: AutoencoderConfig;
  readonly network: Network;
  /** Those of the encoder and of the decoder. */
  readonly weights: Weights;
}

/**
 * Allocates the weights. Equal configs give equal weights.
 *
 * @throws {RangeError} where the images do not fit into the network.
 */
export function build(config: AutoencoderConfig): Autoencoder {
  const { image, network: chosen, recipe, seed } = config;
  if (!ARCHITECTURES.includes(chosen?.architecture) || !RECIPES.includes(recipe)) {
    throw new RangeError(
      "Cannot build an autoencoder whose network is not known here: train the autoencoder again",
    );
  }
  const network = buildNetwork(chosen, { image, random: stream(seed).fork("init") });
  return { config, network, weights: { ...network.encoder, ...network.decoder } };
}

/** Mean over images of log(MSE + 1e-5), nats: 25 dB is -5.75, 35 dB -8.03. */
function logError(framed: tf.Tensor, drawn: tf.Tensor): tf.Scalar {
  return tf.mean(tf.log(tf.add(squaredErrors(framed, drawn), 1e-5)));
}

/** MSE of levels in -1..1, as the authors' code has them: 4 times that of levels in 0..1. */
function plainError(framed: tf.Tensor, drawn: tf.Tensor): tf.Scalar {
  return tf.mul(4, tf.mean(squaredErrors(framed, drawn)));
}

/** The loss of a decoder that draws `framed` images from `codes`. */
export function decoderLoss(model: Autoencoder, framed: tf.Tensor, codes: tf.Tensor2D): tf.Scalar {
  const error = model.config.recipe === "noise" ? plainError : logError;
  return tf.tidy(() => error(framed, model.network.decode(codes)));
}

/** The loss of encoder and decoder on images [B, pixels]. `counter`, int32 [], numbers the steps for the noise. */
export function loss(model: Autoencoder, images: tf.Tensor2D, counter: tf.Scalar): tf.Scalar {
  const { config: { recipe, seed }, network } = model;
  return tf.tidy(() => {
    const framed = network.frame(images), latents = network.encode(framed);
    if (recipe === "straight-through") return decoderLoss(model, framed, sign(latents));
    const b = tf.tanh(latents);
    const noise = normal(b.shape, { random: stream(seed).fork("noise"), counter });
    const drawn = decoderLoss(model, framed, tf.add(b, tf.mul(noise, NOISE)));
    return tf.add(drawn, tf.mul(LATENT_WEIGHT, tf.mean(tf.square(b))));
  });
}

/** One update of encoder and decoder together on the rows `index`, int32 [B], of images [N, pixels]: to be compiled. */
export function trainingStep(model: Autoencoder, options: {
  readonly images: tf.Tensor2D;
  readonly optimizer: Optimizer;
}): (
  inputs: { readonly index: tf.Tensor1D; readonly rate: tf.Scalar; readonly counter: tf.Scalar },
) => { loss: tf.Tensor } {
  const { images, optimizer } = options, weights = Object.values(model.weights);
  return ({ index, rate, counter }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(images, index), counter),
      weights,
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  };
}

/**
 * Trains in two phases: encoder and decoder together up to the share `settle` of the steps; then the codes are told
 * apart and fixed, and the decoder alone learns to turn them into the images.
 */
export async function fit(model: Autoencoder, options: ReconstructionFit): Promise<void> {
  const { run, images: _, steps, ...training } = options, { device } = training;
  const { network, weights, config: { learningRate, settle, seed } } = model;
  const count = options.images.length / network.pixels;
  const batch = Math.min(model.config.batch, count);
  const images = tf.tensor2d(options.images, [count, network.pixels]);
  const optimizer = adam(weights);
  const index = { shape: [batch], dtype: "int32" } as const, rate = { shape: [] } as const;

  const together = await compile(device, trainingStep(model, { images, optimizer }), {
    index,
    rate,
    counter: { shape: [], dtype: "int32" },
  });

  async function decoderAlone() {
    await device.pull(Object.values(weights));
    const codes = await encodeImages(model, { device, images: options.images, apart: true });
    const fixed = tf.tensor2d(Float32Array.from(codes), [count, network.bits]);
    const step = await compile(device, ({ index, rate }) => {
      const { value, grads } = tf.variableGrads(() => {
        return decoderLoss(model, network.frame(tf.gather(images, index)), tf.gather(fixed, index));
      }, Object.values(network.decoder));
      optimizer.applyGradients(grads, rate);
      return { loss: value };
    }, { index, rate });
    return { step, fixed };
  }

  let alone: Awaited<ReturnType<typeof decoderAlone>> | undefined;
  const rows = epochBatches(stream(seed).fork("batches"), { count, batch });
  await train(run, {
    ...training,
    phase: "autoencoder",
    steps,
    variables: { ...weights, ...optimizer.slots },
    step: async (t, steps) => {
      const rate = Float32Array.of(cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS }));
      if (t < Math.round(settle * steps)) {
        return await together.run({ index: rows(t), rate, counter: Int32Array.of(t) });
      }
      alone ??= await decoderAlone();
      await alone.step.run({ index: rows(t), rate });
    },
    read: async () => ({
      loss: [...(await together.read()).loss ?? [], ...(await alone?.step.read())?.loss ?? []],
    }),
  });
  together.dispose();
  alone?.step.dispose();
  alone?.fixed.dispose();
  images.dispose();
  optimizer.dispose();
}

/** The experiment of `train-autoencoder`. */
export const EXPERIMENT = {
  name: "train-autoencoder",
  summary: "Train a binary autoencoder: every image through 48 signs and back.",
  flags: FLAGS,
  configure: configOf,
  build,
  describe: ({ config, network }, { images, flags: { search = 0 } }) =>
    describeAutoencoder(config, {
      images,
      network,
      code: [network.encode, network.decode, sign, loss, decoderLoss, ...search === 0 ? [] : [searchCodes]],
      noise: { deviation: NOISE, latentWeight: LATENT_WEIGHT },
      search,
    }),
  defaultSteps: (count) => Math.max(1500, Math.round(1.5 * count)),
  fit,
  redrawn: ({ network }, images) =>
    network.picture(network.decode(sign(network.encode(network.frame(images))))),
  measure: measureCodes,
  figures: autoencoderFigures,
} satisfies ReconstructionExperiment<Autoencoder, typeof FLAGS>;

/** The model that a run's weights hold, which must be those of a binary autoencoder. */
export function loadAutoencoder(folder: string): Promise<Autoencoder> {
  return restored(folder, { build, kind: "binary-autoencoder" });
}

/** What the sequence models need of the autoencoder. */
export const AUTOENCODER_PART: AutoencoderPart = {
  task: EXPERIMENT.name,
  config: configOf,
  train: (run, options) => learnImages(EXPERIMENT, run, options),
  encode: (folder, options) => loaded(folder, (model) => encodeImages(model, options)),
  decode: (folder, options) => loaded(folder, (model) => decodeCodes(model, options)),
};

/** What is made with an autoencoder that is gone afterwards: a step compiled later would copy its weights. */
async function loaded<Made>(folder: string, make: (model: Autoencoder) => Promise<Made>): Promise<Made> {
  const model = await loadAutoencoder(folder);
  const made = await make(model);
  tf.dispose(model.weights);
  return made;
}

export const MODEL = autoencoderModel(EXPERIMENT, (model, device) => ({
  /** Codes and reconstructions of images [count, pixels] in 0..1. */
  reconstruct: (images: Float32Array): Promise<Coded> => reconstruct(model, { device, images }),
  /** Images [count, pixels] in 0..1 of codes [count, 3, 4, 4]. */
  decode: (codes: Int8Array): Promise<Float32Array> => decodeCodes(model, { device, codes }),
}));

if (import.meta.main) await runReconstruction(EXPERIMENT);
