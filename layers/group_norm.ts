import * as tf from "@tensorflow/tfjs";
import { extents, type LayerMaker, mustHaveAxes } from "./layer.ts";
import { zeros } from "./starts.ts";

/** What decides a group normalization. */
export interface GroupNormOptions {
  /** Groups of neighbouring channels. Absent: 8. PyTorch's `num_groups`; Keras's default is 32. */
  readonly groups?: number;
  /** Whether each channel is multiplied by a trained gain and a trained shift is added. Absent: yes. */
  readonly affine?: boolean;
  /** Added to the variance. Absent: 1e-5, PyTorch's; Keras's is 1e-3. */
  readonly epsilon?: number;
}

/**
 * Group normalization (Wu and He 2018): the channels of an image, [B, H, W, channels], are brought group by group to mean 0
 * and variance 1 over all places, then times a gain and plus a shift for each channel. No image sees another one, so
 * that it computes the same in training and after it.
 *
 * @throws {RangeError} where the groups would not be of equal size.
 */
export function groupNorm(name: string, options: GroupNormOptions = {}): LayerMaker {
  const { groups = 8, affine = true, epsilon = 1e-5 } = options;
  return (input) => {
    mustHaveAxes(input, ["height", "width", "channels"], name);
    const channels = input[2];
    if (channels % groups !== 0) {
      throw new RangeError(
        `Cannot build ${name} as its channels must be a multiple of its ${groups} groups: they are ${channels}`,
      );
    }
    return {
      rows: [{
        type: `GroupNorm of ${groups}`,
        ...affine ? { weight: `2 x ${channels}` } : {},
        output: extents(input),
      }],
      output: input,
      weights: affine
        ? {
          [`${name}/gain`]: { shape: [channels], start: () => new Float32Array(channels).fill(1) },
          [`${name}/shift`]: { shape: [channels], start: (random) => zeros(random, { size: channels }) },
        }
        : {},
      apply: (weights, x) => {
        const normal = normalized(x as tf.Tensor4D, { groups, epsilon });
        return affine ? tf.add(tf.mul(normal, weights[`${name}/gain`]), weights[`${name}/shift`]) : normal;
      },
    };
  };
}

/** The mean of each group, at each of its channels: [B, H, W, C] -> [B, 1, 1, C]. */
function groupMean(x: tf.Tensor, groups: number): tf.Tensor {
  const [count, , , channels] = x.shape, size = channels / groups;
  const means = tf.mean(tf.reshape(tf.mean(x, [1, 2]), [count, groups, size]), 2, true); // [B, groups, 1]
  return tf.reshape(tf.mul(means, tf.ones([1, 1, size])), [count, 1, 1, channels]);
}

/** Its gradient is written out, as it needs two means where that of the single operations takes four. */
function normalized(
  x: tf.Tensor4D,
  { groups, epsilon }: { readonly groups: number; readonly epsilon: number },
): tf.Tensor {
  return tf.customGrad((...inputs) => {
    const [x, save] = inputs as [tf.Tensor, tf.GradSaveFunc];
    const centred = tf.sub(x, groupMean(x, groups));
    const inverse = tf.rsqrt(tf.add(groupMean(tf.square(centred), groups), epsilon));
    const value = tf.mul(centred, inverse);
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy, saved) => {
        const [normal, inverse] = saved as tf.Tensor[], slope = dy as tf.Tensor;
        const common = tf.add(
          groupMean(slope, groups),
          tf.mul(normal, groupMean(tf.mul(slope, normal), groups)),
        );
        return tf.mul(inverse, tf.sub(slope, common));
      },
    };
  })(x);
}
