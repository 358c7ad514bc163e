/**
 * The experiment of a generator: images -> a network that makes images of noise -> what it makes, what lies between two of
 * its images, and how many of them are training images. A sample is made of noise, and a class where the model takes
 * one, and of nothing else.
 */
import { join } from "node:path";
import { writeAtomically } from "../base/files.ts";
import type { Random } from "../base/random.ts";
import type { Images } from "../data/image_set.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import type { Device } from "../engine/device.ts";
import { imageGrid, type Sheet } from "../report/grid.ts";
import { count } from "../report/numbers.ts";
import { type Copies, copiesOf, copyMetrics, copySection } from "./copies.ts";
import { openTaskDevice } from "./device.ts";
import {
  type Drawing,
  generate,
  type GeneratedImages,
  type GeneratorModel,
  interpolate,
  interpolationSheet,
  nearestSheet,
  PAIRS,
  SAMPLES,
  samplesSheet,
  writeSamples,
} from "./generated_images.ts";
import { drawnImages, imageFlags, openTrainingImages } from "./images.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import type { Run, StoredRun } from "./run.ts";
import type { Session } from "./session.ts";
import { readStoredFlags } from "./stored_flags.ts";
import { type Flags, type FlagValues, integer, runTask } from "./task.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** What a generator is trained on, and how long. */
export interface GenerationFit {
  readonly run: Run;
  readonly device: Device;
  readonly images: ImageSet;
  readonly steps: number;
}

/** What a model's file tells about its generator. */
export interface GenerationExperiment<Model extends GeneratorModel, F extends Flags> extends Drawing<Model> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /** The configuration for images of this kind. */
  readonly configure: (images: ImageSet, flags: FlagValues<F> & { readonly seed: number }) => Model["config"];
  /** Allocates the model. */
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (model: Model, images: ImageSet) => Description;
  readonly defaultSteps: number;
  readonly fit: (model: Model, options: GenerationFit) => Promise<void>;
}

/** What the rules allow: fewer parameters than these, all networks together, and no more steps. */
export const GENERATOR_LIMITS = Object.freeze({ parameters: 1_000_000, steps: 50_000 });

/**
 * @throws {RangeError} where the networks of a model have together more parameters than the rules allow.
 */
export function checkParameters(parameters: number): void {
  if (parameters < GENERATOR_LIMITS.parameters) return;
  throw new RangeError(
    `Cannot build the generator as it must have fewer than ${
      count(GENERATOR_LIMITS.parameters)
    } parameters: it has ` +
      `${count(parameters)}; lower --width`,
  );
}

/** The chosen images as numbers in -1..1, [rows, H, W, C]; those in colour are mirrored half of the time. */
export function trainingBatch(
  { pixels, height, width, channels }: Images,
  { rows, flips }: { readonly rows: Int32Array; readonly flips: Random },
): Float32Array {
  const area = height * width * channels, batch = new Float32Array(rows.length * area);
  let at = 0;
  for (const row of rows) {
    const flipped = channels > 1 && flips.integer(2) === 1;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = row * area + (y * width + (flipped ? width - 1 - x : x)) * channels;
        for (let channel = 0; channel < channels; channel++) batch[at++] = pixels[from + channel] / 127.5 - 1;
      }
    }
  }
  return batch;
}

/** The flags of every generator's task. */
export const generationFlags = {
  ...imageFlags,
  count: integer({ min: 2, help: "how many images to learn (default: the whole training split)" }),
  samples: integer({
    min: 1,
    default: 10_000,
    help: "how many images to make, and compare with those learned",
  }),
};

/** The whole program of a generator. */
export async function runGeneration<Model extends GeneratorModel, F extends Flags>(
  experiment: GenerationExperiment<Model, F>,
): Promise<never> {
  const { name, summary, defaultSteps } = experiment;
  return await runTask({
    name,
    summary,
    flags: {
      ...generationFlags,
      steps: integer({
        ...{ min: 1, max: GENERATOR_LIMITS.steps },
        help: `optimizer updates (default: ${count(defaultSteps)})`,
      }),
      ...experiment.flags,
    },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as FlagValues<typeof generationFlags> & FlagValues<F>;
      const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session: run.session });
      await using device = await openTaskDevice(flags, run.session);
      const model = experiment.build(experiment.configure(images, flags));
      await run.configure({ dataset: images, device, model: model.config });
      const { samples, steps = defaultSteps } = flags;
      await makeImages(experiment, { model, run, device, images, steps, samples });
    },
  });
}

