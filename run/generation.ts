/**
 * The experiment of a generator: images -> a network that makes images of noise -> what it makes, what lies between two of
 * its images, and how many of them are training images. A sample is made of noise, and a class where the model takes
 * one, and of nothing else.
 */
import { join } from "node:path";
import { exists, writeAtomically } from "../base/files.ts";
import { type Random, stream } from "../base/random.ts";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import type { Images } from "../data/image_set.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { randomNumbers } from "../engine/random.ts";
import { isNearCopy, psnrOfSquare } from "../metrics/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import type { Section } from "../report/html.ts";
import { count } from "../report/numbers.ts";
import { interval } from "./classification.ts";
import { openTaskDevice } from "./device.ts";
import { drawnImages, imageFlags, openTrainingImages } from "./images.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import { nearest, type Neighbours } from "./nearest.ts";
import type { Run, StoredRun } from "./run.ts";
import type { Session } from "./session.ts";
import { readStoredFlags } from "./stored_flags.ts";
import { type Flags, type FlagValues, integer, runTask } from "./task.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** What every configuration of a generator holds. */
export interface GeneratorConfig {
  /** The model's name in the registry. */
  readonly model: string;
  /** [height, width, channels] of an image. */
  readonly image: readonly [number, number, number];
  /** Classes of the images; samples go through them in turn. */
  readonly classes: number;
  readonly seed: number;
}

/** A model that makes images. */
export interface GeneratorModel {
  readonly config: GeneratorConfig;
  readonly weights: Weights;
}

/** Makes images, a fixed number at a time, with the weights as the device has them. */
export interface Generator {
  /** Noise [batch, numbers], standard normal, and classes int32 [batch] -> images [batch, H, W, C] in -1..1. */
  readonly draw: (noise: Float32Array, labels: Int32Array) => Promise<Float32Array>;
  /** How often a compiled function runs for it. */
  readonly runs: number;
  readonly dispose: () => void;
}

/** What a generator is trained on, and how long. */
export interface GenerationFit {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly steps: number;
}

/** What a model's file tells about its generator. */
export interface GenerationExperiment<Model extends GeneratorModel, F extends Flags> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /** The configuration for images of this kind. */
  readonly configure: (images: ImageSet, flags: FlagValues<F> & { readonly seed: number }) => Model["config"];
  /** Allocates the model. */
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (model: Model, images: ImageSet) => Description;
  readonly defaultSteps: number;
  readonly fit: (model: Model, options: GenerationFit) => Promise<void>;
  /** How many numbers of noise an image is made of. */
  readonly noise: (model: Model) => number;
  /** Compiles the generator for `batch` images at a time. */
  readonly open: (
    model: Model,
    options: { readonly device: Device; readonly batch: number },
  ) => Promise<Generator>;
}

/** Images that were made, and the classes that were asked for. */
export interface GeneratedImages {
  /** Bytes, [count, H, W, C]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [count] */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** What the rules allow: fewer parameters than these, all networks together, and no more steps. */
export const GENERATOR_LIMITS = Object.freeze({ parameters: 1_000_000, steps: 50_000 });
/** From what PSNR to the nearest training image on, and at what share of the distance to the second one, it is a copy. */
const COPY_PSNR = 25, COPY_SHARE = 1 / 3;
/** Images made at once; it is also how many the sheets show, and how many tiles a row of them has. */
const BATCH = 64, COLUMNS = 8;
/** Pairs of samples, and points from one to the other. */
const PAIRS = 8, POINTS = 8;
/** The file of a run's samples. */
const SAMPLES = "samples.safetensors";

/**
 * @throws {RangeError} where the networks of a model have together more parameters than the rules allow.
 */
export function checkParameters(parameters: number): void {
  if (parameters < GENERATOR_LIMITS.parameters) return;
  throw new RangeError(
    `Cannot build the generator as it must have fewer than ${
      count(GENERATOR_LIMITS.parameters)
    } parameters: it has ` +
      `${count(parameters)}; lower --width`,
  );
}

/** The chosen images as numbers in -1..1, [rows, H, W, C]; those in colour are mirrored half of the time. */
export function trainingBatch(
  { pixels, height, width, channels }: Images,
  { rows, flips }: { readonly rows: Int32Array; readonly flips: Random },
): Float32Array {
  const area = height * width * channels, batch = new Float32Array(rows.length * area);
  let at = 0;
  for (const row of rows) {
    const flipped = channels > 1 && flips.integer(2) === 1;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = row * area + (y * width + (flipped ? width - 1 - x : x)) * channels;
        for (let channel = 0; channel < channels; channel++) batch[at++] = pixels[from + channel] / 127.5 - 1;
      }
    }
  }
  return batch;
}

