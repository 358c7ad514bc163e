/**
 * A binary autoencoder: image -> 48 signs, [3, 4, 4] -> image.
 *
 * After: the BL-AE of Zhao & Basu (2025), arXiv 2506.21731: a signed binary latent small enough to be read as a
 * sequence of tokens. The gradient passes the sign by the straight-through estimator (Bengio et al. 2013) of tanh.
 *
 * Departures: a dense network; the loss is the mean over images of log(MSE + 1e-5), which is PSNR itself up to its
 * sign and scale, so that every decibel of every image counts alike; layer normalization; and codes that are fixed
 * after the first `settle` share of the steps. Up to there the encoder finds a code for every image; from there on the
 * decoder learns a plain function of fixed codes, that is, it remembers. On 1,024 images and equal steps that alone
 * is worth 4 dB, layer normalization with that loss 3 dB, and a leaky slope of 0.01 instead of 0.2 another 3 dB.
 */
import * as tf from "@tensorflow/tfjs";
import { type Random, stream } from "../base/random.ts";
import { writeAtomically } from "../base/files.ts";
import type { ImageSet } from "../data/images.ts";
import { CODE_SHAPE } from "../data/sequences.ts";
import { compile, type Device } from "../engine/device.ts";
import { openDevice } from "../engine/open.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { distinctRows, psnr } from "../metrics/mod.ts";
import { epochBatches } from "../run/batches.ts";
import { imageGrid, imagesOf } from "../report/grid.ts";
import { writeCodes } from "../run/codes.ts";
import { openTrainingImages } from "../run/images.ts";
import type { AutoencoderPart } from "../run/image_source.ts";
import { assignVariables, readWeights, type Run } from "../run/run.ts";
import { commonFlags, type FlagValues, integer, runTask } from "../run/task.ts";
import { train } from "../run/training.ts";
import { type Description, type Layer, layerTable, writeReport } from "../run/write_report.ts";

/** Everything that decides what is built and how it learns. */
export interface AutoencoderConfig {
  readonly model: "binary-autoencoder";
  /** Numbers in one image: height x width x channels; grey levels in 0..1. */
  readonly pixels: number;
  /** Units of each of the three hidden layers. */
  readonly hidden: number;
  /** Images in one step (or all of them, where there are fewer). */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  /** Share of the steps after which the codes are fixed. */
  readonly settle: number;
  readonly seed: number;
}

/** The configuration that reaches the goal of 25 dB with a distinct code for each of 1,024 images. */
export const AUTOENCODER: Omit<AutoencoderConfig, "seed"> = Object.freeze({
  model: "binary-autoencoder",
  pixels: 28 * 28,
  hidden: 512,
  batch: 128,
  learningRate: 4e-3,
  settle: 0.4,
});

/** Signs in one code. */
export const CODE_BITS = CODE_SHAPE[0] * CODE_SHAPE[1] * CODE_SHAPE[2];
const LEAK = 0.01;
const WARMUP_STEPS = 50;
/** Images evaluated at once. */
const EVALUATION_BATCH = 512;

/** An autoencoder: its configuration and its weights. */
export interface Autoencoder {
  readonly config: AutoencoderConfig;
  readonly encoder: Weights;
  readonly decoder: Weights;
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: AutoencoderConfig): Autoencoder {
  const { pixels, hidden, seed } = config;
  const random = stream(seed).fork("init");
  return {
    config,
    encoder: {
      ...dense(random, "encoder1", pixels, hidden),
      ...normalization("encoder1", hidden),
      ...dense(random, "encoder2", hidden, CODE_BITS),
    },
    decoder: {
      ...dense(random, "decoder1", CODE_BITS, hidden),
      ...normalization("decoder1", hidden),
      ...dense(random, "decoder2", hidden, hidden),
      ...normalization("decoder2", hidden),
      ...dense(random, "decoder3", hidden, pixels),
    },
  };
}

/** Uniform in ±1/sqrt(inputs), kernels and biases alike: what makes each layer's outputs about as large as its inputs. */
function dense(random: Random, layer: string, inputs: number, outputs: number): Weights {
  const limit = 1 / Math.sqrt(inputs), draw = random.fork(layer);
  return {
    [`${layer}/kernel`]: tf.variable(tf.tensor2d(draw.uniforms(inputs * outputs, limit), [inputs, outputs])),
    [`${layer}/bias`]: tf.variable(tf.tensor1d(draw.uniforms(outputs, limit))),
  };
}

function normalization(layer: string, units: number): Weights {
  return {
    [`${layer}/gain`]: tf.variable(tf.ones([units])),
    [`${layer}/shift`]: tf.variable(tf.zeros([units])),
  };
}

