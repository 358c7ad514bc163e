/**
 * Images of one's own: a folder of pictures, NumPy's arrays, or IDX files. Nothing is decoded until it is asked for.
 */
import { basename, extname } from "node:path";
import { findIdxFile, IDX_FILES, readIdxFolder } from "./idx.ts";
import type { Images, Split } from "./image_set.ts";
import { levelsOf, type NpyArray, numbersOf, parseNpy, parseNpz } from "./npy.ts";
import { decodePicture, type Picture } from "./picture.ts";

/** Images that can be had one at a time. */
export interface Gallery {
  readonly count: number;
  /** [count] */
  readonly labels: Uint8Array;
  /** 1 where there are no labels. */
  readonly classes: number;
  /** What each label stands for, where folders say so. */
  readonly classNames?: readonly string[];
  /** The files that the images are in, where each has its own. */
  readonly files?: readonly string[];
  /** The shape that all have; absent where they may differ. */
  readonly shape?: { readonly height: number; readonly width: number };
  /** Number of channels of all; absent where they may differ. */
  readonly channels?: 1 | 3;
  readonly picture: (index: number) => Promise<Picture>;
  /** Images to test on, where the files have such a part. */
  readonly test?: () => Promise<Gallery>;
}

/** Every so many images of each label, one is tested on where the files have no test part. */
export const HELD_OUT_EVERY = 5;
/** Labels are bytes. */
const MOST_CLASSES = 256;

/**
 * Which images of a gallery without a test part are learned or tested on, in order. With `holdOut`, every fifth image
 * of each label is kept for the test.
 */
export function chooseImages(
  gallery: Gallery,
  { split, holdOut }: { readonly split: Split; readonly holdOut: boolean },
): Int32Array {
  if (!holdOut || gallery.test !== undefined) {
    return Int32Array.from({ length: gallery.count }, (_, index) => index);
  }
  const seen = new Int32Array(gallery.classes), chosen: number[] = [];
  gallery.labels.forEach((label, index) => {
    const held = seen[label]++ % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
    if (held === (split === "test")) chosen.push(index);
  });
  return Int32Array.from(chosen);
}

/**
 * Opens what stands at `path`: an `.npy` or `.npz` file, or a folder of pictures or of such files.
 *
 * @throws {Error} naming what cannot be read, and what could.
 */
