/**
 * A simple recurrent network that reads a review word by word and says at the end whether it is for the film.
 *
 * After: Elman (1990), "Finding structure in time", whose cell it is; the identity start of Le, Jaitly, Hinton (2015),
 * "A simple way to initialize recurrent networks of rectified linear units".
 *
 * Departures: tanh as Elman's, not ReLU. The usual recipe (any start, one step size for all weights) stays near chance
 * on reviews of 250 words: Adam's steps are as large for each number of the recurrent matrix, which is applied 250
 * times, as for each number of an embedding that is used once, and the state blows up. Here the matrix starts as the
 * identity and moves at a fiftieth of the step size. Texts end where the sequence does: padding stands before them, its
 * vectors are 0.
 */
import type * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { PADDING } from "../data/words.ts";
import { dropout } from "../layers/dropout.ts";
import { embedding } from "../layers/embedding.ts";
import { type Network, sequential, type Training } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { simpleRecurrent } from "../layers/recurrent.ts";
import { LECUN_NORMAL, normalOfVariance } from "../layers/starts.ts";
import {
  meanCrossEntropy,
  runTexts,
  type TextClassifier,
  type TextConfig,
  type TextExperiment,
  textModel,
  VERDICTS,
} from "../run/text_classification.ts";

/** Everything that decides what is built and how it learns. */
export interface SentimentRnnConfig extends TextConfig {
  readonly model: "sentiment-rnn";
  /** Numbers of a word's vector. */
  readonly embedding: number;
  /** Numbers of the state. */
  readonly units: number;
  /** The share of the vectors' and of the last state's numbers that is dropped while it learns. */
  readonly dropout: number;
}

/** A recurrent classifier of texts. */
export interface SentimentRnn extends TextClassifier<SentimentRnnConfig> {
  readonly network: Network;
}

/** Deviations of the vectors and of the cell's kernel at the start. */
const EMBEDDING_DEVIATION = 0.1, INPUT_DEVIATION = 0.03;
/** The step size of the recurrent kernel, as a share of the others'. */
const RECURRENT_FACTOR = 1 / 50;

/** The network: words int32 [B, T] -> logits [B, 2]. */
export function sentimentNetwork(config: SentimentRnnConfig): Network {
  const { symbols, length, units, dropout: rate } = config;
  return sequential([length], [
    embedding("embedding", {
      ...{ symbols, units: config.embedding, padding: PADDING },
      start: normalOfVariance(EMBEDDING_DEVIATION ** 2),
    }),
    dropout("words", rate),
    simpleRecurrent("cell", { units, inputDeviation: INPUT_DEVIATION }),
    dropout("state", rate),
    linear("output", VERDICTS.length, { start: LECUN_NORMAL }),
  ]);
}

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: SentimentRnnConfig): SentimentRnn {
  const network = sentimentNetwork(config), { rows, parameters } = network;
  return { config, network, rows, parameters, weights: network.init(stream(config.seed).fork("init")) };
}

/** Words int32 [B, T], padded in front -> logits [B, 2]. */
export function logits(
  { network, weights }: SentimentRnn,
  words: tf.Tensor2D,
  training?: Training,
): tf.Tensor2D {
  return network.apply(weights, words, training);
}

function describe({ config }: SentimentRnn): ReturnType<TextExperiment<SentimentRnn>["describe"]> {
  const { length, batch, learningRate, units, dropout } = config;
  return {
    title: "Sentiment by a simple recurrent network",
    abstract:
      "A network reads an opinion word by word; all that it knows of the first words at the end must have come " +
      "through its state. It says whether the opinion is for the film or against it.",
    method: [
      `The last ${length} words of a text are read; a shorter one stands at the end of as many zero vectors. The cell ` +
      `is Elman's [@elman], ${units} numbers; its recurrent kernel starts as the identity [@irnn], so that the state is ` +
      "kept until it is learned what to do with it.",
      `Adam [@adam], ${learningRate} after a warm-up, decaying by half a cosine, and a fiftieth of it for the recurrent ` +
      `kernel; gradients scaled to a norm of ${EXPERIMENT.clip} at most, batches of ${batch}. ${dropout} of the words' ` +
      "numbers and of the last state's are dropped [@dropout].",
    ],
    formula: {
      formula: String.raw`h_t = \tanh(W e_{x_t} + U h_{t-1} + b), \quad h_0 = 0, \quad ` +
        String.raw`p(y \mid x) = \operatorname{softmax}(V h_T + a)_y`,
      text:
        `$x_t$ is a word's number and $e$ its vector, ${config.embedding} numbers; $h_t$, ${units} numbers, is the state ` +
        `after $t$ of $T = ${length}$ words; $y$ is the verdict. $W$ is ${units} x ${config.embedding}, $U$ ${units} x ` +
        `${units}, $V$ 2 x ${units}.`,
    },
    code: [sentimentNetwork, logits, meanCrossEntropy],
  };
}

/** The experiment of `train-sentiment-rnn`. */
export const EXPERIMENT = {
  name: "train-sentiment-rnn",
  summary: "Train a simple recurrent network that tells opinions for a film from those against it.",
  defaults: {
    ...{ model: "sentiment-rnn" as const, embedding: 100, units: 256, dropout: 0.4 },
    ...{ batch: 64, learningRate: 1e-3, epochs: 3 },
  },
  build,
  describe,
  logits,
  factors: { "cell/recurrent_kernel": RECURRENT_FACTOR },
  clip: 1,
} satisfies TextExperiment<SentimentRnn>;

export const MODEL = textModel<SentimentRnn>(EXPERIMENT);

if (import.meta.main) await runTexts<SentimentRnn>(EXPERIMENT);
