/**
 * The one-dimensional convolutional classifier of a sentence as drawn in the literature: 11 tokens of 6 numbers, filters
 * of two widths, the largest value over time, two classes. After Zhang et al., "Dive into Deep Learning", section 16.3,
 * and Murphy, "Probabilistic Machine Learning: An Introduction", figure 15.14.
 */
import * as tf from "@tensorflow/tfjs";
import { stream } from "../base/random.ts";

/** The sizes of such a network. */
export interface TextCnnSizes {
  readonly tokens: number;
  readonly embedding: number;
  /** Filters: how many tokens wide, and how many of them. */
  readonly filters: readonly { readonly width: number; readonly channels: number }[];
  readonly classes: number;
}

/** The example. */
export const EXAMPLE: TextCnnSizes = {
  tokens: 11,
  embedding: 6,
  filters: [{ width: 2, channels: 4 }, { width: 4, channels: 5 }],
  classes: 2,
};

/** Parameters by formula, without embeddings: sum over filters of (w e + 1) c, and (sum of c + 1) classes. */
export function parametersByFormula({ embedding, filters, classes }: TextCnnSizes): number[] {
  const pooled = filters.reduce((sum, { channels }) => sum + channels, 0);
  return [
    ...filters.map(({ width, channels }) => (width * embedding + 1) * channels),
    (pooled + 1) * classes,
  ];
}

/** What a forward pass of the built network showed. */
export interface Walk {
  /** Name and shape of each tensor, in the order of computation. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Numbers in the weights of each filter and of the last layer, counted in the tensors that were made. */
  readonly parameters: readonly number[];
}

/** Builds the network with random weights, and passes one sentence through it. */
export function walkThrough(sizes: TextCnnSizes): Walk {
  const { tokens, embedding, filters, classes } = sizes, random = stream(0).fork("text-cnn");
  const draw = (shape: number[]) => tf.tensor(random.normals(tf.util.sizeFromShape(shape)), shape);
  const tensors: { name: string; shape: readonly number[] }[] = [], parameters: number[] = [];
  tf.tidy(() => {
    const note = <T extends tf.Tensor>(name: string, tensor: T): T => {
      tensors.push({ name, shape: tensor.shape });
      return tensor;
    };
    const sentence = note("sentence", draw([tokens, embedding])) as tf.Tensor2D;
    const pooled = filters.map(({ width, channels }) => {
      const kernel = draw([width, embedding, channels]) as tf.Tensor3D, bias = draw([channels]);
      parameters.push(kernel.size + bias.size);
      const scores = tf.relu(tf.add(tf.conv1d(sentence, kernel, 1, "valid"), bias));
      return note(
        `largest over time, width ${width}`,
        tf.max(note(`convolution of width ${width}`, scores), 0),
      );
    });
    const features = note("features", tf.concat(pooled));
    const weight = draw([features.size, classes]) as tf.Tensor2D, bias = draw([classes]);
    parameters.push(weight.size + bias.size);
    note("scores of the classes", tf.add(tf.matMul(features.reshape([1, -1]), weight).reshape([-1]), bias));
  });
  return { tensors, parameters };
}
