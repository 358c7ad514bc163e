/**
 * Engram's public interface: models that can be asked how much of what they generate is their training set, the
 * metrics that say it, the data they learn from, and the engine that makes ordinary tfjs code fast.
 *
 * ```ts
 * import { codesToSequences, load, memorization, MODELS, openDevice, openImages, openRun } from "./mod.ts";
 *
 * await using device = await openDevice("auto");
 *
 * // Use a model that `deno task train-autoencoder` has trained.
 * const autoencoder = await load("runs/train-autoencoder-digits-1024-s0", device);
 * if (autoencoder.kind !== "binary-autoencoder") throw new Error("name a run of train-autoencoder");
 * const dataset = await openImages({ dataset: "digits", split: "train", count: 1024 });
 * const { codes } = await autoencoder.reconstruct(Float32Array.from(dataset.pixels, (byte) => byte / 255));
 *
 * // Train one.
 * const seq2hist = await MODELS.seq2hist();
 * const sequences = codesToSequences(codes); // [1024, 16]
 * const { vocabulary, length } = sequences;
 * const model = seq2hist.build({ model: "seq2hist", ...seq2hist.SEQ2HIST, vocabulary, length, seed: 0 });
 * const run = await openRun("runs/mine", { task: "mine", dataset, device, model: model.config, progress: true });
 * await seq2hist.fit(model, { run, device, sequences, steps: 4000 }); // killed, the next start goes on
 * await run.saveWeights(model.weights, { model: "seq2hist", config: model.config });
 * const samples = await seq2hist.sample(model, { device, count: 1000, seed: 0 });
 * const { fraction } = memorization(samples, sequences.tokens, sequences);
 * await run.finish({ metrics: { memorized_fraction: fraction }, parameters: model.network.parameters });
 * ```
 *
 * @module
 */

// Models: `MODELS.seq2hist()` reads a model's file, which has its configuration, `build`, `fit`, and what its kind can do.
export { load, type LoadedModel, type Loads, type ModelKind, MODELS } from "./models/mod.ts";

// Run folders: where training writes its log, its checkpoints and its weights.
export { openRun } from "./run/open_run.ts";
export type { DatasetFacts, Run, RunConfig, RunSetup, RunSummary, StoredRun } from "./run/run.ts";
export type { RunFiles } from "./run/run_files.ts";
export type { LogEntry } from "./run/log.ts";
export type { Session, StopSignal } from "./run/session.ts";
export type { Output, Position, Progress } from "./run/progress.ts";
export type { Checkpoint } from "./run/checkpoint.ts";
export type { NamedVariables } from "./run/weights.ts";
export { findRun, listRuns } from "./run/run.ts";
export { train, type Trained, type Training } from "./run/training.ts";

// Programs: a task with flags, `--help`, clear errors, exit codes and a run folder; a tool without the folder.
export {
  argument,
  boolean,
  choice,
  commonFlags,
  type Described,
  type Flag,
  type Flags,
  type FlagValues,
  integer,
  type Limits,
  list,
  number,
  runTask,
  runTool,
  type Task,
  text,
  type Tool,
  UsageError,
} from "./run/task.ts";

// Reports: a page of its own, a plot, a sheet of pictures.
export {
  type Block,
  htmlReport,
  type KeyFigure,
  type Panel,
  type Report,
  type Section,
  type Table,
} from "./report/html.ts";
export { BIBLIOGRAPHY, type Reference, type WorkKey } from "./report/bibliography.ts";
export type { Term } from "./report/glossary.ts";
export type { Filtered } from "./report/filter.ts";
export type { MarkedLine, MarkedPart } from "./report/marked.ts";
export type { ShownMelody } from "./report/melodies.ts";
export type { PlayedNote } from "./report/melody.ts";
export type { Colour } from "./report/palette.ts";
export {
  type Axis,
  type BarChart,
  drawPlot,
  type HeatMap,
  type Histogram,
  type LinePlot,
  type Mark,
  type Plot,
  type ScatterPlot,
  type Series,
} from "./report/plot.ts";
export { type Image, imageGrid, imagesOf, type Sheet, type SheetSection, type Tile } from "./report/grid.ts";

// Sources of sequences: images' codes, text, melodies, tables.
export { openSource } from "./run/sources.ts";
export type { SequenceShape } from "./run/demand.ts";
export type { AutoencoderPart } from "./run/image_source.ts";
export {
  type Exhibit,
  type GeneratedSequences,
  type HeldOut,
  type SequenceData,
  type SequenceFlags,
  sequenceFlags,
  type SequenceSource,
} from "./run/sequence_source.ts";

// Data.
export {
  IMAGE_DATASETS,
  type ImageDataset,
  type ImageSelection,
  type ImageSet,
  type ImageSource,
  openImages,
} from "./data/images.ts";
export type { Images, Split } from "./data/image_set.ts";
export {
  CODE_SHAPE,
  type CodeShape,
  codeShape,
  codesToSequences,
  entropyFloor,
  type PrefixTable,
  prefixTable,
  type Sequences,
  sequencesToCodes,
} from "./data/sequences.ts";

// Metrics: plain numbers in, plain numbers out.
export {
  accuracy,
  crossEntropy,
  type DistinctRows,
  distinctRows,
  entropy,
  type Interval,
  logSoftmax,
  type Membership,
  membership,
  type Memorization,
  memorization,
  memorizedMass,
  type OperatingPoint,
  psnr,
  psnrs,
  wilson,
} from "./metrics/mod.ts";

/** What networks are written in: `layers.sequential([784], [layers.linear("hidden", 128), layers.relu, …])`. */
export * as layers from "./layers/mod.ts";

// The engine.
export {
  compile,
  type Compiled,
  type CompileOptions,
  type Device,
  type DeviceChoice,
  type InputArrays,
  type InputSpec,
  type InputSpecs,
  type InputTensors,
  type TensorOf,
} from "./engine/device.ts";
export { openDevice, type OpenOptions } from "./engine/open.ts";
export type { TypedArray } from "./engine/graph.ts";
export {
  adam,
  type AdamOptions,
  cosineRate,
  momentum,
  type MomentumOptions,
  type Optimizer,
  sgd,
  type Weights,
} from "./engine/optimizers.ts";
export {
  lastState,
  recurrent,
  type RecurrentCell,
  type RecurrentOptions,
  type RecurrentState,
  type RecurrentWeights,
} from "./engine/recurrent.ts";
export { categorical, type Draw, dropout, normal, uniform } from "./engine/random.ts";
export { type Key, Random, type RandomState, stream } from "./base/random.ts";
