/** What an autoencoder's run says of itself: its method in words, and its figures. */
import type { ImageSet } from "../../data/images.ts";
import type { KeyFigure } from "../../report/html.ts";
import { decibels, type ReconstructionMetrics } from "../../run/reconstruction.ts";
import { datasetInWords, type Description } from "../../run/write_report.ts";
import type { DenseConfig, ImageShape, Network, Table1Config } from "./networks.ts";

/**
 * What was reached. Beside what every autoencoder measures: `psnr_padded_db`, with everything that was added around and
 * beside the images; `psnr_encoder_db` and `test_psnr_encoder_db`, with the encoder's own codes, where those written
 * were searched for; `distinct_codes` of `distinct_images`.
 */
export function autoencoderFigures(metrics: ReconstructionMetrics): KeyFigure[] {
  const { psnr_db, psnr_encoder_db, test_psnr_db, test_psnr_encoder_db } = metrics;
  const withEncoder = (note: string, alone: number | undefined): string =>
    alone === undefined ? note : `${note}, after the search; the encoder alone ${decibels(alone)}`;
  return [
    {
      label: "PSNR",
      value: decibels(psnr_db),
      note: withEncoder("mean over all training images", psnr_encoder_db),
    },
    {
      label: "distinct codes",
      value: metrics.distinct_codes.toLocaleString("en-US"),
      note: `of ${metrics.distinct_images.toLocaleString("en-US")} distinct images`,
    },
    ...(test_psnr_db === undefined ? [] : [{
      label: "held-out PSNR",
      value: decibels(test_psnr_db),
      note: withEncoder("mean over the test images, which it never saw", test_psnr_encoder_db),
    }]),
  ];
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
  readonly network: Pick<Network, "rows" | "parameters">;
  readonly code: Description["code"];
  /** Standard deviation of the noise, and weight of the latents' size, of the recipe "noise". */
  readonly noise: { readonly deviation: number; readonly latentWeight: number };
  /** Rounds in which better codes are searched for; 0: none. */
  readonly search: number;
}): Description {
  const { images, network, code, noise, search } = options;
  const isTable = config.network.architecture === "table1";
  return {
    title: `Binary autoencoder of ${datasetInWords(images)}`,
    abstract:
      "Each image is put through a bottleneck of 48 signs and drawn again from these alone. How well that works, " +
      "and whether each image keeps a code of its own, decides what a sequence model of the codes can remember.",
    method: [
      config.recipe === "straight-through"
        ? "The sign [@arvm] has no slope, so its gradient is taken to be that of tanh, the straight-through " +
          "estimator [@ste]. The loss is the mean over images of $\\log(\\operatorname{MSE} + 10^{-5})$: PSNR up to a factor, so " +
          "every decibel of every image counts alike."
        : `While it learns, the decoder sees $b + ${noise.deviation} n$ in place of the sign [@arvm], $b$ being tanh of the ` +
          "latents and $n$ standard normal noise, as in the authors' code [@localauto]. The loss is " +
          `$\\operatorname{MSE} + ${noise.latentWeight} b^2$ on average, levels being in -1..1.`,
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
      "mean over all training images of $10 \\log_{10}(1 / \\operatorname{MSE})$ with levels in 0..1, without padding.",
    ],
    formula: {
      formula: "\\hat{x} = D(\\operatorname{sign}(E(x)))",
      text: "$E$ is the encoder, $D$ the decoder; the code $\\operatorname{sign}(E(x))$ has shape 3 x 4 x 4.",
    },
    layers: network.rows,
    parameters: network.parameters,
    loss: config.recipe === "straight-through"
      ? { name: "mean logarithm of an image's MSE", unit: "nats of squared levels" }
      : { name: `MSE + ${noise.latentWeight} b²`, unit: "squared levels of -1..1" },
    code,
  };
}
