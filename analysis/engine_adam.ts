/** The engine's Adam on a function of one number: what the exercise's own steps are compared with. */
import * as tf from "@tensorflow/tfjs";
import { adam } from "../engine/optimizers.ts";
import type { DescentOptions } from "./optimizers_on_a_line.ts";

/**
 * Where each step of the engine's Adam leads, with epsilon 0, in float32.
 *
 * @param slope the derivative at a scalar, such as `tf.grad` gives it.
 */
export function engineAdam(slope: (x: tf.Scalar) => tf.Tensor, options: DescentOptions): number[] {
  const { start, rate, steps } = options;
  const x = tf.variable(tf.scalar(start)), optimizer = adam({ x }, { epsilon: 0 });
  const positions = Array.from({ length: steps }, () =>
    tf.tidy(() => {
      optimizer.applyGradients({ [x.name]: slope(x as tf.Scalar) }, tf.scalar(rate));
      return x.dataSync()[0];
    }));
  optimizer.dispose();
  x.dispose();
  return positions;
}