/** Trains, makes images and measures, in the folder of `run`, which is configured. */
export async function makeImages<Model extends GeneratorModel, F extends Flags>(
  experiment: Omit<GenerationExperiment<Model, F>, "configure" | "flags">,
  { model, run, device, images, steps, samples }: GenerationFit & {
    readonly model: Model;
    readonly samples: number;
  },
): Promise<void> {
  const { config: { model: kind, image: shape, seed } } = model, { session } = run;
  const description = experiment.describe(model, images), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  await experiment.fit(model, { run, device, images, steps });
  await run.saveWeights(model.weights, { model: kind, config: model.config });
  const { pixels, labels } = await generate(experiment, { model, device, count: samples, seed, session });
  await writeSamples(run.path(SAMPLES), { pixels, labels }, shape);
  const between = interpolationSheet(await interpolate(experiment, { model, device, seed }), shape);
  const copies = await copiesOf(pixels, { images, device, session });
  const { samples: drawn, nearest: near } = sheetsOf(pixels, { images, copies });
  await writeSheets(run.folder, { samples: drawn, interpolations: between, nearest: near });
  const made = run.savedStep ?? 0;
  const metrics = { parameters, steps: made, penalty: 0, ...copyMetrics(copies, samples) };
  await writeReport(run, {
    description,
    figures: [
      {
        label: "memorized",
        value: `${count(copies.any)} of ${count(samples)}`,
        note: "samples that are copies of training images by any of three rules",
      },
      {
        label: "parameters",
        value: count(parameters),
        note: `all networks; ${count(made)} steps, penalty 0`,
      },
    ],
    metrics,
    results: [
      {
        title: "Samples",
        blocks: [{
          kind: "sheet",
          sheet: drawn,
          caption: `The first ${
            drawn.sections[0].tiles.length
          } samples of seed ${seed}, none chosen; classes in turn.`,
        }],
      },
      {
        title: "From one sample to another",
        blocks: [{
          kind: "sheet",
          sheet: between,
          caption:
            `${PAIRS} pairs, a row each. Above: made of noise on the great circle between the noises of the two, of ` +
            "the class of the first. Below: the two ends blended, which shows both at once.",
        }],
      },
      {
        title: "Nearest training images",
        blocks: [{
          kind: "sheet",
          sheet: near,
          caption:
            "The same samples, below each the training image that is nearest in its pixels, as it is or mirrored, and the PSNR.",
        }],
      },
      copySection(copies, samples),
    ],
  });
  await run.finish({ metrics, parameters });
  run.note(
    `${count(copies.any)} of ${count(samples)} samples are copies of training images: see ${
      run.path("report.html")
    }`,
  );
}

/**
 * The images that the run of a generator learned, and the flags that chose them.
 *
 * @param options.dataDir where their files lie now. Absent: where the run found them.
 * @throws {Error} where they are others than those that it learned.
 */
export async function learnedImages(
  { folder, config }: StoredRun,
  { dataDir, session }: { readonly dataDir?: string; readonly session?: Session } = {},
): Promise<{ readonly images: ImageSet; readonly flags: FlagValues<typeof generationFlags> }> {
  const own = readStoredFlags(generationFlags, config.flags, { path: join(folder, "config.json") });
  const flags = { ...own, dataDir: dataDir ?? own.dataDir };
  const images = await openTrainingImages(flags, { most: Infinity, holdOut: true, session });
  if (images.sha256 !== config.dataset.sha256) {
    throw new Error(
      `Cannot use ${folder} as its data set ${images.name} has changed: bring the files back that it learned from`,
    );
  }
  return { images, flags };
}

/** Makes images of another seed, writes them into the folder that `place` chooses, and says how many are copies. */
export async function moreImages(
  generator: {
    generate(options: { readonly count: number; readonly seed: number }): Promise<GeneratedImages>;
  },
  { stored, place, device, session, samples, seed, dataDir }: {
    readonly stored: StoredRun;
    /** Where the files that it learned from lie now. Absent: where its run found them. */
    readonly dataDir?: string;
    readonly place: () => Promise<string>;
    readonly device: Device;
    readonly session: Session;
    readonly samples: number;
    readonly seed: number;
  },
): Promise<{ readonly folder: string; readonly metrics: Readonly<Record<string, number>> }> {
  const { images } = await learnedImages(stored, { dataDir, session }), { height, width, channels } = images;
  const generated = await generator.generate({ count: samples, seed });
  const copies = await copiesOf(generated.pixels, { images, device, session });
  const out = await place();
  await Deno.mkdir(out, { recursive: true });
  await writeSamples(join(out, SAMPLES), generated, [height, width, channels]);
  await writeSheets(out, sheetsOf(generated.pixels, { images, copies }));
  session.note(`${count(copies.any)} of ${count(samples)} samples are copies of training images: see ${out}`);
  return { folder: out, metrics: copyMetrics(copies, samples) };
}

/** The first samples as they came, and each above its nearest training image. */
function sheetsOf(pixels: Uint8Array, { images, copies }: {
  readonly images: ImageSet;
  readonly copies: Copies;
}): Readonly<Record<"samples" | "nearest", Sheet>> {
  return {
    samples: samplesSheet(pixels, [images.height, images.width, images.channels]),
    nearest: nearestSheet(pixels, {
      ...{ images, rows: copies.rows },
      words: (sample) => `${copies.psnrs[sample].toFixed(1)} dB`,
    }),
  };
}

/** Draws each into a picture of its name. */
async function writeSheets(folder: string, sheets: Readonly<Record<string, Sheet>>): Promise<void> {
  for (const [name, sheet] of Object.entries(sheets)) {
    await writeAtomically(join(folder, `${name}.png`), imageGrid(sheet));
  }
}

/** A trained generator on its device. */
export interface LoadedGenerator<Model extends GeneratorModel> {
  readonly kind: Model["config"]["model"];
  readonly model: Model;
  /** Samples 0 ... count-1 of a seed. */
  generate(options: { readonly count: number; readonly seed: number }): Promise<GeneratedImages>;
}

/** What a generator's file exports as `MODEL`. */
export function generatorModel<Model extends GeneratorModel, F extends Flags>(
  experiment: GenerationExperiment<Model, F>,
): ModelFile<LoadedGenerator<Model>> {
  const { name, flags, configure, build, fit } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored(folder, { build });
      return {
        kind: model.config.model,
        model,
        generate: (options) => generate(experiment, { model, device, ...options }),
      };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored(stored.folder, { build });
        const { image: [height, width, channels], classes } = model.config, { count } = stored.config.dataset;
        const images = drawnImages({ height, width, channels, classes, count });
        return await fit(model, { ...context, images, steps: 1 });
      }
      const images = await openImages({ dataset: "digits", split: "train", count: 1024 });
      const model = build(configure(images, { ...defaultsOf(flags), seed: 0 }));
      await fit(model, { ...context, images, steps: 1 });
    },
  };
}
