/**
 * Natural logarithms of the softmax of each row, computed in float64.
 *
 * @param logits [N, V]; returns the same shape.
 */
export function logSoftmax(logits: ArrayLike<number>, vocabulary: number): Float64Array {
  const out = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += vocabulary) {
    let largest = -Infinity;
    for (let v = 0; v < vocabulary; v++) largest = Math.max(largest, logits[start + v]);
    let total = 0;
    for (let v = 0; v < vocabulary; v++) total += Math.exp(logits[start + v] - largest);
    const logTotal = Math.log(total) + largest;
    for (let v = 0; v < vocabulary; v++) out[start + v] = logits[start + v] - logTotal;
  }
  return out;
}

/**
 * Mean over rows of -sum_v target_v log softmax(logits)_v, in nats. Its floor is `entropy(targets)`.
 *
 * @param logits [N, V]
 * @param targets [N, V], each row a distribution.
 */
export function crossEntropy(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  options: { readonly vocabulary: number },
): number {
  const logs = logSoftmax(logits, options.vocabulary);
  let sum = 0;
  for (let index = 0; index < logs.length; index++) {
    if (targets[index] !== 0) sum -= targets[index] * logs[index];
  }
  return sum / (logs.length / options.vocabulary);
}

/** Shannon entropy in nats of counts or probabilities (normalized here; 0 log 0 = 0). */
export function entropy(weights: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < weights.length; index++) total += weights[index];
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    const share = weights[index] / total;
    if (share > 0) sum -= share * Math.log(share);
  }
  return sum;
}