/** x [B, inputs] -> [B, outputs] */
function linear(weights: Weights, layer: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(x, weights[`${layer}/kernel`] as tf.Tensor2D), weights[`${layer}/bias`]);
}

/** Linear, layer normalization (Ba et al. 2016), LeakyReLU. */
function hiddenLayer(weights: Weights, layer: string, input: tf.Tensor2D): tf.Tensor2D {
  const x = linear(weights, layer, input); // [B, H]
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.leakyRelu(tf.add(tf.mul(normal, weights[`${layer}/gain`]), weights[`${layer}/shift`]), LEAK);
}

/** Images [B, pixels] in 0..1 -> latents [B, 48]: their signs are the code. */
export function encode(model: Autoencoder, images: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => linear(model.encoder, "encoder2", hiddenLayer(model.encoder, "encoder1", images)));
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

/** Codes [B, 48] of signs -> images [B, pixels] in 0..1. */
export function decode(model: Autoencoder, codes: tf.Tensor2D): tf.Tensor2D {
  const { decoder } = model;
  return tf.tidy(() => {
    const hidden = hiddenLayer(decoder, "decoder2", hiddenLayer(decoder, "decoder1", codes));
    return tf.sigmoid(linear(decoder, "decoder3", hidden)) as tf.Tensor2D;
  });
}

/** Mean over images of log(MSE + 1e-5), nats: 25 dB is -5.75, 35 dB -8.03. */
export function loss(images: tf.Tensor2D, reconstructions: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const errors = tf.mean(tf.squaredDifference(images, reconstructions), 1); // [B]
    return tf.mean(tf.log(tf.add(errors, 1e-5))) as tf.Scalar;
  });
}

/** Images as numbers in 0..1, [count, pixels]: what the network sees. */
export function levels(images: ImageSet): Float32Array {
  return Float32Array.from(images.pixels, (byte) => byte / 255);
}

/** What an autoencoder makes of images. */
export interface Coded {
  /** [count, 3, 4, 4], -1 or +1. */
  readonly codes: Int8Array;
  /** [count, pixels] in 0..1. */
  readonly reconstructions: Float32Array;
}

/** Codes and reconstructions of images [count, pixels] in 0..1. */
export async function reconstruct(
  model: Autoencoder,
  options: { readonly device: Device; readonly images: Float32Array },
): Promise<Coded> {
  const { device } = options, { pixels } = model.config;
  const count = options.images.length / pixels, batch = Math.min(EVALUATION_BATCH, count);
  const images = tf.tensor2d(options.images, [count, pixels]);
  const evaluate = await compile(device, ({ index }) => {
    const codes = sign(encode(model, tf.gather(images, index as tf.Tensor1D)));
    return { codes, reconstructions: decode(model, codes) };
  }, { index: { shape: [batch], dtype: "int32" } });
  const { codes, reconstructions } = await overRows(evaluate, {
    count,
    batch,
    inputs: (index) => ({ index }),
  });
  evaluate.dispose();
  images.dispose();
  return { codes: Int8Array.from(codes), reconstructions: reconstructions as Float32Array };
}

