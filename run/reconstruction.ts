/**
 * The experiment of an autoencoder: images -> a model -> the same images again, from less: how well, for those that it
 * learned and for those that it never saw, how that came about, and what it looks like.
 */
import type * as tf from "@tensorflow/tfjs";
import { writeAtomically } from "../base/files.ts";
import { type ImageSet, openImages } from "../data/images.ts";
import { compile, type Device } from "../engine/device.ts";
import { openTaskDevice } from "./device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { overRows } from "../engine/rows.ts";
import { psnr } from "../metrics/mod.ts";
import { imageGrid, imagesOf, type Sheet } from "../report/grid.ts";
import type { Block, KeyFigure } from "../report/html.ts";
import { count } from "../report/numbers.ts";
import { drawnImages, imageFlags, levels, openHeldOutImages, openTrainingImages } from "./images.ts";
import { defaultsOf, type ModelFile, restored } from "./model_file.ts";
import type { Run } from "./run.ts";
import { type Flags, type FlagValues, integer, runTask } from "./task.ts";
import { logSpaced, type Training } from "./training.ts";
import { type Description, layerTable, writeReport } from "./write_report.ts";

/** A model that draws images again. */
export interface AutoencoderModel {
  /** All that decides what is built and how it learns: it is stored with the weights. */
  readonly config: {
    readonly model: string;
    readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  };
  readonly weights: Weights;
}

/** The flags of every autoencoder's task. */
export const reconstructionFlags = {
  ...imageFlags,
};
/** What the flags of an autoencoder's task say. */
export type ReconstructionFlags = FlagValues<typeof reconstructionFlags>;

