/**
 * Convolutional autoencoders: an image through a bottleneck and back, by neighbourhoods rather than by pixels.
 *
 * Three 3x3 convolutions of 16, 32 and 64 channels, each followed by its activation and a 2x2 max-pool; the decoder
 * mirrors them with transposed convolutions of stride 2 and no pooling. Without `--latent`: SELU (Klambauer et al.
 * 2017) everywhere but at the output, whose sigmoid stands inside the cross-entropy; the bottleneck is what the third
 * pool leaves. With `--latent k`: ReLU after every layer, the bottleneck of k numbers and the output included, and the
 * mean absolute error.
 *
 * Departures and readings: 28 does not halve three times evenly; the third pool keeps the odd row and column in a
 * window of their own (28, 14, 7, 4), and the decoder goes back 4, 7, 14, 28. The figure of the network with k numbers
 * is not to be had: between the last pool and the bottleneck, and back, stands one linear layer. The start and the
 * schedule are not said and are chosen here. `--ends linear` leaves out the ReLUs of the bottleneck and the output.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { relu, selu } from "../layers/activations.ts";
import { conv2d } from "../layers/conv2d.ts";
import { conv2dTranspose } from "../layers/conv2d_transpose.ts";
import { type LayerMaker, sequential, type Shape, sizeOf } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { maxPool } from "../layers/pool.ts";
import { flatten, reshape } from "../layers/reshape.ts";
import { awake, HE_NORMAL, LECUN_NORMAL } from "../layers/starts.ts";
import {
  type Autoencoder,
  type AutoencodingConfig,
  type AutoencodingExperiment,
  autoencodingModel,
  latentPlot,
  rowsOf,
  runAutoencoding,
} from "../run/autoencoding.ts";
import { choice, integer } from "../run/task.ts";
import type { Description } from "../run/write_report.ts";

/** Everything that decides what is built and how it learns. */
export interface ConvAutoencoderConfig extends AutoencodingConfig {
  readonly model: "conv-autoencoder";
  /** Channels of the encoder's convolutions; the decoder mirrors them. */
  readonly channels: readonly [number, number, number];
  /** Numbers in the bottleneck of the ReLU network; absent: the SELU network, whose bottleneck is the last pool. */
  readonly latent?: number;
  /** Whether the bottleneck and the output of the ReLU network have their ReLU, as asked, or none. */
  readonly ends: "relu" | "linear";
}

/** A convolutional autoencoder. */
export type ConvAutoencoder = Autoencoder<ConvAutoencoderConfig>;

/** The networks as asked for: SELU, and ReLU with `--latent`. */
export const CONV_AUTOENCODER = Object.freeze(
  {
    selu: { channels: [16, 32, 64], batch: 128, learningRate: 1.2e-2, beta1: 0.9, beta2: 0.999, epochs: 12 },
    relu: { channels: [16, 32, 64], batch: 128, learningRate: 2e-3, beta1: 0, beta2: 0.999, epochs: 12 },
  } as const,
);

/** The starts of the two ReLUs that can die for good. */
const BOTTLENECK = awake({ gain: 2, bias: 1 }), OUTPUT = awake({ gain: 0.2, bias: 0.1 });

/** Height and width of a kernel, and of a pool's window. */
const KERNEL = 3, POOL = 2;

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: ConvAutoencoderConfig): ConvAutoencoder {
  const { image, channels, latent, ends, seed } = config, random = stream(seed).fork("init");
  const [activation, start] = latent === undefined ? [selu, LECUN_NORMAL] : [relu, HE_NORMAL];
  const last: readonly LayerMaker[] = latent === undefined || ends === "linear" ? [] : [relu];
  const convolutions = channels.flatMap((filters, index) => [
    conv2d(`encoder${index + 1}`, { filters, kernel: KERNEL, start }),
    activation,
    maxPool(POOL),
  ]);
  /** [height, width, channels] after each pool, the image first. */
  const sizes: Shape[] = [image];
  for (const filters of channels) {
    const [height, width] = sizes[sizes.length - 1];
    sizes.push([Math.ceil(height / POOL), Math.ceil(width / POOL), filters]);
  }
  const deepest = sizes[sizes.length - 1];
  const encoder = sequential(image, [
    ...convolutions,
    flatten,
    ...latent === undefined ? [] : [linear("bottleneck", latent, { start: BOTTLENECK }), ...last],
  ]);
  const transposed = sizes.toReversed().slice(1).flatMap(([height, width, filters], index) => {
    const isOutput = index === channels.length - 1;
    return [
      conv2dTranspose(`decoder${index + 1}`, {
        filters,
        kernel: KERNEL,
        stride: POOL,
        size: [height, width],
        start: isOutput && latent !== undefined ? OUTPUT : start,
      }),
      ...isOutput ? last : [activation],
    ];
  });
  const decoder = sequential(encoder.output, [
    ...latent === undefined ? [] : [linear("unfold", sizeOf(deepest), { start }), activation],
    reshape(deepest),
    ...transposed,
  ]);
  return { config, encoder, decoder, weights: { ...encoder.init(random), ...decoder.init(random) } };
}

