/** Sequences that are the binary codes of images: the only kind that needs a model, the autoencoder, to be made. */
import { createHash } from "node:crypto";
import { exists } from "../base/files.ts";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import type { ImageDataset, ImageSet } from "../data/images.ts";
import { codeShape, codesToSequences, PIXELS_A_SITE, sequencesToCodes } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { imageGrid, imagesOf, memorizationSheet, type Sheet } from "../report/grid.ts";
import { codesHash, readShapedCodes, type StoredCodes } from "./codes.ts";
import { UsageError } from "./flags.ts";
import { levels, openTrainingImages } from "./images.ts";
import { nearest } from "./nearest.ts";
import type { DatasetFacts, Run, RunConfig, StoredRun } from "./run.ts";
import type { Session } from "./session.ts";
import { completedRun } from "./stored_run.ts";
import { type GeneratedSequences, type SequenceFlags, type SequenceSource } from "./sequence_source.ts";

/** What the experiment needs of the autoencoder, which it does not know itself. */
export interface AutoencoderPart {
  readonly task: string;
  /** The configuration that a run on images of this kind with these flags has. */
  readonly config: (
    image: { readonly height: number; readonly width: number; readonly channels: number },
    flags: { readonly seed: number },
  ) => unknown;
  /** Trains and writes everything into the folder of `run`. */
  readonly train: (run: Run, options: {
    readonly device: Device;
    readonly images: ImageSet;
    readonly flags: {
      readonly seed: number;
      readonly steps: number | undefined;
      readonly budget: number | undefined;
    };
  }) => Promise<unknown>;
  /** Codes [count, 3, rows, columns] of images [count, pixels] in 0..1 by the run in `folder`. */
  readonly encode: (
    folder: string,
    options: { readonly device: Device; readonly images: Float32Array },
  ) => Promise<Int8Array>;
  /** Draws codes [count, 3, rows, columns] of the run in `folder` as images [count, pixels] in 0..1. */
  readonly decode: (
    folder: string,
    options: { readonly device: Device; readonly codes: Int8Array },
  ) => Promise<Float32Array>;
}

/** Sheet rows show this many images. */
const SHOWN = 20;

/** Opens the codes of the images that the flags choose. */
export async function imageSource(
  flags: SequenceFlags & { readonly dataset: ImageDataset },
  part: AutoencoderPart,
  session?: Session,
): Promise<SequenceSource> {
  const images = await openTrainingImages(flags, { session });
  // Before anything is written; a run that goes on has its copy.
  if (flags.autoencoder !== undefined && !flags.resume) {
    const from = await completedRun("autoencoder", { from: flags.autoencoder, task: part.task });
    checkImages(from.config, images, flags.autoencoder);
    await readShapedCodes(from.folder, { count: images.count, sha256: from.config.hashes?.codes });
  }
  return sourceOf(images, part, { flags, taken: takenLine(images, flags), others: othersOf(flags, images) });
}

/**
 * The same of a finished run, from what its folder keeps of the images.
 *
 * @throws {Error} where it is damaged, or not what the run learned.
 */
export async function storedImageSource(
  stored: StoredRun,
  part: AutoencoderPart,
  flags: SequenceFlags,
): Promise<SequenceSource> {
  const { folder, config: { dataset } } = stored;
  // Digits are drawn again; a folder from before others were kept needs their files.
  const kept = await exists(`${folder}/${IMAGES}`);
  const images = kept
    ? await readImages(folder, dataset)
    : await openTrainingImages({ ...flags, dataset: dataset.name as ImageDataset });
  if (images.sha256 !== dataset.sha256) {
    throw new Error(
      `Cannot compare samples of ${folder} with its training set as the data set ${dataset.name} has changed: bring ` +
        "the files back that it learned from",
    );
  }
  const own = { ...flags, dataset: dataset.name as ImageDataset };
  return sourceOf(images, part, {
    flags: { ...flags, autoencoder: undefined },
    others: othersOf(own, images),
  });
}