/** Numbers in -1..1 as bytes; those beyond are cut. */
function bytesOf(levels: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(levels, (level) => Math.round(127.5 * (Math.min(1, Math.max(-1, level)) + 1)));
}

/** The noise of sample `index` of a seed: that of the engine's generator at this step, whatever is drawn beside it. */
function noiseOf(
  index: number,
  { seed, size }: { readonly seed: number; readonly size: number },
): Float32Array {
  const { key } = stream(seed).fork("samples");
  return randomNumbers(size, { distribution: "normal", key, counter: index });
}

/** A point from a (share 0) to b (1) on the great circle: as far from the origin as noise is, as no mean of two would be. */
export function onTheSphere(a: Float32Array, b: Float32Array, share: number): Float32Array {
  const product = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, at) => sum + value * y[at], 0);
  const cosine = product(a, b) / Math.sqrt(product(a, a) * product(b, b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (angle === 0) return a.slice();
  const [left, right] = [1 - share, share].map((part) => Math.sin(part * angle) / Math.sin(angle));
  return a.map((value, at) => left * value + right * b[at]);
}

/** Makes the images of any noises, in batches. */
async function drawAll(
  generator: Generator,
  { noises, labels }: {
    readonly noises: (index: number) => Float32Array;
    readonly labels: Uint8Array<ArrayBuffer>;
  },
): Promise<Uint8Array<ArrayBuffer>> {
  let pixels = new Uint8Array();
  for (let start = 0; start < labels.length; start += BATCH) {
    const size = Math.min(BATCH, labels.length - start), first = noises(start);
    const noise = new Float32Array(BATCH * first.length), classes = new Int32Array(BATCH);
    for (let row = 0; row < size; row++) {
      noise.set(noises(start + row), row * first.length);
      classes[row] = labels[start + row];
    }
    const images = bytesOf(await generator.draw(noise, classes)), area = images.length / BATCH;
    if (start === 0) pixels = new Uint8Array(labels.length * area);
    pixels.set(images.subarray(0, size * area), start * area);
  }
  return pixels;
}

/** The classes of samples: all in turn, so that each is there as often. */
function classesInTurn(count: number, classes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: count }, (_, index) => index % classes);
}

/** Samples 0 ... count-1 of a seed. Sample i is the same whatever `count` is. */
export async function generate<Model extends GeneratorModel, F extends Flags>(
  experiment: Pick<GenerationExperiment<Model, F>, "noise" | "open">,
  { model, device, count, seed, session }: {
    readonly model: Model;
    readonly device: Device;
    readonly count: number;
    readonly seed: number;
    readonly session?: Session;
  },
): Promise<GeneratedImages> {
  const generator = await experiment.open(model, { device, batch: BATCH });
  const labels = classesInTurn(count, model.config.classes), size = experiment.noise(model);
  session?.follow("making images", generator.runs * Math.ceil(count / BATCH));
  const pixels = await drawAll(generator, { noises: (index) => noiseOf(index, { seed, size }), labels });
  generator.dispose();
  return { pixels, labels };
}

