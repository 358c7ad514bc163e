/** What an audit compares: sets of images, features, sequences or texts, read from whatever a path names. */
import { basename, extname, join } from "node:path";
import { exists } from "../base/files.ts";
import { readTensors } from "../base/safetensors.ts";
import { parseAbc } from "../data/abc.ts";
import { parseTable } from "../data/csv.ts";
import { readDocuments } from "../data/documents.ts";
import { openGallery } from "../data/gallery.ts";
import { readMaybeGzip } from "../data/gzip.ts";
import { parseIdx } from "../data/idx.ts";
import { parseMidi } from "../data/midi.ts";
import { noteKey, type Tune } from "../data/music.ts";
import { floatsOf, integersOf, type NpyArray, parseNpy, parseNpz } from "../data/npy.ts";
import { withChannels } from "../data/picture.ts";
import type { Table } from "../metrics/mod.ts";
import { findRun } from "./run.ts";

/** Whether a path names what was learned (training, held-out) or what was generated: a run folder holds both. */
export type Role = "learned" | "generated";

/** Images, all of one shape. */
export interface ImageTable {
  readonly kind: "images";
  /** Bytes 0..255, or floats as the file has them. */
  readonly table: Table;
  /** [height, width, channels] */
  readonly shape: readonly [number, number, number];
  /** What each is called. */
  readonly name: (index: number) => string;
}

/** Features (floats, in any units) or sequences of tokens (whole numbers), a row an item. */
export interface NumberTable {
  readonly kind: "features" | "sequences";
  readonly table: Table;
  readonly name: (index: number) => string;
}

/** A text, or a tune: tokens are characters, words or notes. */
export interface TextItem {
  readonly name: string;
  readonly tokens: readonly string[];
  /** The line in its file where each token stands, or the number of a note. */
  readonly places: readonly number[];
}

/** Texts or tunes. */
export interface TextSet {
  readonly kind: "texts" | "tunes";
  readonly items: readonly TextItem[];
  readonly name: (index: number) => string;
}

/** Any of them. */
export type AuditSet = ImageTable | NumberTable | TextSet;

/** How texts are read, and who is told how far it is. */
export interface ReadOptions {
  readonly role: Role;
  readonly unit: "character" | "word";
  readonly onProgress?: (done: number, total: number) => Promise<void>;
}

const IMAGE_NAMES = ["samples", "images", "x_train", "x", "X", "data", "features", "arr_0"];
const TEXT_ENDINGS = [".txt", ".md", ".text", ".jsonl", ".ndjson"];
const TUNE_ENDINGS = [".abc", ".mid", ".midi"];
/**
 * Reads the set that `path` names: an `.npy`, `.npz`, IDX, CSV, safetensors, JSON lines, ABC, MIDI or text file, a folder
 * of pictures, texts or tunes, or a run folder.
 *
 * @throws {Error} where there is no such thing, it is empty, or its items do not fit together.
 */
export async function readAuditSet(path: string, options: ReadOptions): Promise<AuditSet> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot audit ${path} as there is no such file or folder: name one that is there`,
    );
  }
  const set = await (info.isDirectory ? readFolder(path, options) : readFile(path, options));
  if (sizeOfSet(set) === 0) {
    throw new RangeError(`Cannot audit ${path} as it is empty: give at least one item`);
  }
  return set;
}

/** How many items a set holds. */
export function sizeOfSet(set: AuditSet): number {
  return "items" in set ? set.items.length : set.table.count;
}

async function readFolder(path: string, options: ReadOptions): Promise<AuditSet> {
  if (await findRun(path) !== undefined) return await readRun(path, options);
  const names = (await Array.fromAsync(Deno.readDir(path)))
    .filter((entry) => !entry.isDirectory && !entry.name.startsWith("."))
    .map(({ name }) => name).sort();
  const ending = (wanted: readonly string[]) =>
    names.filter((name) => wanted.includes(extname(name).toLowerCase()));
  const tunes = ending(TUNE_ENDINGS), texts = ending(TEXT_ENDINGS);
  if (tunes.length > 0) return joinTexts(await Promise.all(tunes.map((name) => readTunes(join(path, name)))));
  if (texts.length > 0) return await readTexts(path, options.unit);
  return await readPictures(path, options);
}

/** Sequences that a run learned, or those that were drawn from it last. */
async function readRun(folder: string, { role }: ReadOptions): Promise<AuditSet> {
  const learned = ["sequences.safetensors", "codes.safetensors", "autoencoder/codes.safetensors"];
  const drawn = (await Array.fromAsync(Deno.readDir(folder)))
    .filter(({ name }) => name.startsWith("samples-")).map(({ name }) => `${name}/samples.safetensors`)
    .sort();
  for (const name of role === "learned" ? learned : drawn.toReversed()) {
    if (await exists(join(folder, name))) return await readTokens(join(folder, name));
  }
  throw new Error(
    role === "learned"
      ? `Cannot audit ${folder} as this run has no sequences that it learned: name its data instead`
      : `Cannot audit ${folder} as nothing was drawn from this run yet: run \`deno task sample ${folder}\` first`,
  );
}

