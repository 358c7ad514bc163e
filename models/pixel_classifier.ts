/**
 * A recurrent classifier of images that are read pixel by pixel: the last state of an LSTM or a GRU, a linear layer, a
 * ReLU, a linear layer, softmax.
 *
 * After: Le, Jaitly, Hinton (2015), "A simple way to initialize recurrent networks of rectified linear units", whose
 * task it is; cells of Hochreiter and Schmidhuber (1997) and Cho et al. (2014).
 *
 * Departures: pixels are black or white. The affine map between pixel and cell is not a layer of its own: an affine map
 * of an affine map is one, and the cell's kernel is it.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import type { Weights } from "../engine/optimizers.ts";
import { relu } from "../layers/activations.ts";
import { type Network, sequential } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { gated } from "../layers/recurrent.ts";
import { percent } from "../report/numbers.ts";
import {
  cellsInWords,
  type PixelConfig,
  type PixelExperiment,
  type PixelModel,
  pixelModel,
  runPixels,
} from "../run/pixel_experiment.ts";
import type { PixelSets } from "../run/pixel_source.ts";
import { datasetInWords, type Description } from "../run/write_report.ts";

/** A pixel classifier: its configuration, its network and the weights. */
export interface PixelClassifier extends PixelModel {
  readonly network: Network;
  readonly weights: Weights;
}

/** Deviation of the first layer's kernel: a pixel is one number, and must move gates that are nearly shut. */
const INPUT_DEVIATION = 0.5;

/** The network: bits [B, T, 1] -> logits [B, classes]. */
export function classifierNetwork(config: PixelConfig): Network {
  const { cell, units, layers, pixels, classes, gates, recurrentStart } = config;
  return sequential([pixels, 1], [
    ...Array.from({ length: layers }, (_, at) =>
      gated(`cell${at + 1}`, {
        ...{ cell, units, gates, recurrentStart },
        output: at === layers - 1 ? "last" : "sequence",
        inputDeviation: at === 0 ? INPUT_DEVIATION : undefined,
      })),
    linear("hidden", units),
    relu,
    linear("output", classes),
  ]);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: PixelConfig): PixelClassifier {
  const network = classifierNetwork(config);
  return { config, network, weights: network.init(stream(config.seed).fork("init")) };
}

/** Bits [B, T] -> logits [B, classes]. */
export function forward({ network, weights }: PixelClassifier, bits: tf.Tensor2D): tf.Tensor2D {
  return network.apply(weights, tf.expandDims(bits, 2));
}

/** Cross-entropy in nats of each image, [B]. */
function crossEntropies(model: PixelClassifier, logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, model.config.classes)), 1));
}

/** Mean cross-entropy in nats of labels int32 [B]. */
export function loss(model: PixelClassifier, bits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => tf.mean(crossEntropies(model, forward(model, bits), labels)));
}

function describe(model: PixelClassifier, { source, train }: PixelSets): Description {
  const { cell, batch, optimizer, learningRate, clip, pool } = model.config;
  return {
    title: `${cellsInWords(model.config)} that tells ${datasetInWords(source)} apart, read pixel by pixel`,
    abstract:
      "A recurrent network reads an image as a sequence of black and white pixels, row by row, and says at the end " +
      "what it was: all that it knows of the first pixel must come through its state.",
    method: [
      `${train.length} pixels of an image are read${
        pool > 1 ? `, each the mean of ${pool} x ${pool}` : ""
      }; a pixel is 1 where its level is above a tenth. The cell is ${
        cell === "lstm" ? "an LSTM [@lstm]" : "a GRU [@gru]"
      }; its kernel and biases are the affine map of the pixel.`,
      `${optimizer}, step size ${learningRate}, batches of ${batch}${
        clip > 0 ? `, gradients scaled to a norm of ${clip} at most` : ""
      }. The gates that keep the state start as *${model.config.gates}*, recurrent kernels as ` +
      `*${model.config.recurrentStart}*.`,
    ],
    formula: {
      formula: String
        .raw`p(y \mid x) = \operatorname{softmax}(W_2 \operatorname{ReLU}(W_1 h_T + b_1) + b_2)_y`,
      text: "$h_T$ is the state after the last pixel, $y$ the class.",
    },
    layers: model.network.rows,
    parameters: model.network.parameters,
    loss: { name: "cross-entropy", unit: "nats" },
    code: [classifierNetwork, loss],
  };
}

/** The experiment of `train-pixel-classifier`. */
export const EXPERIMENT = {
  name: "train-pixel-classifier",
  summary: "Train a recurrent network that reads images pixel by pixel and tells what they show.",
  kind: "pixel-classifier" as const,
  build,
  describe,
  loss,
  scores: (model, bits, labels) => {
    const logits = forward(model, bits);
    return {
      accuracy: tf.cast(tf.equal<tf.Tensor1D>(tf.argMax(logits, 1), labels), "float32"),
      loss: crossEntropies(model, logits, labels),
    };
  },
  figures: ({ test_accuracy, test_loss, train_accuracy, validation_accuracy }) => [
    {
      label: "test accuracy",
      value: percent(test_accuracy),
      note: `cross-entropy ${test_loss.toFixed(4)} nats`,
    },
    { label: "validation accuracy", value: percent(validation_accuracy) },
    { label: "training accuracy", value: percent(train_accuracy) },
  ],
  results: () => Promise.resolve([]),
} satisfies PixelExperiment<PixelClassifier>;

export const MODEL = pixelModel(EXPERIMENT);

if (import.meta.main) await runPixels<PixelClassifier>(EXPERIMENT);
