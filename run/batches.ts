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
