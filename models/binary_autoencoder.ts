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
import { IMAGE_DATASETS, type ImageSet, openImages } from "../data/images.ts";
import { CODE_SHAPE } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Optimizer } from "../engine/optimizers.ts";
import { normal } from "../engine/random.ts";
import { distinctRows, psnr } from "../metrics/mod.ts";
import { epochBatches } from "../run/batches.ts";
import { openTaskDevice } from "../run/device.ts";
import { writeCodes } from "../run/codes.ts";
import { openTrainingImages } from "../run/images.ts";
import type { AutoencoderPart } from "../run/image_source.ts";
import { assignVariables, readWeights, type Run } from "../run/run.ts";
import { choice, commonFlags, type FlagValues, integer, number, runTask, UsageError } from "../run/task.ts";
import { train } from "../run/training.ts";
import { layerTable } from "../run/write_report.ts";
import {
  type Coded,
  decodeCodes,
  encodeImages,
  reconstruct,
  redraw,
  squaredErrors,
} from "./binary_autoencoder/coding.ts";
import {
  type AutoencoderMetrics,
  describeAutoencoder,
  inOneLine,
  writeAutoencoderReport,
} from "./binary_autoencoder/report.ts";
import {
  dense,
  type DenseConfig,
  type ImageShape,
  type Network,
  table1,
  type Table1Config,
} from "./binary_autoencoder/networks.ts";
import { searchCodes, type SearchProgress } from "./binary_autoencoder/search_codes.ts";

// What a trained autoencoder can do.
export { type Coded, decodeCodes, reconstruct };

const ARCHITECTURES = ["dense", "table1"] as const;
const RECIPES = ["straight-through", "noise"] as const;

/** Everything that decides what is built and how it learns. */
export interface AutoencoderConfig {
  readonly model: "binary-autoencoder";
  readonly image: ImageShape;
  readonly network: DenseConfig | Table1Config;
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

/** The flags that decide what is built. Absent ones are the default. */
export interface AutoencoderChoice {
  readonly seed: number;
  readonly architecture?: typeof ARCHITECTURES[number];
  readonly width?: number;
  readonly recipe?: typeof RECIPES[number];
  readonly settle?: number;
  readonly hidden?: number;
  readonly batch?: number;
}

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

/** Signs in one code. */
export const CODE_BITS = CODE_SHAPE[0] * CODE_SHAPE[1] * CODE_SHAPE[2];
const WARMUP_STEPS = 50;
/** Standard deviation of the noise, and weight of the latents' size, of the recipe "noise". */
const NOISE = 0.1, LATENT_WEIGHT = 0.1;

/** An autoencoder: its configuration, and its network with the weights. */
export interface Autoencoder {
  readonly config: AutoencoderConfig;
  readonly network: Network;
}

/**
 * Allocates the weights. Equal configs give equal weights.
 *
 * @throws {RangeError} where the images do not fit into the network.
 */
export function build(config: AutoencoderConfig): Autoencoder {
  const { image, network, seed } = config;
  const options = { image, random: stream(seed).fork("init") };
  return {
    config,
    network: network.architecture === "dense" ? dense(network, options) : table1(network, options),
  };
}

/** Everything that is trained, by name. */
export function weightsOf({ network }: Autoencoder): Network["encoder"] {
  return { ...network.encoder, ...network.decoder };
}

/** The sign of each latent, -1 or +1 (0 gives +1); backwards, the gradient of tanh. */
export function sign(latents: tf.Tensor2D): tf.Tensor2D {
  const straightThrough = tf.customGrad((x, save) => {
    (save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]);
    return {
      value: tf.sub(tf.mul(tf.cast(tf.greaterEqual(x as tf.Tensor, 0), "float32"), 2), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sub(1, tf.square(tf.tanh(saved[0])))),
    };
  });
  return straightThrough(latents) as tf.Tensor2D;
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

/** Images as numbers in 0..1, [count, pixels]. */
export function levels(images: ImageSet): Float32Array {
  return Float32Array.from(images.pixels, (byte) => byte / 255);
}

/** One update of encoder and decoder together on the rows `index`, int32 [B], of images [N, pixels]: to be compiled. */
export function trainingStep(model: Autoencoder, options: {
  readonly images: tf.Tensor2D;
  readonly optimizer: Optimizer;
}): (
  inputs: { readonly index: tf.Tensor; readonly rate: tf.Tensor; readonly counter: tf.Tensor },
) => { loss: tf.Tensor } {
  const { images, optimizer } = options, weights = Object.values(weightsOf(model));
  return ({ index, rate, counter }) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, tf.gather(images, index as tf.Tensor1D), counter as tf.Scalar),
      weights,
    );
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  };
}