export async function openGallery(path: string): Promise<Gallery> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot open ${path} as there is no such file or folder: name one of images with --data-dir`,
    );
  }
  if (!info.isDirectory) return await openFile(path);
  const files = await listFiles(path);
  const pictures = files.filter((file) => PICTURE_ENDINGS.includes(endingOf(file)));
  if (pictures.length > 0) return folderGallery(path, pictures);
  const arrays = files.filter((file) => ARRAY_ENDINGS.includes(endingOf(file)));
  if (arrays.length === 1 && endingOf(arrays[0]) === ".npz") return await openFile(`${path}/${arrays[0]}`);
  if (arrays.length > 0) return await arraysFolder(path, arrays);
  if (files.some((file) => basename(file).startsWith(IDX_FILES.train.images))) return await idxGallery(path);
  throw new SyntaxError(`Cannot find an image in ${path}: ${namesOf(files)}`);
}

const PICTURE_ENDINGS = [".png", ".jpg", ".jpeg", ".jfif"];
const ARRAY_ENDINGS = [".npy", ".npz"];

function endingOf(file: string): string {
  return extname(file).toLowerCase();
}

/** What a folder without an image holds, for people. */
function namesOf(files: readonly string[]): string {
  const wanted = "put PNG or JPEG files there, or an .npz";
  if (files.length === 0) return `it is empty, ${wanted}`;
  const endings = [...new Set(files.map((file) => endingOf(file) || "no ending"))].sort().slice(0, 4);
  return `its ${files.length.toLocaleString("en-US")} files end in ${endings.join(", ")}, ${wanted}`;
}

/**
 * The files in a folder and its folders, by path within it, sorted. Hidden ones are passed over, and links to folders
 * are not followed, as they may lead in circles.
 */
async function listFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(`${root}/${folder}`)) {
      if (name.startsWith(".")) continue;
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isDirectory) await look(path);
      else if (isFile || isSymlink && await pointsToFile(`${root}/${path}`)) files.push(path);
    }
  };
  await look("");
  return files.sort();
}

async function pointsToFile(link: string): Promise<boolean> {
  try {
    return (await Deno.stat(link)).isFile;
  } catch {
    // It points nowhere.
    return false;
  }
}

/**
 * A folder of pictures. The folders in it are the labels, where there are at least two; then the order is the first
 * picture of each label, the second of each, and so on, so that any beginning has all labels alike.
 */
function folderGallery(root: string, pictures: readonly string[]): Gallery {
  const folderOf = (picture: string): string => picture.includes("/") ? picture.split("/")[0] : "";
  const folders = [...new Set(pictures.map(folderOf))].sort();
  const labelled = folders.length > 1 && folders[0] !== "";
  if (!labelled) {
    return {
      count: pictures.length,
      labels: new Uint8Array(pictures.length),
      classes: 1,
      files: pictures,
      picture: (index) => readPicture(`${root}/${pictures[index]}`),
    };
  }
  if (folders.length > MOST_CLASSES) {
    throw new RangeError(
      `Cannot take the ${folders.length} folders of ${root} for labels as there may be ${MOST_CLASSES} at most: ` +
        "put the pictures into fewer",
    );
  }
  const turn = new Map<string, number>();
  const placed = pictures.map((picture) => {
    const folder = folderOf(picture), place = turn.get(folder) ?? 0;
    turn.set(folder, place + 1);
    return { picture, place, label: folders.indexOf(folder) };
  }).sort((a, b) => a.place - b.place || a.label - b.label);
  return {
    count: placed.length,
    labels: Uint8Array.from(placed, ({ label }) => label),
    classes: folders.length,
    classNames: folders,
    files: placed.map(({ picture }) => picture),
    picture: (index) => readPicture(`${root}/${placed[index].picture}`),
  };
}

async function readPicture(path: string): Promise<Picture> {
  return await decodePicture(await Deno.readFile(path), { path });
}

async function openFile(path: string): Promise<Gallery> {
  const ending = endingOf(path);
  if (ending === ".npz") return arraysGallery(await parseNpz(await Deno.readFile(path), { path }), path);
  if (ending === ".npy") {
    return arrayGallery(parseNpy(await Deno.readFile(path), { path }), undefined, path);
  }
  throw new TypeError(
    `Cannot open ${path} as images are read from a folder, an .npy or an .npz: name one of these with --data-dir`,
  );
}

/** Names under which arrays of images and of labels are found; the first that is there. */
const NAMES: Readonly<
  Record<Split, { readonly images: readonly string[]; readonly labels: readonly string[] }>
> = {
  train: {
    images: ["x_train", "train_images", "images", "x", "X", "data", "arr_0"],
    labels: ["y_train", "train_labels", "labels", "y", "Y", "targets", "arr_1"],
  },
  test: { images: ["x_test", "test_images"], labels: ["y_test", "test_labels"] },
};

/** A folder of `.npy` files, named as the arrays of an `.npz` are. */
async function arraysFolder(root: string, files: readonly string[]): Promise<Gallery> {
  const arrays = new Map<string, NpyArray>();
  for (const file of files) {
    if (endingOf(file) !== ".npy") continue;
    const path = `${root}/${file}`;
    arrays.set(basename(file, extname(file)), parseNpy(await Deno.readFile(path), { path }));
  }
  return arraysGallery(arrays, root);
}

function arraysGallery(arrays: ReadonlyMap<string, NpyArray>, path: string): Gallery {
  const find = (names: readonly string[]): NpyArray | undefined => {
    const name = names.find((one) => arrays.has(one));
    return name === undefined ? undefined : arrays.get(name);
  };
  const only = arrays.size === 1 ? [...arrays.values()][0] : undefined;
  const images = find(NAMES.train.images) ?? only;
  if (images === undefined) {
    throw new SyntaxError(
      `Cannot find the images in ${path} as its arrays are called ${
        [...arrays.keys()].join(", ") || "nothing"
      }: ` +
        `call them x_train and y_train, or images and labels`,
    );
  }
  const gallery = arrayGallery(images, find(NAMES.train.labels), path);
  const test = find(NAMES.test.images);
  if (test === undefined) return gallery;
  return {
    ...gallery,
    test: () => Promise.resolve(arrayGallery(test, find(NAMES.test.labels), path)),
  };
}

/** Images [N, H, W], [N, H, W, C] or [N, C, H, W] and their labels [N] or [N, 1]. */
function arrayGallery(images: NpyArray, labels: NpyArray | undefined, path: string): Gallery {
  const { shape } = images;
  const isChannels = (extent: number): extent is 1 | 3 => extent === 1 || extent === 3;
  const last = shape.length === 4 && isChannels(shape[3]);
  const first = shape.length === 4 && !last && isChannels(shape[1]);
  if (shape.length !== 3 && !last && !first || shape.includes(0)) {
    throw new RangeError(
      `Cannot use ${path} as images must be [number, height, width] with 1 or 3 channels after or before: current ` +
        `shape is [${shape.join(", ")}]`,
    );
  }
  const count = shape[0], channels = (last ? shape[3] : first ? shape[1] : 1) as 1 | 3;
  const [height, width] = first ? shape.slice(2) : shape.slice(1, 3);
  const levels = levelsOf(images, { path }), area = height * width;
  return {
    count,
    ...labelsOf(labels, { count, path }),
    shape: { height, width },
    channels,
    picture: (index) => {
      const one = levels.slice(index * area * channels, (index + 1) * area * channels);
      if (!first || channels === 1) return Promise.resolve({ height, width, channels, pixels: one });
      const pixels = Uint8Array.from(one, (_, at) => one[(at % channels) * area + Math.floor(at / channels)]);
      return Promise.resolve({ height, width, channels, pixels });
    },
  };
}

function labelsOf(
  labels: NpyArray | undefined,
  { count, path }: { readonly count: number; readonly path: string },
): { readonly labels: Uint8Array; readonly classes: number } {
  if (labels === undefined) return { labels: new Uint8Array(count), classes: 1 };
  const numbers = Array.from(numbersOf(labels));
  if (numbers.length !== count) {
    throw new RangeError(
      `Cannot use ${path} as it has ${numbers.length} labels for ${count} images: give one for each`,
    );
  }
  const wrong = numbers.find((label) => !(Number.isInteger(label) && label >= 0 && label < MOST_CLASSES));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot use ${path} as labels must be whole numbers in 0..255: one is ${wrong}`);
  }
  return { labels: Uint8Array.from(numbers), classes: Math.max(...new Set(numbers)) + 1 };
}

/** A folder of IDX files under MNIST's names; those of the test may be missing. */
export async function idxGallery(folder: string): Promise<Gallery> {
  const gallery = imagesGallery(await readIdxFolder(folder, { split: "train" }));
  try {
    await findIdxFile(folder, IDX_FILES.test.images);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return gallery;
  }
  return { ...gallery, test: async () => imagesGallery(await readIdxFolder(folder, { split: "test" })) };
}

function imagesGallery(images: Images): Gallery {
  const { height, width, classes, labels, pixels } = images, area = height * width;
  return {
    count: labels.length,
    labels,
    classes,
    shape: { height, width },
    channels: 1,
    picture: (index) =>
      Promise.resolve({ height, width, channels: 1, pixels: pixels.slice(index * area, (index + 1) * area) }),
  };
}
