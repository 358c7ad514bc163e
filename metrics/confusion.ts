/**
 * How often each class is taken for each: [classes, classes], rows the labels, columns the answers; the first of equal
 * scores is the answer.
 *
 * @param scores [N, classes], logits or probabilities.
 * @param labels [N], 0 <= label < classes.
 */
export function confusion(scores: Float32Array, labels: ArrayLike<number>): Int32Array {
  const classes = scores.length / labels.length;
  if (!Number.isInteger(classes)) {
    throw new RangeError(
      `Cannot count answers as scores must be [${labels.length}, classes]: they hold ${scores.length} numbers`,
    );
  }
  const counts = new Int32Array(classes * classes);
  for (let row = 0; row < labels.length; row++) {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    counts[labels[row] * classes + own.indexOf(Math.max(...own))]++;
  }
  return counts;
}
