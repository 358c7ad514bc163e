/**
 * The registry: every model by the kind that its weights name. What is about models in general (`load`, `sample`,
 * `explain`, comparisons, the public API) finds them here. A file is read when its model is asked for.
 */
import { join } from "node:path";
import { exists } from "../base/files.ts";
import type { Device } from "../engine/device.ts";
import type { ModelFile } from "../run/model_file.ts";
import { readWeights } from "../run/weights.ts";

/** How to read each model's file, whose `MODEL` is what all models have in common. */
export const MODELS = {
  "classifier": () => import("./classifier.ts"),
  "addnist": () => import("./addnist.ts"),
  "cifar-classifier": () => import("./cifar_classifier.ts"),
  "flow": () => import("./flow.ts"),
  "dcgan": () => import("./dcgan.ts"),
  "binary-autoencoder": () => import("./binary_autoencoder.ts"),
  "dense-autoencoder": () => import("./dense_autoencoder.ts"),
  "conv-autoencoder": () => import("./conv_autoencoder.ts"),
  "variational-autoencoder": () => import("./variational_autoencoder.ts"),
  "seq2token": () => import("./seq2token.ts"),
  "seq2seq": () => import("./seq2seq.ts"),
  "seq2hist": () => import("./seq2hist.ts"),
  "sentiment-rnn": () => import("./sentiment_rnn.ts"),
  "text-cnn": () => import("./text_cnn.ts"),
  "pixel-classifier": () => import("./pixel_classifier.ts"),
  "pixel-predictor": () => import("./pixel_predictor.ts"),
  "ngram": () => import("./ngram.ts"),
} satisfies Readonly<Record<string, () => Promise<{ readonly MODEL: ModelFile }>>>;

/** The kind of a model. */
export type ModelKind = keyof typeof MODELS;

/** How each kind of model is loaded. */
export type Loads = {
  readonly [Kind in ModelKind]: Awaited<ReturnType<typeof MODELS[Kind]>>["MODEL"]["load"];
};

/** A trained model of any kind: `kind` tells which, and so what it can do. */
export type LoadedModel = { readonly [Kind in ModelKind]: Awaited<ReturnType<Loads[Kind]>> }[ModelKind];

/** Whether there is a model of that kind. */
export function isModelKind(kind: string): kind is ModelKind {
  return Object.hasOwn(MODELS, kind);
}

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
  if (!(await exists(join(run, "weights.safetensors")))) {
    throw new Error(
      `Cannot load ${run} as it holds no weights: name the folder of a finished run of one model`,
    );
  }
  const { metadata: { model: kind } } = await readWeights(run);
  if (!isModelKind(kind)) {
    throw new Error(
      `Cannot load ${run} as it holds a model of the kind ${kind}: this version knows ${
        Object.keys(MODELS).join(", ")
      }`,
    );
  }
  const { MODEL } = await MODELS[kind]();
  return await MODEL.load(run, device);
}