/** The images that follow those that are learned, at most so many, where there are more. */
function othersOf(
  flags: SequenceFlags & { readonly dataset: ImageDataset },
  { offset, count, available }: ImageSet,
): ((most: number) => Promise<ImageSet>) | undefined {
  const from = offset + count;
  return from >= available
    ? undefined
    : (most) => openTrainingImages({ ...flags, offset: from, count: Math.min(most, available - from) });
}

/** Says what was chosen of images of one's own. */
function takenLine(images: ImageSet, { dataset }: SequenceFlags): string | undefined {
  if (dataset !== "images" && dataset !== "idx") return undefined;
  const { count, available, height, width, channels } = images;
  return `${count.toLocaleString("en-US")} of ${
    available.toLocaleString("en-US")
  } images, as ${height}x${width} in ` +
    (channels === 1 ? "grey" : "colour");
}

function sourceOf(
  images: ImageSet,
  part: AutoencoderPart,
  { flags, taken, others }: {
    readonly flags: SequenceFlags;
    readonly taken?: string;
    readonly others?: (most: number) => Promise<ImageSet>;
  },
): SequenceSource {
  const [signs, rows, columns] = codeShape(images);
  return {
    facts: images,
    shape: { count: images.count, length: rows * columns, vocabulary: 2 ** signs },
    shorten: (length) => `lower --size to ${PIXELS_A_SITE * Math.floor(Math.sqrt(length))}`,
    async open({ run, device }) {
      if (taken !== undefined) run.note(taken);
      const { folder, metrics, sha256 } = await codedImages(part, { flags, run, device, images });
      const coded = await readShapedCodes(folder, { count: images.count, sha256 });
      await run.bind("codes", codesHash(coded.codes));
      if (images.name !== "digits") await writeImages(run, images);
      return {
        sequences: codesToSequences(coded.codes, coded.shape),
        codes: coded.shape,
        metrics,
        figures: [{
          label: "PSNR",
          value: `${metrics.psnr_db.toFixed(2)} dB`,
          note: `${metrics.distinct_codes} distinct codes of ${images.count} images`,
        }],
        heldOut: others && (async (most) => {
          const codes = await part.encode(folder, { device, images: levels(await others(most)) });
          return codesToSequences(codes, coded.shape);
        }),
        async show(generated) {
          const sheet = await drawSheet(part, {
            folder,
            device,
            images,
            coded,
            generated,
            psnr: metrics.psnr_db,
          });
          return {
            files: { "samples.png": imageGrid(sheet) },
            blocks: [{
              kind: "sheet",
              sheet,
              distance: "signs off the nearest training code",
              caption:
                "Generated images as they were drawn, none chosen. A generated image that is not memorized says " +
                "in how many signs its code differs from the nearest training code, a memorized one which training image " +
                "it is.",
            }],
            metrics: {},
          };
        },
      };
    },
  };
}

/** The file in which a run folder keeps its images. */
const IMAGES = "images.safetensors";

/** Keeps the images, so that samples can be shown beside them when their files have moved. */
async function writeImages(run: Run, images: ImageSet): Promise<void> {
  const { count, height, width, channels, classes, pixels, labels, available } = images;
  await writeTensors(run.path(IMAGES), {
    pixels: { shape: [count, height, width, channels], data: pixels },
    labels: { shape: [count], data: labels },
  }, { classes: String(classes), available: String(available) });
}

async function readImages(folder: string, facts: DatasetFacts): Promise<ImageSet> {
  const path = `${folder}/${IMAGES}`;
  const { tensors, metadata } = await readTensors(path);
  const pixels = tensors.get("pixels"), labels = tensors.get("labels")?.data;
  if (!(pixels?.data instanceof Uint8Array) || pixels.shape.length !== 4 || !(labels instanceof Uint8Array)) {
    throw new Error(`Cannot use ${path} as it holds no images: restore it`);
  }
  const [count, height, width, channels] = pixels.shape;
  const bytes = new Uint8Array(pixels.data), classes = new Uint8Array(labels);
  return {
    ...facts,
    split: "train",
    ...{
      count,
      height,
      width,
      channels,
      classes: Number(metadata.classes),
      available: Number(metadata.available),
    },
    pixels: bytes,
    labels: classes,
    sha256: createHash("sha256").update(bytes).update(classes).digest("hex"),
  };
}

