import * as tf from "@tensorflow/tfjs";

/**
 * The sign of each number, -1 or +1 (0 gives +1); backwards, the gradient of tanh: a straight-through estimator (Bengio
 * et al. 2013), as the sign itself has no slope.
 */
export function sign<T extends tf.Tensor>(x: T): T {
  const straightThrough = tf.customGrad((x, save) => {
    // tfjs's types know tensors alone, and hand over what keeps them too.
    (save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]);
    return {
      value: tf.sub(tf.mul(tf.cast(tf.greaterEqual(x as tf.Tensor, 0), "float32"), 2), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sub(1, tf.square(tf.tanh(saved[0])))),
    };
  });
  return straightThrough(x) as T;
}