/**
 * Trains in two phases: encoder and decoder together up to the share `settle` of the steps; then the codes are told
 * apart and fixed, and the decoder alone learns to turn them into the images.
 */
export async function fit(
  model: Autoencoder,
  options: {
    readonly run: Run;
    readonly device: Device;
    /** [count, pixels] in 0..1. */
    readonly images: Float32Array;
    readonly steps: number;
    readonly budget?: number;
  },
): Promise<void> {
  const { run, device, steps, budget } = options;
  const { network, config: { learningRate, settle, seed } } = model;
  const count = options.images.length / network.pixels;
  const batch = Math.min(model.config.batch, count);
  const images = tf.tensor2d(options.images, [count, network.pixels]);
  const weights = weightsOf(model), optimizer = adam(weights);
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
        const rows = index as tf.Tensor1D;
        return decoderLoss(model, network.frame(tf.gather(images, rows)), tf.gather(fixed, rows));
      }, Object.values(network.decoder));
      optimizer.applyGradients(grads, rate as tf.Scalar);
      return { loss: value };
    }, { index, rate });
    return { step, fixed };
  }

  let alone: Awaited<ReturnType<typeof decoderAlone>> | undefined;
  const rows = epochBatches(stream(seed).fork("batches"), { count, batch });
  await train(run, {
    phase: "autoencoder",
    steps,
    budget,
    device,
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

/** Steps that bring an autoencoder of `count` images to its goal. */
export function defaultSteps(count: number): number {
  return Math.max(1500, Math.round(1.5 * count));
}

const FLAGS = {
  ...commonFlags,
  dataset: choice(IMAGE_DATASETS, { default: "digits", help: "what to learn" }),
  steps: integer({ min: 1, help: "optimizer updates (default: 1,500, or 1.5 an image where that is more)" }),
  // Without defaults of their own, so that a run that gives none is also that of a sequence task.
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

/** The flags of `train-autoencoder`: what decides which autoencoder comes out. */
export type AutoencoderFlags = FlagValues<typeof FLAGS>;

/** Trains, measures and writes everything that belongs into the folder of an autoencoder's run. */
export async function runAutoencoder(run: Run, options: {
  readonly device: Device;
  readonly images: ImageSet;
  /** Images to measure on that it does not learn. */
  readonly heldOut?: ImageSet;
  readonly flags: AutoencoderChoice & Pick<AutoencoderFlags, "steps" | "budget"> & {
    readonly search?: number;
  };
}): Promise<Autoencoder> {
  const { device, images, heldOut, flags } = options, { search = 0 } = flags;
  const model = build(configOf(images, flags)), weights = weightsOf(model);
  const parameters = Object.values(weights).reduce((sum, weight) => sum + weight.size, 0);
  const { encode, decode } = model.network;
  const description = describeAutoencoder(model.config, {
    images,
    parameters,
    code: [encode, decode, sign, loss, decoderLoss, ...search === 0 ? [] : [searchCodes]],
    noise: { deviation: NOISE, latentWeight: LATENT_WEIGHT },
    search,
  });
  run.note(layerTable(description.layers, parameters));
  await fit(model, {
    run,
    device,
    images: levels(images),
    steps: flags.steps ?? defaultSteps(images.count),
    budget: flags.budget,
  });
  await run.saveWeights(weights, { model: "binary-autoencoder", config: model.config });

  const { codes, reconstructions, framedErrors, ...learned } = await measure(model, {
    run,
    device,
    images,
    apart: model.config.settle < 1,
    search,
  });
  const unseen = heldOut && await measure(model, { run, device, images: heldOut, apart: false, search });
  await writeCodes(run, codes);
  // An image whose only pixel is off by the root of its mean squared error has the PSNR of the whole.
  const roots = framedErrors.map(Math.sqrt), zeros = new Float32Array(roots.length);
  const metrics = {
    psnr_db: learned.psnr,
    ...model.network.padded ? { psnr_padded_db: psnr(roots, zeros, { size: 1, peak: 1 }) } : {},
    ...search === 0 ? {} : { psnr_encoder_db: learned.encoderPsnr },
    distinct_codes: distinctRows(codes, CODE_BITS).first.length,
    distinct_images: distinctRows(images.pixels, model.network.pixels).first.length,
    ...unseen === undefined ? {} : { test_psnr_db: unseen.psnr },
    ...unseen === undefined || search === 0 ? {} : { test_psnr_encoder_db: unseen.encoderPsnr },
  } satisfies AutoencoderMetrics;
  await writeAutoencoderReport(run, { description, images, reconstructions, metrics });
  await run.finish({ metrics, parameters });
  run.note(inOneLine(metrics));
  return model;
}

/** What it makes of images, and the mean PSNR in dB of that and of the encoder's own codes. */
async function measure(model: Autoencoder, options: {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly apart: boolean;
  readonly search: number;
}): Promise<Coded & { readonly psnr: number; readonly encoderPsnr: number }> {
  const { run: { session }, device, images: { split }, apart, search } = options;
  const images = levels(options.images);
  const psnrOf = ({ reconstructions }: Coded): number =>
    psnr(images, reconstructions, { size: model.network.pixels, peak: 1 });
  const encoded = await reconstruct(model, { device, images, apart }), encoderPsnr = psnrOf(encoded);
  if (search === 0) return { ...encoded, psnr: encoderPsnr, encoderPsnr };
  let begun = performance.now();
  const onProgress = async ({ round, tried, open, improved }: SearchProgress): Promise<void> => {
    const now = performance.now();
    const position = {
      phase: `search ${round}/${search}, ${split} images`,
      step: tried,
      steps: open,
      seconds: (now - begun) / 1000,
      values: { improved },
    };
    if (tried < open) {
      session.progress.update(position);
    } else {
      session.progress.end(position);
      begun = now;
    }
    await session.pause();
  };
  const codes = await searchCodes(model.network, {
    device,
    images,
    codes: encoded.codes,
    rounds: search,
    onProgress,
  });
  const searched = await redraw(model, { device, images, codes });
  return { ...searched, psnr: psnrOf(searched), encoderPsnr };
}

/**
 * The model that a run's weights hold.
 *
 * @throws {Error} where they are those of another model, or of an autoencoder that this version does not know.
 */
export async function loadAutoencoder(folder: string): Promise<Autoencoder> {
  const { tensors, metadata } = await readWeights(folder);
  if (metadata.model !== "binary-autoencoder") {
    throw new Error(
      `Cannot use ${folder} as an autoencoder as it holds a ${metadata.model ?? "model without a name"}`,
    );
  }
  const config = JSON.parse(metadata.config) as AutoencoderConfig;
  if (!ARCHITECTURES.includes(config.network?.architecture) || !RECIPES.includes(config.recipe)) {
    throw new Error(`Cannot use ${folder} as its network is not known here: train the autoencoder again`);
  }
  const model = build(config);
  assignVariables(weightsOf(model), tensors, folder);
  return model;
}

/** What the sequence models need of the autoencoder. */
export const AUTOENCODER_PART: AutoencoderPart = {
  task: "train-autoencoder",
  config: configOf,
  train: runAutoencoder,
  decode: async (folder, { device, codes }) => {
    return await decodeCodes(await loadAutoencoder(folder), { device, codes });
  },
};

if (import.meta.main) {
  await runTask({
    name: "train-autoencoder",
    summary: "Train a binary autoencoder: every image through 48 signs and back.",
    flags: FLAGS,
    run: async (flags, run) => {
      const images = await openTrainingImages(flags), { dataset, dataDir } = flags;
      const heldOut = await openImages({ dataset, dataDir, split: "test" });
      const config = configOf(images, flags);
      await using device = await openTaskDevice(flags, run.session);
      await run.configure({ dataset: images, device, model: config });
      await runAutoencoder(run, { device, images, heldOut, flags });
    },
  });
}