/** Pairs of samples of a seed and what lies between them, both of the class of the first: [PAIRS x POINTS, H, W, C]. */
async function interpolate<Model extends GeneratorModel, F extends Flags>(
  experiment: Pick<GenerationExperiment<Model, F>, "noise" | "open">,
  { model, device, seed }: { readonly model: Model; readonly device: Device; readonly seed: number },
): Promise<Uint8Array> {
  const generator = await experiment.open(model, { device, batch: BATCH }), size = experiment.noise(model);
  const labels = Uint8Array.from(
    { length: PAIRS * POINTS },
    (_, at) => 2 * Math.floor(at / POINTS) % model.config.classes,
  );
  const pixels = await drawAll(generator, {
    labels,
    noises: (at) => {
      const first = 2 * Math.floor(at / POINTS), share = at % POINTS / (POINTS - 1);
      return onTheSphere(
        noiseOf(first, { seed, size }),
        noiseOf(first + 1, { seed, size }),
        share,
      );
    },
  });
  generator.dispose();
  return pixels;
}

/** How near samples are to the images that were learned. */
export interface Copies {
  /** The nearest training image of each sample. */
  readonly rows: Int32Array;
  /** PSNR to it in dB, Infinity where they are equal. */
  readonly psnrs: Float64Array;
  /** How many samples are copies by each rule, and how many by any. */
  readonly exact: number;
  readonly psnr: number;
  readonly near: number;
  readonly any: number;
}

/** The images [count, H, W, C] with left and right changed. */
function mirrored(pixels: Uint8Array, { width, channels }: Pick<Images, "width" | "channels">): Uint8Array {
  const flipped = new Uint8Array(pixels.length), line = width * channels;
  for (let at = 0; at < pixels.length; at += channels) {
    const start = at - at % line, to = start + line - channels - at % line;
    for (let channel = 0; channel < channels; channel++) flipped[to + channel] = pixels[at + channel];
  }
  return flipped;
}

/**
 * Compares every sample with every training image, pixel by pixel; in colour, where mirrored images were learned too, also
 * with these: an image and its mirror image count as one, as far as the nearer of the two.
 */
export async function copiesOf(
  pixels: Uint8Array,
  { images, device, session }: {
    readonly images: ImageSet;
    readonly device: Device;
    readonly session?: Session;
  },
): Promise<Copies> {
  const width = images.height * images.width * images.channels, samples = pixels.length / width;
  const base = { values: images.pixels, count: images.count, width };
  const found: Neighbours[] = [];
  for (const values of images.channels > 1 ? [pixels, mirrored(pixels, images)] : [pixels]) {
    session?.follow("comparing with training images");
    found.push(
      await nearest({ values, count: samples, width }, base, {
        ...{ device, k: 2, onProgress: () => session?.between() ?? Promise.resolve() },
      }),
    );
  }
  const each = Array.from({ length: samples }, (_, sample) => {
    const candidates = found.flatMap(({ k, rows, distances }) =>
      Array.from(
        { length: k },
        (_, at) => ({ row: rows[sample * k + at], distance: distances[sample * k + at] }),
      )
    ).sort((a, b) => a.distance - b.distance);
    const [first] = candidates, second = candidates.find(({ row }) => row !== first.row) ?? first;
    const psnr = psnrOfSquare(first.distance ** 2, { size: width, peak: 255 });
    return {
      row: first.row,
      psnr,
      exact: first.distance === 0,
      close: psnr >= COPY_PSNR,
      near: isNearCopy({ d1: first.distance, dk: second.distance }, COPY_SHARE),
    };
  });
  const number = (rule: (sample: typeof each[number]) => boolean): number => each.filter(rule).length;
  return {
    rows: Int32Array.from(each, ({ row }) => row),
    psnrs: Float64Array.from(each, ({ psnr }) => psnr),
    exact: number(({ exact }) => exact),
    psnr: number(({ close }) => close),
    near: number(({ near }) => near),
    any: number(({ close, near }) => close || near),
  };
}

