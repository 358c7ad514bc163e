/**
 * `deno task compare-autoregressive`: four autoregressive models learn the same sequences, and are measured alike: how
 * much of what they generate is the training set, and at which positions they still err.
 */
import { exists } from "../base/files.ts";
import { prefixTable, type Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { openDevice } from "../engine/open.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load } from "../models/mod.ts";
import { EXPERIMENT as SEQ2HIST } from "../models/seq2hist.ts";
import { EXPERIMENT as SEQ2SEQ } from "../models/seq2seq.ts";
import { EXPERIMENT as SEQ2TOKEN } from "../models/seq2token.ts";
import type { Block } from "../report/html.ts";
import type { LinePlot } from "../report/plot.ts";
import { memorize, type SequenceExperiment, type SequenceModel } from "../run/memorize.ts";
import type { Run } from "../run/run.ts";
import { type SequenceFlags, sequenceFlags, type SequenceSource } from "../run/sequence_source.ts";
import { openSource } from "../run/sources.ts";
import { type Flags, type FlagValues, integer, runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

/** One of the models that are compared. */
interface Contestant {
  /** The folder of its run within this one. */
  readonly name: string;
  readonly title: string;
  readonly task: string;
  /** Flags of its own task alone. */
  readonly own: Readonly<Record<string, unknown>>;
  /** Trains and measures it in the folder of `run`. */
  readonly memorize: (options: {
    readonly flags: SequenceFlags;
    readonly source: SequenceSource;
    readonly run: Run;
    readonly device: Device;
  }) => Promise<void>;
}

function contestant<Model extends SequenceModel, F extends Flags>(
  experiment: SequenceExperiment<Model, F>,
  { name, title, own }: { readonly name: string; readonly title: string; readonly own: FlagValues<F> },
): Contestant {
  return {
    name,
    title,
    task: experiment.name,
    own,
    memorize: (options) => memorize(experiment, { ...options, flags: { ...options.flags, ...own } }),
  };
}

const CONTESTANTS: readonly Contestant[] = [
  contestant(SEQ2TOKEN, { name: "seq2token", title: "sequence to token", own: {} }),
  contestant(SEQ2SEQ, {
    name: "seq2seq-masked",
    title: "sequence to sequence, masked",
    own: { architecture: "masked" },
  }),
  contestant(SEQ2SEQ, {
    name: "seq2seq-transformer",
    title: "sequence to sequence, transformer",
    own: { architecture: "transformer" },
  }),
  contestant(SEQ2HIST, { name: "seq2hist", title: "sequence to histogram", own: {} }),
];

/** What came out for one model. */
interface Outcome {
  readonly title: string;
  readonly run: Run;
  /** Nats at each position, mean over the training sequences, above what the training set's own histograms need. */
  readonly excess: Float64Array;
}

/** The child run of a contestant, trained unless there is a finished one of the same configuration. */
async function trained(contestant: Contestant, context: {
  readonly flags: SequenceFlags;
  readonly source: SequenceSource;
  readonly run: Run;
  readonly device: Device;
}): Promise<Run> {
  const { flags, source, run, device } = context;
  const { name, task, own } = contestant;
  const child = await run.child(name, {
    task,
    flags: { ...flags, ...own },
    dataset: source.facts,
    device,
    model: { name: task, seed: flags.seed },
  });
  // Each folder is whole, and the autoencoder is trained once.
  const autoencoder = run.path("autoencoder");
  if (await exists(autoencoder)) {
    await child.adopt("autoencoder", { from: autoencoder, task: AUTOENCODER_PART.task });
  }
  if (child.completed) {
    run.note(`${name}: finished before`);
  } else {
    run.note(`${name}: ${contestant.title}`);
    await contestant.memorize({ flags, source, run: child, device });
  }
  return child;
}

/** Entropy of the training set at each position, [length], in nats: of the next token given all before it. */
function positionEntropies(sequences: Sequences): Float64Array {
  const { tokens, length, vocabulary } = sequences;
  const { histograms, counts, rows } = prefixTable(sequences);
  const nats = Float64Array.from(tokens, (token, index) => {
    const row = rows[index];
    // The share is a ratio of small whole numbers, of which the table keeps seven digits.
    return -Math.log(Math.round(histograms[row * vocabulary + token] * counts[row]) / counts[row]);
  });
  return positionMeans(nats, length);
}

/** Means of the columns of [count, length]. */
function positionMeans(values: Float64Array, length: number): Float64Array {
  const sums = new Float64Array(length);
  values.forEach((value, index) => sums[index % length] += value);
  return sums.map((sum) => sum * length / values.length);
}

function percent(share: number | null | undefined, digits = 2): string {
  return `${(100 * (share ?? NaN)).toFixed(digits)}%`;
}

/** How much was memorized. */
function memoryTable(outcomes: readonly Outcome[]): Block {
  return {
    kind: "table",
    table: {
      columns: ["Model", "Memorized mass", "Memorized fraction (95% interval)", "Coverage", "Excess, nats"],
      rows: outcomes.map(({ title, run: { summary } }) => {
        const metrics = summary?.metrics ?? {};
        return [
          title,
          percent(metrics.memorized_mass, 3),
          `${percent(metrics.memorized_fraction)} (${percent(metrics.memorized_fraction_low)} to ` +
          `${percent(metrics.memorized_fraction_high)})`,
          percent(metrics.coverage),
          (metrics.sequence_nats ?? NaN) - (metrics.entropy_nats ?? NaN),
        ];
      }),
      caption:
        "Mass is exact, fraction and coverage are of generated sequences. Excess is the cross-entropy of a whole " +
        "training sequence above its floor, the entropy of the training set.",
    },
  };
}

/** What it cost. */
function costTable(outcomes: readonly Outcome[]): Block {
  return {
    kind: "table",
    table: {
      columns: ["Model", "Parameters", "Steps", "Seconds"],
      rows: outcomes.map(({ title, run: { summary } }) => [
        title,
        summary?.parameters ?? NaN,
        summary?.steps ?? NaN,
        Math.round(summary?.seconds ?? NaN),
      ]),
      caption: "Seconds are those of the whole run but its autoencoder: training, generating, measuring.",
    },
  };
}

function positionPlot(series: LinePlot["series"], y: LinePlot["y"]): LinePlot {
  return { x: { label: "position" }, y, series };
}

/** 1, 2, … */
function positions(values: Float64Array): { x: number[]; y: Float64Array } {
  return { x: Array.from(values, (_, index) => index + 1), y: values };
}

/** What the figures say, in words. */
function findings(outcomes: readonly Outcome[], entropies: Float64Array): string[] {
  const mass = ({ run }: Outcome): number => run.summary?.metrics.memorized_mass ?? NaN;
  const sorted = outcomes.toSorted((a, b) => mass(b) - mass(a));
  const best = sorted[0], worst = sorted[sorted.length - 1];
  const branching = entropies.findLastIndex((entropy) => entropy > 1e-6) + 1;
  const share = ({ excess }: Outcome): number => {
    const total = excess.reduce((sum, value) => sum + value, 0);
    return excess.subarray(0, branching).reduce((sum, value) => sum + value, 0) / total;
  };
  return [
    `The largest memorized mass is that of *${best.title}*, ${
      percent(mass(best), 3)
    }; the smallest that of ` +
    `*${worst.title}*, ${percent(mass(worst), 3)}.`,
    branching === 0
      ? "All training sequences are equal: nothing is left to chance at any position."
      : `After position ${branching} every prefix has one continuation only, so all of the training set's entropy ` +
        `lies at or before it. There lies ${
          outcomes.map((outcome) => `${percent(share(outcome))} of the error of *${outcome.title}*`).join(
            ", ",
          )
        }; the rest is doubt about tokens that are certain.`,
  ];
}

if (import.meta.main) {
  await runTask({
    name: "compare-autoregressive",
    summary: "Train four autoregressive models on the same sequences and compare how much they memorize.",
    flags: {
      ...sequenceFlags,
      steps: integer({ min: 1, help: "optimizer updates of each model (default: enough for its goal)" }),
    },
    run: async (flags, run) => {
      const source = await openSource(flags, { autoencoder: AUTOENCODER_PART });
      await using device = await openDevice(flags.device, flags);
      await run.configure({
        dataset: source.facts,
        device,
        model: { models: CONTESTANTS.map(({ name }) => name), seed: flags.seed },
      });
      const { sequences, metrics, figures } = await source.open({ run, device });
      const { length } = sequences;
      const entropies = positionEntropies(sequences);
      const outcomes: Outcome[] = [];
      for (const contestant of CONTESTANTS) {
        const child = await trained(contestant, { flags, source, run, device });
        const model = await load(child.folder, device);
        if (!("logProbabilities" in model)) {
          throw new Error(`Cannot compare ${child.folder} as it holds a ${model.kind}: train it again`);
        }
        const logs = await model.logProbabilities(sequences);
        const nats = positionMeans(logs.map((log) => -log), length);
        outcomes.push({
          title: contestant.title,
          run: child,
          excess: nats.map((value, position) => value - entropies[position]),
        });
      }
      const total = entropies.reduce((sum, entropy) => sum + entropy, 0);
      await writePage(run, {
        title: "Four autoregressive models of the same sequences",
        abstract:
          "All four factorize the probability of a sequence token by token and differ in what they are shown and " +
          "in how they hide the future. On the same training set, to the same measure: how much of what each " +
          "generates is the training set itself, and where in a sequence it still errs.",
        figures: [
          ...outcomes.map(({ title, run: { summary } }) => ({
            label: title,
            value: percent(summary?.metrics.memorized_mass),
            note: "memorized mass",
          })),
          ...figures,
        ],
        sections: [
          {
            title: "Comparison",
            blocks: [
              {
                kind: "formula",
                formula: String.raw`p(Z) = \prod_{i=1}^{${length}} p(z_i \mid z_{<i})`,
                text: `The memorized mass is the sum of $p(Z)$ over the distinct training sequences.`,
              },
              memoryTable(outcomes),
              costTable(outcomes),
              ...findings(outcomes, entropies).map((text): Block => ({ kind: "paragraph", text })),
            ],
          },
          {
            title: "Error at each position",
            blocks: [
              {
                kind: "plot",
                plot: positionPlot(
                  outcomes.map(({ title, excess }) => ({ name: title, ...positions(excess) })),
                  { label: "excess", unit: "nats", scale: "log" },
                ),
                caption:
                  "Mean over the training sequences of the divergence of the prediction from the exact histogram of " +
                  "what follows the prefix. Zero at every position is perfect memory.",
              },
              {
                kind: "plot",
                plot: positionPlot([{ name: "training set", ...positions(entropies) }], {
                  label: "entropy of the next token",
                  unit: "nats",
                }),
                caption:
                  `What is left open by the tokens before: ${
                    total.toFixed(3)
                  } nats in all. No model can pay less ` +
                  "at any position, on average over the training set.",
              },
            ],
          },
          {
            title: "The models",
            blocks: [{
              kind: "list",
              items: [
                "*Sequence to token*: a dense network of the prefix; each step shows it single tokens.",
                "*Sequence to sequence, masked*: masks on the weights hide the future; each step shows it whole " +
                "sequences.",
                "*Sequence to sequence, transformer*: masks on the attention hide the future; positions share their " +
                "weights.",
                "*Sequence to histogram*: the network of the first, shown the exact histogram of what follows each " +
                "prefix, and most often the prefixes that it knows least.",
              ],
            }],
          },
        ],
      });
      const summaries = outcomes.map(({ run }) => run.summary);
      const named = outcomes.flatMap(({ run: { folder, summary }, excess }) => {
        const name = folder.slice(run.folder.length + 1).replaceAll("-", "_");
        const { memorized_mass, memorized_fraction, coverage } = summary?.metrics ?? {};
        return Object.entries({
          memorized_mass,
          memorized_fraction,
          coverage,
          excess_nats: excess.reduce((sum, value) => sum + value, 0),
        }).map(([metric, value]) => [`${name}_${metric}`, value ?? NaN]);
      });
      await run.finish({
        metrics: { ...Object.fromEntries(named), entropy_nats: total, ...metrics },
        parameters: summaries.reduce((sum, summary) => sum + (summary?.parameters ?? 0), 0),
        steps: summaries.reduce((sum, summary) => sum + (summary?.steps ?? 0), 0),
      });
      for (const { title, run: { summary } } of outcomes) {
        run.note(
          `${title}: memorized mass ${percent(summary?.metrics.memorized_mass)}, fraction ` +
            `${percent(summary?.metrics.memorized_fraction)}, coverage ${percent(summary?.metrics.coverage)}`,
        );
      }
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
