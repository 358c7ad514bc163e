/** What an autoencoder's run says of itself: its method in words, its figures, and a sheet of reconstructions. */
import { writeAtomically } from "../../base/files.ts";
import type { ImageSet } from "../../data/images.ts";
import { imageGrid, imagesOf, type Sheet } from "../../report/grid.ts";
import type { KeyFigure } from "../../report/html.ts";
import type { Run } from "../../run/run.ts";
import type { LayerRow } from "../../layers/layer.ts";
import { type Description, writeReport } from "../../run/write_report.ts";
import {
  type DenseConfig,
  denseLayers,
  type ImageShape,
  type Table1Config,
  table1Layers,
} from "./networks.ts";

/** What was measured. Levels are in 0..1. */
export interface AutoencoderMetrics {
  /** Mean PSNR of the training images, drawn from the codes that are written. */
  readonly psnr_db: number;
  /** The same with everything that was added around and beside the images. */
  readonly psnr_padded_db?: number;
  /** The same with the encoder's own codes, where those written were searched for. */
  readonly psnr_encoder_db?: number;
  readonly distinct_codes: number;
  readonly distinct_images: number;
  /** As `psnr_db`, of the test images. */
  readonly test_psnr_db?: number;
  /** As `psnr_encoder_db`, of the test images. */
  readonly test_psnr_encoder_db?: number;
}

/** Training images on the sheet. */
const SHOWN = 30;

/** Writes the report page and the sheet of the first images above their reconstructions [count, pixels]. */
export async function writeAutoencoderReport(run: Run, options: {
  readonly description: Description;
  readonly images: ImageSet;
  readonly reconstructions: Float32Array;
  readonly metrics: AutoencoderMetrics;
}): Promise<void> {
  const { description, images, reconstructions, metrics } = options;
  const { height, width, channels } = images, shown = Math.min(SHOWN, images.count);
  const shape = [shown, height, width, channels], size = shown * height * width * channels;
  const originals = imagesOf(images.pixels.subarray(0, size), shape);
  const drawn = imagesOf(reconstructions.subarray(0, size), shape);
  const sheet: Sheet = {
    sections: [{ tiles: originals.map((image, index) => ({ image: [image, drawn[index]] })) }],
  };
  await writeAtomically(run.path("reconstructions.png"), imageGrid(sheet));
  await writeReport(run, {
    description,
    figures: [
      {
        label: "PSNR",
        value: decibels(metrics.psnr_db),
        note: withEncoder("mean over all training images", metrics.psnr_encoder_db),
      },
      {
        label: "distinct codes",
        value: metrics.distinct_codes.toLocaleString("en-US"),
        note: `of ${metrics.distinct_images.toLocaleString("en-US")} distinct images`,
      },
      ...heldOutFigure(metrics),
    ],
    results: [{
      title: "Reconstructions",
      blocks: [{
        kind: "sheet",
        sheet,
        caption: `Training images, and below each what is drawn from its 48 signs: ${
          decibels(metrics.psnr_db)
        }.`,
      }],
    }],
    metrics: { ...metrics },
  });
}

function heldOutFigure({ test_psnr_db, test_psnr_encoder_db }: AutoencoderMetrics): KeyFigure[] {
  return test_psnr_db === undefined ? [] : [{
    label: "held-out PSNR",
    value: decibels(test_psnr_db),
    note: withEncoder("mean over the test images, which it never saw", test_psnr_encoder_db),
  }];
}

/** What a figure is of, and what it would be without a search. */
function withEncoder(note: string, psnr: number | undefined): string {
  return psnr === undefined ? note : `${note}, after the search; the encoder alone ${decibels(psnr)}`;
}

/** One line on what was reached. */
export function inOneLine({ psnr_db, psnr_encoder_db, ...rest }: AutoencoderMetrics): string {
  const { distinct_codes, distinct_images, test_psnr_db, test_psnr_encoder_db } = rest;
  const figure = (after: number, alone: number | undefined): string =>
    decibels(after) + (alone === undefined ? "" : ` (${decibels(alone)} before the search)`);
  return `PSNR ${
    figure(psnr_db, psnr_encoder_db)
  }, ${distinct_codes} distinct codes for ${distinct_images} ` +
    `distinct images` +
    (test_psnr_db === undefined ? "" : `; held-out PSNR ${figure(test_psnr_db, test_psnr_encoder_db)}`);
}

function decibels(psnr: number): string {
  return `${psnr.toFixed(2)} dB`;
}

/** What of a configuration its description tells. */
interface Described {
  readonly image: ImageShape;
  readonly network: DenseConfig | Table1Config;
  readonly recipe: "straight-through" | "noise";
  readonly batch: number;
  readonly learningRate: number;
  readonly settle: number;
}

