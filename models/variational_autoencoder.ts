/**
 * A variational autoencoder: the bottleneck is a distribution, near enough to a standard normal one to be drawn from.
 *
 * After: Kingma & Welling (2014), "Auto-Encoding Variational Bayes". The encoder gives mean and log-variance of a
 * diagonal normal distribution; a latent is drawn as mean + deviation x noise, so that the gradient passes; the loss is
 * the cross-entropy of the image plus the Kullback-Leibler divergence from the standard normal,
 * 1/2 sum(sigma² + mu² - 1 - log sigma²).
 * Departures: two hidden layers where the paper has one, ReLU, Adam; the loss is divided by the levels of an image, so
 * that its cross-entropy is that of the other autoencoders.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { normal } from "../engine/random.ts";
import { relu } from "../layers/activations.ts";
import { sequential, sizeOf, type Training } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { flatten, reshape } from "../layers/reshape.ts";
import { normalOfVariance, zeros } from "../layers/starts.ts";
import type { Block } from "../report/html.ts";
import {
  type Autoencoder,
  type AutoencodingConfig,
  type AutoencodingExperiment,
  autoencodingModel,
  decodeAll,
  latentPlot,
  runAutoencoding,
} from "../run/autoencoding.ts";
import type { Device } from "../engine/device.ts";
import { integer } from "../run/task.ts";
import type { Description } from "../run/write_report.ts";

/** Everything that decides what is built and how it learns. */
export interface VariationalAutoencoderConfig extends AutoencodingConfig {
  readonly model: "variational-autoencoder";
  /** Units of each hidden layer. */
  readonly hidden: number;
  /** Dimensions k of the latent. */
  readonly latent: number;
}

/** A variational autoencoder. */
export type VariationalAutoencoder = Autoencoder<VariationalAutoencoderConfig>;

/** The sizes by default. */
export const VARIATIONAL_AUTOENCODER = Object.freeze(
  { hidden: 400, latent: 20, batch: 128, learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epochs: 20 },
);

/** Points on each line of a traversal, and how many deviations it goes to either side. */
const TRAVERSAL_POINTS = 9, TRAVERSAL_REACH = 3;
/** Dimensions that are gone through, and images that are drawn from noise. */
const TRAVERSALS = 8, DRAWN = 36;
/** The start of what gives mean and log-variance: near the standard normal at first. */
const SMALL = { kernel: normalOfVariance(0.1), bias: zeros };

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: VariationalAutoencoderConfig): VariationalAutoencoder {
  const { image, hidden, latent, seed } = config, random = stream(seed).fork("init");
  const encoder = sequential(image, [
    flatten,
    linear("encoder1", hidden),
    relu,
    linear("encoder2", hidden),
    relu,
    linear("distribution", 2 * latent, { start: SMALL }),
  ]);
  const decoder = sequential([latent], [
    linear("decoder1", hidden),
    relu,
    linear("decoder2", hidden),
    relu,
    linear("output", sizeOf(image)),
    reshape(image),
  ]);
  return { config, encoder, decoder, weights: { ...encoder.init(random), ...decoder.init(random) } };
}

/** Images [B, H, W, C] -> mean and log-variance, each [B, k]. */
function distribution(
  { encoder, weights }: VariationalAutoencoder,
  images: tf.Tensor4D,
): readonly [mean: tf.Tensor2D, logVariance: tf.Tensor2D] {
  const both = encoder.apply<tf.Tensor2D>(weights, images), latent = encoder.output[0] / 2;
  return [both.slice([0, 0], [-1, latent]), both.slice([0, latent], [-1, latent])];
}

/** Images -> the means of their latents, [B, k]. */
export function encode(model: VariationalAutoencoder, images: tf.Tensor4D): tf.Tensor2D {
  return tf.tidy(() => distribution(model, images)[0]);
}

/** Latents [B, k] -> levels [B, H, W, C]. */
export function decode({ decoder, weights }: VariationalAutoencoder, latents: tf.Tensor2D): tf.Tensor4D {
  return tf.tidy(() => tf.sigmoid(decoder.apply<tf.Tensor4D>(weights, latents)));
}

