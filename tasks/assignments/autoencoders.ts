/** The assignment on autoencoders and sequences: dense, convolutional, variational; opinions by an RNN and by a CNN. */
import { join } from "node:path";
import { EXAMPLE, parametersByFormula, walkThrough } from "../../analysis/text_cnn_example.ts";
import { diagonalGaussianKl, gaussianKl } from "../../metrics/gaussian.ts";
import type { Block } from "../../report/html.ts";
import { number, percent } from "../../report/numbers.ts";
import { lossByEpoch } from "../../run/autoencoding.ts";
import { openCpu } from "../../run/exercise.ts";
import type { ManifestLine } from "../../run/manifest.ts";
import { findRun, type StoredRun } from "../../run/run.ts";
import {
  type Assignment,
  decibels,
  goalsOn,
  metricOf,
  paragraph,
  picture,
  type Question,
  type Scope,
} from "./assignment.ts";

/** The folder of the comparison that trains all autoencoders. */
export const COMPARISON = "autoencoders";

/** The line that trains all autoencoders, for this assignment and for the exercises. */
export function comparison({ images, computing, quick, seed }: Scope): ManifestLine {
  return {
    task: "compare-autoencoders",
    flags: { ...images, ...computing, seed, ...(quick ? { count: 512, steps: 60 } : {}) },
    folder: COMPARISON,
  };
}

/** One network of a comparison. */
export async function networkOf(comparison: StoredRun, name: string): Promise<StoredRun> {
  const found = await findRun(join(comparison.folder, name));
  if (found === undefined) {
    throw new Error(`Cannot answer from ${comparison.folder} as it lacks ${name}: make it again`);
  }
  return found;
}

/** The loss over training of a network, and what it makes of test images. */
async function shown(run: StoredRun): Promise<readonly Block[]> {
  const { batch } = run.config.model as { readonly batch: number };
  return [
    {
      kind: "plot",
      plot: {
        x: { label: "epoch" },
        y: { label: "loss", unit: "nats a level", scale: "log" },
        series: await lossByEpoch(run.folder, { images: run.config.dataset.count, batch }),
      },
      caption: "The loss history: of the batches as they were learned, and of test images at some moments.",
    },
    ...await picture(
      run,
      "reconstructions.png",
      "Test images drawn at random, and below each its reconstruction.",
    ),
  ];
}

function dense(scope: Scope): Question {
  return {
    title: "1 Embedding by a feed-forward network",
    asks:
      "784-100-30-100-784 with SELU, the sigmoid of the output inside the loss; the loss history; a few random images " +
      "reconstructed.",
    runs: [comparison(scope)],
    answer: async ([all]) => {
      const run = await networkOf(all, "dense-selu"), mse = metricOf(run, "held_out_mse");
      return {
        figures: [{ label: "dense", value: number(mse), note: "MSE of test images, squared levels" }],
        blocks: [
          ...goalsOn("mnist", [
            {
              ...{ label: "784-100-30-100-784", run, show: number },
              ...{ metric: "held_out_mse", asked: { atMost: 0.0065 } },
            },
            {
              ...{ label: "784-100-30-100-784", run, show: number },
              ...{ metric: "held_out_bce", asked: { atMost: 0.078 } },
            },
          ]),
          paragraph(
            `30 numbers an image leave a mean square of ${number(mse)} on test images, ${
              decibels(metricOf(run, "held_out_psnr_db"))
            } of PSNR; on the images that it learned it is ${number(metricOf(run, "train_mse"))}. ` +
              `The two are as near as ${
                percent(Math.abs(mse / metricOf(run, "train_mse") - 1))
              } of it: a network with so narrow a bottleneck does not remember images, it learns what strokes are like. ` +
              `The cross-entropy, ${
                number(metricOf(run, "held_out_bce"))
              } nats a level, cannot go to 0, as grey ` +
              "levels between 0 and 1 cost something even where they are drawn exactly.",
          ),
          ...await shown(run),
        ],
      };
    },
  };
}