/** The method of an autoencoder in words, and its network. `code` shows the functions that are the model. */
export function describeAutoencoder(config: Described, options: {
  readonly images: ImageSet;
  readonly parameters: number;
  readonly code: Description["code"];
  /** Standard deviation of the noise, and weight of the latents' size, of the recipe "noise". */
  readonly noise: { readonly deviation: number; readonly latentWeight: number };
  /** Rounds in which better codes are searched for; 0: none. */
  readonly search: number;
}): Description {
  const { images, parameters, code, noise, search } = options;
  const isTable = config.network.architecture === "table1";
  return {
    title: `Binary autoencoder of ${images.count.toLocaleString("en-US")} ${images.name} images`,
    abstract:
      "Each image is put through a bottleneck of 48 signs and drawn again from these alone. How well that works, " +
      "and whether each image keeps a code of its own, decides what a sequence model of the codes can remember.",
    method: [
      config.recipe === "straight-through"
        ? "The sign [@blae] has no slope, so its gradient is taken to be that of tanh, the straight-through " +
          "estimator [@ste]. The loss is the mean over images of $\\log(MSE + 10^{-5})$: PSNR up to a factor, so " +
          "every decibel of every image counts alike."
        : `While it learns, the decoder sees $b + ${noise.deviation} n$ in place of the sign [@blae], $b$ being tanh of the ` +
          "latents and $n$ standard normal noise, as in the authors' code [@localauto]. The loss is " +
          `$MSE + ${noise.latentWeight} b^2$ on average, levels being in -1..1.`,
      config.settle < 1
        ? `After ${
          Math.round(100 * config.settle)
        }% of the steps the codes are fixed, two images with one code ` +
          "being told apart by their least certain sign, and the decoder alone goes on learning: from there on it " +
          "learns a plain function by heart."
        : "Encoder and decoder learn together to the end.",
      ...search === 0 ? [] : [
        `The encoder's code is then a first guess. In each of up to ${search} rounds the sign of an image's code ` +
        "is turned whose turning draws the image best, as long as one draws it better: training and test images " +
        "alike, the weights being what they are. What that search gains is told apart from what the encoder " +
        "reaches alone.",
      ],
      isTable
        ? "The network is Table 1 of the assignment, its channels times " +
          `${
            (config.network as Table1Config).width
          }; where that contradicts itself, it is read as the project's ` +
          "page on it tells. Grey images stand in all three channels with zeros around."
        : "Layer normalization [@layernorm] stands in every hidden layer.",
      `Adam [@adam], ${config.learningRate} decaying by half a cosine, batches of ${config.batch}. PSNR is the ` +
      "mean over all training images of $10 \\log_{10}(1 / MSE)$ with levels in 0..1, without padding.",
    ],
    formula: {
      formula: "\\hat{x} = D(sign(E(x)))",
      text: "$E$ is the encoder, $D$ the decoder; the code $sign(E(x))$ has shape 3 x 4 x 4.",
    },
    layers: layersOf(config),
    parameters,
    loss: config.recipe === "straight-through"
      ? { name: "mean logarithm of an image's MSE", unit: "nats of squared levels" }
      : { name: `MSE + ${noise.latentWeight} b²`, unit: "squared levels of -1..1" },
    code,
    references: [
      {
        key: "blae",
        authors: "Zhao, Basu",
        year: 2025,
        title:
          "Exploring image generation via mutually exclusive probability spaces and local dependence hypothesis",
        venue: "arXiv 2506.21731",
      },
      config.recipe === "straight-through"
        ? {
          key: "ste",
          authors: "Bengio, Léonard, Courville",
          year: 2013,
          title: "Estimating or propagating gradients through stochastic neurons for conditional computation",
          venue: "arXiv 1308.3432",
        }
        : {
          key: "localauto",
          authors: "Zhao, Basu",
          year: 2026,
          title: "Local autoregression with finite-support random variables for image generation",
          venue: "ICPR",
        },
      {
        key: "adam",
        authors: "Kingma, Ba",
        year: 2015,
        title: "Adam: a method for stochastic optimization",
        venue: "ICLR",
      },
      ...isTable ? [] : [{
        key: "layernorm",
        authors: "Ba, Kiros, Hinton",
        year: 2016,
        title: "Layer normalization",
        venue: "arXiv 1607.06450",
      }],
    ],
  };
}

function layersOf({ network, image }: Described): LayerRow[] {
  return network.architecture === "table1" ? table1Layers(network) : denseLayers(network, image);
}