async function readTokens(path: string): Promise<NumberTable> {
  const tokens = (await readTensors(path)).tensors.get("tokens");
  if (tokens === undefined || tokens.shape.length !== 2 || !(tokens.data instanceof Int32Array)) {
    throw new Error(`Cannot audit ${path} as it holds no tokens [count, length]: name sequences`);
  }
  const [count, width] = tokens.shape;
  return numberTable("sequences", { values: tokens.data, count, width });
}

function numberTable(kind: "features" | "sequences", table: Table): NumberTable {
  return { kind, table, name: (index) => `row ${index + 1}` };
}

async function readFile(path: string, options: ReadOptions): Promise<AuditSet> {
  const ending = extname(path.replace(/\.gz$/i, "")).toLowerCase();
  if (/idx\d-ubyte(\.gz)?$/i.test(path)) {
    const { shape: [count, height, width], data } = parseIdx(await readMaybeGzip(path), { path, rank: 3 });
    return imageTable({ values: data, count, width: height * width }, [height, width, 1]);
  }
  switch (ending) {
    case ".npy":
      return arraySet(parseNpy(await Deno.readFile(path), { path }), path);
    case ".npz": {
      const arrays = await parseNpz(await Deno.readFile(path), { path });
      const name = IMAGE_NAMES.find((one) => arrays.has(one)) ??
        (arrays.size === 1 ? [...arrays.keys()][0] : undefined);
      if (name === undefined) {
        throw new SyntaxError(
          `Cannot audit ${path} as it is not clear which of its arrays is meant (${
            [...arrays.keys()].join(", ")
          }): ` +
            "call it samples",
        );
      }
      return arraySet(arrays.get(name)!, path);
    }
    case ".safetensors":
      return await readTokens(path);
    case ".csv": {
      const { columns, rows } = await parseTable(await readText(path), { path });
      const numbers = rows.flat();
      if (columns.includes("word") || numbers.includes(null)) {
        throw new SyntaxError(
          `Cannot audit ${path} as all its cells must be numbers: number the words, fill what is empty`,
        );
      }
      const table = { count: rows.length, width: columns.length };
      return numbers.every(Number.isSafeInteger)
        ? numberTable("sequences", { values: Int32Array.from(numbers as number[]), ...table })
        : numberTable("features", { values: Float32Array.from(numbers as number[]), ...table });
    }
    case ".jsonl":
    case ".ndjson":
      return await readTexts(path, options.unit);
    case ".abc":
    case ".mid":
    case ".midi":
      return await readTunes(path);
    default:
      return readParagraphs(await readText(path), options.unit);
  }
}

/** Rank 3 and 4: images. Rank 2: features where they are floats, sequences where they are whole numbers. */
function arraySet(array: NpyArray, path: string): AuditSet {
  const { shape, type } = array,
    [count, ...rest] = shape,
    width = rest.reduce((product, extent) => product * extent, 1);
  const float = type[0] === "f";
  if (shape.length === 2) {
    const values = float ? floatsOf(array) : integersOf(array);
    return numberTable(float ? "features" : "sequences", { values, count, width });
  }
  const last = rest.length === 3 && isChannels(rest[2]),
    first = rest.length === 3 && !last && isChannels(rest[0]);
  if (rest.length !== 2 && !last && !first) {
    throw new RangeError(
      `Cannot audit ${path} as arrays must be [count, numbers], or images [count, height, width] with 1 or 3 channels ` +
        `after or before: current shape is [${shape.join(", ")}]`,
    );
  }
  if (!float && type !== "u1" && type !== "b1") {
    throw new RangeError(
      `Cannot audit ${path} as images must be bytes or floats: current type is ${type}, save them as uint8`,
    );
  }
  const values = float ? floatsOf(array) : new Uint8Array(array.data);
  const channels = last ? rest[2] : first ? rest[0] : 1, [height, columns] = first ? rest.slice(1) : rest;
  const table = { values: first ? channelsLast(values, channels) : values, count, width };
  return imageTable(table, [height, columns, channels]);

  function channelsLast<V extends Float32Array | Uint8Array>(values: V, channels: number): V {
    const moved = values.slice() as V, area = width / channels;
    for (let at = 0; at < values.length; at++) {
      const image = Math.floor(at / width), inside = at % width;
      moved[at] = values[image * width + (inside % channels) * area + Math.floor(inside / channels)];
    }
    return moved;
  }
}

