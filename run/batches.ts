import type { Random } from "../base/random.ts";

/**
 * Rows of each step when a table of `count` rows is gone through in random order, again and again, `batch` rows a
 * step: a function of the step alone. An epoch's order is step `epoch` of the stream; batches may span two epochs.
 */
export function epochBatches(
  random: Random,
  options: { readonly count: number; readonly batch: number },
): (step: number) => Int32Array {
  const { count, batch } = options;
  let epoch = -1, order = new Int32Array();
  return (step) =>
    Int32Array.from({ length: batch }, (_, row) => {
      const at = step * batch + row;
      const wanted = Math.floor(at / count);
      if (wanted !== epoch) {
        epoch = wanted;
        order = random.at(epoch).permutation(count) as Int32Array<ArrayBuffer>;
      }
      return order[at % count];
    });
}

/** Running sums of weights, as shares of the whole: what `drawRow` draws from. */
export function cumulated(weights: Float64Array): Float32Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return Float32Array.from(weights, (weight) => (sum += weight) / total);
}

/** The first row whose cumulated share exceeds `uniform`, a number in 0..1: rows come in proportion to their weights. */
export function drawRow(cumulative: Float32Array, uniform: number): number {
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > uniform) high = middle;
    else low = middle + 1;
  }
  return low;
}
