/**
 * Peak signal-to-noise ratio of each image in dB: 10 log10(peak² / MSE of that image). Equal images give Infinity.
 *
 * @param images [N, size], the truth.
 * @param reconstructions [N, size]
 * @param options.size numbers in one image (padding that is not part of the picture must be cut away before).
 * @param options.peak the largest possible value: 1 for images in 0..1, 255 for bytes, 2 for images in -1..1.
 */
export function psnrs(
  images: ArrayLike<number>,
  reconstructions: ArrayLike<number>,
  options: { readonly size: number; readonly peak: number },
): Float64Array {
  const { size, peak } = options;
  if (images.length !== reconstructions.length || images.length % size !== 0) {
    throw new RangeError(
      `Cannot compute PSNR as both sides must hold whole images of ${size} numbers: ` +
        `they hold ${images.length} and ${reconstructions.length}`,
    );
  }
  return Float64Array.from({ length: images.length / size }, (_, image) => {
    let squares = 0;
    for (let index = image * size; index < (image + 1) * size; index++) {
      squares += (images[index] - reconstructions[index]) ** 2;
    }
    return 10 * Math.log10(peak * peak / (squares / size));
  });
}

/** Mean over images of `psnrs`, in dB: what the project calls `psnr_db`. */
export function psnr(
  images: ArrayLike<number>,
  reconstructions: ArrayLike<number>,
  options: { readonly size: number; readonly peak: number },
): number {
  const each = psnrs(images, reconstructions, options);
  return each.reduce((sum, decibel) => sum + decibel, 0) / each.length;
}
