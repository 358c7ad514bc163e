/**
 * The memorization experiment, common to the three sequence models: images -> codes -> sequences -> a model -> samples
 * -> how many of them are training sequences, and which images they are.
 */
import { writeAtomically } from "../base/files.ts";
import type { ImageSet } from "../data/images.ts";
import { codesToSequences, type Sequences, sequencesToCodes } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import { openDevice } from "../engine/open.ts";
import type { Weights } from "../engine/optimizers.ts";
import { distinctRows, entropy, memorization, memorizedMass } from "../metrics/mod.ts";
import { imagesOf, memorizationSheet } from "../report/grid.ts";
import { openTrainingImages } from "./images.ts";
import { readCodes } from "./codes.ts";
import type { Run } from "./run.ts";
import { sequenceSums } from "./sampling.ts";
import { commonFlags, type Flags, type FlagValues, integer, runTask, text } from "./task.ts";
import { type Description, layerTable, shown, writeReport } from "./write_report.ts";

/** The flags of every sequence task. */
export const sequenceFlags = {
  ...commonFlags,
  samples: integer({ min: 1, default: 10_000, help: "how many sequences to generate" }),
  autoencoder: text({
    placeholder: "RUN",
    help: "a finished autoencoder run on the same images (default: train one)",
  }),
  autoencoderSteps: integer({ min: 1, help: "optimizer updates of the autoencoder (default: its own)" }),
};
/** What the flags of a sequence task say. */
export type SequenceFlags = FlagValues<typeof sequenceFlags>;

/** A sequence model that can be generated from and asked for probabilities. */
export interface SequenceModel {
  readonly config: { readonly model: string };
  readonly weights: Weights;
}

/** What a model file tells about its model. */
export interface SequenceExperiment<Model extends SequenceModel, F extends Flags = Flags> {
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /** Allocates the model for sequences of this kind. */
  readonly build: (sequences: Sequences, flags: SequenceFlags & FlagValues<F>) => Model;
  readonly describe: (model: Model) => Description;
  /** How many steps bring so many sequences to the goal. */
  readonly defaultSteps: (count: number) => number;
  readonly fit: (model: Model, options: FitOptions) => Promise<void>;
  /** Draws sequences [count, length]. */
  readonly sample: (
    model: Model,
    options: { device: Device; count: number; seed: number },
  ) => Promise<Int32Array>;
  /** Of each token given those before it: nats, [sequences.count, length]. */
  readonly logProbabilities: (
    model: Model,
    options: { device: Device; sequences: Sequences },
  ) => Promise<Float64Array>;
  readonly autoencoder: AutoencoderPart;
}

/** What a model is trained on, and how long. */
export interface FitOptions {
  readonly run: Run;
  readonly device: Device;
  readonly sequences: Sequences;
  readonly steps: number;
  readonly budget?: number;
}

/** What the experiment needs of the autoencoder, which it does not know itself. */
export interface AutoencoderPart {
  readonly task: string;
  /** The configuration that a run with these flags has. */
  readonly config: (flags: { readonly seed: number }) => unknown;
  /** Trains and writes everything into the folder of `run`. */
  readonly train: (run: Run, options: {
    readonly device: Device;
    readonly images: ImageSet;
    readonly flags: {
      readonly seed: number;
      readonly steps: number | undefined;
      readonly budget: number | undefined;
    };
  }) => Promise<unknown>;
  /** Draws codes [count, 3, 4, 4] of the run in `folder` as images [count, pixels] in 0..1. */
  readonly decode: (
    folder: string,
    options: { readonly device: Device; readonly codes: Int8Array },
  ) => Promise<Float32Array>;
}

/** Sheet rows show this many images. */
const SHOWN = 20;

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
      const images = await openTrainingImages(flags);
      await using device = await openDevice(flags.device, flags);
      await run.configure({ dataset: images, device, model: { name: experiment.name, seed: flags.seed } });
      await memorize(experiment, { flags, run, device, images });
    },
  });
}

