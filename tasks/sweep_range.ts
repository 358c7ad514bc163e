/**
 * `deno task sweep-range`: at which observation range does a model of codes turn from a generator into a memorizer?
 *
 * The same codes are learned with every range. Beside each network stands the exact answer for its range: the model whose
 * every prediction is the training set's own histogram of what follows the tokens that the range shows.
 */
import {
  codesToSequences,
  histogramLogs,
  prefixTable,
  type Sequences,
  sequencesToCodes,
} from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { distinctRows, logSoftmax, memorizedMass, rowFinder } from "../metrics/mod.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load } from "../models/mod.ts";
import type { Block, Table } from "../report/html.ts";
import { count as grouped, percent } from "../report/numbers.ts";
import type { LinePlot } from "../report/plot.ts";
import { readShapedCodes, type StoredCodes } from "../run/codes.ts";
import { openTaskDevice } from "../run/device.ts";
import { imageFlags, openTrainingImages } from "../run/images.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { Run, StoredRun } from "../run/run.ts";
import { sequenceSums } from "../run/sampling.ts";
import { type FlagValues, integer, runTask, text, wholeNumbers } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";

const { count: _count, offset: _offset, steps: _steps, ...shared } = imageFlags;
const FLAGS = {
  ...shared,
  counts: text({ placeholder: "N,N", default: "64,256,1024", help: "how many images" }),
  ranges: text({
    placeholder: "N,N",
    help:
      "how many tokens before the next one are seen (default: 1 to 15; of more than 2,048 images 1,2,3,4,6,8,15)",
  }),
  seeds: integer({ min: 1, default: 1, help: "how many seeds of each network, from --seed on" }),
  samples: integer({ min: 1, default: 10_000, help: "how many sequences each generates" }),
  steps: integer({ min: 1, help: "optimizer updates of each (default: by the number of distinct prefixes)" }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of each autoencoder (default: its own)" }),
  classifierSteps: integer({ min: 1, help: "optimizer updates of the classifier (default: its own)" }),
  ...executorFlags,
};
type SweepFlags = FlagValues<typeof FLAGS>;

/** Tokens of a code; and ranges of sets so large that not every one is tried. */
const LONGEST = 15, LARGE_COUNT = 2048, FEW_RANGES = [1, 2, 3, 4, 6, 8, 15];
/** Generated sequences of a network that are looked at as images. */
const LOOKED_AT = 1000;

/** One network: how many images, which range, and its runs, one a seed. */
interface Cell {
  readonly count: number;
  readonly range: number;
  readonly runs: readonly StoredRun[];
}

/** What a range means for a training set, whatever learns it. */
interface Exact {
  /** Distinct prefixes that the range tells apart. */
  readonly prefixes: number;
  /** Memorized mass of the model that predicts the set's own histograms. */
  readonly mass: number;
}

/** What is new in what a network generates, as images. */
interface Novelty {
  /** Share of the generated sequences that are no training sequences. */
  readonly share: number;
  /** Mean of the classifier's largest probability over them; NaN where there are none. */
  readonly confidence: number;
  /** Mean number of signs to the nearest training code. */
  readonly signs: number;
}

function rangesOf(count: number, ranges: string | undefined): number[] {
  if (ranges !== undefined) return wholeNumbers(ranges, "ranges");
  return count > LARGE_COUNT ? FEW_RANGES : Array.from({ length: LONGEST }, (_, index) => index + 1);
}

/** Every network, after the autoencoders whose codes they learn and the classifier that judges what is new. */
function manifest(flags: SweepFlags, run: Run): ManifestLine[] {
  const { dataset, dataDir, size, channels, device, threads, seed, seeds, samples, steps } = flags;
  const common = { dataset, dataDir, size, channels, device, threads };
  const counts = wholeNumbers(flags.counts, "counts");
  return [
    {
      task: "train-classifier",
      folder: "classifier",
      flags: { ...common, seed, count: Math.max(...counts), steps: flags.classifierSteps },
    },
    ...counts.flatMap((count): ManifestLine[] => [
      {
        task: "train-autoencoder",
        folder: `autoencoder-${count}`,
        flags: { ...common, seed, count, steps: flags.autoencoderSteps },
      },
      ...rangesOf(count, flags.ranges).flatMap((range) =>
        Array.from({ length: seeds }, (_, index) => ({
          task: "train-seq2hist",
          folder: `images-${count}-range-${range}-s${seed + index}`,
          flags: {
            ...{ ...common, seed: seed + index, count, range, samples, steps },
            autoencoder: run.path(`autoencoder-${count}`),
          },
        }))
      ),
    ]),
  ];
}

/** What is exact about a training set that is seen through a range. */
export function exactly(sequences: Sequences, range: number): Exact {
  const table = prefixTable(sequences, { range });
  const logs = histogramLogs(sequences, table), { first } = distinctRows(sequences.tokens, sequences.length);
  const sums = sequenceSums(logs, sequences.length);
  return { prefixes: table.size, mass: memorizedMass(Float64Array.from(first, (row) => sums[row])) };
}

/** Looks at what a network generates that is new. */
async function novelty({ runs: [{ folder }] }: Cell, options: {
  readonly coded: StoredCodes;
  readonly sequences: Sequences;
  readonly autoencoder: string;
  readonly classifier: string;
  readonly device: Device;
  readonly seed: number;
}): Promise<Novelty> {
  const { coded: { codes, shape }, sequences, device, seed } = options, { length } = sequences;
  const model = await load(folder, device);
  if (!("sample" in model)) {
    throw new Error(`Cannot use ${folder} as it holds a ${model.kind}: train it again`);
  }
  const tokens = await model.sample({ count: LOOKED_AT, seed });
  for (const weight of Object.values(model.model.weights)) weight.dispose();
  const fresh = [...rowFinder(sequences.tokens, length).in(tokens)].flatMap((match, row) =>
    match < 0 ? [row] : []
  );
  if (fresh.length === 0) return { share: 0, confidence: NaN, signs: NaN };
  const made = sequencesToCodes(
    Int32Array.from(fresh.flatMap((row) => [...tokens.subarray(row * length, (row + 1) * length)])),
    shape,
  );
  const bits = codes.length / sequences.count;
  const signs = fresh.map((_, row) => nearest(made.subarray(row * bits, (row + 1) * bits), codes));
  const drawn = await AUTOENCODER_PART.decode(options.autoencoder, { device, codes: made });
  return {
    share: fresh.length / LOOKED_AT,
    confidence: await confidence(drawn, options),
    signs: mean(signs),
  };
}

/** The classifier's largest probability, mean over images [count, pixels] in 0..1. */
async function confidence(
  drawn: Float32Array,
  { classifier, device }: { readonly classifier: string; readonly device: Device },
): Promise<number> {
  const model = await load(classifier, device);
  if (!("classify" in model) || model.kind !== "classifier") {
    throw new Error(`Cannot use ${classifier} as it holds a ${model.kind}: train it again`);
  }
  const { size, channels, classes } = model.model.config;
  const pixels = Uint8Array.from(drawn, (level) => Math.round(255 * level));
  const count = pixels.length / (size * size * channels);
  const logits = await model.classify({
    ...{ name: "generated", split: "train", offset: 0, count, available: count, sha256: "" },
    ...{ height: size, width: size, channels, classes, pixels, labels: new Uint8Array(count) },
  });
  for (const weight of Object.values(model.model.weights)) weight.dispose();
  const logs = logSoftmax(logits, classes);
  return mean(
    Array.from({ length: count }, (_, row) =>
      Math.exp(
        logs.subarray(row * classes, (row + 1) * classes).reduce((most, log) => Math.max(most, log)),
      )),
  );
}

/** Signs in which a code differs from the nearest of `codes`. */
function nearest(code: Int8Array, codes: Int8Array): number {
  let best = code.length;
  for (let at = 0; at < codes.length; at += code.length) {
    let signs = 0;
    for (let bit = 0; bit < code.length; bit++) if (code[bit] !== codes[at + bit]) signs++;
    best = Math.min(best, signs);
  }
  return best;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function metric({ runs }: Cell, name: string): number {
  return mean(runs.map(({ summary }) => summary?.metrics[name] ?? NaN));
}

/** The memorized mass over the range: networks, and the exact answer. */
function massPlot(cells: readonly Cell[], exact: readonly Exact[]): LinePlot {
  const counts = [...new Set(cells.map(({ count }) => count))];
  const of = (count: number) =>
    cells.flatMap((cell, index) => cell.count === count ? [{ cell, exact: exact[index] }] : []);
  return {
    x: { label: "observation range" },
    y: { label: "memorized mass", range: [0, 1] },
    series: counts.flatMap((count) => {
      const own = of(count), x = own.map(({ cell }) => cell.range);
      const masses = own.map(({ cell }) =>
        cell.runs.map(({ summary }) => summary?.metrics.memorized_mass ?? NaN)
      );
      return [
        {
          name: `${grouped(count)} images`,
          x,
          y: masses.map(mean),
          ...masses[0].length === 1 ? {} : {
            band: {
              low: masses.map((all) => Math.min(...all)),
              high: masses.map((all) => Math.max(...all)),
            },
          },
        },
        { name: `${grouped(count)}, exact histograms`, x, y: own.map(({ exact }) => exact.mass) },
      ];
    }),
  };
}

/** Rows are set sizes, columns ranges; grey where a range was not tried. */
function massMap(cells: readonly Cell[]): Block {
  const counts = [...new Set(cells.map(({ count }) => count))];
  const ranges = [...new Set(cells.map(({ range }) => range))].sort((a, b) => a - b);
  const values = counts.flatMap((count) =>
    ranges.map((range) => {
      const cell = cells.find((one) => one.count === count && one.range === range);
      return cell === undefined ? NaN : metric(cell, "memorized_mass");
    })
  );
  return {
    kind: "plot",
    plot: {
      kind: "heatmap",
      x: { label: "observation range" },
      y: { label: "images" },
      values,
      shape: [counts.length, ranges.length],
      rows: counts.map(grouped),
      columns: ranges.map(String),
      colour: { label: "memorized mass", range: [0, 1] },
    },
    caption:
      "The probability that the next generated code is a training code, by the number of images and the range.",
  };
}

function table(cells: readonly Cell[], { exact, looks }: {
  readonly exact: readonly Exact[];
  readonly looks: readonly Novelty[];
}): Table {
  const share = (value: number): string => Number.isNaN(value) ? "" : percent(value);
  return {
    columns: [
      ...[
        "Images",
        "Range",
        "Distinct prefixes",
        "Mass, exact histograms",
        "Memorized mass",
        "Memorized fraction",
      ],
      ...["Coverage", "New", "Confidence in what is new", "Signs to the nearest training code"],
    ],
    rows: cells.map((cell, index) => [
      grouped(cell.count),
      cell.range,
      grouped(exact[index].prefixes),
      percent(exact[index].mass),
      share(metric(cell, "memorized_mass")),
      share(metric(cell, "memorized_fraction")),
      share(metric(cell, "coverage")),
      share(looks[index].share),
      share(looks[index].confidence),
      Number.isNaN(looks[index].signs) ? "" : looks[index].signs.toFixed(1),
    ]),
    caption:
      `New is the share of ${
        grouped(LOOKED_AT)
      } generated codes that are no training codes; confidence is the mean of ` +
      "the classifier's largest probability for the images that they are decoded to.",
  };
}

/** Where the exact answer and the networks turn, in words. */
function findings(cells: readonly Cell[], exact: readonly Exact[]): string[] {
  return [...new Set(cells.map(({ count }) => count))].map((count) => {
    const own = cells.flatMap((cell, index) => cell.count === count ? [{ cell, exact: exact[index] }] : []);
    const first = (at: number, mass: (one: typeof own[number]) => number): string => {
      const found = own.find((one) => mass(one) >= at);
      return found === undefined ? "at none of the ranges" : `from range ${found.cell.range} on`;
    };
    const network = ({ cell }: typeof own[number]): number => metric(cell, "memorized_mass");
    const known = (one: typeof own[number]): number => one.exact.mass;
    const [shortest, longest] = [own[0], own[own.length - 1]];
    return `Of *${grouped(count)} images* the histograms alone make half of what is generated a copy ${
      first(0.5, known)
    } and 99 % ${first(0.99, known)}; the network does ${first(0.5, network)} and ${
      first(0.99, network)
    }. Range ${shortest.cell.range} tells ${
      grouped(shortest.exact.prefixes)
    } prefixes apart, range ${longest.cell.range} ${
      grouped(longest.exact.prefixes)
    }: a model remembers as soon as what it sees says which image it is in.`;
  });
}

if (import.meta.main) {
  await runTask({
    name: "sweep-range",
    summary: "Learn the same codes with every observation range: when does a generator become a memorizer?",
    flags: FLAGS,
    run: async (flags, run) => {
      const counts = wholeNumbers(flags.counts, "counts");
      const images = await openTrainingImages({ ...flags, offset: 0, count: Math.max(...counts) });
      {
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: images, device, model: { counts, ranges: flags.ranges ?? "all" } });
      }
      const lines = manifest(flags, run);
      const runs = await runManifest(lines, { within: run, executor: flags });
      const cells: Cell[] = [];
      lines.forEach(({ flags: { count, range } }, index) => {
        if (typeof range !== "number" || typeof count !== "number") return;
        const cell = cells.find((one) => one.count === count && one.range === range);
        if (cell === undefined) cells.push({ count, range, runs: [runs[index]] });
        else cells[cells.indexOf(cell)] = { ...cell, runs: [...cell.runs, runs[index]] };
      });

      await using device = await openTaskDevice(flags, run.session);
      run.session.follow("looking at what is new");
      const exact: Exact[] = [], looks: Novelty[] = [];
      for (const cell of cells) {
        const autoencoder = run.path(`autoencoder-${cell.count}`);
        const coded = await readShapedCodes(autoencoder, { count: cell.count });
        const sequences = codesToSequences(coded.codes, coded.shape);
        exact.push(exactly(sequences, cell.range));
        looks.push(
          await novelty(cell, {
            ...{ coded, sequences, autoencoder, device, seed: flags.seed + 1 },
            classifier: run.path("classifier"),
          }),
        );
      }
      const judged = runs[0].summary?.metrics.test_accuracy ?? NaN;
      await writePage(run, {
        title: `From generator to memorizer: the range of what is seen, on ${datasetInWords(images)}`,
        abstract:
          "A model that predicts each token from the few before it can only know what training sequences have in " +
          "common; one that sees them all can know each by heart. The same codes are learned with every range.",
        figures: counts.map((count) => {
          const own = cells.filter((cell) => cell.count === count);
          return {
            label: `${grouped(count)} images`,
            value: percent(metric(own[own.length - 1], "memorized_mass")),
            note: `memorized mass at range ${own[own.length - 1].range}; ${
              percent(metric(own[0], "memorized_mass"))
            } at range ${own[0].range}`,
          };
        }),
        sections: [
          {
            title: "Where memory begins",
            blocks: [
              ...findings(cells, exact).map((text): Block => ({ kind: "paragraph", text })),
              massMap(cells),
              {
                kind: "plot",
                plot: massPlot(cells, exact),
                caption:
                  "Networks beside the exact answer of their range: the model whose every prediction is the training " +
                  "set's own histogram of what follows the tokens that the range shows.",
              },
            ],
          },
          {
            title: "Why, and what is new",
            blocks: [
              {
                kind: "plot",
                plot: {
                  x: { label: "observation range" },
                  y: { label: "distinct prefixes", scale: "log" },
                  series: counts.map((count) => {
                    const own = cells.flatMap((cell, index) => cell.count === count ? [index] : []);
                    return {
                      name: `${grouped(count)} images`,
                      x: own.map((index) => cells[index].range),
                      y: own.map((index) => exact[index].prefixes),
                    };
                  }),
                },
                caption: "How many prefixes a range tells apart.",
              },
              { kind: "table", table: table(cells, { exact, looks }) },
              {
                kind: "paragraph",
                text: `The classifier that judges what is new is right about ${
                  percent(judged)
                } of the test images.`,
              },
            ],
          },
        ],
      });
      const metrics = cells.flatMap((cell, index): [string, number][] => {
        const name = `images_${cell.count}_range_${cell.range}`;
        return [
          [`${name}_memorized_mass`, metric(cell, "memorized_mass")],
          [`${name}_exact_mass`, exact[index].mass],
          [`${name}_prefixes`, exact[index].prefixes],
        ];
      });
      await run.finish({
        metrics: Object.fromEntries(metrics),
        parameters: 0,
        steps: runs.reduce((sum, { summary }) => sum + (summary?.steps ?? 0), 0),
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
