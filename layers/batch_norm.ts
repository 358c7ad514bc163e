import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, type WeightSpec } from "./layer.ts";
import { zeros } from "./starts.ts";

/** What decides a batch normalization. */
export interface BatchNormOptions {
  /** Whether each channel is multiplied by a trained gain. Absent: yes. */
  readonly scale?: boolean;
  /** Whether a trained shift is added to each channel. Absent: yes. */
  readonly center?: boolean;
  /**
   * Share of the newest batch in the running statistics. Absent: 0.1. As in PyTorch; Keras's `momentum` is 1 less this,
   * by default 0.99.
   */
  readonly momentum?: number;
  /** Added to the variance. Absent: 1e-5, PyTorch's; Keras's is 1e-3. */
  readonly epsilon?: number;
}

/**
 * Batch normalization (Ioffe and Szegedy 2015): each channel, the last axis of [B, ..., channels], is brought to mean 0
 * and variance 1, then times a gain and plus a shift. While it learns, mean and variance are those of the batch, all
 * other axes together; running averages of them are kept in the buffers `mean` and `variance`, which the step assigns and
 * evaluation uses. The variance of the batch is the population's, that of the buffer the unbiased estimate, as in PyTorch.
 *
 * Its name is its own and not that of the layer before: "norm1/gain", "norm1/shift", "norm1/mean", "norm1/variance".
 */
export function batchNorm(name: string, options: BatchNormOptions = {}): LayerMaker {
  const { scale = true, center = true, momentum = 0.1, epsilon = 1e-5 } = options;
  return (input) => {
    const channels = input[input.length - 1], shape = [channels];
    const ones = (): Float32Array => new Float32Array(channels).fill(1);
    const none: WeightSpec["start"] = (random) => zeros(random, { size: channels });
    const trained = [
      ...scale ? [[`${name}/gain`, { shape, start: ones }] as const] : [],
      ...center ? [[`${name}/shift`, { shape, start: none }] as const] : [],
    ];
    return {
      rows: [{
        type: "BatchNorm",
        ...trained.length === 0 ? {} : { weight: `${trained.length} x ${channels}` },
        output: extents(input),
      }],
      output: input,
      weights: {
        ...Object.fromEntries(trained),
        [`${name}/mean`]: { shape, start: none, role: "buffer" },
        [`${name}/variance`]: { shape, start: ones, role: "buffer" },
      },
      apply: (weights, x, training) => {
        const gain = scale ? weights[`${name}/gain`] : tf.ones(shape);
        const shift = center ? weights[`${name}/shift`] : tf.zeros(shape);
        const running = { mean: weights[`${name}/mean`], variance: weights[`${name}/variance`] };
        if (training === undefined) {
          const inverse = tf.rsqrt(tf.add(running.variance, epsilon));
          return tf.add(tf.mul(tf.sub(x, running.mean), tf.mul(inverse, gain)), shift);
        }
        const axes = x.shape.slice(0, -1).map((_, axis) => axis), count = x.size / channels;
        const mean = tf.mean(x, axes), variance = tf.mean(tf.square(tf.sub(x, mean)), axes);
        const unbiased = tf.mul(variance, count / Math.max(1, count - 1));
        for (const [buffer, latest] of [[running.mean, mean], [running.variance, unbiased]]) {
          if (!(buffer instanceof tf.Variable)) {
            throw new TypeError(
              `Cannot train ${name} as its running statistics must be variables: give the weights of init`,
            );
          }
          buffer.assign(tf.add(tf.mul(buffer, 1 - momentum), tf.mul(latest, momentum)));
        }
        return normalized({ x, gain, shift, mean, inverse: tf.rsqrt(tf.add(variance, epsilon)) });
      },
    };
  };
}

/**
 * (x - mean) inverse gain + shift, mean and inverse being those of x itself. Its gradient is written out, as it needs two
 * sums over the batch where that of the single operations takes four.
 */
function normalized(
  { x, gain, shift, mean, inverse }: Readonly<
    Record<"x" | "gain" | "shift" | "mean" | "inverse", tf.Tensor>
  >,
): tf.Tensor {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis), count = x.size / gain.size;
  return tf.customGrad((...inputs) => {
    const [x, gain, shift, save] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    save([x, gain, mean, inverse]);
    return {
      value: tf.add(tf.mul(tf.sub(x, mean), tf.mul(inverse, gain)), shift),
      gradFunc: (dy, saved) => {
        const [x, gain, mean, inverse] = saved as tf.Tensor[];
        const normal = tf.mul(tf.sub(x, mean), inverse);
        const dshift = tf.sum(dy as tf.Tensor, axes), dgain = tf.sum(tf.mul(dy as tf.Tensor, normal), axes);
        const common = tf.add(tf.div(dshift, count), tf.mul(normal, tf.div(dgain, count)));
        const dx = tf.mul(tf.mul(inverse, gain), tf.sub(dy as tf.Tensor, common));
        return [dx, dgain, dshift];
      },
    };
  })(x, gain, shift);
}
