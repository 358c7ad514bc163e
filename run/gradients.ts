import * as tf from "@tensorflow/tfjs";

/** Gradients scaled down together, so that the norm of all of them is `most` at most (Pascanu et al. 2013). */
export function clipped(gradients: tf.NamedTensorMap, most: number): tf.NamedTensorMap {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square)));
  const factor = tf.div(most, tf.maximum(norm, most));
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [name, tf.mul(gradient, factor)]),
  );
}
