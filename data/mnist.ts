/**
 * MNIST: 60,000 + 10,000 handwritten digits, 28x28 grey levels.
 * LeCun, Cortes, Burges: http://yann.lecun.com/exdb/mnist/.
 */
import { createHash } from "node:crypto";
import { readMaybeGzip } from "./gzip.ts";
import { findIdxFile, IDX_FILES, joinIdx } from "./idx.ts";
import type { Images, Split } from "./image_set.ts";
import type { RemoteSet } from "./source.ts";

/** How many images each split holds. */
export const MNIST_COUNTS: Readonly<Record<Split, number>> = { train: 60_000, test: 10_000 };

/** Where MNIST is downloaded from, and how the four files are known. */
export const MNIST_SOURCE: RemoteSet = {
  name: "mnist",
  mirrors: [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
  ],
  files: [
    {
      name: "train-images-idx3-ubyte.gz",
      bytes: 9_912_422,
      sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    {
      name: "train-labels-idx1-ubyte.gz",
      bytes: 28_881,
      sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    {
      name: "t10k-images-idx3-ubyte.gz",
      bytes: 1_648_877,
      sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    {
      name: "t10k-labels-idx1-ubyte.gz",
      bytes: 4_542,
      sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  ],
};

/** SHA-256 of the unpacked files: the same whether a file was gzipped, by whom, or not at all. */
const UNPACKED_SHA256: Readonly<Record<string, string>> = {
  "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
};

/** Reads a split of MNIST from a folder, its four files gzipped or not; any other content is refused. */
export async function readMnist(folder: string, { split }: { readonly split: Split }): Promise<Images> {
  const names = IDX_FILES[split];
  // One after the other: which of two errors is told must not depend on which is quicker.
  const images = await readPinned(folder, names.images);
  return joinIdx(images, await readPinned(folder, names.labels));
}

async function readPinned(
  folder: string,
  name: string,
): Promise<{ readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const path = await findMnistFile(folder, name);
  const bytes = await readMaybeGzip(path);
  if (createHash("sha256").update(bytes).digest("hex") !== UNPACKED_SHA256[name]) {
    throw new SyntaxError(
      `Cannot read ${path} as it is not MNIST's original (its SHA-256 differs): delete it and run ` +
        "`deno task fetch mnist`, or use --dataset idx for other data",
    );
  }
  return { path, bytes };
}

async function findMnistFile(folder: string, name: string): Promise<string> {
  try {
    return await findIdxFile(folder, name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Deno.errors.NotFound(
      `Cannot find MNIST's ${name}(.gz) in ${folder}: run \`deno task fetch mnist\`, or name its folder with --data-dir`,
      { cause },
    );
  }
}