/** Images [count, pixels] in 0..1 of codes [count, 3, 4, 4]. */
export async function decodeCodes(
  model: Autoencoder,
  options: { readonly device: Device; readonly codes: Int8Array },
): Promise<Float32Array> {
  const { device } = options;
  const count = options.codes.length / CODE_BITS, batch = Math.min(EVALUATION_BATCH, count);
  const codes = tf.tensor2d(Float32Array.from(options.codes), [count, CODE_BITS]);
  const evaluate = await compile(
    device,
    ({ index }) => ({ images: decode(model, tf.gather(codes, index as tf.Tensor1D)) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  const { images } = await overRows(evaluate, { count, batch, inputs: (index) => ({ index }) });
  evaluate.dispose();
  codes.dispose();
  return images as Float32Array;
}

/**
 * Trains in two phases: encoder and decoder together up to the share `settle` of the steps; then the codes are fixed,
 * and the decoder alone learns to turn them into the images.
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
  const { pixels, learningRate, settle, seed } = model.config;
  const count = options.images.length / pixels, batch = Math.min(model.config.batch, count);
  const settled = Math.round(settle * steps);
  const images = tf.tensor2d(options.images, [count, pixels]);
  const weights = { ...model.encoder, ...model.decoder };
  const optimizer = adam(weights);
  const inputs = { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } } as const;

  const together = await compile(device, ({ index, rate }) => {
    const { value, grads } = tf.variableGrads(() => {
      const x = tf.gather(images, index as tf.Tensor1D);
      return loss(x, decode(model, sign(encode(model, x))));
    }, Object.values(weights));
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  }, inputs);

  async function decoderAlone(): Promise<typeof together> {
    await device.pull(Object.values(weights));
    const { codes } = await reconstruct(model, { device, images: options.images });
    const fixed = tf.tensor2d(Float32Array.from(codes), [count, CODE_BITS]);
    return await compile(device, ({ index, rate }) => {
      const { value, grads } = tf.variableGrads(
        () =>
          loss(
            tf.gather(images, index as tf.Tensor1D),
            decode(model, tf.gather(fixed, index as tf.Tensor1D)),
          ),
        Object.values(model.decoder),
      );
      optimizer.applyGradients(grads, rate as tf.Scalar);
      return { loss: value };
    }, inputs);
  }

  let alone: typeof together | undefined;
  const rows = epochBatches(stream(seed).fork("batches"), { count, batch });
  await train(run, {
    phase: "autoencoder",
    steps,
    budget,
    device,
    variables: { ...weights, ...optimizer.slots },
    step: async (t) => {
      if (t >= settled) alone ??= await decoderAlone();
      const rate = cosineRate(t, { steps, peak: learningRate, warmup: WARMUP_STEPS });
      await (alone ?? together).run({ index: rows(t), rate: Float32Array.of(rate) });
    },
    read: async () => ({
      loss: [...(await together.read()).loss ?? [], ...(await alone?.read())?.loss ?? []],
    }),
  });
  together.dispose();
  alone?.dispose();
  images.dispose();
  optimizer.dispose();
}

/** Steps that bring an autoencoder of `count` images to its goal. */
export function defaultSteps(count: number): number {
  return Math.max(1500, Math.round(1.5 * count));
}

const FLAGS = {
  ...commonFlags,
  steps: integer({ min: 1, help: "optimizer updates (default: 1,500, or 1.5 an image where that is more)" }),
};

/** The flags of `train-autoencoder`: what decides which autoencoder comes out. */
export type AutoencoderFlags = FlagValues<typeof FLAGS>;

/** Network table of a configuration. */
function layers({ pixels, hidden }: AutoencoderConfig): Layer[] {
  const [channels, height, width] = CODE_SHAPE;
  const block = (name: string, inputs: number): Layer[] => [
    { type: name, weight: `${inputs} x ${hidden}`, output: `N x ${hidden}` },
    { type: "LayerNorm, LeakyReLU 0.01", weight: `2 x ${hidden}`, output: `N x ${hidden}` },
  ];
  return [
    { type: "Input", output: `N x ${pixels}` },
    ...block("Encoder: Linear", pixels),
    { type: "Linear", weight: `${hidden} x ${CODE_BITS}`, output: `N x ${channels} x ${height} x ${width}` },
    { type: "Sign (straight-through tanh)", output: `N x ${channels} x ${height} x ${width}` },
    ...block("Decoder: Linear", CODE_BITS),
    ...block("Linear", hidden),
    { type: "Linear, Sigmoid", weight: `${hidden} x ${pixels}`, output: `N x ${pixels}` },
  ];
}

function describe(model: Autoencoder, images: ImageSet): Description {
  const { config } = model;
  return {
    title: `Binary autoencoder of ${images.count.toLocaleString("en-US")} ${images.name} images`,
    abstract:
      "Each image is put through a bottleneck of 48 signs and drawn again from these alone. How well that works, " +
      "and whether each image keeps a code of its own, decides what a sequence model of the codes can remember.",
    method: [
      "The sign has no slope, so its gradient is taken to be that of tanh, the straight-through estimator [@ste]. " +
      "The loss is the mean over images of $\\log(MSE + 10^{-5})$: PSNR up to a factor, so every decibel of " +
      `every image counts alike. After ${
        Math.round(100 * config.settle)
      } % of the steps the codes are fixed, ` +
      "and the decoder alone goes on learning: from there on it learns a plain function by heart.",
      `Adam [@adam], ${config.learningRate} decaying by half a cosine, batches of ${config.batch}, layer ` +
      "normalization [@layernorm] in every hidden layer. PSNR is the mean over all training images of " +
      "$10 \\log_{10}(1 / MSE)$ with grey levels in 0..1, without padding.",
    ],
    formula: {
      formula: "\\hat{x} = D(sign(E(x)))",
      text: "$E$ is the encoder, $D$ the decoder; the code $sign(E(x))$ has shape 3 x 4 x 4.",
    },
    layers: layers(config),
    parameters: parameterCount(model),
    code: [encode, sign, decode, loss],
    references: [
      {
        key: "ste",
        authors: "Bengio, Léonard, Courville",
        year: 2013,
        title: "Estimating or propagating gradients through stochastic neurons for conditional computation",
        venue: "arXiv 1308.3432",
      },
      {
        key: "adam",
        authors: "Kingma, Ba",
        year: 2015,
        title: "Adam: a method for stochastic optimization",
        venue: "ICLR",
      },
      {
        key: "layernorm",
        authors: "Ba, Kiros, Hinton",
        year: 2016,
        title: "Layer normalization",
        venue: "arXiv 1607.06450",
      },
    ],
  };
}

/** Number of trained numbers. */
export function parameterCount({ encoder, decoder }: Autoencoder): number {
  return Object.values({ ...encoder, ...decoder }).reduce((sum, weight) => sum + weight.size, 0);
}

/** Trains, measures and writes everything that belongs into the folder of an autoencoder's run. */
export async function runAutoencoder(run: Run, options: {
  readonly device: Device;
  readonly images: ImageSet;
  readonly flags: Pick<AutoencoderFlags, "seed" | "steps" | "budget">;
}): Promise<Autoencoder> {
  const { device, images, flags } = options;
  const model = build({ ...AUTOENCODER, seed: flags.seed });
  const description = describe(model, images), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  const x = levels(images);
  await fit(model, {
    run,
    device,
    images: x,
    steps: flags.steps ?? defaultSteps(images.count),
    budget: flags.budget,
  });
  await run.saveWeights({ ...model.encoder, ...model.decoder }, {
    model: "binary-autoencoder",
    config: model.config,
  });
  const { codes, reconstructions } = await reconstruct(model, { device, images: x });
  await writeCodes(run, codes);
  const metrics = {
    psnr_db: psnr(x, reconstructions, { size: model.config.pixels, peak: 1 }),
    distinct_codes: distinctRows(codes, CODE_BITS).first.length,
    distinct_images: distinctRows(images.pixels, model.config.pixels).first.length,
  };
  const shown = Math.min(30, images.count), { pixels } = model.config;
  const shape = [shown, images.height, images.width];
  const originals = imagesOf(x.subarray(0, shown * pixels), shape);
  const drawn = imagesOf(reconstructions.subarray(0, shown * pixels), shape);
  const sheet = imageGrid({
    title: description.title,
    sections: [{
      caption: `Images, and below each its reconstruction from 48 bits: ${metrics.psnr_db.toFixed(2)} dB`,
      tiles: originals.map((image, index) => ({ image: [image, drawn[index]] })),
    }],
  });
  await writeAtomically(run.path("reconstructions.png"), sheet);
  await writeReport(run, {
    description,
    figures: [
      { label: "PSNR", value: `${metrics.psnr_db.toFixed(2)} dB`, note: "mean over all training images" },
      {
        label: "distinct codes",
        value: metrics.distinct_codes.toLocaleString("en-US"),
        note: `of ${metrics.distinct_images.toLocaleString("en-US")} distinct images`,
      },
    ],
    results: [{
      title: "Reconstructions",
      blocks: [{ kind: "picture", png: sheet, alt: "Training images and their reconstructions" }],
    }],
  });
  await run.finish({ metrics, parameters });
  run.note(
    `PSNR ${metrics.psnr_db.toFixed(2)} dB, ${metrics.distinct_codes} distinct codes ` +
      `for ${metrics.distinct_images} distinct images`,
  );
  return model;
}

/** The model that a run's weights hold. */
export async function loadAutoencoder(folder: string): Promise<Autoencoder> {
  const { tensors, metadata } = await readWeights(folder);
  if (metadata.model !== "binary-autoencoder") {
    throw new Error(
      `Cannot use ${folder} as an autoencoder as it holds a ${metadata.model ?? "model without a name"}`,
    );
  }
  const model = build(JSON.parse(metadata.config) as AutoencoderConfig);
  assignVariables({ ...model.encoder, ...model.decoder }, tensors, folder);
  return model;
}

/** What the sequence models need of the autoencoder. */
export const AUTOENCODER_PART: AutoencoderPart = {
  task: "train-autoencoder",
  config: ({ seed }) => ({ ...AUTOENCODER, seed }),
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
      const images = await openTrainingImages(flags);
      await using device = await openDevice(flags.device, flags);
      await run.configure({ dataset: images, device, model: { ...AUTOENCODER, seed: flags.seed } });
      await runAutoencoder(run, { device, images, flags });
    },
  });
}
