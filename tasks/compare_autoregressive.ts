/**
 * `deno task compare-autoregressive`: autoregressive models learn the same sequences, and are measured alike: how
 * much of what they generate is the training set, and at which positions they still err.
 */
import { exists } from "../base/files.ts";
import { histogramLogs, prefixTable, type Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { AUTOENCODER_PART } from "../models/binary_autoencoder.ts";
import { load } from "../models/mod.ts";
import { type Estimate, meanAndDeviation } from "../metrics/mod.ts";
import type { Block } from "../report/html.ts";
import { percent } from "../report/numbers.ts";
import type { LinePlot } from "../report/plot.ts";
import { openTaskDevice } from "../run/device.ts";
import { executorFlags, type ManifestLine, runManifest } from "../run/manifest.ts";
import type { Run, StoredRun } from "../run/run.ts";
import { type SequenceFlags, sequenceFlags } from "../run/sequence_source.ts";
import { openSource } from "../run/sources.ts";
import { integer, runTask, text, UsageError } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

/** One of the models that are compared. */
interface Contestant {
  /** What `--models` calls it, and its folder within this run. */
  readonly name: string;
  readonly title: string;
  readonly task: string;
  /** Flags of its own task alone. */
  readonly own: ManifestLine["flags"];
  /** What it is, for the page. */
  readonly text: string;
}

const CONTESTANTS: readonly Contestant[] = [
  {
    name: "ngram",
    title: "counts",
    task: "train-ngram",
    own: {},
    text: "how often each token followed all those before it: exact, nothing is trained.",
  },
  {
    name: "seq2token",
    title: "sequence to token",
    task: "train-seq2token",
    own: {},
    text: "a dense network of the prefix; each step shows it single tokens.",
  },
  {
    name: "seq2seq-masked",
    title: "sequence to sequence, masked",
    task: "train-seq2seq",
    own: { architecture: "masked" },
    text: "masks on the weights hide the future; each step shows it whole sequences.",
  },
  {
    name: "seq2seq-transformer",
    title: "sequence to sequence, transformer",
    task: "train-seq2seq",
    own: { architecture: "transformer" },
    text: "masks on the attention hide the future; positions share their weights.",
  },
  {
    name: "seq2hist",
    title: "sequence to histogram",
    task: "train-seq2hist",
    own: {},
    text:
      "a dense network of the prefix, shown the exact histogram of what follows each prefix, and most often the " +
      "prefixes that it knows least.",
  },
];

/** The beginning of the page's title, by the number of models. */
const COUNTS = [
  "An autoregressive model",
  "Two autoregressive models",
  "Three autoregressive models",
  "Four autoregressive models",
  "Five autoregressive models",
];

/** What came out for one model. */
interface Outcome {
  readonly title: string;
  readonly name: string;
  /** One for each seed. */
  readonly runs: readonly StoredRun[];
  /**
   * Nats at each position, mean over the training sequences and the seeds, above what the training set's own histograms
   * need.
   */
  readonly excess: Float64Array;
}

/** The models that `--models` names, in the order of the page. */
function chosen(names: string | undefined): readonly Contestant[] {
  if (names === undefined) return CONTESTANTS;
  const wanted = names.split(",").map((name) => name.trim());
  const unknown = wanted.find((name) => !CONTESTANTS.some((contestant) => contestant.name === name));
  if (unknown !== undefined) {
    const known = CONTESTANTS.map(({ name }) => name).join(", ");
    throw new UsageError(
      `--models must be some of ${known}, with commas between: current value is "${names}"`,
    );
  }
  return CONTESTANTS.filter(({ name }) => wanted.includes(name));
}

/** The runs of a comparison: every model with every seed, on the same autoencoder where there is one. */
async function manifest(
  contestants: readonly Contestant[],
  { flags, run, seeds }: { readonly flags: SequenceFlags; readonly run: Run; readonly seeds: number },
): Promise<ManifestLine[]> {
  // The sequences are made already; the runs share out what is left of the budget.
  const { out: _out, resume: _resume, force: _force, until: _until, budget: _budget, ...rest } = flags;
  const { autoencoderSteps: _steps, ...shared } = rest;
  const autoencoder = await exists(run.path("autoencoder")) ? run.path("autoencoder") : undefined;
  return contestants.flatMap(({ name, task, own }) =>
    Array.from({ length: seeds }, (_, index) => ({
      task,
      folder: seeds === 1 ? name : `${name}-s${flags.seed + index}`,
      flags: { ...shared, ...own, autoencoder, seed: flags.seed + index },
    }))
  );
}

/** Measures at which positions the runs of a model err. */
async function outcome(
  { name, title }: Contestant,
  { runs, sequences, entropies, device }: {
    readonly runs: readonly StoredRun[];
    readonly sequences: Sequences;
    readonly entropies: Float64Array;
    readonly device: Device;
  },
): Promise<Outcome> {
  const excess = new Float64Array(sequences.length);
  for (const { folder } of runs) {
    const model = await load(folder, device);
    if (!("logProbabilities" in model)) {
      throw new Error(`Cannot compare ${folder} as it holds a ${model.kind}: train it again`);
    }
    const logs = await model.logProbabilities(sequences);
    const nats = positionMeans(logs.map((log) => -log), sequences.length);
    nats.forEach((value, position) => excess[position] += (value - entropies[position]) / runs.length);
    for (const weight of Object.values(model.model.weights)) weight.dispose();
  }
  return { name, title, runs, excess };
}

/** Entropy of the training set at each position, [length], in nats: of the next token given all before it. */
function positionEntropies(sequences: Sequences): Float64Array {
  const logs = histogramLogs(sequences, prefixTable(sequences));
  return positionMeans(logs.map((log) => -log), sequences.length);
}

/** Means of the columns of [count, length]. */
function positionMeans(values: Float64Array, length: number): Float64Array {
  const sums = new Float64Array(length);
  values.forEach((value, index) => sums[index % length] += value);
  return sums.map((sum) => sum * length / values.length);
}

/** A metric of a model's runs: its mean and its standard deviation (NaN for one run). */
function metric({ runs }: Outcome, name: string): Estimate {
  return meanAndDeviation(runs.map(({ summary }) => summary?.metrics[name] ?? NaN));
}

/** A share as "99.21 %", of several runs as "99.21 % ± 0.03 %". */
function share(outcome: Outcome, name: string): string {
  const { mean, deviation } = metric(outcome, name);
  return outcome.runs.length === 1 ? percent(mean) : `${percent(mean)} ± ${percent(deviation)}`;
}

/** How much was memorized. */
function memoryTable(outcomes: readonly Outcome[]): Block {
  const single = outcomes[0].runs.length === 1;
  return {
    kind: "table",
    table: {
      columns: [
        "Model",
        "Memorized mass",
        single ? "Memorized fraction (95 % interval)" : "Memorized fraction",
        "Coverage",
        "Excess, nats",
      ],
      rows: outcomes.map((outcome) => {
        const low = metric(outcome, "memorized_fraction_low").mean;
        const high = metric(outcome, "memorized_fraction_high").mean;
        return [
          outcome.title,
          share(outcome, "memorized_mass"),
          share(outcome, "memorized_fraction") + (single ? ` (${percent(low)} to ${percent(high)})` : ""),
          share(outcome, "coverage"),
          metric(outcome, "sequence_nats").mean - metric(outcome, "entropy_nats").mean,
        ];
      }),
      caption:
        "Mass is exact, fraction and coverage are of generated sequences. Excess is the cross-entropy of a whole " +
        "training sequence above its floor, the entropy of the training set." +
        (single ? "" : ` Mean ± standard deviation over ${outcomes[0].runs.length} seeds.`),
    },
  };
}

/** What it cost. */
function costTable(outcomes: readonly Outcome[]): Block {
  const several = outcomes[0].runs.length > 1;
  return {
    kind: "table",
    table: {
      columns: ["Model", "Parameters", "Steps", "Seconds"],
      rows: outcomes.map(({ title, runs }) => [
        title,
        runs[0].summary?.parameters ?? NaN,
        Math.round(runs.reduce((sum, { summary }) => sum + (summary?.steps ?? NaN), 0) / runs.length),
        Math.round(runs.reduce((sum, { summary }) => sum + (summary?.seconds ?? NaN), 0) / runs.length),
      ]),
      caption: "Seconds are those of the whole run but its autoencoder: training, generating, measuring." +
        (several ? " Steps and seconds are means over the seeds." : ""),
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
  const mass = (outcome: Outcome): number => metric(outcome, "memorized_mass").mean;
  const sorted = outcomes.toSorted((a, b) => mass(b) - mass(a));
  const best = sorted[0], worst = sorted[sorted.length - 1];
  const branching = entropies.findLastIndex((entropy) => entropy > 1e-6) + 1;
  const sum = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
  const early = ({ excess }: Outcome): number => sum(excess.subarray(0, branching)) / sum(excess);
  const erring = outcomes.filter(({ excess }) => sum(excess) > 0);
  return [
    ...(outcomes.length === 1 ? [] : [
      `The largest memorized mass is that of *${best.title}*, ${percent(mass(best))}; the smallest that of ` +
      `*${worst.title}*, ${percent(mass(worst))}.`,
    ]),
    branching === 0
      ? "All training sequences are equal: nothing is left to chance at any position."
      : `After position ${branching} every prefix has one continuation only, so all of the training set's entropy ` +
        "lies at or before it." +
        (erring.length === 0
          ? ""
          : ` There lies ${
            erring.map((outcome) => `${percent(early(outcome))} of the error of *${outcome.title}*`).join(
              ", ",
            )
          }; the rest is doubt about tokens that are certain.`),
  ];
}

if (import.meta.main) {
  await runTask({
    name: "compare-autoregressive",
    summary: "Train autoregressive models on the same sequences and compare how much they memorize.",
    flags: {
      ...sequenceFlags,
      steps: integer({ min: 1, help: "optimizer updates of each model (default: enough for its goal)" }),
      models: text({
        placeholder: "A,B",
        help: `which models (default: all of ${CONTESTANTS.map(({ name }) => name).join(",")})`,
      }),
      seeds: integer({ min: 1, default: 1, help: "how many seeds of each model, from --seed on" }),
      ...executorFlags,
    },
    run: async ({ models, seeds, executor, slurm, requeues, chain, dryRun, collect, ...flags }, run) => {
      const contestants = chosen(models);
      const source = await openSource(flags, { autoencoder: AUTOENCODER_PART }, run.session);
      const sources = await (async () => {
        // Closed before the runs, which use all processors themselves.
        await using device = await openTaskDevice(flags, run.session);
        await run.configure({
          dataset: source.facts,
          device,
          model: { models: contestants.map(({ name }) => name), seed: flags.seed },
        });
        return await source.open({ run, device });
      })();
      const { sequences, metrics, figures } = sources, { length } = sequences;
      const lines = await manifest(contestants, { flags, run, seeds });
      const runs = await runManifest(lines, {
        within: run,
        executor: { executor, slurm, requeues, chain, dryRun, collect },
      });

      const entropies = positionEntropies(sequences);
      await using device = await openTaskDevice(flags, run.session);
      run.session.follow("measuring");
      const outcomes: Outcome[] = [];
      for (const [index, contestant] of contestants.entries()) {
        const own = runs.slice(index * seeds, (index + 1) * seeds);
        outcomes.push(await outcome(contestant, { runs: own, sequences, entropies, device }));
      }
      const total = entropies.reduce((sum, entropy) => sum + entropy, 0);
      await writePage(run, {
        title: `${COUNTS[outcomes.length - 1]} of the same sequences`,
        abstract:
          "Each factorizes the probability of a sequence token by token; models differ in what they are shown and " +
          "in how they hide the future. On the same training set, to the same measure: how much of what each " +
          "generates is the training set itself, and where in a sequence it still errs.",
        figures: [
          ...outcomes.map((outcome) => ({
            label: outcome.title,
            value: share(outcome, "memorized_mass"),
            note: seeds === 1 ? "memorized mass" : `memorized mass, ${seeds} seeds`,
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
              items: contestants.map(({ title, text }) =>
                `*${title[0].toUpperCase()}${title.slice(1)}*: ${text}`
              ),
            }],
          },
        ],
      });
      const named = outcomes.flatMap((outcome) => {
        const name = outcome.name.replaceAll("-", "_");
        const excess = outcome.excess.reduce((sum, value) => sum + value, 0);
        return [
          ...["memorized_mass", "memorized_fraction", "coverage"].flatMap((wanted) => {
            const { mean, deviation } = metric(outcome, wanted);
            return [
              [`${name}_${wanted}`, mean],
              ...(seeds === 1 ? [] : [[`${name}_${wanted}_sd`, deviation]]),
            ];
          }),
          [`${name}_excess_nats`, excess],
        ];
      });
      const sum = (field: "parameters" | "steps"): number =>
        runs.reduce((total, { summary }) => total + (summary?.[field] ?? 0), 0);
      await run.finish({
        metrics: { ...Object.fromEntries(named), entropy_nats: total, ...metrics },
        parameters: sum("parameters"),
        steps: sum("steps"),
      });
      for (const outcome of outcomes) {
        run.note(
          `${outcome.title}: memorized mass ${share(outcome, "memorized_mass")}, fraction ` +
            `${share(outcome, "memorized_fraction")}, coverage ${share(outcome, "coverage")}`,
        );
      }
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
