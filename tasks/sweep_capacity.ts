/**
 * `deno task sweep-capacity`: how many bits of a training set can a model hold, by its number of parameters?
 *
 * Each network learns sets of growing size. The bits that it holds of a set are exact: what the set takes without the
 * model less its code length by the model. After Morris et al. (2025), arXiv 2505.24832, on uniformly random sequences,
 * of which nothing else can be learned, and on codes of images against a reference that has not seen them.
 *
 * Departures: tiny networks; the reference is counts of what is usual in codes of other images; what is held is clipped
 * at 0 for the whole set, not item by item.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import { formatTable } from "../data/csv.ts";
import { codesToSequences, rowsOf, type Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import {
  type Estimate,
  meanAndDeviation,
  memorizedBits,
  type ReferenceCode,
  referenceCode,
  uniformBits,
} from "../metrics/mod.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { EXPERIMENT as SEQ2HIST } from "../models/seq2hist.ts";
import { EXPERIMENT as SEQ2SEQ } from "../models/seq2seq.ts";
import { EXPERIMENT as SEQ2TOKEN } from "../models/seq2token.ts";
import type { Block, Table } from "../report/html.ts";
import { count as grouped } from "../report/numbers.ts";
import type { LinePlot } from "../report/plot.ts";
import { readShapedCodes } from "../run/codes.ts";
import { openTaskDevice } from "../run/device.ts";
import { imageFlags, levels, openTrainingImages } from "../run/images.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { SequenceExperiment, SequenceModel } from "../run/memorize.ts";
import { defaultsOf } from "../run/model_file.ts";
import type { Run, StoredRun } from "../run/run.ts";
import { sequenceFlags } from "../run/sequence_source.ts";
import { choice, type Flags, type FlagValues, integer, runTask, text, wholeNumbers } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";

/** Tokens, and kinds of tokens, of a code: random sequences are of the same form. */
const LENGTH = 16, VOCABULARY = 8;

/** A kind of network and its sizes: `--hidden` for about 10,000, 30,000 and 100,000 parameters. */
interface Kind {
  readonly task: string;
  readonly own: Readonly<Record<string, string>>;
  readonly hidden: string;
  /** How many parameters it has with so many hidden units. */
  readonly parameters: (hidden: number) => Promise<number>;
}

const KINDS = {
  "seq2hist": {
    task: SEQ2HIST.name,
    own: {},
    hidden: "51,115,252",
    parameters: (hidden) => parametersOf(SEQ2HIST, { ...defaultsOf(SEQ2HIST.flags), hidden }),
  },
  "seq2token": {
    task: SEQ2TOKEN.name,
    own: {},
    hidden: "51,115,252",
    parameters: (hidden) => parametersOf(SEQ2TOKEN, { ...defaultsOf(SEQ2TOKEN.flags), hidden }),
  },
  "seq2seq-masked": {
    task: SEQ2SEQ.name,
    own: { architecture: "masked" },
    hidden: "2,5,13",
    parameters: (hidden) =>
      parametersOf(SEQ2SEQ, { ...defaultsOf(SEQ2SEQ.flags), hidden, architecture: "masked" }),
  },
  "seq2seq-transformer": {
    task: SEQ2SEQ.name,
    own: { architecture: "transformer" },
    hidden: "20,32,64",
    parameters: (hidden) =>
      parametersOf(SEQ2SEQ, { ...defaultsOf(SEQ2SEQ.flags), hidden, architecture: "transformer" }),
  },
} as const satisfies Readonly<Record<string, Kind>>;

