/**
 * The experiment of the autoencoders whose codes are real numbers: images -> a network with a bottleneck -> images, by
 * epochs over the whole training split, measured on the test images that it never saw.
 */
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { adam, cosineRate, type Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { type LayerRow, type Network, trained, type Training } from "../layers/layer.ts";
import { constantColumns, reconstructionErrors } from "../metrics/mod.ts";
import { type Image, imageGrid, imagesOf } from "../report/grid.ts";
import type { Block } from "../report/html.ts";
import { number as inWords } from "../report/numbers.ts";
import type { LinePlot } from "../report/plot.ts";
import { epochBatches } from "./batches.ts";
import { openTaskDevice } from "./device.ts";
import {
  chosenLevels,
  drawnImages,
  imageFlags,
  levels,
  openTestImages,
  openTrainingImages,
} from "./images.ts";
import { readLog } from "./log.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import type { Run } from "./run.ts";
import { type Flags, type FlagValues, integer, number, runTask } from "./task.ts";
import { logSpaced, train } from "./training.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** What every configuration of an autoencoder holds. */
export interface AutoencodingConfig {
  /** The model's name in the registry. */
  readonly model: string;
  /** [height, width, channels] of an image. */
  readonly image: readonly [number, number, number];
  /** Images in one step. */
  readonly batch: number;
  /** Adam step size at the start of the cosine schedule. */
  readonly learningRate: number;
  /** Adam's momentum, and how long it remembers the size of gradients. */
  readonly beta1: number;
  readonly beta2: number;
  /** Passes over the training images, unless `--steps` says how many steps. */
  readonly epochs: number;
  readonly seed: number;
}

/** An autoencoder: two networks and their weights in one table. */
export interface Autoencoder<Config extends AutoencodingConfig = AutoencodingConfig> {
  readonly config: Config;
  readonly encoder: Network;
  readonly decoder: Network;
  readonly weights: Weights;
}

/** What a model's file tells about its model. Images are levels in 0..1, [B, H, W, C]. */
export interface AutoencodingExperiment<Config extends AutoencodingConfig, F extends Flags> {
  /** As the task in deno.json. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  readonly configure: (flags: FlagValues<F>) => Omit<Config, "image" | "seed">;
  readonly build: (config: Config) => Autoencoder<Config>;
  /** What training minimizes, mean over the batch. */
  readonly loss: (model: Autoencoder<Config>, images: tf.Tensor4D, training: Training) => tf.Scalar;
  /** Images -> what stands in the bottleneck, [B, k]; of a VAE its mean. */
  readonly encode: (model: Autoencoder<Config>, images: tf.Tensor4D) => tf.Tensor2D;
  /** [B, k] -> images. */
  readonly decode: (model: Autoencoder<Config>, latents: tf.Tensor2D) => tf.Tensor4D;
  readonly describe: (model: Autoencoder<Config>) => Description;
  /** More of the report, such as a picture of the latents. */
  readonly results?: (
    model: Autoencoder<Config>,
    measured: Measured & { readonly device: Device },
  ) => Promise<readonly Block[]>;
}

/** What was measured on a set of images. */
export interface Measured {
  readonly images: ImageSet;
  /** [count, k]. */
  readonly latents: Float32Array;
  /** [count, H x W x C], levels. */
  readonly reconstructions: Float32Array;
}

/** The layer table of encoder and decoder, the decoder's input being the encoder's last row. */
export function rowsOf({ encoder, decoder }: Pick<Autoencoder, "encoder" | "decoder">): readonly LayerRow[] {
  return [...encoder.rows, ...decoder.rows.slice(1)];
}

/** Images evaluated at once. */
const EVALUATION_BATCH = 500;
/** Test images in a curve over training, and points on it. */
const CURVE_IMAGES = 1000, CURVE_POINTS = 15;
/** Steps in which the step size rises, at most, and as a share of all. */
const MOST_WARMUP = 100, WARMUP_SHARE = 0.1;
/** Test images on the sheet. */
const SHOWN = 10;

/** Flags that every autoencoder has. */
const AUTOENCODING_FLAGS = {
  ...imageFlags,
  count: integer({ min: 1, help: "how many images to learn (default: the whole training split)" }),
  steps: integer({ min: 1, help: "optimizer updates (default: those of --epochs)" }),
  epochs: integer({ min: 1, help: "passes over the training images (default: the model's own)" }),
  batch: integer({ min: 1, help: "images in one step (default: the model's own)" }),
  lr: number({ min: 0, help: "peak step size of Adam (default: the model's own)" }),
};

/** The whole program of an autoencoder. */
export async function runAutoencoding<Config extends AutoencodingConfig, F extends Flags>(
  experiment: AutoencodingExperiment<Config, F>,
): Promise<never> {
  return await runTask({
    name: experiment.name,
    summary: experiment.summary,
    flags: { ...AUTOENCODING_FLAGS, ...experiment.flags },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as FlagValues<typeof AUTOENCODING_FLAGS> & FlagValues<F>;
      const own = experiment.configure(flags);
      const { epochs = own.epochs, batch = own.batch, lr = own.learningRate } = flags;
      const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session: run.session });
      const test = await openTestImages(flags, images, { asNumbers: true });
      await using device = await openTaskDevice(flags, run.session);
      const { height, width, channels } = images;
      const image = [height, width, channels] as const;
      const config = {
        ...own,
        epochs,
        batch: Math.min(batch, images.count),
        learningRate: lr,
        image,
        seed: flags.seed,
      };
      const model = experiment.build(config as unknown as Config);
      await run.configure({ dataset: images, device, model: model.config });
      const description = experiment.describe(model);
      run.note(layerTable(description.layers, description.parameters));
      const steps = flags.steps ?? Math.ceil(epochs * images.count / config.batch);
      await fit(experiment, { model, run, device, images, test, steps });
      await run.saveWeights(model.weights, { model: config.model, config: model.config });
      const learned = await measure(experiment, { model, device, images });
      const heldOut = await measure(experiment, { model, device, images: test });
      await report(experiment, { model, run, device, description, learned, heldOut });
    },
  });
}

