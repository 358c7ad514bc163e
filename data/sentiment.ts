/**
 * Opinions with their verdict, for text classifiers: the built-in `reviews`, and two public sets.
 *
 * - `polarity`: 5,331 + 5,331 sentences (Pang & Lee, ACL 2005, "sentence polarity dataset v1.0"). It has no official
 *   split: every tenth sentence of each class in a fixed random order is tested on, 1,066 in all.
 * - `imdb`: 25,000 + 25,000 reviews (Maas et al., ACL 2011, "Large Movie Review Dataset v1.0"), split by its authors.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { stream } from "../base/random.ts";
import type { Split } from "./image_set.ts";
import { REVIEW_COUNTS, writeReviews } from "./reviews.ts";
import { cacheFolder, type RemoteSet } from "./source.ts";
import { readTarGzip } from "./tar.ts";

/** The sets that `openOpinions` knows. */
export const SENTIMENT_DATASETS = ["reviews", "polarity", "imdb"] as const;
/** The name of a set. */
export type SentimentDataset = typeof SENTIMENT_DATASETS[number];

/** How many sentences or reviews each split of a set holds. */
export const SENTIMENT_COUNTS: Readonly<Record<SentimentDataset, Readonly<Record<Split, number>>>> = {
  reviews: REVIEW_COUNTS,
  polarity: { train: 9_596, test: 1_066 },
  imdb: { train: 25_000, test: 25_000 },
};

/** Where the sentences are downloaded from. The archive's files are in Windows' Latin alphabet. */
export const POLARITY_SOURCE: RemoteSet = {
  name: "polarity",
  mirrors: [
    "https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/",
  ],
  files: [{
    name: "rt-polaritydata.tar.gz",
    bytes: 487_770,
    sha256: "a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
    members: ["rt-polarity.pos", "rt-polarity.neg"],
  }],
};

/** Where the reviews are downloaded from. The archive stays packed: its 100,000 files are read in memory. */
export const IMDB_SOURCE: RemoteSet = {
  name: "imdb",
  mirrors: ["https://ai.stanford.edu/~amaas/data/sentiment/"],
  files: [{
    name: "aclImdb_v1.tar.gz",
    bytes: 84_125_825,
    sha256: "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
  }],
};

/** Which opinions. */
export interface SentimentSelection {
  readonly dataset: SentimentDataset;
  /** Folder of the files. Absent: `.cache/data/<dataset>`; `reviews` reads no file. */
  readonly dataDir?: string;
  readonly split: Split;
  /** The first so many, in the fixed random order that every set is put into. Absent: all. */
  readonly count?: number;
}

