/**
 * Where the sequences of a memorization experiment come from, and how generated ones are shown: all that differs
 * between images, texts, melodies and tables. Models and metrics see `Sequences` only.
 */
import { isRecord } from "../base/files.ts";
import { readTensors, type StoredTensor, writeTensors } from "../base/safetensors.ts";
import { IMAGE_DATASETS } from "../data/images.ts";
import type { CodeShape, Sequences } from "../data/sequences.ts";
import { spreadOver, windowsDigest } from "../data/windows.ts";
import type { Device } from "../engine/device.ts";
import type { Block, KeyFigure } from "../report/html.ts";
import type { SequenceShape } from "./demand.ts";
import type { DatasetFacts, Run } from "./run.ts";
import { imageFlags } from "./images.ts";
import { boolean, choice, type FlagValues, integer, text } from "./task.ts";

/** The flags of every sequence task. */
export const sequenceFlags = {
  ...imageFlags,
  dataset: choice([...IMAGE_DATASETS, "text", "melody", "csv"], {
    default: "digits",
    help: "what to learn",
  }),
  offset: integer({
    min: 0,
    help: "how many items to skip (default: 0, but windows of text and melody are spread over all there are)",
  }),
  file: text({
    placeholder: "FILE",
    help: "the file or folder of text, melody (ABC, MIDI) or csv (default: a small one of the project's own)",
  }),
  field: text({ placeholder: "NAME", help: "which field of JSON lines is the text" }),
  window: integer({
    min: 2,
    help: "characters, words or notes in a sequence of text or melody (default: 16)",
  }),
  stride: integer({ min: 1, help: "how far each window starts after the one before (default: 1)" }),
  unit: choice(["character", "word"], { help: "what a token of text is (default: character)" }),
  bins: integer({ min: 2, max: 1000, help: "cut each column of numbers of a csv into so many quantiles" }),
  samples: integer({ min: 1, default: 10_000, help: "how many sequences to generate" }),
  autoencoder: text({
    placeholder: "RUN",
    help: "a finished autoencoder run on the same images (default: train one)",
  }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of the autoencoder (default: its own)" }),
  afresh: boolean({ help: "train the autoencoder even where runs/ holds a finished one of the same flags" }),
};
/** What the flags of a sequence task say. */
export type SequenceFlags = FlagValues<typeof sequenceFlags>;

/** Sequences that flags have chosen and that are checked, but maybe not made yet. */
export interface SequenceSource {
  /** What `config.json` records of them. */
  readonly facts: DatasetFacts;
  /** How many they are, and of how many tokens, out of how many at most. */
  readonly shape: SequenceShape;
  /** What makes sequences of so many tokens of them, in words: "lower --window to 12". */
  readonly shorten: (length: number) => string;
  /** Makes them, training what that needs; called once, when the run folder is there. */
  readonly open: (place: { readonly run: Run; readonly device: Device }) => Promise<SequenceData>;
  /** As `SequenceData` has it, where sequences need not be made. */
  readonly heldOut?: HeldOut;
}

/** Makes at most so many sequences of the same kind as the learned ones, which are not learned themselves. */
export type HeldOut = (most: number) => Promise<Sequences>;

/** Sequences, and the way back from tokens to what they are of. */
export interface SequenceData {
  readonly sequences: Sequences;
  /** The shape of the codes that they are, where they are codes of images. */
  readonly codes?: CodeShape;
  /** Figures of their making for `summary.json`, such as an autoencoder's PSNR. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The same for the head of the report. */
  readonly figures: readonly KeyFigure[];
  readonly show: (generated: GeneratedSequences) => Promise<Exhibit>;
  /** Others of the same kind; absent where there are none. */
  readonly heldOut?: HeldOut;
  /**
   * The tokens of what a person writes; absent where nobody can write them.
   *
   * @throws {RangeError} naming a symbol that was not learned.
   */
  readonly read?: (written: string) => Int32Array;
  /** Whether they are windows of something longer, so that a longer sequence makes sense. */
  readonly windows?: boolean;
}

/** What a model generated. */
export interface GeneratedSequences {
  /** The model's name for people. */
  readonly title: string;
  /** [samples, length] */
  readonly tokens: Int32Array;
  /** For each of them the first training sequence that equals it, or -1. */
  readonly matches: Int32Array;
  readonly memorizedFraction: number;
}

/** How generated sequences are shown. */
export interface Exhibit {
  /** For the report, under "What it generates". */
  readonly blocks: readonly Block[];
  /** To be written into the run folder, by name. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Figures that only this kind of data has. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** How many items are learned where `--count` does not say. */
const MOST = 1024;

/**
 * Numbers, from 0, of the chosen ones of all items: `--count` of them, else as many as there are up to 1,024; from
 * `--offset` on, or where that is not given and `spread` is asked for, evenly spread over all.
 *
 * @param options.items For example "windows of 16 characters".
 * @throws {RangeError} naming the flag that asks for more than there is.
 */
export function chooseItems(
  flags: { readonly offset: number | undefined; readonly count: number | undefined },
  options: { readonly available: number; readonly items: string; readonly spread?: boolean },
): Float64Array {
  const { available, items, spread = false } = options, { offset = 0 } = flags;
  if (offset >= available) {
    throw new RangeError(
      `Cannot start at item ${offset} as the data set holds ${available} ${items}: lower --offset`,
    );
  }
  const count = flags.count ?? Math.min(MOST, available - offset);
  if (offset + count > available) {
    throw new RangeError(
      `Cannot learn ${count} ${items} from item ${offset} on as the data set holds ${available}: lower ` +
        (offset === 0 ? "--count" : "--count or --offset"),
    );
  }
  return spread && flags.offset === undefined
    ? spreadOver(available, count)
    : Float64Array.from({ length: count }, (_, index) => offset + index);
}

/** The file in which a run folder keeps its sequences. */
const FILE = "sequences.safetensors";

/** Sequences with all that is needed to show what is generated from them: what a run folder keeps. */
export interface StoredSequences {
  readonly sequences: Sequences;
  /** The symbol of each token. */
  readonly symbols: readonly unknown[];
  /** Numbers that a kind of data keeps beside them, by name. */
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** The same for what is no number: JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * A source of sequences that exist already. A run folder gets all of it as `sequences.safetensors`.
 *
 * @param options.kept What `sequences.safetensors` keeps, which must be enough for `show`.
 * @param options.taken A line on what was chosen out of how much.
 * @throws {RangeError} where there is only one distinct symbol, as then there is nothing to learn.
 */
export function readySource(
  kept: StoredSequences,
  options: {
    readonly name: string;
    readonly offset: number;
    readonly shorten: SequenceSource["shorten"];
    readonly taken: string;
    readonly figures: readonly KeyFigure[];
    readonly show: SequenceData["show"];
    readonly heldOut?: HeldOut;
  },
): SequenceSource {
  const { sequences, symbols } = kept;
  const { count, length, vocabulary } = sequences;
  const { name, offset, shorten, taken, figures, show, heldOut } = options;
  if (vocabulary < 2) {
    throw new RangeError(
      `Cannot learn these sequences as they hold one distinct token only (${JSON.stringify(symbols[0])}): ` +
        "there is nothing to tell apart",
    );
  }
  return {
    facts: { name, split: "train", offset, count, sha256: windowsDigest(kept) },
    shape: { count, length, vocabulary },
    shorten,
    heldOut,
    async open({ run }) {
      run.note(taken);
      await writeTensors(
        run.path(FILE),
        { tokens: { shape: [count, length], data: sequences.tokens }, ...kept.tensors },
        { dataset: name, symbols: JSON.stringify(symbols), details: JSON.stringify(kept.details) },
      );
      return { sequences, metrics: { vocabulary, sequence_length: length }, figures, show, heldOut };
    },
  };
}

/**
 * What `readySource` wrote into a run folder.
 *
 * @throws {Error} where it is damaged, or not what `sha256` says.
 */
export async function readStoredSequences(
  folder: string,
  { sha256 }: { readonly sha256: string },
): Promise<StoredSequences> {
  const path = `${folder}/${FILE}`;
  const { tensors, metadata } = await readTensors(path);
  const fail = (): never => {
    throw new Error(`Cannot use ${path} as it does not hold the sequences that the run learned: restore it`);
  };
  const { shape: [count, length] = [], data } = tensors.get("tokens") ?? {};
  let symbols: unknown, details: unknown;
  try {
    symbols = JSON.parse(metadata.symbols);
    details = JSON.parse(metadata.details);
  } catch {
    fail();
  }
  if (!(data instanceof Int32Array) || length === undefined || !Array.isArray(symbols)) return fail();
  const sequences = { tokens: data, count, length, vocabulary: symbols.length };
  if (windowsDigest({ sequences, symbols }) !== sha256) fail();
  return {
    sequences,
    symbols,
    tensors: Object.fromEntries(tensors),
    details: isRecord(details) ? details : fail(),
  };
}
