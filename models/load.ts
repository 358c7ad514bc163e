/** Trained models back from their run folders. */
import { join } from "node:path";
import { exists } from "../base/files.ts";
import type { ImageSet } from "../data/images.ts";
import type { Sequences } from "../data/sequences.ts";
import type { Device } from "../engine/device.ts";
import type { Weights } from "../engine/optimizers.ts";
import { assignVariables, readWeights } from "../run/run.ts";
import {
  type Autoencoder,
  type Coded,
  decodeCodes,
  loadAutoencoder,
  reconstruct,
} from "./binary_autoencoder.ts";
import { type Classifier, classify, loadClassifier } from "./classifier.ts";
import * as seq2hist from "./seq2hist.ts";
import * as seq2seq from "./seq2seq.ts";
import * as seq2token from "./seq2token.ts";

/** A trained sequence model on its device, and what all kinds can do. */
export interface LoadedSequences<Kind extends string, Model> {
  readonly kind: Kind;
  readonly model: Model;
  /** Draws sequences [count, length]. Sequence i does not depend on `count`. */
  sample(options: { readonly count: number; readonly seed: number }): Promise<Int32Array>;
  /** The log-probability of each token given those before it, in nats, [sequences.count, length]. */
  logProbabilities(sequences: Sequences): Promise<Float64Array>;
}

/** A trained sequence model of any kind. */
export type LoadedSequenceModel =
  | LoadedSequences<"seq2token", seq2token.Seq2Token>
  | LoadedSequences<"seq2seq", seq2seq.Seq2Seq>
  | LoadedSequences<"seq2hist", seq2hist.Seq2Hist>;

/** A trained autoencoder on its device. */
export interface LoadedAutoencoder {
  readonly kind: "binary-autoencoder";
  readonly model: Autoencoder;
  /** Codes and reconstructions of images [count, pixels] in 0..1. */
  reconstruct(images: Float32Array): Promise<Coded>;
  /** Images [count, pixels] in 0..1 of codes [count, 3, 4, 4]. */
  decode(codes: Int8Array): Promise<Float32Array>;
}

/** A trained classifier on its device. */
export interface LoadedClassifier {
  readonly kind: "classifier";
  readonly model: Classifier;
  /** Logits [count, classes]. */
  classify(images: ImageSet): Promise<Float32Array>;
}

/** A trained model of any kind: `kind` tells which. */
export type LoadedModel = LoadedSequenceModel | LoadedAutoencoder | LoadedClassifier;

/**
 * The model that a finished run holds, ready to be used on `device`. Its weights are tfjs variables: the caller
 * disposes them.
 *
 * ```ts
 * await using device = await openDevice("auto");
 * const trained = await load("runs/train-seq2hist-digits-1024-s0", device);
 * if (trained.kind === "seq2hist") {
 *   const tokens = await trained.sample({ count: 100, seed: 1 }); // [100, 16]
 * }
 * ```
 *
 * @throws {Error} where the folder holds no weights, or those of a model that this version does not know.
 */
export async function load(run: string, device: Device): Promise<LoadedModel> {
  const { kind, config } = await readModel(run);
  switch (kind) {
    case "binary-autoencoder": {
      const model = await loadAutoencoder(run);
      return {
        kind,
        model,
        reconstruct: (images) => reconstruct(model, { device, images }),
        decode: (codes) => decodeCodes(model, { device, codes }),
      };
    }
    case "classifier": {
      const model = await loadClassifier(run);
      return { kind, model, classify: (images) => classify(model, { device, images }) };
    }
    case "seq2token":
      return await loadSequences(kind, { run, device, model: seq2token.build(config), ...seq2token });
    case "seq2seq":
      return await loadSequences(kind, { run, device, model: seq2seq.build(config), ...seq2seq });
    case "seq2hist":
      return await loadSequences(kind, { run, device, model: seq2hist.build(config), ...seq2hist });
  }
}

/** What the metadata of a run's weights say; a configuration is of the kind beside it, as the run wrote both. */
type Metadata =
  | { readonly kind: "binary-autoencoder" | "classifier"; readonly config: unknown }
  | { readonly kind: "seq2token"; readonly config: seq2token.Seq2TokenConfig }
  | { readonly kind: "seq2seq"; readonly config: seq2seq.Seq2SeqConfig }
  | { readonly kind: "seq2hist"; readonly config: seq2hist.Seq2HistConfig };

const KINDS: readonly string[] = ["binary-autoencoder", "classifier", "seq2token", "seq2seq", "seq2hist"];

async function readModel(run: string): Promise<Metadata> {
  if (!(await exists(join(run, "weights.safetensors")))) {
    throw new Error(
      `Cannot load ${run} as it holds no weights: name the folder of a finished run of one model`,
    );
  }
  const { metadata: { model: kind, config } } = await readWeights(run);
  if (!KINDS.includes(kind)) {
    throw new Error(
      `Cannot load ${run} as it holds a model of the kind ${kind}: this version knows ${KINDS.join(", ")}`,
    );
  }
  return { kind, config: JSON.parse(config) } as Metadata;
}

async function loadSequences<Kind extends string, Model extends { readonly weights: Weights }>(
  kind: Kind,
  options: {
    readonly run: string;
    readonly device: Device;
    readonly model: Model;
    readonly sample: (
      model: Model,
      options: { readonly device: Device; readonly count: number; readonly seed: number },
    ) => Promise<Int32Array>;
    readonly logProbabilities: (
      model: Model,
      options: { readonly device: Device; readonly sequences: Sequences },
    ) => Promise<Float64Array>;
  },
): Promise<LoadedSequences<Kind, Model>> {
  const { run, device, model, sample, logProbabilities } = options;
  assignVariables(model.weights, (await readWeights(run)).tensors, run);
  return {
    kind,
    model,
    sample: ({ count, seed }) => sample(model, { device, count, seed }),
    logProbabilities: (sequences) => logProbabilities(model, { device, sequences }),
  };
}