/** Texts, each with its label, and what a run folder records of them. */
export interface OpinionSet {
  readonly name: SentimentDataset;
  readonly split: Split;
  readonly offset: 0;
  readonly count: number;
  readonly available: number;
  /** SHA-256 of the texts, each ended by a zero byte, followed by the labels. */
  readonly sha256: string;
  readonly texts: readonly string[];
  /** [count]: 1 for the film, 0 against it. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** A text and its label. */
export interface Opinion {
  readonly text: string;
  readonly label: number;
}

/** Fixed for ever: another seed would be another order and another split. */
const SEED = 20_110_624;

/**
 * Reads (or writes) the chosen opinions, in a fixed random order. Nothing is ever downloaded.
 *
 * @throws {Error} naming the file that is missing or not what it should be.
 */
export async function openOpinions(selection: SentimentSelection): Promise<OpinionSet> {
  const { dataset, split } = selection, available = SENTIMENT_COUNTS[dataset][split];
  const count = selection.count ?? available;
  if (!(Number.isInteger(count) && count >= 1 && count <= available)) {
    throw new RangeError(
      `Cannot ${split} on ${count} texts as ${dataset} holds ${available} for that: lower --count`,
    );
  }
  const folder = selection.dataDir ?? cacheFolder(dataset);
  const all = await read(dataset, { folder, split });
  const chosen = all.slice(0, count);
  const texts = chosen.map(({ text }) => text), labels = Uint8Array.from(chosen, ({ label }) => label);
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  const sha256 = hash.update(labels).digest("hex");
  return { name: dataset, split, offset: 0, count, available, sha256, texts, labels };
}

async function read(
  dataset: SentimentDataset,
  { folder, split }: { readonly folder: string; readonly split: Split },
): Promise<readonly Opinion[]> {
  switch (dataset) {
    case "reviews": {
      const { texts, labels } = writeReviews({ split });
      return texts.map((text, index) => ({ text, label: labels[index] }));
    }
    case "polarity":
      return await readPolarity(folder, { split });
    case "imdb":
      return shuffled(await readImdb(folder, { split }), `imdb ${split}`);
  }
}

function shuffled<T>(items: readonly T[], label: string): T[] {
  return Array.from(stream(SEED).fork(label).permutation(items.length), (index) => items[index]);
}

async function readPolarity(folder: string, { split }: { readonly split: Split }): Promise<Opinion[]> {
  const chosen: Opinion[] = [];
  for (const [label, name] of ["rt-polarity.neg", "rt-polarity.pos"].entries()) {
    const lines = decodeWestern(await readOrExplain("polarity", `${folder}/${name}`)).split("\n")
      .map((line) => line.trim()).filter((line) => line !== "");
    if (lines.length !== 5_331) {
      throw new SyntaxError(
        `Cannot read ${folder}/${name} as it must hold 5331 sentences: it holds ${lines.length}, run ` +
          "`deno task fetch polarity` again",
      );
    }
    shuffled(lines, `polarity ${label}`).forEach((text, index) => {
      if ((index % 10 === 0 && index < 5_330) === (split === "test")) chosen.push({ text, label });
    });
  }
  return shuffled(chosen, `polarity ${split}`);
}

/** The 2005 original is in Windows' Latin alphabet, copies of it are in UTF-8. */
function decodeWestern(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Reads a split of IMDB from `imdb.jsonl.br` or `aclImdb_v1.tar.gz`, negative ones first, each class by number. */
async function readImdb(folder: string, { split }: { readonly split: Split }): Promise<Opinion[]> {
  const lines = `${folder}/imdb.jsonl.br`, archive = `${folder}/${IMDB_SOURCE.files[0].name}`;
  const found = await isFile(lines)
    ? await readImdbLines(lines, { split })
    : await isFile(archive)
    ? await readImdbArchive(archive, { split })
    : undefined;
  if (found === undefined) {
    throw new Deno.errors.NotFound(
      `Cannot find aclImdb_v1.tar.gz or imdb.jsonl.br in ${folder}: run \`deno task fetch imdb\`, or name its folder ` +
        "with --data-dir",
    );
  }
  if (found.length !== SENTIMENT_COUNTS.imdb[split]) {
    throw new SyntaxError(
      `Cannot use ${folder} as IMDB's ${split} split must hold 25000 reviews: it holds ${found.length}, fetch it again`,
    );
  }
  return found;
}

/** A split out of JSON lines {split, label, id, text} packed with brotli. */
export async function readImdbLines(path: string, { split }: { readonly split: Split }): Promise<Opinion[]> {
  let unpacked: string;
  try {
    unpacked = new TextDecoder().decode(await promisify(brotliDecompress)(await Deno.readFile(path)));
  } catch (cause) {
    throw new SyntaxError(`Cannot unpack ${path} as it is damaged or cut off: copy it again`, { cause });
  }
  const found: Numbered[] = [];
  unpacked.split("\n").forEach((line, index) => {
    if (line === "") return;
    const one: unknown = JSON.parse(line);
    if (!isReview(one)) {
      throw new SyntaxError(
        `Cannot read ${path} as line ${index + 1} is no review: it must have split, label, id, text`,
      );
    }
    if (one.split === split) found.push({ text: one.text, label: one.label, number: one.id });
  });
  return inOrder(found);
}

/** A split out of the authors' archive: files `aclImdb/<split>/<pos or neg>/<number>_<stars>.txt`. */
export async function readImdbArchive(
  path: string,
  { split }: { readonly split: Split },
): Promise<Opinion[]> {
  const name = new RegExp(`/${split}/(pos|neg)/(\\d+)_\\d+\\.txt$`);
  const decoder = new TextDecoder(), found: Numbered[] = [];
  for await (const { path: member, content } of readTarGzip(path, { wanted: (one) => name.test(one) })) {
    const [, verdict, number] = name.exec(member)!;
    found.push({ text: decoder.decode(content), label: verdict === "pos" ? 1 : 0, number: Number(number) });
  }
  return inOrder(found);
}

interface Numbered extends Opinion {
  readonly number: number;
}

function inOrder(found: readonly Numbered[]): Opinion[] {
  return found.toSorted((a, b) => a.label - b.label || a.number - b.number)
    .map(({ text, label }) => ({ text, label }));
}

function isReview(
  value: unknown,
): value is { readonly split: string; readonly label: number; readonly id: number; readonly text: string } {
  if (typeof value !== "object" || value === null) return false;
  const { split, label, id, text } = value as Record<string, unknown>;
  return typeof split === "string" && (label === 0 || label === 1) && typeof id === "number" &&
    typeof text === "string";
}

async function readOrExplain(set: SentimentDataset, path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot find ${path}: run \`deno task fetch ${set}\`, or name its folder with --data-dir`,
    );
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
