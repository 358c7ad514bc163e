/**
 * A recurrent predictor of pixels: the probability that the next one is ink, given all before it; with it the
 * probability of whole images, drawings of its own, continuations and fillings of gaps.
 *
 * After: van den Oord, Kalchbrenner, Kavukcuoglu (2016), "Pixel recurrent neural networks", of which this is the plain
 * form: one LSTM or GRU over the pixels as they are read.
 *
 * Departures: pixels are black or white; the first pixel, which nothing stands before, has its share among the training
 * images, (n + 1) / (images + 2); the affine map between pixel and cell is the cell's own kernel.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import type { Device } from "../engine/device.ts";
import type { Tile } from "../report/grid.ts";
import type { Section } from "../report/html.ts";
import { percent } from "../report/numbers.ts";
import { cellsInWords, type PixelExperiment, pixelModel, runPixels } from "../run/pixel_experiment.ts";
import { firstOf, type PixelSet, type PixelSets } from "../run/pixel_source.ts";
import { datasetInWords, type Description } from "../run/write_report.ts";
import { continued } from "./pixel_predictor/generation.ts";
import { memory, remembered } from "./pixel_predictor/memory.ts";
import { build, loss, pixelNats, type PixelPredictor, predictorNetwork } from "./pixel_predictor/network.ts";
import { pixelImage } from "./pixel_predictor/pixel_image.ts";

export { continued, sampled } from "./pixel_predictor/generation.ts";
export { build, logProbabilities, loss, type PixelPredictor } from "./pixel_predictor/network.ts";

/** Test images that the report continues, and pixels that it continues them by, beside the whole rest. */
const SHOWN = 6, HORIZONS = [1, 10, 28];
/** The share of an image that is given: of 784 pixels all but the last 300. */
const GIVEN_SHARE = 484 / 784;
/** Samples that the report shows beside what they may be copies of. */
const SHOWN_SAMPLES = 30;
/** Training images above which memory is not measured: a model of so many does not hold them. */
const MOST_REMEMBERED = 1024;

function describe(model: PixelPredictor, { source, train }: PixelSets): Description {
  const { cell, batch, optimizer, learningRate, clip, pool, gates, recurrentStart, firstInk } = model.config;
  return {
    title: `${cellsInWords(model.config)} that predicts ${datasetInWords(source)}, pixel by pixel`,
    abstract:
      "A recurrent network reads an image pixel by pixel, and says before each how probable it is to be ink. That is " +
      "the exact probability of whole images, and a way to draw new ones.",
    method: [
      `${train.length} pixels of an image are read${
        pool > 1 ? `, each the mean of ${pool} x ${pool}` : ""
      }; a pixel is 1 where its level is above a tenth. The cell is ${
        cell === "lstm" ? "an LSTM [@lstm]" : "a GRU [@gru]"
      }; its kernel and biases are the affine map of the pixel.`,
      `${optimizer}, step size ${learningRate}, batches of ${batch}${
        clip > 0 ? `, gradients scaled to a norm of ${clip} at most` : ""
      }. The gates that keep the state start as *${gates}*, recurrent kernels as *${recurrentStart}*.`,
      `Nats per pixel are the mean over the ${
        train.length - 1
      } pixels that are predicted, nats per image their sum. ` +
      `The first pixel is drawn as ink with the probability ${
        firstInk.toPrecision(3)
      }, its share among the training ` +
      "images; it is in no figure but the probabilities of whole images.",
    ],
    formula: {
      formula: String.raw`p(x) = p(x_1) \prod_{t=2}^{T} p(x_t \mid x_{<t}), \quad ` +
        String.raw`p(x_t = 1 \mid x_{<t}) = \sigma(w \cdot h_{t-1} + b)`,
      text: "$h_{t-1}$ is the state after the pixel before.",
    },
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy", unit: "nats per pixel" },
    code: [predictorNetwork, loss],
    references: ["pixelrnn"],
  };
}

