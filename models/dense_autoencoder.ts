/**
 * Dense autoencoders: an image through a bottleneck of a few numbers and back.
 *
 * Two architectures. `selu`: 784-100-30-100-784, SELU (Klambauer et al. 2017) after every layer but the last, whose
 * outputs are logits of the levels; trained by sigmoid cross-entropy. `relu`: 784-196-49-k-49-196-784 with ReLU after
 * all six layers, bottleneck and output included, trained by the mean absolute error.
 *
 * Departures: the sizes are those asked for, the start and the schedule are not said and are chosen here. A unit whose
 * ReLU is 0 for every image gets no gradient and stays so: with few units in the bottleneck that can be all of them, and
 * of the output it is each pixel that is black in more than half of the images, as the loss draws all pixels towards
 * their medians long before it is learned which images have ink there. Three things keep most alive: small drawings and
 * positive biases at the start, and Adam without momentum (beta1 0), which would carry a sinking unit beyond recall.
 * `--ends linear` leaves out the two ReLUs that can die for good, those of the bottleneck and of the output.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { type LayerMaker, sequential, sizeOf } from "../layers/layer.ts";
import { relu, selu } from "../layers/activations.ts";
import { linear } from "../layers/linear.ts";
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
export interface DenseAutoencoderConfig extends AutoencodingConfig {
  readonly model: "dense-autoencoder";
  readonly architecture: "selu" | "relu";
  /** Units of the encoder's layers, the bottleneck last; the decoder mirrors them. */
  readonly units: readonly number[];
  /** Whether the bottleneck and the output of `relu` have their ReLU, as asked, or none. */
  readonly ends: "relu" | "linear";
}

/** A dense autoencoder. */
export type DenseAutoencoder = Autoencoder<DenseAutoencoderConfig>;

/** The architectures as asked for. */
export const DENSE_AUTOENCODER = Object.freeze(
  {
    selu: { units: [100, 30], batch: 128, learningRate: 6e-3, beta1: 0.9, beta2: 0.99, epochs: 100 },
    relu: { units: [196, 49, 32], batch: 128, learningRate: 4e-3, beta1: 0, beta2: 0.999, epochs: 60 },
  } as const,
);

/** The starts of the two ReLUs that can die for good. */
const BOTTLENECK = awake({ gain: 2, bias: 1 }), OUTPUT = awake({ gain: 0.2, bias: 0.1 });

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: DenseAutoencoderConfig): DenseAutoencoder {
  const { image, units, architecture, ends, seed } = config, random = stream(seed).fork("init");
  const isSelu = architecture === "selu", start = isSelu ? LECUN_NORMAL : HE_NORMAL;
  const activation: readonly LayerMaker[] = [isSelu ? selu : relu], last = ends === "linear" ? [] : [relu];
  const encoder = sequential(image, [
    flatten,
    ...units.flatMap((count, index) =>
      index < units.length - 1
        ? [linear(`encoder${index + 1}`, count, { start }), ...activation]
        : [linear("bottleneck", count, { start: isSelu ? start : BOTTLENECK }), ...isSelu ? [selu] : last]
    ),
  ]);
  const decoder = sequential(encoder.output, [
    ...units.toReversed().slice(1).flatMap((count, index) => [
      linear(`decoder${index + 1}`, count, { start }),
      ...activation,
    ]),
    linear("output", sizeOf(image), { start: isSelu ? start : OUTPUT }),
    ...isSelu ? [] : last,
    reshape(image),
  ]);
  return { config, encoder, decoder, weights: { ...encoder.init(random), ...decoder.init(random) } };
}

/** Images [B, H, W, C] -> the bottleneck [B, k]. */
export function encode({ encoder, weights }: DenseAutoencoder, images: tf.Tensor4D): tf.Tensor2D {
  return encoder.apply<tf.Tensor2D>(weights, images);
}

