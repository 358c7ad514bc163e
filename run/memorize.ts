/**
 * The memorization experiment, common to the three sequence models: sequences -> a model -> samples -> how many of
 * them are training sequences. Where the sequences come from, and what the generated ones look like, is `sources.ts`.
 */
import { writeAtomically } from "../base/files.ts";
import { stream } from "../base/random.ts";
import type { Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { expectedCoverage } from "../metrics/mod.ts";
import { countMemorized } from "./counting.ts";
import { checkDemand, type Demand, type SequenceShape } from "./demand.ts";
import { openTaskDevice } from "./device.ts";
import type { AutoencoderPart } from "./image_source.ts";
import { percent } from "../report/numbers.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import { openMemory } from "./memory.ts";
import type { Run } from "./run.ts";
import { type SampleOptions, samplingRuns, scoredOnce, type Scorer } from "./sampling.ts";
import { type SequenceFlags, sequenceFlags, type SequenceSource } from "./sequence_source.ts";
import { openSource } from "./sources.ts";
import { type Flags, type FlagValues, integer, runTask } from "./task.ts";
import { logSpaced, type Training } from "./training.ts";
import { datasetInWords, type Description, layerTable, writeReport } from "./write_report.ts";

/** A sequence model that can be generated from and asked for probabilities. */
export interface SequenceModel {
  /** All that decides what is built and how it learns: it is stored with the weights. */
  readonly config: { readonly model: string; readonly vocabulary: number; readonly length: number };
  readonly weights: Weights;
}

/** What a model file tells about its model. */
export interface SequenceExperiment<Model extends SequenceModel, F extends Flags = Flags> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /** The configuration for sequences of this kind and number. */
  readonly configure: (
    sequences: Sequences,
    flags: SequenceFlags & FlagValues<F>,
  ) => Model["config"] | Promise<Model["config"]>;
  /**
   * What the model of sequences of this shape takes with its training, the weights not allocated yet. Absent: it is
   * small, or says so itself.
   */
  readonly demand?: (shape: SequenceShape, flags: { readonly seed: number } & FlagValues<F>) => Demand;
  /** Allocates the model. */
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (model: Model) => Description;
  /** How many steps bring a model of these sequences to the goal. */
  readonly defaultSteps: (sequences: Sequences, config: Model["config"]) => number;
  readonly fit: (model: Model, options: FitOptions) => Promise<void>;
  /** Draws sequences [count, length], from the tokens on that are given. */
  readonly sample: (model: Model, options: SampleOptions) => Promise<Int32Array>;
  /** Opens what tells the probability of sequences while the model learns, and after. */
  readonly scorer: (
    model: Model,
    options: { device: Device; sequences: Sequences },
  ) => Promise<Scorer>;
  /** Makes the sequences where they are codes of images. */
  readonly autoencoder: AutoencoderPart;
}

/** The formula of every model of sequences of `length` tokens; `text` says what a factor is. */
export function factorization(length: number, text: string): Description["formula"] {
  return { formula: String.raw`p(Z) = \prod_{i=1}^{${length}} p(z_i \mid z_{<i})`, text };
}

/** What a model is trained on, and how long. */
export interface FitOptions {
  readonly run: Run;
  readonly device: Device;
  readonly sequences: Sequences;
  readonly steps: number;
  readonly budget?: number;
  /** What is measured on the way, and when: as `train` has it. Absent: nothing. */
  readonly evaluate?: Training["evaluate"];
  readonly evaluateAt?: Training["evaluateAt"];
}

/** Sequences that are not learned, of which the likelihood is measured on the way. */
const HELD_OUT = 256;

/** The whole program of a sequence model. */
export async function runMemorization<Model extends SequenceModel, F extends Flags>(
  experiment: SequenceExperiment<Model, F>,
): Promise<never> {
  return await runTask({
    name: experiment.name,
    summary: experiment.summary,
    flags: {
      ...sequenceFlags,
      steps: integer({
        min: 1,
        help: "optimizer updates of the sequence model (default: enough for the goal)",
      }),
      ...experiment.flags,
    },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as SequenceFlags & FlagValues<F>;
      const source = await openSource(flags, experiment, run.session);
      const { demand } = experiment;
      if (demand !== undefined) {
        checkDemand(source.shape, { demand: (shape) => demand(shape, flags), shorten: source.shorten });
      }
      await using device = await openTaskDevice(flags, run.session);
      await run.configure({
        dataset: source.facts,
        device,
        model: { name: experiment.name, seed: flags.seed },
      });
      await memorize(experiment, { flags, source, run, device });
    },
  });
}