function convolutional(): Question {
  return {
    title: "2 Embedding by a convolutional network",
    asks:
      "16, 32, 64 channels of 3x3, same, SELU, each with a 2x2 max-pool; the mirror image with transposed convolutions; " +
      "compared with the first.",
    runs: [],
    answer: async (_, runOf) => {
      const all = runOf(COMPARISON), run = await networkOf(all, "conv-selu");
      const other = await networkOf(all, "dense-selu"), vae = await networkOf(all, "vae");
      const mse = (one: StoredRun): number => metricOf(one, "held_out_mse");
      return {
        figures: [{ label: "convolutional", value: number(mse(run)), note: "MSE of test images" }],
        blocks: [
          ...goalsOn("mnist", [{
            ...{ label: "16-32-64", run, show: number },
            ...{ metric: "held_out_mse", asked: { atMost: 0.0015 } },
          }]),
          paragraph(
            `Its drawings of the same test images are off by a mean square of ${
              number(mse(run))
            }, the dense network's ` +
              `by ${number(mse(other))}, ${
                number(mse(other) / mse(run))
              } times as much, and the variational one's by ${number(mse(vae))}; in PSNR ${
                decibels(metricOf(run, "held_out_psnr_db"))
              } against ${decibels(metricOf(other, "held_out_psnr_db"))} and ${
                decibels(metricOf(vae, "held_out_psnr_db"))
              }. It does so with ${
                (run.summary?.parameters ?? NaN).toLocaleString("en-US")
              } numbers to train, the dense one with ${
                (other.summary?.parameters ?? NaN).toLocaleString("en-US")
              }: a filter is learned once for all places. But the bottlenecks are not equal. What the third pool leaves ` +
              `are ${metricOf(run, "latent_units")} numbers, more than an image has pixels, against ${
                metricOf(other, "latent_units")
              }: the dense network must choose what to keep, the convolutional one only has to draw again what it was ` +
              "shown nearly whole.",
          ),
          paragraph(
            "28 does not halve three times evenly. The third pool keeps the odd row and column in windows of their own " +
              "(28, 14, 7, 4), and the decoder goes back the same way (4, 7, 14, 28).",
          ),
          ...await shown(run),
        ],
      };
    },
  };
}

/** Two Gaussians of two dimensions whose divergence the page works out. */
const P = { mean: [1, -0.5], variance: [2, 0.5] };

/** A diagonal covariance as a matrix. */
function diagonal(variance: readonly number[]): number[] {
  return variance.flatMap((value, row) => variance.map((_, column) => row === column ? value : 0));
}

const FORWARD = `def forward(x):                               # images [B, D] in 0..1
    h = encoder(x)                            # [B, H]
    mu, log_var = h @ W_mu + b_mu, h @ W_var + b_var          # [B, k] each
    z = mu + exp(0.5 * log_var) * normal(B, k)                # the only random draw
    logits = decoder(z)                       # [B, D]
    reconstruction = sum(max(logits, 0) - logits * x + log(1 + exp(-abs(logits))), axis=1)
    kl = 0.5 * sum(exp(log_var) + mu**2 - 1 - log_var, axis=1)
    return sigmoid(logits), mean(reconstruction + kl)`;

function variational(): Question {
  return {
    title: "3 Variational autoencoder",
    asks:
      "Show that the divergence of two general Gaussians reduces to the regularizer; the forward pass as pseudo-code.",
    runs: [],
    answer: async (_, runOf) => {
      const run = await networkOf(runOf(COMPARISON), "vae"),
        other = await networkOf(runOf(COMPARISON), "dense-selu");
      const standard = { mean: P.mean.map(() => 0), covariance: diagonal(P.mean.map(() => 1)) };
      const general = gaussianKl({ mean: P.mean, covariance: diagonal(P.variance) }, standard);
      return {
        figures: [{
          label: "variational",
          value: number(metricOf(run, "held_out_mse")),
          note: "MSE of test images",
        }],
        blocks: [
          {
            kind: "formula",
            formula: String.raw`\mathrm{KL}(p \,\|\, q) = \tfrac{1}{2} \big[ \operatorname{tr}(Q^{-1} P) + ` +
              String.raw`(a-b)^\top Q^{-1} (a-b) - k + \ln \det Q - \ln \det P \big]`,
            text: "of $p = N(a, P)$ and $q = N(b, Q)$ in $k$ dimensions.",
          },
          paragraph(
            "Let both covariances be diagonal, $P = \\operatorname{diag}(s_i^2)$ and $Q = \\operatorname{diag}(t_i^2)$. " +
              "The trace is the sum of $s_i^2 / t_i^2$, the quadratic form that of $(a_i - b_i)^2 / t_i^2$, and the " +
              "logarithm of each determinant a sum of logarithms. With $q$ the standard normal, $b = 0$ and $t_i = 1$, " +
              "and with $a = \\mu$, $s = \\sigma$, what is left is",
          ),
          {
            kind: "formula",
            formula: String
              .raw`\mathrm{KL} = \tfrac{1}{2} \sum_{i=1}^{k} \big( \sigma_i^2 + \mu_i^2 - 1 - \ln \sigma_i^2 \big)`,
            text: "the regularizer. The whole derivation stands in docs/variational-autoencoder.md.",
          },
          paragraph(
            `Computed for $\\mu = (${P.mean.join(", ")})$, $\\sigma^2 = (${
              P.variance.join(", ")
            })$: the general form gives ` +
              `${general.toFixed(6)} nats, the reduced one ${
                diagonalGaussianKl(P).toFixed(6)
              }. The tests compare both with a Monte-Carlo estimate, too.`,
          ),
          { kind: "code", code: FORWARD, caption: "The forward pass of one batch, as pseudo-code." },
          paragraph(
            `Trained beside the others, ${
              metricOf(run, "latent_units")
            } dimensions, it draws test images with a mean ` +
              `square of ${number(metricOf(run, "held_out_mse"))}, against ${
                number(metricOf(other, "held_out_mse"))
              } of the plain network with ${
                metricOf(other, "latent_units")
              } numbers and no noise: that is the price of a ` +
              `latent that can be drawn from. Noise decodes to images: they stand in ` +
              "its own report.",
          ),
          ...await shown(run),
        ],
      };
    },
  };
}

