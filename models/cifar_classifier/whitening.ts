/** What a classifier of photographs takes from its training images before it learns: their levels' spread and their patches'. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { Images } from "../../data/image_set.ts";

/** Mean and standard deviation of each channel's levels in 0..1. */
export interface ChannelStatistics {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** Statistics of all pixels. A channel that is everywhere the same has the deviation 1. */
export function channelStatistics({ pixels, channels }: Images): ChannelStatistics {
  const sums = new Float64Array(channels), squares = new Float64Array(channels);
  for (let at = 0; at < pixels.length; at++) {
    sums[at % channels] += pixels[at];
    squares[at % channels] += pixels[at] ** 2;
  }
  const count = pixels.length / channels, mean = sums.map((sum) => sum / count);
  return {
    mean: Float32Array.from(mean, (level) => level / 255),
    deviation: Float32Array.from(squares, (square, channel) => {
      return Math.sqrt(Math.max(0, square / count - mean[channel] ** 2)) / 255 || 1;
    }),
  };
}

/**
 * The filters [kernel, kernel, C, 2 kernel² C] whose outputs over patches of `images` have no correlation and the variance
 * 1: the eigenvectors of the patches' second moments over the roots of their eigenvalues, the largest first, and then all
 * of them with the other sign.
 *
 * @param options.epsilon is added to eigenvalues, so that directions in which patches hardly vary are not blown up.
 */
export function whiteningFilters(
  images: Images,
  options: { readonly kernel: number; readonly statistics: ChannelStatistics; readonly epsilon: number },
): Float32Array {
  const { kernel, statistics: { mean, deviation }, epsilon } = options, { height, width, channels } = images;
  const area = height * width * channels, count = images.pixels.length / area, size = kernel ** 2 * channels;
  const moments = new Float64Array(size * size), patch = new Float64Array(size);
  const levels = new Float64Array(area);
  for (let image = 0; image < count; image++) {
    for (let at = 0; at < area; at++) {
      const channel = at % channels;
      levels[at] = (images.pixels[image * area + at] / 255 - mean[channel]) / deviation[channel];
    }
    for (let y = 0; y + kernel <= height; y++) {
      for (let x = 0; x + kernel <= width; x++) {
        for (let row = 0; row < kernel; row++) {
          const from = ((y + row) * width + x) * channels, to = from + kernel * channels;
          patch.set(levels.subarray(from, to), row * kernel * channels);
        }
        for (let i = 0; i < size; i++) {
          for (let j = 0; j <= i; j++) moments[i * size + j] += patch[i] * patch[j];
        }
      }
    }
  }
  const patches = count * (height - kernel + 1) * (width - kernel + 1);
  const symmetric = Matrix.zeros(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      symmetric.set(i, j, moments[i * size + j] / patches);
      symmetric.set(j, i, moments[i * size + j] / patches);
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const order = Array.from(realEigenvalues.keys()).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const filters = new Float32Array(size * 2 * size);
  order.forEach((column, filter) => {
    const scale = 1 / Math.sqrt(Math.max(0, realEigenvalues[column]) + epsilon);
    for (let input = 0; input < size; input++) {
      const value = eigenvectorMatrix.get(input, column) * scale;
      filters[input * 2 * size + filter] = value;
      filters[input * 2 * size + size + filter] = -value;
    }
  });
  return filters;
}