/** Trains and measures one model in the folder of `run`, which is configured. */
export async function memorize<Model extends SequenceModel, F extends Flags>(
  experiment: SequenceExperiment<Model, F>,
  options: {
    readonly flags: SequenceFlags & FlagValues<F>;
    readonly run: Run;
    readonly device: Device;
    readonly images: ImageSet;
  },
): Promise<void> {
  const { flags, run, device, images } = options;
  const autoencoder = await codedImages(experiment.autoencoder, options);
  const codes = await readCodes(autoencoder.folder);
  const sequences = codesToSequences(codes);

  const model = experiment.build(sequences, flags);
  const description = experiment.describe(model);
  run.note(layerTable(description.layers, description.parameters));
  const steps = flags.steps ?? experiment.defaultSteps(images.count);
  await experiment.fit(model, { run, device, sequences, steps, budget: flags.budget });
  await run.saveWeights(model.weights, { model: model.config.model, config: model.config });

  run.note(`generating ${flags.samples.toLocaleString("en-US")} sequences`);
  const samples = await experiment.sample(model, { device, count: flags.samples, seed: flags.seed });
  const found = memorization(samples, sequences.tokens, sequences);
  const distinct = distinctRows(sequences.tokens, sequences.length);
  const different = subset(sequences, distinct.first);
  const masses = sequenceSums(
    await experiment.logProbabilities(model, { device, sequences: different }),
    sequences.length,
  );
  const crossEntropy = -distinct.counts.reduce((sum, count, index) => sum + count * masses[index], 0) /
    sequences.count;
  const metrics = {
    memorized_mass: memorizedMass(masses),
    memorized_fraction: found.fraction,
    memorized_fraction_low: found.interval.low,
    memorized_fraction_high: found.interval.high,
    coverage: found.coverage,
    samples: found.samples,
    sequence_nats: crossEntropy,
    entropy_nats: entropy(distinct.counts),
    distinct_sequences: distinct.first.length,
    ...autoencoder.metrics,
  };
  const sheet = await drawSheet(experiment.autoencoder, {
    title: description.title,
    folder: autoencoder.folder,
    device,
    images,
    codes,
    samples,
    matches: found.matches,
    sequences,
    metrics,
  });
  await writeAtomically(run.path("samples.png"), sheet);
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
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
      { label: "coverage", value: percent(metrics.coverage), note: "of the distinct training sequences" },
      {
        label: "PSNR",
        value: `${metrics.psnr_db.toFixed(2)} dB`,
        note: `${metrics.distinct_codes} distinct codes of ${images.count} images`,
      },
    ],
    floors: [{
      value: metrics.entropy_nats / sequences.length,
      label: "entropy of the training set a token",
    }],
    results: [{
      title: "What it generates",
      blocks: [
        {
          kind: "picture",
          png: sheet,
          alt:
            "Training images, their reconstructions, and generated images above their nearest training images",
          caption:
            "Generated images as they were drawn, none chosen; below each the training image with the " +
            "nearest code.",
        },
        {
          kind: "table",
          table: {
            columns: ["Metric", "Value"],
            rows: Object.entries(metrics).map(([name, value]) => [name, shown(value)]),
          },
        },
      ],
    }],
  });
  await run.finish({ metrics, parameters: description.parameters });
  run.note(
    `memorized mass ${percent(metrics.memorized_mass)}, fraction ${percent(metrics.memorized_fraction)} of ` +
      `${metrics.samples} samples, coverage ${percent(metrics.coverage)}: see ${run.path("report.html")}`,
  );
}

/** The given rows of `sequences`. */
function subset(sequences: Sequences, rows: Int32Array): Sequences {
  const { tokens, length } = sequences;
  const chosen = new Int32Array(rows.length * length);
  rows.forEach((row, index) => chosen.set(tokens.subarray(row * length, (row + 1) * length), index * length));
  return { ...sequences, tokens: chosen, count: rows.length };
}