/** The line of a text classifier. */
function texts(
  { opinions, computing, quick, seed }: Scope,
  { task, folder }: { readonly task: string; readonly folder: string },
): ManifestLine {
  return {
    task,
    flags: {
      ...opinions,
      ...computing,
      seed,
      ...(quick ? { count: 400, test: 200, length: 40, steps: 60 } : {}),
    },
    folder,
  };
}

/** How a classifier did, in words. */
function judged(run: StoredRun): string {
  const { count, name } = run.config.dataset;
  return `Of ${metricOf(run, "test_texts").toLocaleString("en-US")} test texts of *${name}* ${
    percent(metricOf(run, "test_accuracy"))
  } are told right, of texts that it learned ${
    percent(metricOf(run, "train_accuracy"))
  }: the difference is what it ` +
    `remembered of the ${count.toLocaleString("en-US")} texts of the training split. ${
      metricOf(run, "validation_texts").toLocaleString("en-US")
    } of these were held out; they chose the weights after step ${
      metricOf(run, "best_step").toLocaleString("en-US")
    }, with ${percent(metricOf(run, "validation_accuracy"))} of them right.`;
}

/** The goal on IMDB's reviews. */
function goalOf(
  run: StoredRun,
  { label, least }: { readonly label: string; readonly least: number },
): readonly Block[] {
  return goalsOn("imdb", [{ label, run, metric: "test_accuracy", asked: { above: least }, show: percent }]);
}

function recurrentNetwork(scope: Scope): Question {
  return {
    title: "4 Recurrent network",
    asks:
      "Sentiment by a simple recurrent network: embedding 100, hidden 256, batches of 64, Adam; the forward pass in " +
      "notation, trained and evaluated.",
    runs: [texts(scope, { task: "train-sentiment-rnn", folder: "sentiment-rnn" })],
    answer: ([run]) =>
      Promise.resolve({
        figures: [{
          label: "simple RNN",
          value: percent(metricOf(run, "test_accuracy")),
          note: "of test texts",
        }],
        blocks: [
          {
            kind: "formula",
            formula:
              String.raw`e_t = E_{x_t}, \quad h_t = \tanh(W e_t + U h_{t-1} + b), \quad h_0 = 0, \quad ` +
              String.raw`p(y \mid x) = \operatorname{softmax}(V h_T + a)_y`,
            text:
              "$x_t$ is the number of word $t$ of $T$; $E$ is words x 100, $W$ 256 x 100, $U$ 256 x 256, $b$ and $h_t$ 256, " +
              "$V$ 2 x 256, $a$ 2. In a batch of 64: $e$ 64 x $T$ x 100, $h_t$ 64 x 256, the logits 64 x 2.",
          },
          ...goalOf(run, { label: "simple RNN", least: 0.88 }),
          paragraph(judged(run)),
          paragraph(
            "What makes it learn at all is the start and the step size of $U$: it is applied once a word, so that a change " +
              "which is small for an embedding is raised to the power of the text's length. It starts as the identity, " +
              "which keeps the state, and moves at a fiftieth of the others' step size.",
          ),
        ],
      }),
  };
}