/** What copies were found, by their names in `summary.json`. */
export function copyMetrics(copies: Copies, samples: number): Record<string, number> {
  return {
    samples,
    copies_exact: copies.exact,
    copies_psnr: copies.psnr,
    copies_near: copies.near,
    ...samples === 10_000 ? { memorized_of_10000: copies.any } : {},
  };
}

/** The copies among samples by each rule, as a section of a report. */
export function copySection(copies: Copies, samples: number): Section {
  const row = (rule: string, number: number) => [rule, count(number), interval(number / samples, samples)];
  return {
    title: "Copies of training images",
    blocks: [{
      kind: "table",
      table: {
        columns: ["A sample is a copy where", `Of ${count(samples)}`, "95 % interval of the share"],
        rows: [
          row("it equals a training image", copies.exact),
          row(`its PSNR to the nearest one is at least ${COPY_PSNR} dB`, copies.psnr),
          row("the nearest one is less than a third as far as the second", copies.near),
          row("any of these holds", copies.any),
        ],
        caption:
          "Every sample was compared with every training image; in colour also with its mirror image, as both were learned.",
      },
    }],
  };
}

/** The first samples, each above its nearest training image. */
export function nearestSheet(
  pixels: Uint8Array,
  { images, rows, words }: {
    readonly images: ImageSet;
    readonly rows: Int32Array;
    readonly words: (sample: number) => string;
  },
): Sheet {
  const shape = [images.height, images.width, images.channels], area = shape[0] * shape[1] * shape[2];
  const shown = Math.min(BATCH, pixels.length / area);
  const samples = imagesOf(pixels.subarray(0, shown * area), [shown, ...shape]);
  const learned = imagesOf(images.pixels, [images.count, ...shape]);
  return {
    columns: COLUMNS,
    sections: [{
      tiles: samples.map((image, at) => ({ image: [image, learned[rows[at]]], label: words(at) })),
    }],
  };
}

/** Each point above what blending the two ends gives there. */
function interpolationSheet(pixels: Uint8Array, shape: readonly number[]): Sheet {
  const drawn = imagesOf(pixels, [PAIRS * POINTS, ...shape]);
  return {
    columns: POINTS,
    sections: [{
      tiles: drawn.map((image, at) => {
        const first = at - at % POINTS, share = at % POINTS / (POINTS - 1);
        const [a, b] = [drawn[first].pixels, drawn[first + POINTS - 1].pixels];
        const blend = Uint8Array.from(a, (value, i) => Math.round((1 - share) * value + share * b[i]));
        return { image: [image, { pixels: blend, shape }] };
      }),
    }],
  };
}

/** The flags of every generator's task. */
export const generationFlags = {
  ...imageFlags,
  count: integer({ min: 2, help: "how many images to learn (default: the whole training split)" }),
  samples: integer({
    min: 1,
    default: 10_000,
    help: "how many images to make, and compare with those learned",
  }),
};

/** The whole program of a generator. */
export async function runGeneration<Model extends GeneratorModel, F extends Flags>(
  experiment: GenerationExperiment<Model, F>,
): Promise<never> {
  const { name, summary, defaultSteps } = experiment;
  return await runTask({
    name,
    summary,
    flags: {
      ...generationFlags,
      steps: integer({
        ...{ min: 1, max: GENERATOR_LIMITS.steps },
        help: `optimizer updates (default: ${count(defaultSteps)})`,
      }),
      ...experiment.flags,
    },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as FlagValues<typeof generationFlags> & FlagValues<F>;
      const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session: run.session });
      await using device = await openTaskDevice(flags, run.session);
      const model = experiment.build(experiment.configure(images, flags));
      await run.configure({ dataset: images, device, model: model.config });
      const { samples, steps = defaultSteps } = flags;
      await makeImages(experiment, { model, run, device, images, steps, samples });
    },
  });
}

