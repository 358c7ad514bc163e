/** Opens any image set by name: the one door that tasks and models use. */
import { createHash } from "node:crypto";
import { CIFAR_COUNTS, readCifar10, readCifar100 } from "./cifar.ts";
import { DIGIT_COUNTS, drawDigits } from "./digits.ts";
import { readMaybeGzip } from "./gzip.ts";
import { findIdxFile, IDX_FILES, parseIdx, readIdxFolder } from "./idx.ts";
import type { Images, ImageSet, Split } from "./image_set.ts";
import { MNIST_COUNTS, readMnist } from "./mnist.ts";
import { cacheFolder } from "./source.ts";

export type { Images, ImageSet, Split } from "./image_set.ts";

/** The image sets that `openImages` knows. */
export const IMAGE_DATASETS = ["digits", "mnist", "cifar10", "cifar100", "idx"] as const;
/** The name of an image set. */
export type ImageDataset = typeof IMAGE_DATASETS[number];

/** Which split of which image set. */
export interface ImageSource {
  readonly dataset: ImageDataset;
  /** Folder of the files. Absent: `.cache/data/<dataset>`; `idx` needs one; `digits` reads no file. */
  readonly dataDir?: string;
  readonly split: Split;
}

/** A run of consecutive images of a split. */
export interface ImageSelection extends ImageSource {
  /** Index of the first image. Absent: 0. */
  readonly offset?: number;
  /** Absent: all from `offset` on. */
  readonly count?: number;
}

/** How many images a split holds, without reading its pixels: what a default count is limited to. */
export async function availableImages(source: ImageSource): Promise<number> {
  switch (source.dataset) {
    case "digits":
      return DIGIT_COUNTS[source.split];
    case "mnist":
      return MNIST_COUNTS[source.split];
    case "cifar10":
    case "cifar100":
      return CIFAR_COUNTS[source.split];
    case "idx": {
      const path = await findIdxFile(folderOf(source), IDX_FILES[source.split].labels);
      return parseIdx(await readMaybeGzip(path), { path, rank: 1 }).shape[0];
    }
  }
}

/** Reads (or draws) and checks the chosen images. Nothing is ever downloaded. */
export async function openImages(selection: ImageSelection): Promise<ImageSet> {
  const { dataset, split, offset = 0 } = selection;
  const available = await availableImages(selection);
  const count = selection.count ?? available - offset;
  checkRange({ split, offset, count, available });
  const images = await read(selection, { offset, count });
  const sha256 = createHash("sha256").update(images.pixels).update(images.labels).digest("hex");
  return { name: dataset, split, offset, count, available, ...images, sha256 };
}

interface Range {
  readonly offset: number;
  readonly count: number;
}

async function read(source: ImageSource, range: Range): Promise<Images> {
  const { split } = source;
  switch (source.dataset) {
    case "digits":
      return drawDigits({ split, ...range });
    case "mnist":
      return slice(await readMnist(folderOf(source), { split }), range);
    case "cifar10":
      return await readCifar10(folderOf(source), { split, ...range });
    case "cifar100": {
      const { coarse: _, ...images } = await readCifar100(folderOf(source), { split, ...range });
      return images;
    }
    case "idx":
      return slice(await readIdxFolder(folderOf(source), { split }), range);
  }
}

function folderOf({ dataset, dataDir }: ImageSource): string {
  if (dataDir !== undefined) return dataDir;
  if (dataset !== "idx") return cacheFolder(dataset);
  throw new TypeError(
    "Cannot open --dataset idx as it needs the folder of its four files: give --data-dir DIR",
  );
}

function checkRange(
  { split, offset, count, available }: Range & { readonly split: Split; readonly available: number },
): void {
  if (!(Number.isInteger(offset) && offset >= 0 && offset < available)) {
    throw new RangeError(
      `Cannot start at image ${offset} as --offset must be in 0..${
        available - 1
      }: the data set holds ${available}`,
    );
  }
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new RangeError(
      `Cannot ${split} on ${count} images as --count must be a whole number of at least 1`,
    );
  }
  if (offset + count > available) {
    throw new RangeError(
      offset === 0
        ? `Cannot ${split} on ${count} images as the data set holds ${available}: lower --count`
        : `Cannot ${split} on ${count} images from image ${offset} on as the data set holds ${available}: ` +
          "lower --count or --offset",
    );
  }
}

/** Copies, so that the bytes of the images that were not chosen can be freed. */
function slice(
  images: Images,
  { offset, count }: { readonly offset: number; readonly count: number },
): Images {
  const area = images.height * images.width * images.channels;
  return {
    ...images,
    pixels: images.pixels.slice(offset * area, (offset + count) * area),
    labels: images.labels.slice(offset, offset + count),
  };
}
