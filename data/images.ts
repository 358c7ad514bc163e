/** Opens any image set by name: the one door that tasks and models use. */
import { createHash } from "node:crypto";
import { CIFAR100_CLASSES, CIFAR10_CLASSES, CIFAR_COUNTS, readCifar10, readCifar100 } from "./cifar.ts";
import { DIGIT_COUNTS, drawDigits } from "./digits.ts";
import { chooseImages, type Gallery, idxGallery, openGallery } from "./gallery.ts";
import type { Images, ImageSet, Split } from "./image_set.ts";
import { MNIST_COUNTS, readMnist } from "./mnist.ts";
import { type Picture, recolour, squared } from "./picture.ts";
import { cacheFolder } from "./source.ts";

export type { Images, ImageSet, Split } from "./image_set.ts";

/** The image sets that `openImages` knows. */
export const IMAGE_DATASETS = ["digits", "mnist", "cifar10", "cifar100", "idx", "images"] as const;
/** The name of an image set. */
export type ImageDataset = typeof IMAGE_DATASETS[number];

/** Height and width that pictures of any size are brought to, and larger arrays, unless said otherwise. */
export const DEFAULT_SIZE = 32;
/** Bytes of pixels above which a choice is refused: typed arrays end there on many machines. */
const MOST_BYTES = 2 ** 31;
/** Bytes of a level as a number, and as drawn again; and of all of them at most. */
const NUMBER_BYTES = 8, MOST_NUMBER_BYTES = 4e9;

/** Which split of which image set. */
export interface ImageSource {
  /** As `--dataset` has it. */
  readonly dataset: ImageDataset;
  /**
   * Folder of the files. Absent: `.cache/data/<dataset>`; `idx` and `images` need one, and `images` also takes the path
   * of an `.npy` or `.npz` file; `digits` reads no file.
   */
  readonly dataDir?: string;
  /** What of it. */
  readonly split: Split;
  /** Whether a set of one's own without a test split keeps every fifth image of each label for it. Absent: no. */
  readonly holdOut?: boolean;
}

/** Some consecutive images of a split, and what shape they are brought to. */
export interface ImageSelection extends ImageSource {
  /** Index of the first image. Absent: 0. */
  readonly offset?: number;
  /** Absent: all from `offset` on, up to `atMost`. */
  readonly count?: number;
  /** Where `count` is absent: how many are taken at most. Absent: all. */
  readonly atMost?: number;
  /**
   * Height and width to which the middle square is averaged. Absent: 32 for pictures; other images keep theirs, but
   * for those of one's own that are larger than 32.
   */
  readonly size?: number;
  /** 1: grey; 3: colour. Absent: as the set has them; of pictures, 3 where any chosen one has colour. */
  readonly channels?: 1 | 3;
  /** Whether all levels will be held as numbers, too, and as a model draws them again. Absent: no. */
  readonly asNumbers?: boolean;
  /** Awaited after each picture of one's own that was read: large ones take their time. */
  readonly onProgress?: (done: number, total: number) => Promise<void>;
}

/**
 * Reads (or draws) and checks the chosen images. Nothing is ever downloaded.
 *
 * @throws {RangeError} naming the flag that asks for more than there is, or than memory holds.
 */
export async function openImages(selection: ImageSelection): Promise<ImageSet> {
  const { dataset, split, size, channels } = selection;
  if (dataset === "idx" || dataset === "images") return await openOwn(selection);
  const available = COUNTS[dataset][split];
  const range = chosenRange(selection, available);
  if (size !== undefined) {
    checkBytes({
      ...selection,
      ...range,
      height: size,
      width: size,
      channels: channels ?? OWN_CHANNELS[dataset],
    });
  }
  const images = brought(await read(dataset, selection, range), { size, channels });
  return described(selection, { ...range, available, images });
}

const OWN_CHANNELS = { digits: 1, mnist: 1, cifar10: 3, cifar100: 3 } as const;

const COUNTS: Readonly<Record<Exclude<ImageDataset, "idx" | "images">, Readonly<Record<Split, number>>>> = {
  digits: DIGIT_COUNTS,
  mnist: MNIST_COUNTS,
  cifar10: CIFAR_COUNTS,
  cifar100: CIFAR_COUNTS,
};

interface Range {
  readonly offset: number;
  readonly count: number;
}

async function read(dataset: keyof typeof COUNTS, source: ImageSource, range: Range): Promise<Images> {
  const { split } = source, folder = source.dataDir ?? cacheFolder(dataset);
  switch (dataset) {
    case "digits":
      return drawDigits({ split, ...range });
    case "mnist":
      return slice(await readMnist(folder, { split }), range);
    case "cifar10":
      return await readCifar10(folder, { split, ...range });
    case "cifar100": {
      const { coarse: _, ...images } = await readCifar100(folder, { split, ...range });
      return images;
    }
  }
}

const CLASS_NAMES: Readonly<Partial<Record<ImageDataset, readonly string[]>>> = {
  cifar10: CIFAR10_CLASSES,
  cifar100: CIFAR100_CLASSES,
};

/** Whether a set has images that are meant for tests alone. */
export async function hasTestSplit(source: Omit<ImageSource, "split" | "holdOut">): Promise<boolean> {
  const own = source.dataset === "idx" || source.dataset === "images";
  return !own || (await galleryOf(source)).test !== undefined;
}

