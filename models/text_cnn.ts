/**
 * A convolutional classifier of texts: patterns of two, three and four words, each looked for everywhere.
 *
 * After: Kim (2014), "Convolutional neural networks for sentence classification".
 *
 * Departures: widths 2, 3 and 4 rather than 3, 4 and 5; word vectors are learned from the texts alone; Adam. Only features
 * are dropped: to drop the words' numbers makes the largest of many sums larger than it is afterwards.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";
import { PADDING } from "../data/words.ts";
import { relu } from "../layers/activations.ts";
import { conv1d, maxOverTime } from "../layers/conv1d.ts";
import { dropout } from "../layers/dropout.ts";
import { embedding } from "../layers/embedding.ts";
import { type Network, sequential, type Training } from "../layers/layer.ts";
import { linear } from "../layers/linear.ts";
import { normalOfVariance } from "../layers/starts.ts";
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
export interface TextCnnConfig extends TextConfig {
  readonly model: "text-cnn";
  /** Numbers of a word's vector. */
  readonly embedding: number;
  /** Words that the filters of each kind see. */
  readonly widths: readonly number[];
  /** Filters of each width. */
  readonly filters: number;
  /** The share of the features that is dropped while it learns. */
  readonly dropout: number;
}

/** A convolutional classifier of texts: words to vectors, vectors to features by each width, features to logits. */
export interface TextCnn extends TextClassifier<TextCnnConfig> {
  readonly words: Network;
  readonly branches: readonly Network[];
  readonly head: Network;
}

/** Deviation of the vectors at the start. */
const EMBEDDING_DEVIATION = 0.1;

/** Allocates the weights. Equal configs give equal weights. */
export function build(config: TextCnnConfig): TextCnn {
  const { symbols, length, widths, filters, dropout: rate, seed } = config;
  const words = sequential([length], [
    embedding("embedding", {
      ...{ symbols, units: config.embedding, padding: PADDING },
      start: normalOfVariance(EMBEDDING_DEVIATION ** 2),
    }),
  ]);
  const branches = widths.map((width) =>
    sequential(words.output, [conv1d(`width${width}`, { filters, width }), relu, maxOverTime])
  );
  const head = sequential([widths.length * filters], [
    dropout("features", rate),
    linear("output", VERDICTS.length),
  ]);
  const networks = [words, ...branches, head], random = stream(seed).fork("init");
  return {
    ...{ config, words, branches, head },
    rows: networks.flatMap(({ rows }, index) => index === 0 ? rows : rows.slice(1)),
    parameters: networks.reduce((sum, { parameters }) => sum + parameters, 0),
    weights: Object.assign({}, ...networks.map((network) => network.init(random))),
  };
}

/** Words int32 [B, T], padded in front -> logits [B, 2]. */
export function logits(model: TextCnn, words: tf.Tensor2D, training?: Training): tf.Tensor2D {
  const { weights, branches, head } = model;
  return tf.tidy(() => {
    const vectors = model.words.apply(weights, words); // [B, T, embedding]
    const features = branches.map((branch) => branch.apply<tf.Tensor2D>(weights, vectors)); // [B, filters] each
    return head.apply<tf.Tensor2D>(weights, tf.concat(features, 1), training);
  });
}

function describe({ config }: TextCnn): ReturnType<TextExperiment<TextCnn>["describe"]> {
  const { length, batch, learningRate, widths, filters, dropout } = config;
  return {
    title: "Sentiment by convolutions over words",
    abstract:
      "Filters that see two, three or four words in a row look for their pattern everywhere in an opinion; how well it " +
      "fits where it fits best is all that is kept. From these features it is told whether the opinion is for the film.",
    method: [
      `The last ${length} words of a text are read; a shorter one stands at the end of as many zero vectors. ` +
      `${filters} filters of each width, ${
        widths.join(", ")
      } words, are followed by a ReLU and the maximum over time ` +
      "[@textcnn].",
      `Adam [@adam], ${learningRate} after a warm-up, decaying by half a cosine, batches of ${batch}. ${dropout} of the ` +
      "features are dropped [@dropout].",
    ],
    formula: {
      formula: String
        .raw`s^w_{t,j} = \operatorname{ReLU}\Big(b^w_j + \sum_{u=1}^{w} K^w_{u,j} \cdot e_{x_{t+u-1}}\Big), ` +
        String
          .raw`\quad f = \big(\max_t s^w_{t,j}\big)_{w,j}, \quad p(y \mid x) = \operatorname{softmax}(V f + a)_y`,
      text:
        `$e$ is a word's vector, ${config.embedding} numbers; $w$ goes through ${
          widths.join(", ")
        }, $j$ through ` +
        `${filters} filters, $t$ through ${length} - $w$ + 1 places; $f$ are ${
          widths.length * filters
        } features.`,
    },
    code: [build, logits, meanCrossEntropy],
  };
}

/** The experiment of `train-text-cnn`. */
export const EXPERIMENT = {
  name: "train-text-cnn",
  summary: "Train a convolutional network over words that tells opinions for a film from those against it.",
  defaults: {
    ...{ model: "text-cnn" as const, embedding: 100, widths: [2, 3, 4], filters: 100, dropout: 0.5 },
    ...{ batch: 64, learningRate: 3e-3, epochs: 2 },
  },
  build,
  describe,
  logits,
} satisfies TextExperiment<TextCnn>;

export const MODEL = textModel<TextCnn>(EXPERIMENT);

if (import.meta.main) await runTexts<TextCnn>(EXPERIMENT);