/** Negative evidence lower bound in nats a level: cross-entropy with one drawn latent an image, plus the divergence. */
export function loss(model: VariationalAutoencoder, images: tf.Tensor4D, training: Training): tf.Scalar {
  const { decoder, weights } = model;
  return tf.tidy(() => {
    const [mean, logVariance] = distribution(model, images);
    const noise = normal(mean.shape, training);
    const latents = tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise)); // [B, k]
    const drawn = decoder.apply<tf.Tensor4D>(weights, latents);
    const crossEntropy: tf.Scalar = tf.losses.sigmoidCrossEntropy(images, drawn);
    const terms = tf.sub(tf.add(tf.exp(logVariance), tf.square(mean)), tf.add(logVariance, 1));
    const divergence = tf.mul(0.5, tf.sum(terms, 1)); // [B]
    return tf.add(crossEntropy, tf.div(tf.mean(divergence), sizeOf(model.config.image)));
  });
}

function describe(model: VariationalAutoencoder): Description {
  const { latent, batch, learningRate } = model.config;
  return {
    title: `Variational autoencoder, ${latent} dimensions`,
    abstract:
      "An autoencoder whose bottleneck is a distribution rather than a point. As all of these together are kept " +
      "near a standard normal distribution, noise drawn from that can be decoded: the autoencoder generates.",
    method: [
      "The encoder gives mean and log-variance of each dimension [@vae]; the decoder sees mean plus deviation times " +
      "noise, so that the gradient reaches both. The loss is the cross-entropy of the image plus the divergence of " +
      "the latent's distribution from the standard normal, in closed form.",
      `Adam [@adam], ${learningRate} after a short warm-up, decaying by half a cosine, batches of ${batch}. ` +
      "Reconstructions and errors are those of the mean.",
    ],
    formula: {
      formula: String
        .raw`L = -\log p(x \mid z) + \frac{1}{2} \sum_{j=1}^{k} (\sigma_j^2 + \mu_j^2 - 1 - \log \sigma_j^2), \quad z = \mu + \sigma \odot \epsilon`,
      text:
        `$\\mu$ and $\\sigma$ come from the encoder, $k = ${latent}$, and $\\epsilon$ is standard normal.`,
    },
    layers: model.encoder.rows.concat(model.decoder.rows),
    parameters: model.encoder.parameters + model.decoder.parameters,
    loss: { name: "negative evidence lower bound", unit: "nats a level" },
    code: [distribution, decode, loss],
  };
}

/** Images along lines through the latent space, and images drawn from noise. */
async function pictures(model: VariationalAutoencoder, device: Device): Promise<readonly Block[]> {
  const { latent, seed } = model.config, lines = Math.min(TRAVERSALS, latent);
  const traversals = new Float32Array(lines * TRAVERSAL_POINTS * latent);
  for (let line = 0; line < lines; line++) {
    for (let point = 0; point < TRAVERSAL_POINTS; point++) {
      const at = (2 * point / (TRAVERSAL_POINTS - 1) - 1) * TRAVERSAL_REACH;
      traversals[(line * TRAVERSAL_POINTS + point) * latent + line] = at;
    }
  }
  const noise = stream(seed).fork("drawn").normals(DRAWN * latent, 1);
  const along = await decodeAll(model, { device, decode, latents: traversals });
  const drawn = await decodeAll(model, { device, decode, latents: noise });
  return [
    {
      kind: "sheet",
      sheet: { sections: [{ tiles: along.map((image) => ({ image })) }], columns: TRAVERSAL_POINTS },
      caption:
        `Each row goes through one dimension from -${TRAVERSAL_REACH} to ${TRAVERSAL_REACH} deviations, the ` +
        "others being 0.",
    },
    {
      kind: "sheet",
      sheet: { sections: [{ tiles: drawn.map((image) => ({ image })) }] },
      caption: "Standard normal noise, decoded: images that nobody drew.",
    },
  ];
}

const FLAGS = { latent: integer({ min: 1, default: 20, help: "dimensions of the latent" }) };

/** The experiment of `train-vae`. */
export const EXPERIMENT: AutoencodingExperiment<VariationalAutoencoderConfig, typeof FLAGS> = {
  name: "train-vae",
  summary: "Train a variational autoencoder, and draw images from noise.",
  flags: FLAGS,
  configure: ({ latent }) => ({ model: "variational-autoencoder", ...VARIATIONAL_AUTOENCODER, latent }),
  build,
  loss,
  encode,
  decode,
  describe,
  results: async (model, measured) => [
    ...await pictures(model, measured.device),
    ...latentPlot(measured, model.config.latent),
  ],
};

export const MODEL = autoencodingModel(EXPERIMENT);

if (import.meta.main) await runAutoencoding(EXPERIMENT);