interface Context<Config extends AutoencodingConfig> {
  readonly model: Autoencoder<Config>;
  readonly run: Run;
  readonly device: Device;
}

/** Trains in epochs. */
export async function fit<Config extends AutoencodingConfig, F extends Flags>(
  experiment: AutoencodingExperiment<Config, F>,
  options: Context<Config> & { readonly images: ImageSet; readonly test: ImageSet; readonly steps: number },
): Promise<void> {
  const { model, run, device, images, test, steps } = options;
  const { batch, image, learningRate, beta1, beta2, seed } = model.config;
  const learned = trained(model.weights),
    optimizer = adam(learned, { beta1, beta2 }),
    latent = stream(seed).fork("latent");
  const step = await compile(device, ({ x, rate, counter }) => {
    const { value, grads } = tf.variableGrads(
      () => experiment.loss(model, x, { random: latent, counter }),
      Object.values(learned),
    );
    optimizer.applyGradients(grads, rate);
    return { loss: value };
  }, {
    x: { shape: [batch, ...image] },
    rate: { shape: [] },
    counter: { shape: [], dtype: "int32" },
  });
  const rows = epochBatches(stream(seed).fork("batches"), { count: images.count, batch });
  const curve = Math.min(CURVE_IMAGES, test.count);
  const evaluate = await compile(device, ({ x, counter }) => ({
    loss: experiment.loss(model, x, { random: latent.fork("curve"), counter }),
  }), { x: { shape: [curve, ...image] }, counter: { shape: [], dtype: "int32" } });
  const seen = chosenLevels(test, Int32Array.from({ length: curve }, (_, index) => index));
  await train(run, {
    phase: model.config.model,
    steps,
    device,
    variables: { ...model.weights, ...optimizer.slots },
    logEvery: Math.max(1, Math.min(100, Math.round(images.count / batch))),
    step: async (t, steps) => {
      const warmup = Math.min(MOST_WARMUP, Math.ceil(WARMUP_SHARE * steps));
      const rate = cosineRate(t, { steps, peak: learningRate, warmup });
      await step.run({
        x: chosenLevels(images, rows(t)),
        rate: Float32Array.of(rate),
        counter: Int32Array.of(t),
      });
    },
    read: () => step.read(),
    evaluateAt: logSpaced(CURVE_POINTS),
    evaluate: async (t) => {
      await evaluate.run({ x: seen, counter: Int32Array.of(t) });
      return { held_out_loss: (await evaluate.read()).loss[0] };
    },
  });
  step.dispose();
  evaluate.dispose();
  optimizer.dispose();
}

