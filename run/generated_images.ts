/**
 * Images that a generator made: drawn of noise, a class where the model takes one, and nothing else; kept in a run folder,
 * and laid out on sheets.
 */
import { join } from "node:path";
import { exists } from "../base/files.ts";
import { stream } from "../base/random.ts";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import type { ImageSet } from "../data/images.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { randomNumbers } from "../engine/random.ts";
import { imagesOf, type Sheet } from "../report/grid.ts";
import type { Session } from "./session.ts";

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

/** What of an experiment makes images. */
export interface Drawing<Model extends GeneratorModel> {
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

/** Images made at once; it is also how many the sheets show, and how many tiles a row of them has. */
const BATCH = 64, COLUMNS = 8;
/** Pairs of samples that are joined. */
export const PAIRS = 8;
/** Points from one to the other. */
const POINTS = 8;
/** The file of a run's samples. */
export const SAMPLES = "samples.safetensors";

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
export async function generate<Model extends GeneratorModel>(
  experiment: Drawing<Model>,
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
export async function interpolate<Model extends GeneratorModel>(
  experiment: Drawing<Model>,
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

/** Writes images into a file such as `SAMPLES`. */
export async function writeSamples(
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
export function samplesSheet(pixels: Uint8Array, shape: readonly [number, number, number]): Sheet {
  const area = shape[0] * shape[1] * shape[2], shown = Math.min(BATCH, pixels.length / area);
  const tiles = imagesOf(pixels.subarray(0, shown * area), [shown, ...shape]).map((image) => ({ image }));
  return { columns: COLUMNS, sections: [{ tiles }] };
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
export function interpolationSheet(pixels: Uint8Array, shape: readonly number[]): Sheet {
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