/** What a model made of images. */
export interface Reconstructed {
  /** [count, pixels] in 0..1. */
  readonly reconstructions: Float32Array;
  /** What else was measured: `codes`, say; of images that it did not learn they are told as `test_codes`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The figures of an autoencoder's run: its own, and these. */
export type ReconstructionMetrics = Readonly<Record<string, number>> & {
  /** Mean PSNR of the training images, levels being in 0..1. */
  readonly psnr_db: number;
  /** The same of the test images. */
  readonly test_psnr_db?: number;
};

/** What a model file tells about its autoencoder. */
export interface ReconstructionExperiment<Model extends AutoencoderModel, F extends Flags = Flags> {
  /** The task. */
  readonly name: string;
  readonly summary: string;
  /** Flags of this model alone. */
  readonly flags: F;
  /**
   * The configuration for images of this kind and number.
   *
   * @throws {UsageError} where flags contradict each other.
   */
  readonly configure: (
    images: Pick<ImageSet, "height" | "width" | "channels">,
    flags: { readonly seed: number } & Partial<FlagValues<F>>,
  ) => Model["config"];
  /** Allocates the model. */
  readonly build: (config: Model["config"]) => Model;
  readonly describe: (
    model: Model,
    options: { readonly images: ImageSet; readonly flags: Partial<FlagValues<F>> },
  ) => Description;
  /** How many steps bring so many images to the goal. */
  readonly defaultSteps: (count: number) => number;
  readonly fit: (model: Model, options: ReconstructionFit) => Promise<void>;
  /** Images [B, pixels] in 0..1 -> the same drawn again: to be compiled, for the curves. */
  readonly redrawn: (model: Model, images: tf.Tensor2D) => tf.Tensor2D;
  /** Draws and measures images, those that were learned or others, and writes what belongs to the run. */
  readonly measure: (model: Model, options: {
    readonly run: Run;
    readonly device: Device;
    readonly images: ImageSet;
    readonly learned: boolean;
    readonly flags: Partial<FlagValues<F>>;
  }) => Promise<Reconstructed>;
  /** What the report begins with. */
  readonly figures: (metrics: ReconstructionMetrics) => readonly KeyFigure[];
}

/** What an autoencoder is trained on, and how long. `train` is given the rest as it is. */
export interface ReconstructionFit extends Pick<Training, "evaluate" | "evaluateAt"> {
  readonly run: Run;
  readonly device: Device;
  /** [count, pixels] in 0..1. */
  readonly images: Float32Array;
  readonly steps: number;
  readonly budget?: number;
}

/** What is learned in a run, and what it is told about it. */
export interface ReconstructionOptions<F extends Flags> {
  readonly device: Device;
  readonly images: ImageSet;
  /** Images to measure on, and to draw curves of, that it does not learn. */
  readonly heldOut?: ImageSet;
  readonly flags:
    & Pick<ReconstructionFlags, "seed" | "budget">
    & { readonly steps: number | undefined }
    & Partial<FlagValues<F>>;
}

/** Images of each set of which the curves are drawn, at most, and points of a curve. */
const CURVE_IMAGES = 256, CURVE_POINTS = 12;
/** Images of each set on the sheets. */
const SHOWN = 30;

/** The whole program of an autoencoder. */
export async function runReconstruction<Model extends AutoencoderModel, F extends Flags>(
  experiment: ReconstructionExperiment<Model, F>,
): Promise<never> {
  const { name, summary, defaultSteps } = experiment;
  return await runTask({
    name,
    summary,
    flags: {
      ...reconstructionFlags,
      steps: integer({
        min: 1,
        help: `optimizer updates (default: ${count(defaultSteps(1024))} for 1,024 images)`,
      }),
      ...experiment.flags,
    },
    run: async (values, run) => {
      // TypeScript does not see that the values of joined flags are the values of each.
      const flags = values as unknown as ReconstructionFlags & FlagValues<F>;
      const images = await openTrainingImages(flags, { asNumbers: true, session: run.session }),
        heldOut = await openHeldOutImages(flags, images);
      const model = experiment.configure(images, flags);
      await using device = await openTaskDevice(flags, run.session);
      await run.configure({ dataset: images, device, model });
      await learnImages(experiment, run, { device, images, heldOut, flags });
    },
  });
}

/** Trains and measures a model in the folder of `run`, which is configured; returns it. */
export async function learnImages<Model extends AutoencoderModel, F extends Flags>(
  experiment: ReconstructionExperiment<Model, F>,
  run: Run,
  options: ReconstructionOptions<F>,
): Promise<Model> {
  const { device, images, heldOut, flags } = options;
  const model = experiment.build(experiment.configure(images, flags));
  const description = experiment.describe(model, { images, flags }), { parameters } = description;
  run.note(layerTable(description.layers, parameters));
  const watched = heldOut && await openCurves(experiment, { model, device, images, heldOut });
  await experiment.fit(model, {
    run,
    device,
    images: levels(images),
    steps: flags.steps ?? experiment.defaultSteps(images.count),
    budget: flags.budget,
    ...watched?.training,
  });
  watched?.dispose();
  await run.saveWeights(model.weights, { model: model.config.model, config: model.config });

  const learned = await experiment.measure(model, { run, device, images, learned: true, flags });
  const unseen = heldOut &&
    await experiment.measure(model, { run, device, images: heldOut, learned: false, flags });
  const metrics: ReconstructionMetrics = {
    psnr_db: psnrOf(images, learned),
    ...learned.metrics,
    ...(unseen === undefined ? {} : { test_psnr_db: psnrOf(heldOut!, unseen) }),
    ...Object.fromEntries(
      Object.entries(unseen?.metrics ?? {}).map(([name, value]) => [`test_${name}`, value]),
    ),
  };
  const figures = experiment.figures(metrics);
  const sheets = [
    { name: "reconstructions.png", ...reconstructionSheet({ images, ...learned }) },
    ...(unseen === undefined
      ? []
      : [{ name: "reconstructions-test.png", ...reconstructionSheet({ images: heldOut!, ...unseen }) }]),
  ];
  for (const { name, sheet } of sheets) await writeAtomically(run.path(name), imageGrid(sheet));
  await writeReport(run, {
    description,
    figures,
    metrics,
    results: [{
      title: "Reconstructions",
      blocks: [
        ...sheets.map(({ sheet, caption }): Block => ({ kind: "sheet", sheet, caption })),
        ...(watched === undefined ? [] : [{
          kind: "paragraph" as const,
          text:
            `PSNR under "Learning" was measured, while it learned, on up to ${CURVE_IMAGES} images of each set, ` +
            "drawn from what the encoder alone makes of them.",
        }]),
      ],
    }],
  });
  await run.finish({ metrics, parameters });
  run.note(figures.map(({ label, value }) => `${label} ${value}`).join(", "));
  return model;
}

/** Compiles, once a run, what the curves are drawn of. */
async function openCurves<Model extends AutoencoderModel, F extends Flags>(
  { redrawn }: ReconstructionExperiment<Model, F>,
  options: {
    readonly model: Model;
    readonly device: Device;
    readonly images: ImageSet;
    readonly heldOut: ImageSet;
  },
): Promise<{ readonly training: Pick<Training, "evaluate" | "evaluateAt">; readonly dispose: () => void }> {
  const { model, device, images, heldOut } = options;
  const size = images.height * images.width * images.channels;
  const batch = Math.min(CURVE_IMAGES, Math.max(images.count, heldOut.count));
  const draw = await compile(
    device,
    ({ images }) => ({ drawn: redrawn(model, images) }),
    { images: { shape: [batch, size] } },
  );
  const psnrOfFirst = async ({ pixels, count: all }: ImageSet): Promise<number> => {
    const count = Math.min(CURVE_IMAGES, all),
      originals = levels({ pixels: pixels.subarray(0, count * size) });
    const { drawn } = await overRows(draw, {
      count,
      batch,
      inputs: (rows) => {
        const few = new Float32Array(batch * size);
        rows.forEach((row, at) => few.set(originals.subarray(row * size, (row + 1) * size), at * size));
        return { images: few };
      },
    });
    return psnr(originals, drawn as Float32Array, { size, peak: 1 });
  };
  return {
    training: {
      evaluateAt: logSpaced(CURVE_POINTS),
      evaluate: async () => ({
        train_psnr_db: await psnrOfFirst(images),
        test_psnr_db: await psnrOfFirst(heldOut),
      }),
    },
    dispose: () => draw.dispose(),
  };
}

function psnrOf(images: ImageSet, { reconstructions }: Reconstructed): number {
  return psnr(levels(images), reconstructions, { size: images.pixels.length / images.count, peak: 1 });
}

/** A PSNR as reports print it. */
export function decibels(psnr: number): string {
  return `${psnr.toFixed(2)} dB`;
}

/** The first images, and below each its reconstruction. */
function reconstructionSheet(
  { images, ...drawing }: { readonly images: ImageSet } & Reconstructed,
): { readonly sheet: Sheet; readonly caption: string } {
  const { height, width, channels, split } = images, shown = Math.min(SHOWN, images.count);
  const shape = [shown, height, width, channels], size = shown * height * width * channels;
  const drawn = imagesOf(drawing.reconstructions.subarray(0, size), shape);
  const tiles = imagesOf(images.pixels.subarray(0, size), shape).map((image, index) => ({
    image: [image, drawn[index]],
  }));
  return {
    sheet: { sections: [{ tiles }] },
    caption:
      `${split === "train" ? "Training" : "Test"} images, and below each its reconstruction; mean PSNR of ` +
      `all ${count(images.count)}: ${decibels(psnrOf(images, drawing))}.`,
  };
}

/** What an autoencoder's file exports as `MODEL`; `opened` is what its trained model can do. */
export function autoencoderModel<Model extends AutoencoderModel, F extends Flags, Able extends object>(
  experiment: ReconstructionExperiment<Model, F>,
  opened: (model: Model, device: Device) => Able,
): ModelFile<{ readonly kind: Model["config"]["model"]; readonly model: Model } & Able> {
  const { name, flags, configure, build, fit } = experiment;
  return {
    task: name,
    load: async (folder, device) => {
      const model = await restored(folder, { build });
      return { kind: model.config.model, model, ...opened(model, device) };
    },
    step: async (context, stored) => {
      if (stored !== undefined) {
        const model = await restored(stored.folder, { build }), { count } = stored.config.dataset;
        const images = drawnImages({ ...model.config.image, classes: 1, count });
        return await fit(model, { ...context, images: levels(images), steps: 1 });
      }
      const images = await openImages({ dataset: "digits", split: "train", count: 1024 });
      const model = build(configure(images, { ...defaultsOf(flags), seed: 0 }));
      await fit(model, { ...context, images: levels(images), steps: 1 });
    },
  };
}