const { count: _count, offset: _offset, steps: _steps, ...shared } = imageFlags;
const FLAGS = {
  ...shared,
  model: choice(["seq2hist", "seq2token", "seq2seq-masked", "seq2seq-transformer"], {
    default: "seq2hist",
    help: "what learns",
  }),
  sets: choice(["random", "codes", "both"], { default: "both", help: "what is learned" }),
  hidden: text({
    placeholder: "N,N",
    help: "hidden units of each network (default: for about 10,000, 30,000 and 100,000 parameters)",
  }),
  loads: text({
    placeholder: "N,N",
    default: "2,4,8",
    help: "sizes of the sets: bits of uniformly random tokens for each parameter",
  }),
  seeds: integer({ min: 1, default: 1, help: "how many seeds of each network, from --seed on" }),
  others: integer({ min: 2, default: 10_000, help: "images that the reference of codes has seen instead" }),
  steps: integer({ min: 1, help: "optimizer updates of each (default: by the size of its set)" }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of the autoencoder (default: its own)" }),
  ...executorFlags,
};
type SweepFlags = FlagValues<typeof FLAGS>;

/** Holds the runs, whose reports are too many to be parts of the page. */
const NETWORKS = "networks";
/** Sequences that each run generates: enough to see that they are copies. */
const SAMPLES = 1000;
/** What others found, in bits a parameter. */
const PUBLISHED = [
  { bits: 2, label: "2 bits a parameter (Allen-Zhu and Li)" },
  { bits: 3.6, label: "3.6 bits a parameter (Morris et al.)" },
];

/** What is learned. */
type Source = "random" | "codes";
const SOURCES: Readonly<Record<SweepFlags["sets"], readonly Source[]>> = {
  random: ["random"],
  codes: ["codes"],
  both: ["random", "codes"],
};
const IN_WORDS: Readonly<Record<Source, string>> = {
  random: "random sequences",
  codes: "codes of images",
};

/** A network with a set to learn. */
interface Task {
  readonly source: Source;
  readonly hidden: number;
  readonly parameters: number;
  /** How many sequences. */
  readonly count: number;
}

/** What came of it. */
export interface Cell extends Omit<Task, "hidden"> {
  /** Bits of the set without the model. */
  readonly without: number;
  /** Bits that it holds, over the seeds. */
  readonly bits: Estimate;
}

async function parametersOf<Model extends SequenceModel, F extends Flags>(
  { configure, build, describe }: SequenceExperiment<Model, F>,
  flags: FlagValues<F>,
): Promise<number> {
  const shape = { tokens: new Int32Array(), count: 1, length: LENGTH, vocabulary: VOCABULARY };
  const model = build(await configure(shape, { ...defaultsOf(sequenceFlags), ...flags }));
  const { parameters } = describe(model);
  for (const weight of Object.values(model.weights)) weight.dispose();
  return parameters;
}

/** How many sequences are so many bits for each parameter. */
export function setSize(parameters: number, load: number): number {
  return Math.max(
    1,
    Math.round(load * parameters / uniformBits({ count: 1, length: LENGTH, vocabulary: VOCABULARY })),
  );
}

/** Every network with every set that it learns, a source after the other. */
async function tasksOf(flags: SweepFlags): Promise<Task[]> {
  const kind = KINDS[flags.model], loads = wholeNumbers(flags.loads, "loads"), tasks: Task[] = [];
  const networks: { readonly hidden: number; readonly parameters: number }[] = [];
  for (const hidden of wholeNumbers(flags.hidden ?? kind.hidden, "hidden")) {
    networks.push({ hidden, parameters: await kind.parameters(hidden) });
  }
  for (const source of SOURCES[flags.sets]) {
    for (const network of networks) {
      for (const load of loads) tasks.push({ source, ...network, count: setSize(network.parameters, load) });
    }
  }
  return tasks;
}

/** Sequences of uniformly random tokens; the first ones do not depend on how many there are. */
export function randomSequences(count: number): Sequences {
  const random = stream(0).fork("random sequences");
  const tokens = Int32Array.from({ length: count * LENGTH }, () => random.integer(VOCABULARY));
  return { tokens, count, length: LENGTH, vocabulary: VOCABULARY };
}

function lineOf(
  { source, hidden, parameters, count }: Task,
  { flags, run, seed }: { readonly flags: SweepFlags; readonly run: Run; readonly seed: number },
): ManifestLine {
  const { task, own } = KINDS[flags.model], { device, threads, steps } = flags;
  return {
    task,
    folder: join(NETWORKS, `${source}-${parameters}-${count}-s${seed}`),
    flags: {
      ...{ ...own, dataset: "csv", file: run.path(`${source}.csv`), count, hidden, seed },
      ...{ device, threads, steps, samples: SAMPLES },
    },
  };
}

/** Codes of images that are learned, the most that any network learns, and of others by the same autoencoder. */
async function codesIn(run: Run, { flags, count, device }: {
  readonly flags: SweepFlags;
  readonly count: number;
  readonly device: Device;
}): Promise<{ readonly learned: Sequences; readonly others: Sequences }> {
  const folder = run.path("autoencoder");
  const { codes, shape } = await readShapedCodes(folder, { count });
  const images = await openTrainingImages({ ...flags, offset: count, count: flags.others });
  const others = await AUTOENCODER_PART.encode(folder, { device, images: levels(images) });
  return { learned: codesToSequences(codes, shape), others: codesToSequences(others, shape) };
}

/** The first sequences of a set. */
function firstOf(sequences: Sequences, count: number): Sequences {
  return { ...sequences, tokens: sequences.tokens.subarray(0, count * sequences.length), count };
}

/** What the runs of one network and set hold of it. */
function cellOf(
  { hidden: _, ...task }: Task,
  { runs, without }: { readonly runs: readonly StoredRun[]; readonly without: number },
): Cell {
  const bits = runs.map(({ summary }) =>
    memorizedBits({ without, nats: task.count * (summary?.metrics.sequence_nats ?? NaN) })
  );
  return { ...task, without, bits: meanAndDeviation(bits) };
}

/** The most bits that each network of a source holds of any set, a parameter, by its parameters. */
export function plateaus(cells: readonly Cell[]): { readonly parameters: number; readonly bits: number }[] {
  const sizes = [...new Set(cells.map(({ parameters }) => parameters))];
  return sizes.map((parameters) => {
    const own = cells.filter((cell) => cell.parameters === parameters);
    return { parameters, bits: Math.max(...own.map(({ bits }) => bits.mean)) / parameters };
  });
}

function bitsOverSet(cells: readonly Cell[]): LinePlot {
  const sizes = [...new Set(cells.map(({ parameters }) => parameters))];
  return {
    x: { label: "bits of the training set", scale: "log" },
    y: { label: "bits held", scale: "log" },
    series: [
      ...sizes.map((parameters) => {
        const own = cells.filter((cell) => cell.parameters === parameters);
        return {
          name: `${grouped(parameters)} parameters`,
          x: own.map(({ without }) => without),
          y: own.map(({ bits }) => bits.mean),
          ...own.some(({ bits }) => bits.deviation > 0)
            ? {
              band: {
                low: own.map(({ bits }) => bits.mean - bits.deviation),
                high: own.map(({ bits }) => bits.mean + bits.deviation),
              },
            }
            : {},
        };
      }),
      {
        name: "all of it",
        x: cells.map(({ without }) => without).sort((a, b) => a - b),
        y: cells.map(({ without }) => without).sort((a, b) => a - b),
      },
    ],
  };
}

function bitsOverParameters(cells: readonly Cell[], sources: readonly Source[]): LinePlot {
  const sizes = [...new Set(cells.map(({ parameters }) => parameters))];
  return {
    x: { label: "parameters", scale: "log" },
    y: { label: "bits held", scale: "log" },
    series: [
      ...sources.map((source) => {
        const found = plateaus(cells.filter((cell) => cell.source === source));
        return {
          name: IN_WORDS[source],
          x: found.map(({ parameters }) => parameters),
          y: found.map(({ parameters, bits }) => parameters * bits),
        };
      }),
      ...PUBLISHED.map(({ bits, label }) => ({
        name: label,
        x: sizes,
        y: sizes.map((parameters) => bits * parameters),
      })),
    ],
  };
}

function table(cells: readonly Cell[]): Table {
  return {
    columns: [
      "Set",
      "Parameters",
      "Sequences",
      "Bits without the model",
      "Bits held",
      "Bits held a parameter",
    ],
    rows: cells.map(({ source, parameters, count, without, bits }) => [
      IN_WORDS[source],
      grouped(parameters),
      grouped(count),
      grouped(Math.round(without)),
      grouped(Math.round(bits.mean)) +
      (bits.deviation > 0 ? ` ± ${grouped(Math.round(bits.deviation))}` : ""),
      (bits.mean / parameters).toFixed(2),
    ]),
    caption: "Mean and standard deviation over the seeds, where there are several.",
  };
}

/** What the runs say, in words. */
function findings(cells: readonly Cell[], references: ReadonlyMap<number, ReferenceCode>): string[] {
  const sources = [...new Set(cells.map(({ source }) => source))];
  const found = sources.map((source) => {
    const each = plateaus(cells.filter((cell) => cell.source === source));
    return `Of *${IN_WORDS[source]}* the networks hold at most ${
      each.map(({ parameters, bits }) => `${bits.toFixed(2)} (${grouped(parameters)} parameters)`).join(", ")
    } bits a parameter. Where a larger set gives more, the network was not full: then it is a lower bound, and so it is ` +
      "where training ended before all was learned that fits.";
  });
  const orders = [...new Set([...references.values()].map(({ order }) => order))];
  return orders.length === 0 ? found : [
    ...found,
    `The reference of codes has counted what follows the last ${
      orders.join(" or ")
    } tokens at each position in codes ` +
    "of other images. A better one would leave fewer bits to the model: what is held of codes is an upper bound in that.",
  ];
}

if (import.meta.main) {
  await runTask({
    name: "sweep-capacity",
    summary:
      "Have networks of several sizes learn sets of growing size: how many bits do they hold a parameter?",
    flags: FLAGS,
    run: async (flags, run) => {
      const sources = SOURCES[flags.sets];
      const { tasks, images, most } = await (async () => {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        const tasks = await tasksOf(flags), most = Math.max(...tasks.map(({ count }) => count));
        const images = await openTrainingImages({
          ...flags,
          offset: 0,
          count: sources.includes("codes") ? most : 1,
        });
        await run.configure({ dataset: images, device, model: { tasks } });
        return { tasks, images, most };
      })();
      let codes: { readonly learned: Sequences; readonly others: Sequences } | undefined;
      if (sources.includes("random")) {
        await writeAtomically(run.path("random.csv"), formatTable(rowsOf(randomSequences(most))));
      }
      if (sources.includes("codes")) {
        const { dataset, dataDir, size, channels, seed, device, threads, autoencoderSteps } = flags;
        const own = { dataset, dataDir, size, channels, seed, device, threads };
        await runManifest([{
          task: AUTOENCODER_PART.task,
          folder: "autoencoder",
          flags: { ...own, count: most, steps: autoencoderSteps },
        }], { within: run, executor: flags, name: "autoencoder" });
        await using opened = await openTaskDevice(flags, run.session);
        codes = await codesIn(run, { flags, count: most, device: opened });
        await writeAtomically(run.path("codes.csv"), formatTable(rowsOf(codes.learned)));
      }
      const seeds = Array.from({ length: flags.seeds }, (_, index) => flags.seed + index);
      const lines = tasks.flatMap((task) => seeds.map((seed) => lineOf(task, { flags, run, seed })));
      const runs = await runManifest(lines, { within: run, executor: flags });

      const references = new Map<number, ReferenceCode>();
      const cells = tasks.map((task, index) => {
        const own = runs.slice(index * seeds.length, (index + 1) * seeds.length), { source, count } = task;
        if (source === "random" || codes === undefined) {
          return cellOf(task, { runs: own, without: uniformBits(randomSequences(count)) });
        }
        const reference = references.get(count) ?? referenceCode(firstOf(codes.learned, count), codes.others);
        references.set(count, reference);
        return cellOf(task, { runs: own, without: reference.bits });
      });
      await writePage(run, {
        title: `How many bits does a parameter hold? ${flags.model}, ${
          sources.map((source) =>
            source === "codes" ? `codes of ${datasetInWords(images)}` : IN_WORDS[source]
          )
            .join(" and ")
        }`,
        abstract:
          "A network can know only so much by heart. What it holds of a training set is exact: the bits that the set " +
          "takes without it, less those that it takes with it. Published estimates for language models are about 2 bits " +
          "a parameter of facts [@knowledge] and 3.6 of random tokens [@capacity].",
        figures: sources.flatMap((source) =>
          plateaus(cells.filter((cell) => cell.source === source)).map(({ parameters, bits }) => ({
            label: `${IN_WORDS[source]}, ${grouped(parameters)} parameters`,
            value: `${bits.toFixed(2)} bits`,
            note: "a parameter, of the set of which it holds most",
          }))
        ),
        sections: [
          {
            title: "Bits held",
            blocks: [
              {
                kind: "formula",
                formula: String
                  .raw`\mathrm{bits} = \max\Big(0,\; B + \sum_{n=1}^{N} \log_2 p(Z_n)\Big)`,
                text:
                  "$B$ is what the training set takes as a list without the model; the sum, but for its sign, is what it takes " +
                  "with it. Of random sequences $B = N \\log_2 8^{16} = 48 N$; of codes of images it is their code length by a " +
                  "reference that has seen other images only. One who knows $N$ sequences by " +
                  "heart still has to say which: $N \\log_2 N$ bits are never held.",
              },
              {
                kind: "plot",
                plot: bitsOverParameters(cells, sources),
                caption: "The most bits that a network of each size holds, beside what others found.",
              },
              ...sources.map((source): Block => ({
                kind: "plot",
                plot: bitsOverSet(cells.filter((cell) => cell.source === source)),
                caption: `How much of sets of growing size is held: ${IN_WORDS[source]}.`,
              })),
              ...findings(cells, references).map((text): Block => ({ kind: "paragraph", text })),
              { kind: "table", table: table(cells) },
            ],
          },
        ],
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics: Object.fromEntries(cells.flatMap(({ source, parameters, count, bits, without }) => {
          const name = `${source}_${parameters}_${count}`;
          return [
            [`${name}_bits`, bits.mean],
            ...seeds.length === 1 ? [] : [[`${name}_bits_sd`, bits.deviation]],
            [`${name}_bits_without`, without],
          ];
        })),
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      for (const source of sources) {
        const found = plateaus(cells.filter((cell) => cell.source === source));
        run.note(
          `${IN_WORDS[source]}: ${
            found.map(({ parameters, bits }) =>
              `${bits.toFixed(2)} bits a parameter of ${grouped(parameters)}`
            )
              .join(", ")
          }`,
        );
      }
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}
