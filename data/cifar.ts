/**
 * CIFAR-10 and CIFAR-100: 50,000 + 10,000 colour photographs each, 32x32, ten and a hundred classes, in the original
 * binary format. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
 * https://www.cs.toronto.edu/~kriz/cifar.html. A record is its label bytes, then the planes R, G and B, row by row.
 */
import type { Images, Split } from "./image_set.ts";
import type { RemoteSet } from "./source.ts";

/** How many images each split of either set holds. */
export const CIFAR_COUNTS: Readonly<Record<Split, number>> = { train: 50_000, test: 10_000 };
/** What label 0, 1, … of CIFAR-10 stands for. */
export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];
/** What fine label 0, 1, … of CIFAR-100 stands for. */
// deno-fmt-ignore
export const CIFAR100_CLASSES: readonly string[] = [
  "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
  "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
  "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
  "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
  "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
  "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
  "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
  "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
  "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger",
  "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman",
  "worm",
];
/** What coarse label 0, 1, … of CIFAR-100, its superclass, stands for. */
// deno-fmt-ignore
export const CIFAR100_SUPERCLASSES: readonly string[] = [
  "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
  "household_electrical_devices", "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things", "large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "medium_mammals",
  "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
];

const SIZE = 32;
const PLANE = SIZE * SIZE;

/** The two sets. */
export type CifarName = "cifar10" | "cifar100";

/** In what they differ. */
interface CifarFormat {
  readonly title: string;
  /** Bytes before the pixels of a record; the last of them is the label. */
  readonly labelBytes: number;
  readonly classes: number;
  /** The ways in which a split may lie in a folder: one file, or the files of the original archive. */
  readonly files: Readonly<Record<Split, readonly (readonly string[])[]>>;
}

const FORMATS: Readonly<Record<CifarName, CifarFormat>> = {
  cifar10: {
    title: "CIFAR-10",
    labelBytes: 1,
    classes: CIFAR10_CLASSES.length,
    files: {
      train: [["train.bin"], [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`)],
      test: [["test.bin"], ["test_batch.bin"]],
    },
  },
  cifar100: {
    title: "CIFAR-100",
    labelBytes: 2,
    classes: CIFAR100_CLASSES.length,
    files: { train: [["train.bin"]], test: [["test.bin"]] },
  },
};

const MIRRORS = ["https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"];

/** Where CIFAR-10 is downloaded from; the SHA-256 is that of the archive with the published MD5 c32a1d4a…7530. */
export const CIFAR10_SOURCE: RemoteSet = {
  name: "cifar10",
  mirrors: MIRRORS,
  files: [{
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    members: [...FORMATS.cifar10.files.train[1], ...FORMATS.cifar10.files.test[1]],
  }],
};

/** Where CIFAR-100 is downloaded from; the SHA-256 is that of the archive with the published MD5 03b5dce0…9cb8. */
export const CIFAR100_SOURCE: RemoteSet = {
  name: "cifar100",
  mirrors: MIRRORS,
  files: [{
    name: "cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    members: ["train.bin", "test.bin"],
  }],
};

/** Which records to read. */
export interface CifarSelection {
  readonly split: Split;
  readonly offset: number;
  readonly count: number;
}

/** Reads `count` images of CIFAR-10 from index `offset` on, and no more of the files than that. Channels are R, G, B. */
export async function readCifar10(folder: string, selection: CifarSelection): Promise<Images> {
  return (await readCifar("cifar10", folder, selection)).images;
}

/** The same of CIFAR-100: labels are the fine ones, 0..99; `coarse` [count] are those of the superclasses, 0..19. */
export async function readCifar100(
  folder: string,
  selection: CifarSelection,
): Promise<Images & { readonly coarse: Uint8Array<ArrayBuffer> }> {
  const { images, leading } = await readCifar("cifar100", folder, selection);
  return { ...images, coarse: leading };
}

/** `leading` is the first byte of each record. */
async function readCifar(
  name: CifarName,
  folder: string,
  selection: CifarSelection,
): Promise<{ readonly images: Images; readonly leading: Uint8Array<ArrayBuffer> }> {
  const { split, offset, count } = selection;
  const { title, labelBytes, classes } = FORMATS[name];
  const record = labelBytes + 3 * PLANE;
  const paths = await findFiles(name, folder, split);
  const perFile = CIFAR_COUNTS[split] / paths.length;
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Uint8Array(count), leading = new Uint8Array(count);
  for (let file = 0; file < paths.length; file++) {
    const first = Math.max(offset, file * perFile);
    const last = Math.min(offset + count, (file + 1) * perFile);
    if (first >= last) continue;
    const from = first - file * perFile;
    const records = await readRecords(paths[file], {
      from,
      count: last - first,
      expected: perFile,
      record,
      name,
    });
    for (let index = 0; index < last - first; index++) {
      const at = index * record, image = first - offset + index;
      const label = records[at + labelBytes - 1];
      if (label >= classes) {
        throw new SyntaxError(
          `Cannot read ${paths[file]} as labels must be in 0..${classes - 1}: record ${
            from + index
          } has ${label}, ` +
            `is it ${title}'s binary version?`,
        );
      }
      labels[image] = label;
      leading[image] = records[at];
      interleave(records.subarray(at + labelBytes, at + record), pixels.subarray(image * 3 * PLANE));
    }
  }
  return { images: { height: SIZE, width: SIZE, channels: 3, classes, pixels, labels }, leading };
}

/** Planes R, G, B to pixels RGB, RGB, … */
function interleave(planes: Uint8Array, pixels: Uint8Array): void {
  for (let at = 0; at < PLANE; at++) {
    pixels[3 * at] = planes[at];
    pixels[3 * at + 1] = planes[PLANE + at];
    pixels[3 * at + 2] = planes[2 * PLANE + at];
  }
}

async function readRecords(
  path: string,
  { from, count, expected, record, name }: {
    readonly from: number;
    readonly count: number;
    readonly expected: number;
    readonly record: number;
    readonly name: CifarName;
  },
): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (size !== expected * record) {
    throw new SyntaxError(
      `Cannot read ${path} as it must hold ${expected} records of ${record} bytes, ${
        expected * record
      } in all: ` +
        `its length is ${size}, run \`deno task fetch ${name}\` again`,
    );
  }
  await file.seek(from * record, Deno.SeekMode.Start);
  const records = new Uint8Array(count * record);
  for (let at = 0; at < records.length;) {
    const read = await file.read(records.subarray(at));
    if (read === null) throw new Error(`Cannot read ${path} as it was cut off meanwhile: unpack it again`);
    at += read;
  }
  return records;
}

async function findFiles(name: CifarName, folder: string, split: Split): Promise<readonly string[]> {
  const { title, files } = FORMATS[name];
  for (const names of files[split]) {
    const paths = names.map((one) => `${folder}/${one}`);
    if ((await Promise.all(paths.map(isFile))).every((found) => found)) return paths;
  }
  throw new Deno.errors.NotFound(
    `Cannot find ${title}'s ${
      files[split].map((names) => names.join(", ")).join(" or ")
    } in ${folder}: run ` +
      `\`deno task fetch ${name}\`, or name its folder with --data-dir`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
