/**
 * Where the sequences of a memorization experiment come from, and how generated ones are shown: all that differs
 * between images, texts, melodies and tables. Models and metrics see `Sequences` only.
 */
import { writeTensors } from "../base/safetensors.ts";
import type { Sequences } from "../data/sequences.ts";
import { type Windows, windowsDigest } from "../data/windows.ts";
import type { Device } from "../engine/device.ts";
import type { Block, KeyFigure } from "../report/html.ts";
import type { DatasetFacts, Run } from "./run.ts";
import { choice, commonFlags, type FlagValues, integer, text } from "./task.ts";

/** The flags of every sequence task. */
export const sequenceFlags = {
  ...commonFlags,
  dataset: choice(["digits", "mnist", "idx", "text", "melody", "csv"], {
    default: "digits",
    help: "what to learn",
  }),
  file: text({
    placeholder: "FILE",
    help: "the file of text, melody (ABC notation) or csv (default: a small one of the project's own)",
  }),
  window: integer({
    min: 2,
    help: "characters, words or notes in a sequence of text or melody (default: 16)",
  }),
  stride: integer({ min: 1, help: "how far each window starts after the one before (default: 1)" }),
  unit: choice(["character", "word"], { help: "what a token of text is (default: character)" }),
  samples: integer({ min: 1, default: 10_000, help: "how many sequences to generate" }),
  autoencoder: text({
    placeholder: "RUN",
    help: "a finished autoencoder run on the same images (default: train one)",
  }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of the autoencoder (default: its own)" }),
};
/** What the flags of a sequence task say. */
export type SequenceFlags = FlagValues<typeof sequenceFlags>;

/** Sequences that flags have chosen and that are checked, but maybe not made yet. */
export interface SequenceSource {
  /** What `config.json` records of them. */
  readonly facts: DatasetFacts;
  /** Makes them, training what that needs; called once, when the run folder is there. */
  readonly open: (place: { readonly run: Run; readonly device: Device }) => Promise<SequenceData>;
}

/** Sequences, and the way back from tokens to what they are of. */
export interface SequenceData {
  readonly sequences: Sequences;
  /** Figures of their making for `summary.json`, such as an autoencoder's PSNR. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The same for the head of the report. */
  readonly figures: readonly KeyFigure[];
  readonly show: (generated: GeneratedSequences) => Promise<Exhibit>;
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
 * The chosen ones of all items: `--count` of them from `--offset` on, else as many as there are up to 1,024.
 *
 * @param items For example "windows of 16 characters".
 * @throws {RangeError} naming the flag that asks for more than there is.
 */
export function chooseItems(
  flags: { readonly offset: number; readonly count: number | undefined },
  { available, items }: { readonly available: number; readonly items: string },
): { readonly from: number; readonly to: number } {
  const { offset } = flags;
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
  return { from: offset, to: offset + count };
}

/**
 * What the file holds as text.
 *
 * @throws {Error} where it cannot be read, is no text, or is empty.
 */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new Error(`Cannot read --file ${path} (${reason}): name a file that can be read`);
  }
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`Cannot read --file ${path} as it is no text in UTF-8: convert it`);
  }
  if (content.trim() === "") throw new Error(`Cannot learn --file ${path} as it is empty: name another`);
  return content;
}

/**
 * A source of sequences that exist already.
 *
 * @param options.symbols writes one symbol in `sequences.safetensors`, from which sequences are read again.
 * @throws {RangeError} where there is only one distinct symbol, as then there is nothing to learn.
 */
export function readySource<Symbol>(
  windows: Windows<Symbol>,
  options: {
    readonly name: string;
    readonly offset: number;
    readonly figures: readonly KeyFigure[];
    readonly show: SequenceData["show"];
  },
): SequenceSource {
  const { sequences, symbols } = windows;
  const { count, length, vocabulary } = sequences;
  const { name, offset, figures, show } = options;
  if (vocabulary < 2) {
    throw new RangeError(
      `Cannot learn these sequences as they hold one distinct token only (${JSON.stringify(symbols[0])}): ` +
        "there is nothing to tell apart",
    );
  }
  return {
    facts: { name, split: "train", offset, count, sha256: windowsDigest(windows) },
    async open({ run }) {
      await writeTensors(
        run.path("sequences.safetensors"),
        { tokens: { shape: [count, length], data: sequences.tokens } },
        { dataset: name, symbols: JSON.stringify(symbols) },
      );
      return { sequences, metrics: { vocabulary, sequence_length: length }, figures, show };
    },
  };
}