function convolutionsOverWords(scope: Scope): Question {
  return {
    title: "5 Convolutions for sequence classification",
    asks:
      "The forward pass of the one-dimensional convolutional classifier in notation; the sizes of all tensors and the " +
      "trainable parameters of the drawn example.",
    runs: [texts(scope, { task: "train-text-cnn", folder: "text-cnn" })],
    answer: async ([run], runOf) => {
      await openCpu();
      const { tensors, parameters } = walkThrough(EXAMPLE), formula = parametersByFormula(EXAMPLE);
      const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);
      return {
        figures: [
          { label: "parameters of the example", value: String(sum(parameters)), note: "without embeddings" },
          { label: "CNN", value: percent(metricOf(run, "test_accuracy")), note: "of test texts" },
        ],
        blocks: [
          {
            kind: "formula",
            formula: String
              .raw`s^w_{t,j} = \max\Big(0, b^w_j + \sum_{u=1}^{w} \sum_{d=1}^{e} K^w_{u,d,j} x_{t+u-1,d}\Big), ` +
              String
                .raw`\quad f = \big(\max_t s^w_{t,j}\big)_{w,j}, \quad y = \operatorname{softmax}(W f + a)`,
            text: "$x_t$ is the vector of word $t$, $e$ numbers; $w$ the width of a filter, $j$ its channel.",
          },
          {
            kind: "table",
            table: {
              columns: ["Tensor", "Size in the example"],
              rows: tensors.map(({ name, shape }) => [name, shape.join(" x ")]),
            },
          },
          paragraph(
            `Trainable without embeddings: by formula ${formula.join(" + ")} = ${
              sum(formula)
            }, counted in the tensors of ` +
              `the built network ${parameters.join(" + ")} = ${
                sum(parameters)
              }. The number of words does not occur in it: ` +
              "time is pooled away.",
          ),
          ...goalOf(run, { label: "CNN of widths 2, 3, 4", least: 0.89 }),
          paragraph(
            `The wider network of this project, 100 filters of each of the widths 2, 3 and 4. ${
              judged(run)
            } The recurrent ` +
              `network tells ${
                percent(metricOf(runOf("sentiment-rnn"), "test_accuracy"))
              } of the same test texts right.`,
          ),
        ],
      };
    },
  };
}

function project(): Question {
  return {
    title: "6 Project idea",
    asks: "A title, a short paragraph, a description of one or two pages, a talk of five minutes.",
    runs: [],
    answer: () =>
      Promise.resolve({
        figures: [],
        blocks: [
          paragraph(
            "*Engram: when does a model that learned a distribution merely remember its training set?*",
          ),
          paragraph(
            "A generative model is asked for something new and may answer with what it was shown. We build a laboratory in " +
              "which this can be counted instead of guessed: images become short sequences of discrete symbols, so that " +
              "a copy is an exact comparison, and the model's whole probability of repeating its training set is a sum. " +
              "The description and the outline of the talk stand in docs/project.md.",
          ),
        ],
      }),
  };
}

/** The list behind `deno task assignment autoencoders`. */
export const AUTOENCODERS: Assignment = {
  name: "autoencoders",
  title: "Autoencoders and sequences",
  abstract:
    "What an image is, in 30 numbers, in a grid of features, or in a distribution; and what an opinion is, read word by " +
    "word or in patterns of a few words. The questions stand in the assignment's order; every figure is that of a run " +
    "whose folder and report lie beside this page.",
  questions: (scope) => [
    dense(scope),
    convolutional(),
    variational(),
    recurrentNetwork(scope),
    convolutionsOverWords(scope),
    project(),
  ],
  readings: [
    "Errors are of all test images, a level of 0..1; they choose nothing.",
    "The texts of the sentiment question are not named: the built-in reviews, the sentences of Pang and Lee, or IMDB's " +
    "reviews, as --opinions says.",
    "Texts are cut to their last 250 words, of the 20,000 most frequent ones of the training split; shorter ones are " +
    "padded in front by vectors of 0.",
    "The drawn example of question 5 has 11 words of 6 numbers, filters of widths 2 (4 of them) and 4 (5 of them).",
  ],
};
