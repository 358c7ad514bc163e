/**
 * `deno task lira`: who of a set of images is exposed? Many models learn a random half of their codes each; how probable
 * an image is to those that learned it and to those that did not tells, for any model, whether it learned it.
 *
 * After: Carlini et al. (2022), arXiv 2112.03570, the online attack; Feldman and Zhang (2020), arXiv 2008.03703, for what
 * leaving a single image out changes.
 * Departures: the statistic is the exact log-probability of an image's code; every shadow model is attacked by the others.
 */
import { basename, join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import { formatTable } from "../data/csv.ts";
import { codesToSequences, rowsOf, type Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import {
  attack,
  type Bounded,
  correlation,
  liraScores,
  operatingCurve,
  pooled,
  type Shadow,
} from "../metrics/mod.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load } from "../models/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import type { Block } from "../report/html.ts";
import { count as grouped, percent } from "../report/numbers.ts";
import { readShapedCodes } from "../run/codes.ts";
import { openTaskDevice } from "../run/device.ts";
import { imageFlags, openTrainingImages } from "../run/images.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { Run } from "../run/run.ts";
import { sequenceSums } from "../run/sampling.ts";
import { type FlagValues, integer, runTask, UsageError } from "../run/task.ts";
import { datasetInWords, writePage } from "../run/write_report.ts";

const { offset: _offset, ...shared } = imageFlags;
const FLAGS = {
  ...shared,
  count: integer({ min: 8, default: 512, help: "how many images are asked about" }),
  shadows: integer({ min: 6, default: 64, help: "how many models learn a random half each: an even number" }),
  leftOut: integer({
    min: 0,
    default: 64,
    help: "images that are left out of one more model each, from the first on",
  }),
  hidden: integer({ min: 1, help: "units of a hidden layer (default: enough for the goal)" }),
  steps: integer({ min: 1, default: 4000, help: "optimizer updates of each model" }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of the autoencoder (default: its own)" }),
  ...executorFlags,
};
type LiraFlags = FlagValues<typeof FLAGS>;

/** Shares of others that may be taken for members, as metrics are named. */
const RATES = [{ name: "01", rate: 0.001 }, { name: "1", rate: 0.01 }];
/** Models of all images, each with fewer steps by this factor, that show which images are remembered first. */
const STAGES = 12, FACTOR = Math.SQRT2;
/** An image is remembered when it has this share of the probability that a perfect memory gives it. */
const REMEMBERED = 0.5;
/** Sequences that each run generates: none of them is looked at. */
const SAMPLES = 100;
/** Holds the runs, whose reports are too many to be parts of the page. */
const MODELS = "models";
/** Images on each part of the sheet, and points of a curve. */
const SHOWN = 20, POINTS = 400;

/** Which images each shadow model learns, [shadows][images] of 0 and 1: every two models share them out. */
export function halves(
  shadows: number,
  { count, seed }: { readonly count: number; readonly seed: number },
): Uint8Array[] {
  return Array.from({ length: shadows }, (_, model) => {
    const order = stream(seed).fork("halves").at(model >> 1).permutation(count);
    const own = model % 2 === 0 ? order.subarray(0, count >> 1) : order.subarray(count >> 1);
    const learned = new Uint8Array(count);
    for (const image of own) learned[image] = 1;
    return learned;
  });
}

/** Codes as sequences whose tokens are numbered as a table of them numbers its cells: those that occur, in order. */
export function numbered({ tokens, ...shape }: Sequences): Sequences {
  const symbols = [...new Set(tokens)].sort((a, b) => a - b);
  return { ...shape, tokens: tokens.map((token) => symbols.indexOf(token)), vocabulary: symbols.length };
}

/** The rows of a set that are learned, as a file that the sequence tasks read. */
async function writeLearned(
  path: string,
  sequences: Sequences,
  learned: Uint8Array,
): Promise<void> {
  const rows = rowsOf(sequences).filter((_, row) => learned[row] === 1);
  if (new Set(rows.flat()).size < sequences.vocabulary) {
    throw new Error("Cannot leave images out as the others' codes lack a token then: raise --count");
  }
  await writeAtomically(path, formatTable(rows));
}

/** A model that learns some of the images. */
interface Learner {
  readonly folder: string;
  readonly learned: Uint8Array;
  readonly steps: number;
}

/** Shadow models; the model of all images, after few steps and after all; those that lack one image each. */
function learners({ shadows, leftOut, count, seed, steps }: LiraFlags): {
  readonly shadows: readonly Learner[];
  readonly whole: readonly Learner[];
  readonly without: readonly Learner[];
} {
  const all = new Uint8Array(count).fill(1);
  const fewer = Array.from(
    { length: STAGES + 1 },
    (_, stage) => Math.max(1, Math.round(steps / FACTOR ** stage)),
  ).reverse();
  return {
    shadows: halves(shadows, { count, seed }).map((learned, model) => ({
      folder: join(MODELS, `half-${model}`),
      learned,
      steps,
    })),
    whole: [...new Set(fewer)].map((steps) => ({
      folder: join(MODELS, `all-${steps}`),
      learned: all,
      steps,
    })),
    without: Array.from({ length: leftOut }, (_, image) => ({
      folder: join(MODELS, `without-${image}`),
      learned: all.map((one, at) => at === image ? 0 : one),
      steps,
    })),
  };
}

/** The log-probability of every image's code by the model in a run's folder, in nats. */
async function statisticsOf(
  folder: string,
  { sequences, device }: { readonly sequences: Sequences; readonly device: Device },
): Promise<Float64Array> {
  const model = await load(folder, device);
  if (!("logProbabilities" in model)) {
    throw new Error(`Cannot use ${folder} as it holds a ${model.kind}: train it again`);
  }
  const sums = sequenceSums(await model.logProbabilities(sequences), sequences.length);
  for (const weight of Object.values(model.model.weights)) weight.dispose();
  return sums;
}

/** After how many steps each image is remembered first; Infinity: never. */
export function firstRemembered(
  whole: readonly { readonly steps: number; readonly statistics: Float64Array }[],
): Float64Array {
  const { length } = whole[0].statistics;
  return Float64Array.from(
    { length },
    (_, image) =>
      whole.find(({ statistics }) => Math.exp(statistics[image]) >= REMEMBERED / length)?.steps ?? Infinity,
  );
}

/** A curve of many points by some that are as far apart on a logarithmic axis. */
function thinned({ falsePositives, truePositives }: ReturnType<typeof operatingCurve>): {
  readonly x: number[];
  readonly y: number[];
} {
  const least = falsePositives.find((share) => share > 0) ?? 1;
  const wanted = Array.from({ length: POINTS }, (_, point) => least ** (1 - point / (POINTS - 1)));
  const places = new Set(wanted.map((share) => falsePositives.findLastIndex((one) => one <= share)));
  return { x: [...places].map((at) => falsePositives[at]), y: [...places].map((at) => truePositives[at]) };
}

function bounded({ value, interval }: Bounded, write: (value: number) => string): string {
  return `${write(value)} (${write(interval.low)} to ${write(interval.high)})`;
}

/** Images in an order, with a word each. */
function tilesOf(order: readonly number[], { images, word }: {
  readonly images: Awaited<ReturnType<typeof openTrainingImages>>;
  readonly word: (image: number) => string;
}): Sheet["sections"][number]["tiles"] {
  const { count, height, width, channels } = images;
  const drawn = imagesOf(images.pixels, [count, height, width, channels]);
  return order.slice(0, SHOWN).map((image) => ({ image: drawn[image], label: `#${image}: ${word(image)}` }));
}

/** Trains everything that is asked, and returns the codes as what they learn. */
async function train(run: Run, { flags, lists }: {
  readonly flags: LiraFlags;
  readonly lists: ReturnType<typeof learners>;
}): Promise<Sequences> {
  const { dataset, dataDir, size, channels, device, threads, seed, count, hidden } = flags;
  const common = { device, threads, seed };
  await runManifest([{
    task: AUTOENCODER_PART.task,
    folder: "autoencoder",
    flags: { ...common, dataset, dataDir, size, channels, count, steps: flags.autoencoderSteps },
  }], { within: run, executor: flags, name: "autoencoder" });
  const coded = await readShapedCodes(run.path("autoencoder"), { count });
  const sequences = numbered(codesToSequences(coded.codes, coded.shape));
  const all = [...lists.shadows, ...lists.whole, ...lists.without];
  const lines: ManifestLine[] = [];
  await Deno.mkdir(run.path("sets"), { recursive: true });
  for (const { folder, learned, steps } of all) {
    const file = run.path(join("sets", `${basename(folder)}.csv`));
    await writeLearned(file, sequences, learned);
    const learns = learned.reduce((sum, one) => sum + one, 0);
    lines.push({
      task: "train-seq2hist",
      folder,
      flags: { ...common, dataset: "csv", file, count: learns, hidden, steps, samples: SAMPLES },
    });
  }
  await runManifest(lines, { within: run, executor: flags });
  return sequences;
}

if (import.meta.main) {
  await runTask({
    name: "lira",
    summary:
      "Train many models on random halves of the same images: which images betray that they were learned?",
    flags: FLAGS,
    run: async (flags, run) => {
      const { shadows: wanted, leftOut, count, seed } = flags;
      if (wanted % 2 === 1) {
        throw new UsageError(
          `--shadows must be even as two models share the images: current value is ${wanted}`,
        );
      }
      if (leftOut > count) {
        throw new UsageError(`--left-out must be at most --count ${count}: current value is ${leftOut}`);
      }
      const images = await openTrainingImages({ ...flags, offset: 0 });
      {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({ dataset: images, device, model: { shadows: wanted, leftOut } });
      }
      const lists = learners(flags), sequences = await train(run, { flags, lists });

      await using device = await openTaskDevice(flags, run.session);
      run.session.follow("asking models");
      const ask = async (list: readonly Learner[]): Promise<(Learner & Shadow)[]> => {
        const asked: (Learner & Shadow)[] = [];
        for (const learner of list) {
          const statistics = await statisticsOf(run.path(learner.folder), { sequences, device });
          asked.push({ ...learner, statistics });
        }
        return asked;
      };
      const shadows = await ask(lists.shadows),
        whole = await ask(lists.whole),
        without = await ask(lists.without);

      const rates = RATES.map(({ rate }) => rate), random = stream(seed).fork("lira");
      const ways = [
        { name: "likelihood ratio", key: "lira", scores: liraScores(shadows) },
        { name: "probability alone", key: "plain", scores: shadows.map(({ statistics }) => statistics) },
      ].map((way) => ({
        ...way,
        found: attack(shadows, way.scores, { rates, random: random.fork(way.key) }),
      }));
      const mean = (side: number, image: number): number => {
        const values = shadows.flatMap(({ learned, statistics }) =>
          learned[image] === side ? [statistics[image]] : []
        );
        return values.reduce((sum, value) => sum + value, 0) / values.length;
      };
      /** Nats that learning an image adds to its log-probability, over random halves. */
      const gains = Array.from({ length: count }, (_, image) => mean(1, image) - mean(0, image));
      const last = whole[whole.length - 1];
      /** The same of one image left out of all. */
      const losses = without.map(({ statistics }, image) => last.statistics[image] - statistics[image]);
      const first = firstRemembered(whole);

      /** Tells images apart that are remembered after the same steps: how well they were known all the way. */
      const known = (image: number): number =>
        whole.reduce((sum, { statistics }) => sum + statistics[image], 0);
      const byFirst = [...first.keys()].sort((a, b) => first[a] - first[b] || known(b) - known(a));
      const byLoss = [...losses.keys()].sort((a, b) => losses[b] - losses[a]);
      const nats = (image: number): string => `${losses[image].toFixed(1)} nats`;
      const after = (image: number): string =>
        Number.isFinite(first[image]) ? `${grouped(first[image])} steps` : "never";
      const sheet: Sheet = {
        sections: [
          ...leftOut === 0 ? [] : [
            {
              caption: "The most memorized images",
              note: "Log-probability when learned, less that by a model that learned all but this image.",
              tiles: tilesOf(byLoss, { images, word: nats }),
            },
            {
              caption: "The least memorized images",
              note: "What the others have in common says most about these.",
              tiles: tilesOf(byLoss.toReversed(), { images, word: nats }),
            },
          ],
          ...first.some(Number.isFinite)
            ? [
              {
                caption: "The images that are remembered first",
                note:
                  "The fewest steps after which an image has half of the probability that a perfect memory gives it.",
                tiles: tilesOf(byFirst, { images, word: after }),
              },
              {
                caption: "The images that are remembered last",
                tiles: tilesOf(byFirst.toReversed(), { images, word: after }),
              },
            ]
            : [],
        ],
      };
      if (sheet.sections.length > 0) await writeAtomically(run.path("images.png"), imageGrid(sheet));
      await writeAtomically(
        run.path("scores.csv"),
        "image,label,gain_nats,leave_one_out_nats,remembered_after\n" +
          gains.map((gain, image) =>
            [
              image,
              images.labels[image],
              gain,
              losses[image] ?? "",
              Number.isFinite(first[image]) ? first[image] : "",
            ]
              .join()
          ).join("\n") + "\n",
      );
      const related = leftOut > 1 ? correlation(losses, gains.slice(0, leftOut)) : NaN;
      const memory: Block[] = [
        {
          kind: "plot",
          plot: {
            x: { label: "step", scale: "log" },
            y: { label: "images remembered", range: [0, 1] },
            series: [{
              name: `of ${grouped(count)}`,
              x: whole.map(({ steps }) => steps),
              y: whole.map(({ steps }) => first.filter((one) => one <= steps).length / count),
            }],
          },
          caption:
            "Models of all images, each trained for so many steps from the start: the images that have half of " +
            "the probability that a perfect memory gives them.",
        },
        ...sheet.sections.length === 0 ? [] : [{ kind: "sheet" as const, sheet }],
      ];
      await writePage(run, {
        title: `Who is exposed: ${datasetInWords(images)}, ${grouped(wanted)} models`,
        abstract:
          "A model that remembers gives what it learned a higher probability. Some images are improbable even then, and " +
          "others probable anyway, so that one threshold for all finds few. Models that learned an image and models that " +
          "did not show what is usual for that image: the likelihood ratio of the two tells who was learned [@lira].",
        figures: ways.flatMap(({ name, found }) => [
          {
            label: `area under the curve, ${name}`,
            value: found.auc.value.toFixed(4),
            note: `95 % interval ${found.auc.interval.low.toFixed(4)} to ${
              found.auc.interval.high.toFixed(4)
            }`,
          },
          {
            label: `found at 0.1 % false alarms, ${name}`,
            value: percent(found.truePositives[0].value),
            note: `95 % interval ${percent(found.truePositives[0].interval.low)} to ${
              percent(found.truePositives[0].interval.high)
            }`,
          },
        ]),
        sections: [
          {
            title: "Members and others",
            blocks: [
              {
                kind: "plot",
                plot: {
                  x: { label: "others taken for members", scale: "log" },
                  y: { label: "members found", range: [0, 1] },
                  series: [
                    ...ways.map(({ name, scores }) => {
                      const { members, others } = pooled(shadows, scores);
                      return { name, ...thinned(operatingCurve(members, others)) };
                    }),
                  ],
                },
                caption: "All models together: each is attacked by the others, with all of its images.",
              },
              {
                kind: "table",
                table: {
                  columns: ["Score", "Area under the curve", "Found at 0.1 % false alarms", "Found at 1 %"],
                  rows: ways.map(({ name, found }) => [
                    name,
                    bounded(found.auc, (value) => value.toFixed(4)),
                    ...found.truePositives.map((point) => bounded(point, percent)),
                  ]),
                  caption: "With 95 % intervals: bootstraps over the models, each with all of its images.",
                },
              },
            ],
          },
          {
            title: "What is remembered",
            blocks: [
              {
                kind: "plot",
                plot: {
                  kind: "histogram",
                  x: { label: "log-probability that learning an image adds", unit: "nats" },
                  series: [
                    { name: "random halves", values: gains },
                    ...losses.length === 0 ? [] : [{ name: "one left out of all", values: losses }],
                  ],
                  share: true,
                },
                caption: "What an image owes to having been learned itself.",
              },
              ...Number.isFinite(related)
                ? [{
                  kind: "paragraph" as const,
                  text:
                    `What leaving one image out takes and what learning random halves adds correlate with ${
                      related.toFixed(2)
                    } over ${
                      grouped(leftOut)
                    } images. The first is of one pair of models, the second a mean over ${
                      grouped(wanted)
                    } models. All scores stand in \`scores.csv\`.`,
                }]
                : [],
              ...memory,
            ],
          },
        ],
      });
      await run.finish({
        metrics: {
          ...Object.fromEntries(ways.flatMap(({ key, found }) => [
            [`${key}_auc`, found.auc.value],
            [`${key}_auc_low`, found.auc.interval.low],
            [`${key}_auc_high`, found.auc.interval.high],
            ...RATES.flatMap(({ name }, index) => {
              const { value, interval } = found.truePositives[index],
                metric = `${key}_true_positives_${name}`;
              return [[metric, value], [`${metric}_low`, interval.low], [`${metric}_high`, interval.high]];
            }),
          ])),
          mean_gain_nats: gains.reduce((sum, gain) => sum + gain, 0) / count,
          ...losses.length === 0
            ? {}
            : { mean_leave_one_out_nats: losses.reduce((sum, loss) => sum + loss, 0) / losses.length },
          remembered_images: first.filter(Number.isFinite).length,
          shadows: wanted,
        },
        parameters: 0,
        steps: [...shadows, ...whole, ...without].reduce((sum, { steps }) => sum + steps, 0),
      });
      for (const { name, found } of ways) {
        run.note(
          `${name}: area under the curve ${
            bounded(found.auc, (value) => value.toFixed(4))
          }, found at 0.1 % false ` +
            `alarms ${bounded(found.truePositives[0], percent)}`,
        );
      }
      run.note(`see ${join(run.folder, "report.html")}`);
    },
  });
}