/** Latents and reconstructions of all images. */
export async function measure<Config extends AutoencodingConfig, F extends Flags>(
  experiment: Pick<AutoencodingExperiment<Config, F>, "encode" | "decode">,
  options: Omit<Context<Config>, "run"> & { readonly images: ImageSet },
): Promise<Measured> {
  const { model, device, images } = options;
  const batch = Math.min(EVALUATION_BATCH, images.count);
  const through = await compile(device, ({ x }) => {
    const latents = experiment.encode(model, x);
    return { latents, reconstructions: experiment.decode(model, latents) };
  }, { x: { shape: [batch, ...model.config.image] } });
  const { latents, reconstructions } = await overRows(through, {
    count: images.count,
    batch,
    inputs: (rows) => ({ x: chosenLevels(images, rows) }),
  });
  through.dispose();
  return { images, latents: latents as Float32Array, reconstructions: reconstructions as Float32Array };
}

/** The loss over training, by epochs: of the batches as they were learned, and of test images. */
export async function lossByEpoch(
  folder: string,
  { images, batch }: { readonly images: number; readonly batch: number },
): Promise<LinePlot["series"]> {
  const entries = await readLog(join(folder, "log.jsonl"));
  const series = (name: string, key: string) => {
    const found = entries.filter((entry) => typeof entry[key] === "number");
    return {
      name,
      x: found.map(({ step }) => Number(step) * batch / images),
      y: found.map((entry) => Number(entry[key])),
    };
  };
  return [series("training images", "loss"), series("test images", "held_out_loss")];
}

/** Rows of a set that a seed chooses, in ascending order. */
export function chosenRows(
  set: ImageSet,
  options: { readonly count: number; readonly seed: number },
): Int32Array {
  const order = stream(options.seed).fork("shown").permutation(set.count);
  return Int32Array.from(order.subarray(0, Math.min(options.count, set.count))).sort();
}

/** Images, and below each its reconstruction. */
export function pairsOf(
  { images, reconstructions }: Measured,
  rows: Int32Array,
): (readonly [Image, Image])[] {
  const shape = [images.count, images.height, images.width, images.channels];
  const originals = imagesOf(images.pixels, shape), drawn = imagesOf(reconstructions, shape);
  return Array.from(rows, (row) => [originals[row], drawn[row]] as const);
}

async function report<Config extends AutoencodingConfig, F extends Flags>(
  experiment: AutoencodingExperiment<Config, F>,
  options: Context<Config> & {
    readonly description: Description;
    readonly learned: Measured;
    readonly heldOut: Measured;
  },
): Promise<void> {
  const { model, run, device, description, learned, heldOut } = options, { batch, seed } = model.config;
  const units = learned.latents.length / learned.images.count;
  const errors = ({ images, reconstructions }: Measured) =>
    reconstructionErrors(levels(images), reconstructions, { size: reconstructions.length / images.count });
  const training = errors(learned), test = errors(heldOut);
  const metrics = {
    held_out_mse: test.mse,
    held_out_l1: test.l1,
    held_out_bce: test.bce,
    held_out_psnr_db: test.psnr,
    train_mse: training.mse,
    train_l1: training.l1,
    train_bce: training.bce,
    psnr_db: training.psnr,
    dead_units: constantColumns(learned.latents, units),
    latent_units: units,
  };
  const sheet = {
    sections: [{
      tiles: pairsOf(heldOut, chosenRows(heldOut.images, { count: SHOWN, seed })).map((image) => ({ image })),
    }],
  };
  await writeAtomically(run.path("reconstructions.png"), imageGrid(sheet));
  await writeReport(run, {
    description,
    metrics,
    figures: [
      {
        label: "held-out MSE",
        value: inWords(test.mse),
        note: `squared levels, ${heldOut.images.count} test images`,
      },
      { label: "held-out L1", value: inWords(test.l1), note: "levels" },
      { label: "held-out cross-entropy", value: inWords(test.bce), note: "nats a level" },
      {
        label: "PSNR",
        value: `${test.psnr.toFixed(2)} dB`,
        note: `test images; training images ${training.psnr.toFixed(2)} dB`,
      },
      {
        label: "dead units",
        value: `${metrics.dead_units} of ${units}`,
        note: "of the bottleneck, the same for every image",
      },
    ],
    results: [
      {
        title: "Reconstructions",
        blocks: [{
          kind: "sheet",
          sheet,
          caption: "Test images drawn at random, and below each what the network makes of it.",
        }],
      },
      {
        title: "Loss by epoch",
        blocks: [{
          kind: "plot",
          plot: {
            x: { label: "epoch" },
            y: { label: description.loss.name, unit: description.loss.unit, scale: "log" },
            series: await lossByEpoch(run.folder, { images: learned.images.count, batch }),
          },
          caption:
            "The loss of the batches as they were learned, and of the first test images at some moments.",
        }],
      },
      ...experiment.results === undefined ? [] : [{
        title: "The bottleneck",
        blocks: await experiment.results(model, { ...heldOut, device }),
      }],
    ],
  });
  await run.finish({ metrics, parameters: description.parameters });
  run.note(
    `held-out MSE ${inWords(test.mse)}, L1 ${inWords(test.l1)}, cross-entropy ${inWords(test.bce)} nats, ` +
      `${metrics.dead_units} of ${units} units dead: see ${run.path("report.html")}`,
  );
}