/** The finished autoencoder run whose codes are learned: the one that `--autoencoder` names, else one of this run's own. */
async function codedImages(part: AutoencoderPart, options: {
  readonly flags: SequenceFlags;
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
}): Promise<
  { folder: string; metrics: { psnr_db: number; distinct_codes: number }; sha256: string | undefined }
> {
  const { flags, run, device, images } = options;
  const { dataset, count, offset = 0, seed, threads, dataDir, size, channels, autoencoderSteps: steps } =
    flags;
  const child = flags.autoencoder === undefined
    ? await run.child("autoencoder", {
      task: part.task,
      flags: { dataset, count, offset, seed, device: flags.device, threads, dataDir, size, channels, steps },
      dataset: images,
      device,
      model: part.config(images, { seed }),
      afresh: flags.afresh,
    })
    : await run.adopt("autoencoder", { from: flags.autoencoder, task: part.task });
  checkImages(child.config, images, child.folder);
  if (!child.completed) {
    await part.train(child, { device, images, flags: { seed, steps, budget: undefined } });
  }
  const metrics = child.summary?.metrics ?? {};
  return {
    folder: child.folder,
    metrics: { psnr_db: metrics.psnr_db ?? NaN, distinct_codes: metrics.distinct_codes ?? NaN },
    sha256: child.config.hashes?.codes,
  };
}

/** Makes sure that the autoencoder in `folder` learned these images. */
function checkImages({ dataset }: RunConfig, images: ImageSet, folder: string): void {
  if (dataset.sha256 === images.sha256) return;
  throw new UsageError(
    `--autoencoder ${folder} learned other images: name a run with the same --dataset, --count and --offset`,
  );
}

async function drawSheet(part: AutoencoderPart, options: {
  readonly folder: string;
  readonly device: Device;
  readonly images: ImageSet;
  readonly coded: StoredCodes;
  readonly generated: GeneratedSequences;
  readonly psnr: number;
}): Promise<Sheet> {
  const { folder, device, images, coded: { codes, shape }, psnr } = options;
  const { tokens, matches, memorizedFraction } = options.generated;
  const { height, width, channels } = images;
  const training = Math.min(SHOWN, images.count), generated = Math.min(SHOWN, matches.length);
  const sampled = sequencesToCodes(tokens.subarray(0, generated * tokens.length / matches.length), shape);
  const bits = codes.length / images.count;
  const alike = await nearest(
    { values: sampled, count: generated, width: bits },
    { values: codes, count: images.count, width: bits },
    { device, k: 1 },
  );
  // Signs differ by 2 or not at all.
  const pairs = Array.from(
    alike.rows,
    (row, index) =>
      matches[index] >= 0
        ? { image: matches[index], bits: 0 }
        : { image: row, bits: Math.round(alike.distances[index] ** 2 / 4) },
  );
  const both = new Int8Array(sampled.length + training * bits);
  both.set(codes.subarray(0, training * bits));
  both.set(sampled, training * bits);
  const decoded = await part.decode(folder, { device, codes: both });
  const drawn = imagesOf(decoded, [training + generated, height, width, channels]);
  const originals = imagesOf(images.pixels, [images.count, height, width, channels]);
  return memorizationSheet({
    training: originals.slice(0, training),
    reconstructions: drawn.slice(0, training),
    psnr,
    generated: drawn.slice(training).map((image, index) => ({
      image,
      nearest: originals[pairs[index].image],
      memorized: matches[index] >= 0,
      label: matches[index] >= 0 ? `#${pairs[index].image}` : `${pairs[index].bits} signs off`,
      distance: pairs[index].bits,
    })),
    memorizedFraction,
    samples: matches.length,
  });
}
