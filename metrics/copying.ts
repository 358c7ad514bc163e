/**
 * When a sample counts as a copy of a training item, by its distances from its nearest training items. One rule each:
 * an equal item is a copy, whatever else is near; of several equally near ones that differ from the sample, none is.
 */

/**
 * Whether a sample lies much nearer to one training item than to others (Yoon et al. 2023; Gu et al. 2025): d1 = 0, or
 * d1 / dk < threshold. A second copy in the training set (d1 = d2 = 0) hides nothing; d1 = dk > 0 is no copy.
 *
 * @param distances d1, the distance from the nearest training item, and dk, from the k-th nearest, usually the second.
 */
export function isNearCopy(
  distances: { readonly d1: number; readonly dk: number },
  threshold: number,
): boolean {
  const { d1, dk } = distances;
  return d1 === 0 || d1 < threshold * dk;
}

/**
 * Whether a sample is authentic (Alaa et al. 2022): farther from its nearest training item than that item is from the
 * training item nearest to *it*. A copy never is; nor is a sample that is exactly as far.
 *
 * @param d1 the sample's distance from its nearest training item.
 * @param spacing that item's distance from its own nearest other training item.
 */
export function isAuthentic(d1: number, spacing: number): boolean {
  return d1 > 0 && d1 > spacing;
}

/** PSNR in dB of images whose squared difference, summed over `size` numbers, is `square`: Infinity for equal ones. */
export function psnrOfSquare(
  square: number,
  { size, peak }: { readonly size: number; readonly peak: number },
): number {
  return 10 * Math.log10(peak * peak / (square / size));
}

/** How often each of `count` items is named in `places`, where -1 names none. */
export function occurrences(places: ArrayLike<number>, count: number): Int32Array {
  const found = new Int32Array(count);
  for (let index = 0; index < places.length; index++) if (places[index] >= 0) found[places[index]]++;
  return found;
}
