/**
 * How sharp images are on average: the mean absolute difference of neighbouring levels, to the right and below, in the
 * images' own units. Blurred images have less; noise has more.
 *
 * @param pixels [N, height, width, channels]
 */
export function sharpness(
  pixels: ArrayLike<number>,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
): number {
  let sum = 0, pairs = 0;
  for (let at = 0; at < pixels.length; at++) {
    const place = Math.floor(at / channels), column = place % width, row = Math.floor(place / width) % height;
    if (column + 1 < width) {
      sum += Math.abs(pixels[at + channels] - pixels[at]);
      pairs++;
    }
    if (row + 1 < height) {
      sum += Math.abs(pixels[at + width * channels] - pixels[at]);
      pairs++;
    }
  }
  return sum / pairs;
}