/** Test images, and what the model makes of their beginnings. */
async function drawings(
  model: PixelPredictor,
  { device, set }: { readonly device: Device; readonly set: PixelSet },
): Promise<Section> {
  const { length, width } = set,
    given = Math.max(1, Math.floor(GIVEN_SHARE * length)),
    shown = firstOf(set, SHOWN);
  const before = new Uint8Array(shown.count * given);
  for (let image = 0; image < shown.count; image++) {
    before.set(shown.bits.subarray(image * length, image * length + given), image * given);
  }
  const steps = length - given;
  const { bits } = await continued(model, {
    ...{ device, bits: before, given, steps },
    random: stream(model.config.seed).fork("drawings"),
  });
  const horizons = [...HORIZONS.filter((horizon) => horizon < steps), steps];
  const tiles = Array.from({ length: shown.count }, (_, image): Tile[] => {
    const truth = shown.bits.subarray(image * length, (image + 1) * length), drawn = truth.slice();
    drawn.set(bits.subarray(image * steps, (image + 1) * steps), given);
    return [
      { image: pixelImage(truth, { length, width }), label: "truth" },
      { image: pixelImage(truth, { length, width, known: given }), label: "given" },
      ...horizons.map((horizon) => ({
        image: pixelImage(drawn, { length, width, known: given + horizon }),
        label: horizon === 1 ? "1 pixel" : `${horizon} pixels`,
      })),
    ];
  });
  return {
    title: "Continuations",
    blocks: [{
      kind: "sheet",
      sheet: { sections: [{ tiles: tiles.flat() }], columns: 2 + horizons.length },
      caption:
        `The first ${given} of ${length} pixels of test images are given; what follows is drawn, pixel by ` +
        "pixel, each given those drawn before it.",
    }],
  };
}

/** Images of the model's own, each above what it may have remembered. */
async function memories(
  model: PixelPredictor,
  { device, train }: { readonly device: Device; readonly train: PixelSet },
): Promise<Section> {
  const sheet = { sections: [await remembered(model, { device, train, count: SHOWN_SAMPLES })] };
  return {
    title: "Memory",
    blocks: [{
      kind: "sheet",
      sheet,
      distance: "pixels off the nearest training image",
      caption: "Samples as they were drawn, none chosen.",
    }],
  };
}

/** The experiment of `train-pixel-predictor`. */
export const EXPERIMENT = {
  name: "train-pixel-predictor",
  summary: "Train a recurrent network that predicts each pixel of an image from those before it.",
  kind: "pixel-predictor" as const,
  build,
  describe,
  loss,
  scores: (model, bits) => {
    const nats = tf.sum<tf.Tensor1D>(pixelNats(model, bits), 1);
    return { nats_per_pixel: tf.div(nats, bits.shape[1] - 1), nats_per_image: nats };
  },
  measure: async (model, { device, sets: { train, test } }) =>
    train.count > MOST_REMEMBERED ? {} : await memory(model, { device, train, test }),
  figures: (
    { memorized_mass, memorized_fraction, test_nats_per_pixel, test_nats_per_image, train_nats_per_pixel },
  ) => [
    {
      label: "test nats per pixel",
      value: test_nats_per_pixel.toFixed(4),
      note: `${test_nats_per_image.toFixed(2)} nats per image`,
    },
    { label: "training nats per pixel", value: train_nats_per_pixel.toFixed(4) },
    ...memorized_mass === undefined ? [] : [{
      label: "memorized mass",
      value: percent(memorized_mass),
      note: `${percent(memorized_fraction)} of the samples are training images`,
    }],
  ],
  results: async (model, { device, sets: { train, test }, metrics }) => [
    ...metrics.memorized_mass === undefined ? [] : [await memories(model, { device, train })],
    await drawings(model, { device, set: test }),
  ],
} satisfies PixelExperiment<PixelPredictor>;

export const MODEL = pixelModel(EXPERIMENT);

if (import.meta.main) await runPixels<PixelPredictor>(EXPERIMENT);
