/**
 * The IDX format of MNIST: magic (0, 0, type, rank), then the dimensions as big-endian 32-bit integers, then the
 * items row by row. Only type 8 (unsigned bytes) is read, gzipped or not; which of the two is seen from the bytes.
 */
import { contentOf } from "./file_kind.ts";
import { readMaybeGzip } from "./gzip.ts";
import type { Images, Split } from "./image_set.ts";

/** The bytes of an IDX file and the dimensions that its header gives. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major: as many bytes as the product of `shape`. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The two files of a split under MNIST's names; each may also end in ".gz". */
export const IDX_FILES: Readonly<Record<Split, { readonly images: string; readonly labels: string }>> = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  test: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" },
};

const UNSIGNED_BYTE = 8;

/** Reads the content of an IDX file of unsigned bytes; `path` only names it in errors. */
export function parseIdx(
  bytes: Uint8Array<ArrayBuffer>,
  { path, rank }: { readonly path: string; readonly rank: number },
): IdxArray {
  const kind = rank === 1 ? "labels" : "images";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[3] === 0) {
    throw new SyntaxError(
      `Cannot read ${path} as it is ${contentOf(bytes)} and not an IDX file: give one of MNIST's format`,
    );
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    throw new SyntaxError(
      `Cannot read ${path} as its items must be unsigned bytes (type 8): current type is ${
        bytes[2]
      }, save it as bytes`,
    );
  }
  if (bytes[3] !== rank) {
    const remedy = bytes[3] === 1 || bytes[3] === 3
      ? "are the image and label files swapped?"
      : "give another file";
    throw new SyntaxError(
      `Cannot read ${path} as ${kind} must have ${rank} dimension${
        rank === 1 ? "" : "s"
      }: current number is ${bytes[3]}, ${remedy}`,
    );
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new SyntaxError(`Cannot read ${path} as its header is cut off: fetch the file again`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = shape.reduce((product, size) => product * size, 1);
  const found = bytes.length - header;
  if (found !== expected) {
    throw new SyntaxError(
      `Cannot read ${path} as its header announces ${expected} bytes of ${kind} and ${found} follow ` +
        `(the file is ${found < expected ? "cut off" : "too long"}): fetch or make the file again`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}

/** Reads a split from a folder of IDX files under MNIST's names: any number of images of any one size. */
export async function readIdxFolder(folder: string, { split }: { readonly split: Split }): Promise<Images> {
  const { images, labels } = IDX_FILES[split];
  // One after the other: which of two errors is told must not depend on which is quicker.
  const imagePath = await findIdxFile(folder, images), labelPath = await findIdxFile(folder, labels);
  const imageBytes = await readMaybeGzip(imagePath), labelBytes = await readMaybeGzip(labelPath);
  return joinIdx({ path: imagePath, bytes: imageBytes }, { path: labelPath, bytes: labelBytes });
}

/** Checks a file of images against its file of labels and joins the two. */
export function joinIdx(
  imageFile: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> },
  labelFile: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> },
): Images {
  const { shape: [count, height, width], data: pixels } = parseIdx(imageFile.bytes, {
    path: imageFile.path,
    rank: 3,
  });
  const { shape: [labelCount], data: labels } = parseIdx(labelFile.bytes, { path: labelFile.path, rank: 1 });
  if (count !== labelCount) {
    throw new RangeError(
      `Cannot use ${labelFile.path} as it holds ${labelCount} labels for ${count} images: give the files of one set`,
    );
  }
  if (count * height * width === 0) {
    throw new RangeError(`Cannot use ${imageFile.path} as it holds no image: give a file with at least one`);
  }
  // Ten, as in MNIST, unless there are more.
  const classes = labels.reduce((most, label) => Math.max(most, label + 1), 10);
  return { height, width, channels: 1, classes, pixels, labels };
}

/** The path of `name` in `folder`, with or without ".gz"; the unpacked file wins. */
export async function findIdxFile(folder: string, name: string): Promise<string> {
  for (const path of [`${folder}/${name}`, `${folder}/${name}.gz`]) {
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  throw new Deno.errors.NotFound(
    `Cannot find ${name} or ${name}.gz in ${folder}: give the folder of the four IDX files with --data-dir`,
  );
}