/** Trains, makes images and measures, in the folder of `run`, which is configured. */
export async function makeImages<Model extends GeneratorModel, F extends Flags>(
  experiment: Omit<GenerationExperiment<Model, F>, "configure" | "flags">,
  { model, run, device, images, steps, samples }: GenerationFit & {
    readonly model: Model;
    readonly samples: number;
  },
): Promise<void> {
  const { config: { model: kind, image: shape, seed } } = model, { session } = run;
  const description = experiment.describe(model, images), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  await experiment.fit(model, { run, device, images, steps });
  await run.saveWeights(model.weights, { model: kind, config: model.config });
  const { pixels, labels } = await generate(experiment, { model, device, count: samples, seed, session });
  await writeSamples(run.path(SAMPLES), { pixels, labels }, shape);
  const between = interpolationSheet(await interpolate(experiment, { model, device, seed }), shape);
  const copies = await copiesOf(pixels, { images, device, session });
  const drawn = samplesSheet(pixels, shape);
  const near = nearestSheet(pixels, {
    ...{ images, rows: copies.rows },
    words: (sample) => `${copies.psnrs[sample].toFixed(1)} dB`,
  });
  for (const [name, sheet] of Object.entries({ samples: drawn, interpolations: between, nearest: near })) {
    await writeAtomically(run.path(`${name}.png`), imageGrid(sheet));
  }
  const made = run.savedStep ?? 0;
  const metrics = { parameters, steps: made, penalty: 0, ...copyMetrics(copies, samples) };
  await writeReport(run, {
    description,
    figures: [
      {
        label: "memorized",
        value: `${count(copies.any)} of ${count(samples)}`,
        note: "samples that are copies of training images by any of three rules",
      },
      {
        label: "parameters",
        value: count(parameters),
        note: `all networks; ${count(made)} steps, penalty 0`,
      },
    ],
    metrics,
    results: [
      {
        title: "Samples",
        blocks: [{
          kind: "sheet",
          sheet: drawn,
          caption: `The first ${
            Math.min(BATCH, samples)
          } samples of seed ${seed}, none chosen; classes in turn.`,
        }],
      },
      {
        title: "From one sample to another",
        blocks: [{
          kind: "sheet",
          sheet: between,
          caption:
            `${PAIRS} pairs, a row each. Above: made of noise on the great circle between the noises of the two, of ` +
            "the class of the first. Below: the two ends blended, which shows both at once.",
        }],
      },
      {
        title: "Nearest training images",
        blocks: [{
          kind: "sheet",
          sheet: near,
          caption:
            "The same samples, below each the training image that is nearest in its pixels, as it is or mirrored, and the PSNR.",
        }],
      },
      copySection(copies, samples),
    ],
  });
  await run.finish({ metrics, parameters });
  run.note(
    `${count(copies.any)} of ${count(samples)} samples are copies of training images: see ${
      run.path("report.html")
    }`,
  );
}

/**
 * The samples that a finished run in `folder` kept.
 *
 * @throws {Error} where it kept none.
 */
export async function keptSamples(
  folder: string,
): Promise<GeneratedImages & { readonly shape: readonly [height: number, width: number, channels: number] }> {
  const path = join(folder, SAMPLES);
  if (!(await exists(path))) {
    throw new Error(
      `Cannot use ${folder} as it kept no samples: name a finished run of train-flow or train-dcgan`,
    );
  }
  const { tensors } = await readTensors(path);
  const pixels = tensors.get("pixels"), labels = tensors.get("labels")?.data;
  const [, height, width, channels] = pixels?.shape ?? [];
  if (!(pixels?.data instanceof Uint8Array && labels instanceof Uint8Array) || channels === undefined) {
    throw new Error(`Cannot use ${path} as it holds no images and labels: restore it`);
  }
  return {
    pixels: new Uint8Array(pixels.data),
    labels: new Uint8Array(labels),
    shape: [height, width, channels],
  };
}

/**
 * The images that the run of a generator learned, and the flags that chose them.
 *
 * @param options.dataDir where their files lie now. Absent: where the run found them.
 * @throws {Error} where they are others than those that it learned.
 */