function isChannels(extent: number): boolean {
  return extent === 1 || extent === 3;
}

function imageTable(
  table: Table,
  shape: readonly [number, number, number],
  files?: readonly string[],
): ImageTable {
  return { kind: "images", table, shape, name: (index) => files?.[index] ?? `image ${index}` };
}

/** A folder of pictures or of MNIST's files. Grey and coloured ones together become coloured. */
async function readPictures(path: string, { onProgress }: ReadOptions): Promise<ImageTable> {
  const gallery = await openGallery(path);
  const pictures = [];
  for (let index = 0; index < gallery.count; index++) {
    pictures.push(await gallery.picture(index));
    await onProgress?.(index + 1, gallery.count);
  }
  const channels = pictures.some((picture) => picture.channels === 3) ? 3 : 1;
  const { height, width } = pictures[0], size = height * width * channels;
  const values = new Uint8Array(gallery.count * size);
  pictures.forEach((picture, index) => {
    if (picture.height !== height || picture.width !== width) {
      throw new RangeError(
        `Cannot audit ${path} as its pictures must have one size: ${
          gallery.files?.[0] ?? "the first"
        } has ${width}x${height} ` +
          `pixels, ${gallery.files?.[index] ?? `number ${index}`} ${picture.width}x${picture.height}`,
      );
    }
    values.set(withChannels(picture, channels).pixels, index * size);
  });
  return imageTable({ values, count: gallery.count, width: size }, [height, width, channels], gallery.files);
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readMaybeGzip(path)).replace(
      /\r\n?/g,
      "\n",
    );
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new SyntaxError(
      `Cannot audit ${path} as it is neither text in UTF-8 nor a kind of file that is known: convert it`,
    );
  }
}

function textSet(kind: "texts" | "tunes", items: readonly TextItem[]): TextSet {
  const full = items.filter(({ tokens }) => tokens.length > 0);
  return { kind, items: full, name: (index) => full[index].name };
}

function joinTexts(sets: readonly TextSet[]): TextSet {
  return textSet(sets[0].kind, sets.flatMap(({ items }) => items));
}

/** A text without the white space around it, token by token. */
function itemOf(
  text: string,
  { name, line, unit }: { readonly name: string; readonly line: number; readonly unit: "character" | "word" },
): TextItem {
  const start = text.length - text.trimStart().length;
  let at = line + text.slice(0, start).split("\n").length - 1;
  const tokens: string[] = [], places: number[] = [];
  for (const token of unit === "character" ? text.trim() : text.trim().split(/(\s+)/)) {
    const breaks = token.split("\n").length - 1;
    if (unit === "character" || token !== "" && !/^\s/.test(token)) {
      tokens.push(token);
      places.push(at);
    }
    at += breaks;
  }
  return { name, tokens, places };
}

/** A file's items are what stands between empty lines. */
function readParagraphs(text: string, unit: "character" | "word"): TextSet {
  const items: TextItem[] = [];
  let line = 1;
  for (const part of text.replace(/^\uFEFF/, "").split(/(\n[ \t]*\n\s*)/)) {
    if (part.trim() !== "") items.push(itemOf(part, { name: `line ${line}`, line, unit }));
    line += part.split("\n").length - 1;
  }
  return textSet("texts", items);
}

/** The files of a folder, or the records of JSON lines. */
async function readTexts(path: string, unit: "character" | "word"): Promise<TextSet> {
  const items = (await readDocuments(path)).map(({ name, text, line, onOneLine }, index) => {
    const place = onOneLine ? `line ${line}` : "", called = [name, place].filter(Boolean).join(", ");
    const item = itemOf(text, { name: called || `text ${index + 1}`, line, unit });
    return onOneLine ? { ...item, places: item.places.map(() => line) } : item;
  });
  return textSet("texts", items);
}

async function readTunes(path: string): Promise<TextSet> {
  const tunes: readonly Tune[] = extname(path).toLowerCase() === ".abc"
    ? (await parseAbc(await readText(path), { path })).tunes
    : await parseMidi(await Deno.readFile(path), { path });
  return textSet(
    "tunes",
    tunes.map(({ title, notes }, index) => ({
      name: `${basename(path)}: ${title || `tune ${index + 1}`}`,
      tokens: notes.map(noteKey),
      places: notes.map((_, note) => note + 1),
    })),
  );
}