/** Trains and measures one model in the folder of `run`, which is configured. */
export async function memorize<Model extends SequenceModel, F extends Flags>(
  experiment: SequenceExperiment<Model, F>,
  options: {
    readonly flags: SequenceFlags & FlagValues<F>;
    readonly source: SequenceSource;
    readonly run: Run;
    readonly device: Device;
  },
): Promise<void> {
  const { flags, source, run, device } = options;
  const data = await source.open({ run, device });
  const { sequences } = data;

  const model = experiment.build(await experiment.configure(sequences, flags));
  const own = experiment.describe(model);
  const description = { ...own, title: `${own.title}: ${datasetInWords(source.facts)}` };
  run.note(layerTable(description.layers, description.parameters));
  const steps = flags.steps ?? experiment.defaultSteps(sequences, model.config);
  const memory = await openMemory(
    { sequences, heldOut: await data.heldOut?.(HELD_OUT) },
    (sequences) => experiment.scorer(model, { device, sequences }),
  );
  await experiment.fit(model, {
    ...{ run, device, sequences, steps, budget: flags.budget },
    ...{ evaluate: () => memory.measure(), evaluateAt: logSpaced() },
  });
  await run.saveWeights(model.weights, { model: model.config.model, config: model.config });

  run.note(`generating ${flags.samples.toLocaleString("en-US")} sequences`);
  const { session } = run;
  session.follow("generating", samplingRuns(flags.samples, sequences.length));
  const samples = await experiment.sample(model, { device, count: flags.samples, seed: flags.seed });
  const found = await countMemorized(samples, sequences.tokens, { ...sequences, session });
  session.follow("measuring");
  const remembered = await memory.measure();
  memory.dispose();
  session.follow("drawing");
  const exhibit = await data.show({
    title: description.title,
    tokens: samples,
    matches: found.matches,
    memorizedFraction: found.fraction,
  });
  for (const [name, content] of Object.entries(exhibit.files)) await writeAtomically(run.path(name), content);
  const metrics = {
    ...remembered,
    memorized_fraction: found.fraction,
    memorized_fraction_low: found.interval.low,
    memorized_fraction_high: found.interval.high,
    coverage: found.coverage,
    perfect_coverage: expectedCoverage(memory.distinct.counts, found.samples),
    samples: found.samples,
    entropy_nats: memory.entropy,
    excess_nats: remembered.sequence_nats - memory.entropy,
    distinct_sequences: memory.distinct.first.length,
    ...memory.heldOut === 0 ? {} : { held_out_sequences: memory.heldOut },
    ...exhibit.metrics,
    ...data.metrics,
  };
  await writeReport(run, {
    description,
    figures: [
      { label: "memorized mass", value: percent(metrics.memorized_mass), note: "exact, no sampling" },
      {
        label: "memorized fraction",
        value: percent(metrics.memorized_fraction),
        note: `of ${metrics.samples.toLocaleString("en-US")} samples; 95% interval ` +
          `${percent(found.interval.low)} to ${percent(found.interval.high)}`,
      },
      {
        label: "coverage",
        value: percent(metrics.coverage),
        note: `of the distinct training sequences; a perfect model would cover ${
          percent(metrics.perfect_coverage)
        }`,
      },
      ...data.figures,
    ],
    metrics,
    hyperparameters: model.config,
    floors: [{
      value: metrics.entropy_nats / sequences.length,
      label: "entropy of the training set, per token",
    }],
    results: [{
      title: "What it generates",
      blocks: exhibit.blocks,
    }],
  });
  await run.finish({ metrics, parameters: description.parameters });
  run.note(
    `memorized mass ${percent(metrics.memorized_mass)}, fraction ${percent(metrics.memorized_fraction)} of ` +
      `${metrics.samples} samples, coverage ${percent(metrics.coverage)} (a perfect model: ${
        percent(metrics.perfect_coverage)
      }): see ${run.path("report.html")}`,
  );
}

/** A trained sequence model on its device. */
export interface LoadedSequences<Model extends SequenceModel> {
  readonly kind: Model["config"]["model"];
  readonly model: Model;
  /** Draws sequences [count, length]. Sequence i does not depend on `count`. */
  sample(options: Omit<SampleOptions, "device">): Promise<Int32Array>;
  /** The log-probability of each token given those before it, in nats, [sequences.count, length]. */
  logProbabilities(sequences: Sequences): Promise<Float64Array>;
}

/** What a sequence model's file exports as `MODEL`. */
export function sequenceModel<Model extends SequenceModel, F extends Flags>(
  experiment: SequenceExperiment<Model, F>,
): ModelFile<LoadedSequences<Model>> {
  const { name, flags, configure, build, fit, sample, scorer } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored(folder, { build });
      return {
        kind: model.config.model,
        model,
        sample: (options) => sample(model, { ...options, device }),
        logProbabilities: (sequences) => scoredOnce(scorer(model, { device, sequences })),
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored(stored.folder, { build }), { vocabulary, length } = model.config;
        const sequences = drawnSequences({ vocabulary, length, count: stored.config.dataset.count });
        return await fit(model, { ...context, sequences, steps: 1 });
      }
      // As many and as long as the codes of 1,024 images.
      const sequences = drawnSequences({ count: 1024, length: 16, vocabulary: 8 });
      const model = build(await configure(sequences, { ...defaultsOf(sequenceFlags), ...defaultsOf(flags) }));
      await fit(model, { ...context, sequences, steps: 1 });
    },
  };
}

/** Sequences whose tokens are drawn. */
function drawnSequences(shape: Omit<Sequences, "tokens">): Sequences {
  const random = stream(0).fork("explain"), { count, length, vocabulary } = shape;
  const tokens = Int32Array.from({ length: count * length }, () => random.integer(vocabulary));
  return { ...shape, tokens };
}