export async function learnedImages(
  { folder, config }: StoredRun,
  { dataDir, session }: { readonly dataDir?: string; readonly session?: Session } = {},
): Promise<{ readonly images: ImageSet; readonly flags: FlagValues<typeof generationFlags> }> {
  const own = readStoredFlags(generationFlags, config.flags, { path: join(folder, "config.json") });
  const flags = { ...own, dataDir: dataDir ?? own.dataDir };
  const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session });
  if (images.sha256 !== config.dataset.sha256) {
    throw new Error(
      `Cannot use ${folder} as its data set ${images.name} has changed: bring the files back that it learned from`,
    );
  }
  return { images, flags };
}

/** Makes images of another seed, writes them into the folder that `place` chooses, and says how many are copies. */
export async function moreImages(
  generator: {
    generate(options: { readonly count: number; readonly seed: number }): Promise<GeneratedImages>;
  },
  { stored, place, device, session, samples, seed }: {
    readonly stored: StoredRun;
    readonly place: () => Promise<string>;
    readonly device: Device;
    readonly session: Session;
    readonly samples: number;
    readonly seed: number;
  },
): Promise<{ readonly folder: string; readonly metrics: Readonly<Record<string, number>> }> {
  const { images } = await learnedImages(stored, { session }), { height, width, channels } = images;
  const generated = await generator.generate({ count: samples, seed });
  const copies = await copiesOf(generated.pixels, { images, device, session });
  const out = await place();
  await Deno.mkdir(out, { recursive: true });
  await writeSamples(join(out, SAMPLES), generated, [height, width, channels]);
  await writeAtomically(
    join(out, "samples.png"),
    imageGrid(samplesSheet(generated.pixels, [height, width, channels])),
  );
  session.note(`${count(copies.any)} of ${count(samples)} samples are copies of training images: see ${out}`);
  return { folder: out, metrics: copyMetrics(copies, samples) };
}

async function writeSamples(
  path: string,
  { pixels, labels }: GeneratedImages,
  shape: readonly number[],
): Promise<void> {
  await writeTensors(path, {
    pixels: { shape: [labels.length, ...shape], data: pixels },
    labels: { shape: [labels.length], data: labels },
  }, {});
}

/** The first samples, as they came. */
function samplesSheet(pixels: Uint8Array, shape: readonly [number, number, number]): Sheet {
  const area = shape[0] * shape[1] * shape[2], shown = Math.min(BATCH, pixels.length / area);
  const tiles = imagesOf(pixels.subarray(0, shown * area), [shown, ...shape]).map((image) => ({ image }));
  return { columns: COLUMNS, sections: [{ tiles }] };
}

/** A trained generator on its device. */
export interface LoadedGenerator<Model extends GeneratorModel> {
  readonly kind: Model["config"]["model"];
  readonly model: Model;
  /** Samples 0 ... count-1 of a seed. */
  generate(options: { readonly count: number; readonly seed: number }): Promise<GeneratedImages>;
}

/** What a generator's file exports as `MODEL`. */
export function generatorModel<Model extends GeneratorModel, F extends Flags>(
  experiment: GenerationExperiment<Model, F>,
): ModelFile<LoadedGenerator<Model>> {
  const { name, flags, configure, build, fit } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored(folder, { build });
      return {
        kind: model.config.model,
        model,
        generate: (options) => generate(experiment, { model, device, ...options }),
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored(stored.folder, { build });
        const { image: [height, width, channels], classes } = model.config, { count } = stored.config.dataset;
        const images = drawnImages({ height, width, channels, classes, count });
        return await fit(model, { ...context, images, steps: 1 });
      }
      const images = await openImages({ dataset: "digits", split: "train", count: 1024 });
      const model = build(configure(images, { ...defaultsOf(flags), seed: 0 }));
      await fit(model, { ...context, images, steps: 1 });
    },
  };
}
