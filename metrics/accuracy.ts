/**
 * The share of rows whose largest score stands at the label; the first of equal scores counts.
 *
 * @param scores [N, classes], logits or probabilities.
 * @param labels [N], 0 <= label < classes.
 */
export function accuracy(scores: Float32Array, labels: ArrayLike<number>): number {
  const classes = scores.length / labels.length;
  if (!Number.isInteger(classes)) {
    throw new RangeError(
      `Cannot compute accuracy as scores must be [${labels.length}, classes]: they hold ${scores.length} numbers`,
    );
  }
  let right = 0;
  for (let row = 0; row < labels.length; row++) {
    let best = 0;
    for (let column = 1; column < classes; column++) {
      if (scores[row * classes + column] > scores[row * classes + best]) best = column;
    }
    if (best === labels[row]) right++;
  }
  return right / labels.length;
}