/** The finished autoencoder run whose codes are learned: the one that `--autoencoder` names, else one of this run's own. */
async function codedImages(part: AutoencoderPart, options: {
  readonly flags: SequenceFlags;
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
}): Promise<{ folder: string; metrics: { psnr_db: number; distinct_codes: number } }> {
  const { flags, run, device, images } = options;
  const { dataset, file, count, offset, seed, threads, dataDir, autoencoderSteps: steps } = flags;
  const child = flags.autoencoder === undefined
    ? await run.child("autoencoder", {
      task: part.task,
      flags: { dataset, file, count, offset, seed, device: flags.device, threads, dataDir, steps },
      dataset: images,
      device,
      model: part.config({ seed }),
    })
    : await run.adopt("autoencoder", { from: flags.autoencoder, task: part.task });
  if (child.config.dataset.sha256 !== images.sha256) {
    throw new Error(
      `Cannot use --autoencoder ${flags.autoencoder} as it learned other images: name a run with the same --dataset, ` +
        "--count and --offset",
    );
  }
  if (!child.completed) {
    await part.train(child, { device, images, flags: { seed, steps, budget: undefined } });
  }
  const metrics = child.summary?.metrics ?? {};
  return {
    folder: child.folder,
    metrics: { psnr_db: metrics.psnr_db ?? NaN, distinct_codes: metrics.distinct_codes ?? NaN },
  };
}

/** Number of places in which two rows differ. */
function hamming(a: Int8Array, b: Int8Array): number {
  let differing = 0;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) differing++;
  return differing;
}

async function drawSheet(part: AutoencoderPart, options: {
  readonly title: string;
  readonly folder: string;
  readonly device: Device;
  readonly images: ImageSet;
  readonly codes: Int8Array;
  readonly samples: Int32Array;
  readonly matches: Int32Array;
  readonly sequences: Sequences;
  readonly metrics: {
    readonly psnr_db: number;
    readonly memorized_fraction: number;
    readonly samples: number;
  };
}): Promise<Uint8Array> {
  const { title, folder, device, images, codes, samples, matches, sequences, metrics } = options;
  const { height, width } = images;
  const training = Math.min(SHOWN, images.count), generated = Math.min(SHOWN, matches.length);
  const sampled = sequencesToCodes(samples.subarray(0, generated * sequences.length));
  const bits = codes.length / images.count;
  const nearest = Array.from({ length: generated }, (_, index) => {
    if (matches[index] >= 0) return { image: matches[index], bits: 0 };
    const code = sampled.subarray(index * bits, (index + 1) * bits);
    let best = { image: 0, bits: Infinity };
    for (let image = 0; image < images.count; image++) {
      const distance = hamming(code, codes.subarray(image * bits, (image + 1) * bits));
      if (distance < best.bits) best = { image, bits: distance };
    }
    return best;
  });
  const both = new Int8Array(sampled.length + training * bits);
  both.set(codes.subarray(0, training * bits));
  both.set(sampled, training * bits);
  const decoded = await part.decode(folder, { device, codes: both });
  const drawn = imagesOf(decoded, [training + generated, height, width]);
  const originals = imagesOf(images.pixels, [images.count, height, width]);
  return memorizationSheet({
    title,
    training: originals.slice(0, training),
    reconstructions: drawn.slice(0, training),
    psnr: metrics.psnr_db,
    generated: drawn.slice(training).map((image, index) => ({
      image,
      nearest: originals[nearest[index].image],
      memorized: matches[index] >= 0,
      label: matches[index] >= 0 ? `#${nearest[index].image}` : `${nearest[index].bits} bits`,
    })),
    memorizedFraction: metrics.memorized_fraction,
    samples: metrics.samples,
  });
}