/** A trained autoencoder on its device. */
export interface LoadedAutoencoding<Config extends AutoencodingConfig> {
  readonly kind: Config["model"];
  readonly model: Autoencoder<Config>;
  /** Latents and reconstructions of images. */
  measure(images: ImageSet): Promise<Measured>;
  /** Images of latents [count, k]. */
  decode(latents: Float32Array): Promise<readonly Image[]>;
}

/** What an autoencoder's file exports as `MODEL`. */
export function autoencodingModel<Config extends AutoencodingConfig, F extends Flags>(
  experiment: AutoencodingExperiment<Config, F>,
): ModelFile<LoadedAutoencoding<Config>> {
  const { name, flags, configure, build, decode } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored<Autoencoder<Config>>(folder, { build });
      return {
        kind: model.config.model,
        model,
        measure: (images) => measure(experiment, { model, device, images }),
        decode: (latents) => decodeAll(model, { device, decode, latents }),
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored<Autoencoder<Config>>(stored.folder, { build });
        const [height, width, channels] = model.config.image, { count } = stored.config.dataset;
        const images = drawnImages({ height, width, channels, classes: 1, count });
        return await fit(experiment, { ...context, model, images, test: images, steps: 1 });
      }
      const images = await openImages({ dataset: "digits", split: "train", count: 1024 });
      const { height, width, channels } = images;
      const config = { ...configure(defaultsOf(flags)), image: [height, width, channels] as const, seed: 0 };
      // What the flags leave open and what images decide make the whole of it.
      const model = build(config as unknown as Config);
      await fit(experiment, { ...context, model, images, test: images, steps: 1 });
    },
  };
}

/** Points of a picture of latents, at most. */
const MOST_POINTS = 2000;

/** Where images lie in the bottleneck, by class: its two numbers, or the two that vary most. */
export function latentPlot({ images, latents }: Measured, units: number): readonly Block[] {
  if (units < 2) return [];
  const variances = Array.from({ length: units }, (_, unit) => {
    let sum = 0, squares = 0;
    for (let at = unit; at < latents.length; at += units) {
      sum += latents[at];
      squares += latents[at] ** 2;
    }
    return squares / images.count - (sum / images.count) ** 2;
  });
  const [first, second] = variances.map((variance, unit) => ({ variance, unit }))
    .sort((a, b) => b.variance - a.variance || a.unit - b.unit).slice(0, 2).map(({ unit }) => unit)
    .sort((a, b) => a - b);
  const count = Math.min(MOST_POINTS, images.count);
  return [{
    kind: "plot",
    plot: {
      kind: "scatter",
      x: { label: `unit ${first + 1}` },
      y: { label: `unit ${second + 1}` },
      series: Array.from({ length: images.classes }, (_, label) => {
        const rows = Array.from({ length: count }, (_, row) => row).filter((row) =>
          images.labels[row] === label
        );
        return {
          name: String(label),
          x: rows.map((row) => latents[row * units + first]),
          y: rows.map((row) => latents[row * units + second]),
        };
      }),
    },
    caption: (units === 2 ? "The two numbers" : "The two numbers that vary most") +
      ` that the first ${count.toLocaleString("en-US")} test images become, by class.`,
  }];
}

/** The images of latents [count, k], decoded. */
export async function decodeAll<Config extends AutoencodingConfig>(
  model: Autoencoder<Config>,
  { device, decode, latents }: {
    readonly device: Device;
    readonly decode: (model: Autoencoder<Config>, latents: tf.Tensor2D) => tf.Tensor4D;
    readonly latents: Float32Array;
  },
): Promise<readonly Image[]> {
  const units = model.decoder.input[0], count = latents.length / units;
  const draw = await compile(device, ({ z }) => ({ images: decode(model, z) }), {
    z: { shape: [count, units] },
  });
  await draw.run({ z: latents });
  const { images } = await draw.read();
  draw.dispose();
  return imagesOf(images as Float32Array, [count, ...model.config.image]);
}