/** [B, k] -> what the last layer gives, [B, H, W, C]: logits of `selu`, levels of `relu`. */
function outputs({ decoder, weights }: DenseAutoencoder, latents: tf.Tensor2D): tf.Tensor4D {
  return decoder.apply<tf.Tensor4D>(weights, latents);
}

/** [B, k] -> levels [B, H, W, C]. */
export function decode(model: DenseAutoencoder, latents: tf.Tensor2D): tf.Tensor4D {
  const drawn = outputs(model, latents);
  return model.config.architecture === "selu" ? tf.sigmoid(drawn) : drawn;
}

/** Sigmoid cross-entropy in nats a level, or the mean absolute error in levels. */
export function loss(model: DenseAutoencoder, images: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const drawn = outputs(model, encode(model, images));
    return model.config.architecture === "selu"
      ? tf.losses.sigmoidCrossEntropy(images, drawn)
      : tf.mean<tf.Scalar>(tf.abs(tf.sub(drawn, images)));
  });
}

function describe(model: DenseAutoencoder): Description {
  const { architecture, image, units, ends, batch, learningRate, beta1 } = model.config;
  const isSelu = architecture === "selu",
    widths = [sizeOf(image), ...units, ...units.toReversed().slice(1), sizeOf(image)];
  return {
    title: `Dense autoencoder ${widths.join("-")}`,
    abstract:
      "An image is squeezed into a few numbers by dense layers and drawn again from these. What the numbers " +
      "keep is what images have in common; what is lost is what makes one of them different from the others.",
    method: [
      isSelu
        ? "Every layer but the last ends in SELU [@selu], which keeps mean and variance of what passes through. The " +
          "sigmoid of the output stands inside the loss, the cross-entropy between each level and its drawing."
        : ends === "relu"
        ? "Every layer ends in a ReLU, the bottleneck and the output too; the loss is the mean absolute error. A " +
          "ReLU that is 0 for all images has no gradient any more: such units are dead, and are counted."
        : "Every layer but the bottleneck and the output ends in a ReLU; the loss is the mean absolute error.",
      `Adam [@adam]${
        beta1 === 0 ? " without momentum" : ""
      }, ${learningRate} after a short warm-up, decaying by half a cosine, batches of ${batch}.`,
    ],
    formula: {
      formula: isSelu
        ? String.raw`\hat{x} = \sigma(D(E(x))), \quad L = -x \log \hat{x} - (1 - x) \log (1 - \hat{x})`
        : String.raw`\hat{x} = D(E(x)), \quad L = |x - \hat{x}|`,
      text: `$E$ is the encoder, to ${
        units[units.length - 1]
      } numbers, and $D$ the decoder; $L$ is a mean over levels.`,
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
  architecture: choice(["selu", "relu"], { help: "the network (default: selu, with --latent relu)" }),
  latent: integer({ min: 1, help: "units of the bottleneck (default: 30 of selu, 32 of relu)" }),
  ends: choice(["relu", "linear"], {
    default: "relu",
    help: "what --architecture relu has at bottleneck and output",
  }),
};

/** The experiment of `train-dense-autoencoder`. */
export const EXPERIMENT: AutoencodingExperiment<DenseAutoencoderConfig, typeof FLAGS> = {
  name: "train-dense-autoencoder",
  summary:
    "Train a dense autoencoder: 784-100-30-100-784 with SELU, or 784-196-49-k-49-196-784 with ReLU and L1.",
  flags: FLAGS,
  configure: ({ latent, ends, architecture = latent === 2 || latent === 32 ? "relu" : "selu" }) => {
    const { units, ...own } = DENSE_AUTOENCODER[architecture];
    return {
      model: "dense-autoencoder",
      architecture,
      ends,
      ...own,
      units: [...units.slice(0, -1), latent ?? units[units.length - 1]],
    };
  },
  build,
  loss,
  encode,
  decode,
  describe,
  results: (model, measured) => Promise.resolve(latentPlot(measured, model.encoder.output[0])),
};

export const MODEL = autoencodingModel(EXPERIMENT);

if (import.meta.main) await runAutoencoding(EXPERIMENT);