async function galleryOf({ dataset, dataDir }: Omit<ImageSource, "split" | "holdOut">): Promise<Gallery> {
  if (dataDir === undefined) {
    throw new TypeError(
      dataset === "idx"
        ? "Cannot open --dataset idx as it needs the folder of its four files: give --data-dir DIR"
        : "Cannot open --dataset images as it needs a folder of PNG or JPEG files, or an .npy or .npz: give --data-dir",
    );
  }
  return dataset === "idx" ? await idxGallery(dataDir) : await openGallery(dataDir);
}

/** Images of one's own. */
async function openOwn(selection: ImageSelection): Promise<ImageSet> {
  const { dataDir, split, holdOut = false, onProgress } = selection;
  const whole = await galleryOf(selection);
  const gallery = split === "test" && whole.test !== undefined ? await whole.test() : whole;
  const places = whole.test !== undefined
    ? Int32Array.from({ length: gallery.count }, (_, index) => index)
    : chooseImages(gallery, { split, holdOut: holdOut || split === "test" });
  if (places.length === 0) {
    throw new RangeError(
      `Cannot test on ${dataDir} as no label has five images, of which one could be kept for that: add some`,
    );
  }
  const range = chosenRange(selection, places.length), { offset, count } = range;
  const size = selection.size ?? defaultSize(gallery);
  const height = size ?? gallery.shape!.height, width = size ?? gallery.shape!.width;
  // Three channels until it is known whether any picture has colour.
  checkBytes({ ...selection, count, height, width, channels: selection.channels ?? gallery.channels ?? 3 });
  const pictures: Picture[] = [];
  for (let image = 0; image < count; image++) {
    const picture = await gallery.picture(places[offset + image]);
    pictures.push(size === undefined ? picture : squared(picture, size));
    await onProgress?.(image + 1, count);
  }
  const channels = selection.channels ?? gallery.channels ??
    (pictures.some((picture) => picture.channels === 3) ? 3 : 1);
  const area = height * width * channels, pixels = new Uint8Array(count * area);
  pictures.forEach((picture, image) =>
    pixels.set(
      picture.channels === channels ? picture.pixels : recolour(picture.pixels, channels),
      image * area,
    )
  );
  const labels = Uint8Array.from({ length: count }, (_, image) => gallery.labels[places[offset + image]]);
  const { classes, classNames } = gallery;
  const images = { height, width, channels, classes, pixels, labels };
  const set = described(selection, { ...range, available: places.length, images });
  return classNames === undefined ? set : { ...set, classNames };
}

/** Pictures of any size become squares of 32; arrays keep their shape unless it is larger. */
function defaultSize({ shape }: Gallery): number | undefined {
  return shape !== undefined && Math.max(shape.height, shape.width) <= DEFAULT_SIZE
    ? undefined
    : DEFAULT_SIZE;
}

function described(
  { dataset, split }: ImageSource,
  { images, ...range }: Range & { readonly available: number; readonly images: Images },
): ImageSet {
  const sha256 = createHash("sha256").update(images.pixels).update(images.labels).digest("hex");
  const classNames = CLASS_NAMES[dataset];
  const set = { name: dataset, split, ...range, ...images, sha256 };
  return classNames === undefined ? set : { ...set, classNames };
}

/** Images of one shape in another. */
function brought(
  images: Images,
  { size, channels }: { readonly size?: number; readonly channels?: 1 | 3 },
): Images {
  const { height, width, labels } = images, before = images.channels as 1 | 3;
  let { pixels } = images, shape = { height, width };
  if (size !== undefined && (height !== size || width !== size)) {
    const area = height * width * before, smaller = size * size * before;
    const resized = new Uint8Array(labels.length * smaller);
    for (let image = 0; image < labels.length; image++) {
      const one = {
        height,
        width,
        channels: before,
        pixels: pixels.subarray(image * area, (image + 1) * area),
      };
      resized.set(squared(one, size).pixels, image * smaller);
    }
    pixels = resized;
    shape = { height: size, width: size };
  }
  if (channels !== undefined && channels !== before) pixels = recolour(pixels, channels);
  return { ...images, ...shape, channels: channels ?? before, pixels };
}

function checkBytes(
  { count, split, asNumbers = false, height, width, channels }: {
    readonly count: number;
    readonly split: Split;
    readonly asNumbers?: boolean;
    readonly height: number;
    readonly width: number;
    readonly channels: number;
  },
): void {
  const most = asNumbers ? MOST_NUMBER_BYTES : MOST_BYTES;
  const each = height * width * channels * (asNumbers ? NUMBER_BYTES : 1);
  if (count * each <= most) return;
  const size = Math.floor(Math.sqrt(most / count / each * height * width));
  // All images of a test split are wanted, whatever --count.
  const remedy = split === "test" ? "" : `, or --count to ${Math.floor(most / each)}`;
  throw new RangeError(
    `Cannot hold ${count.toLocaleString("en-US")} ${split === "test" ? "test " : ""}images of ` +
      `${height}x${width}x${channels} as they take ${
        (count * each / 1e9).toFixed(1)
      } GB: lower --size to ${size}` +
      remedy,
  );
}

/** Which images of `available` ones are meant. */
function chosenRange(selection: ImageSelection, available: number): Range {
  const { split, offset = 0, atMost = Infinity } = selection;
  const count = selection.count ?? Math.min(atMost, available - offset);
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
  return { offset, count };
}

/** Copies, so that the bytes of the images that were not chosen can be freed. */
function slice(images: Images, { offset, count }: Range): Images {
  const area = images.height * images.width * images.channels;
  return {
    ...images,
    pixels: images.pixels.slice(offset * area, (offset + count) * area),
    labels: images.labels.slice(offset, offset + count),
  };
}