/** Images [B, H, W, C] -> the bottleneck [B, k]. */
export function encode({ encoder, weights }: ConvAutoencoder, images: tf.Tensor4D): tf.Tensor2D {
  return encoder.apply<tf.Tensor2D>(weights, images);
}

/** [B, k] -> what the last layer gives, [B, H, W, C]: logits of the SELU network, levels of the other. */
function outputs({ decoder, weights }: ConvAutoencoder, latents: tf.Tensor2D): tf.Tensor4D {
  return decoder.apply<tf.Tensor4D>(weights, latents);
}

/** [B, k] -> levels [B, H, W, C]. */
export function decode(model: ConvAutoencoder, latents: tf.Tensor2D): tf.Tensor4D {
  const drawn = outputs(model, latents);
  return model.config.latent === undefined ? tf.sigmoid(drawn) : drawn;
}

/** Sigmoid cross-entropy in nats a level, or the mean absolute error in levels. */
export function loss(model: ConvAutoencoder, images: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const drawn = outputs(model, encode(model, images));
    return model.config.latent === undefined
      ? tf.losses.sigmoidCrossEntropy(images, drawn)
      : tf.mean<tf.Scalar>(tf.abs(tf.sub(drawn, images)));
  });
}

function describe(model: ConvAutoencoder): Description {
  const { channels, latent, ends, batch, learningRate, beta1 } = model.config, isSelu = latent === undefined;
  return {
    title: `Convolutional autoencoder ${channels.join("-")}${isSelu ? "" : `, ${latent} numbers`}`,
    abstract:
      "Convolutions share their weights over the image, so that they need not learn the same stroke for every place " +
      "it can stand at. Pools halve the image three times; transposed convolutions draw it again.",
    method: [
      isSelu
        ? "Each convolution ends in SELU [@selu] and a max-pool; the bottleneck is what the last pool leaves, " +
          `${model.encoder.output[0]} numbers. The sigmoid of the output stands inside the cross-entropy.`
        : ends === "relu"
        ? `Every layer ends in a ReLU, the bottleneck of ${latent} numbers and the output too; the loss is the mean ` +
          "absolute error. Units whose ReLU is 0 for all images are dead, and are counted."
        : `Every layer but the bottleneck of ${latent} numbers and the output ends in a ReLU; the loss is the mean ` +
          "absolute error.",
      `Adam [@adam]${
        beta1 === 0 ? " without momentum" : ""
      }, ${learningRate} after a short warm-up, decaying by half a cosine, batches of ${batch}.`,
    ],
    formula: {
      formula: isSelu
        ? String.raw`\hat{x} = \sigma(D(E(x))), \quad L = -x \log \hat{x} - (1 - x) \log (1 - \hat{x})`
        : String.raw`\hat{x} = D(E(x)), \quad L = |x - \hat{x}|`,
      text: "$E$ is the encoder and $D$ the decoder; $L$ is a mean over levels.",
    },
    layers: rowsOf(model),
    parameters: model.encoder.parameters + model.decoder.parameters,
    loss: isSelu
      ? { name: "cross-entropy", unit: "nats a level" }
      : { name: "mean absolute error", unit: "levels" },
    code: [encode, decode, loss],
  };
}

const FLAGS = {
  latent: integer({
    min: 1,
    help: "numbers in the bottleneck of the ReLU network (default: the SELU network)",
  }),
  ends: choice(["relu", "linear"], {
    default: "relu",
    help: "what the ReLU network has at bottleneck and output",
  }),
};

/** The experiment of `train-conv-autoencoder`. */
export const EXPERIMENT: AutoencodingExperiment<ConvAutoencoderConfig, typeof FLAGS> = {
  name: "train-conv-autoencoder",
  summary:
    "Train a convolutional autoencoder: SELU with a spatial bottleneck, or ReLU with --latent numbers and L1.",
  flags: FLAGS,
  configure: ({ latent, ends }) => ({
    model: "conv-autoencoder",
    latent,
    ends,
    ...CONV_AUTOENCODER[latent === undefined ? "selu" : "relu"],
  }),
  build,
  loss,
  encode,
  decode,
  describe,
  results: (model, measured) => Promise.resolve(latentPlot(measured, model.encoder.output[0])),
};

export const MODEL = autoencodingModel(EXPERIMENT);

if (import.meta.main) await runAutoencoding(EXPERIMENT);
