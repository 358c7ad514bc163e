/**
 * CIFAR-10: 50,000 + 10,000 colour photographs, 32x32, ten classes, in the original binary format.
 * Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
 * https://www.cs.toronto.edu/~kriz/cifar.html. A record is a label byte, then the planes R, G and B, row by row.
 */
import type { Images, Split } from "./image_set.ts";
import type { RemoteSet } from "./source.ts";

/** How many images each split holds. */
export const CIFAR10_COUNTS: Readonly<Record<Split, number>> = { train: 50_000, test: 10_000 };
/** What label 0, 1, … stands for. */
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

const SIZE = 32;
const PLANE = SIZE * SIZE;
const RECORD = 1 + 3 * PLANE;

/** The ways in which a split may lie in a folder: one file, or the files of the original archive. */
const FILES: Readonly<Record<Split, readonly (readonly string[])[]>> = {
  train: [["train.bin"], [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`)],
  test: [["test.bin"], ["test_batch.bin"]],
};

/** Where CIFAR-10 is downloaded from; the SHA-256 is that of the archive with the published MD5 c32a1d4a…7530. */
export const CIFAR10_SOURCE: RemoteSet = {
  name: "cifar10",
  mirrors: ["https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"],
  files: [{
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    members: [...FILES.train[1], ...FILES.test[1]],
  }],
};

/** Which records to read. */
export interface CifarSelection {
  readonly split: Split;
  readonly offset: number;
  readonly count: number;
}

/** Reads `count` images from index `offset` on, and no more of the files than that. Channels are R, G, B. */
export async function readCifar10(folder: string, selection: CifarSelection): Promise<Images> {
  const { split, offset, count } = selection;
  const paths = await findFiles(folder, split);
  const perFile = CIFAR10_COUNTS[split] / paths.length;
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Uint8Array(count);
  for (let file = 0; file < paths.length; file++) {
    const first = Math.max(offset, file * perFile);
    const last = Math.min(offset + count, (file + 1) * perFile);
    if (first >= last) continue;
    const records = await readRecords(paths[file], {
      from: first - file * perFile,
      count: last - first,
      expected: perFile,
    });
    for (let record = 0; record < last - first; record++) {
      const at = record * RECORD, image = first - offset + record;
      const label = records[at];
      if (label >= CIFAR10_CLASSES.length) {
        throw new SyntaxError(
          `Cannot read ${paths[file]} as labels must be in 0..9: record ${
            first - file * perFile + record
          } has ${label}, is it CIFAR-10's binary version?`,
        );
      }
      labels[image] = label;
      interleave(records.subarray(at + 1, at + RECORD), pixels.subarray(image * 3 * PLANE));
    }
  }
  return { height: SIZE, width: SIZE, channels: 3, classes: CIFAR10_CLASSES.length, pixels, labels };
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
  { from, count, expected }: { readonly from: number; readonly count: number; readonly expected: number },
): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (size !== expected * RECORD) {
    throw new SyntaxError(
      `Cannot read ${path} as it must hold ${expected} records of ${RECORD} bytes, ${
        expected * RECORD
      } in all: ` +
        `its length is ${size}, run \`deno task fetch cifar10\` again`,
    );
  }
  await file.seek(from * RECORD, Deno.SeekMode.Start);
  const records = new Uint8Array(count * RECORD);
  for (let at = 0; at < records.length;) {
    const read = await file.read(records.subarray(at));
    if (read === null) throw new Error(`Cannot read ${path} as it was cut off meanwhile: unpack it again`);
    at += read;
  }
  return records;
}

async function findFiles(folder: string, split: Split): Promise<readonly string[]> {
  for (const names of FILES[split]) {
    const paths = names.map((name) => `${folder}/${name}`);
    if ((await Promise.all(paths.map(isFile))).every((found) => found)) return paths;
  }
  const [single, batches] = FILES[split];
  throw new Deno.errors.NotFound(
    `Cannot find CIFAR-10's ${single[0]} or ${batches.join(", ")} in ${folder}: run ` +
      "`deno task fetch cifar10`, or name its folder with --data-dir",
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
