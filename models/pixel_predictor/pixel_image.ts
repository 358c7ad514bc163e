/** Sequences of pixels as images. */
import type { Image } from "../../report/grid.ts";

/** Pixels as an image of the set's rows; those from `known` on are grey. */
export function pixelImage(
  bits: ArrayLike<number>,
  { length, width, known = length }: {
    readonly length: number;
    readonly width: number;
    readonly known?: number;
  },
): Image {
  const height = Math.ceil(length / width);
  const pixels = new Float32Array(height * width).fill(0.5);
  for (let at = 0; at < Math.min(known, length); at++) pixels[at] = bits[at];
  return { pixels, shape: [height, width] };
}
