/** What the tests of the autoencoders share: small images, and that a model learns them by heart. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import type { ImageSet } from "../../data/images.ts";
import {
  type Autoencoder,
  type AutoencodingConfig,
  type AutoencodingExperiment,
  autoencodingModel,
  fit,
  measure,
} from "../../run/autoencoding.ts";
import { reconstructionErrors } from "../../metrics/mod.ts";
import { levels } from "../../run/images.ts";
import type { Flags } from "../../run/task.ts";
import { checkGradients, openStock, openTrial } from "./trial.ts";

/** Height and width of the images. */
export const SIZE = 8;

/** Five images of blocks of half the width, each elsewhere. */
export function blocks(): ImageSet {
  const area = SIZE * SIZE, pixels = new Uint8Array(5 * area);
  for (let at = 0; at < pixels.length; at++) {
    const image = Math.floor(at / area), row = Math.floor(at % area / SIZE), column = at % SIZE;
    if (row >= image && row < image + 4 && column >= 4 - image && column < 8 - image) pixels[at] = 255;
  }
  const facts = { name: "blocks", split: "train", sha256: "00", offset: 0, count: 5, available: 5 } as const;
  return {
    ...facts,
    height: SIZE,
    width: SIZE,
    channels: 1,
    classes: 5,
    pixels,
    labels: Uint8Array.of(0, 1, 2, 3, 4),
  };
}

/** Asserts that the loss has the gradient of central differences. */
export async function checkLoss<C extends AutoencodingConfig, F extends Flags>(
  { build, loss }: AutoencodingExperiment<C, F>,
  config: C,
): Promise<void> {
  await tf.setBackend("cpu");
  const model = build(config),
    images = tf.tensor4d(stream(1).uniforms(3 * SIZE * SIZE, 0.5), [3, SIZE, SIZE, 1]).add(0.5);
  const counter = tf.scalar(3, "int32");
  await checkGradients(
    model.weights,
    () => loss(model, images as tf.Tensor4D, { random: stream(2), counter }),
  );
}

/** Asserts that a model learns five images to an error of `mse`, leaks nothing, and is the same when it is loaded. */
export async function checkLearning<C extends AutoencodingConfig, F extends Flags>(
  experiment: AutoencodingExperiment<C, F>,
  { config, steps, mse }: { readonly config: C; readonly steps: number; readonly mse: number },
): Promise<Autoencoder<C>> {
  const device = await openStock(), run = await openTrial(device), images = blocks();
  const model = experiment.build(config);
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  await fit(experiment, { model, run, device, images, test: images, steps });
  const measured = await measure(experiment, { model, device, images });
  assert.equal(tf.memory().numTensors, before);
  const { mse: reached } = reconstructionErrors(levels(images), measured.reconstructions, {
    size: SIZE * SIZE,
  });
  assert.ok(reached < mse, `${reached} is not below ${mse}`);
  await run.saveWeights(model.weights, { model: config.model, config });
  const loaded = await autoencodingModel(experiment).load(run.folder, device);
  assert.deepEqual(await loaded.measure(images), measured);
  return model;
}
