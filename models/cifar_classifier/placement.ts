/** Images shifted by whole pixels, and flipped: what a classifier of photographs learns from and may be asked by. */
import type { Images } from "../../data/image_set.ts";

/** How an image is shown. */
export interface Placement {
  /** Whether left and right change sides. */
  readonly flipped: boolean;
  /** Pixels that it moves, edges mirrored where it leaves the frame open. */
  readonly right: number;
  readonly down: number;
}

/** The chosen images, each in its own placement, as levels in 0..1: [index, height, width, channels]. */
export function placed(
  images: Images,
  { index, placements }: { readonly index: Int32Array; readonly placements: readonly Placement[] },
): Float32Array {
  const { pixels, height, width, channels } = images, area = height * width * channels;
  const levels = new Float32Array(index.length * area);
  let at = 0;
  index.forEach((image, row) => {
    const { flipped, right, down } = placements[row];
    for (let y = 0; y < height; y++) {
      const line = image * area + mirrored(y - down, height) * width * channels;
      for (let x = 0; x < width; x++) {
        const column = mirrored(x - right, width);
        const from = line + (flipped ? width - 1 - column : column) * channels;
        for (let channel = 0; channel < channels; channel++) levels[at++] = pixels[from + channel] / 255;
      }
    }
  });
  return levels;
}

/** A place beyond the border is as far inside; the border itself is not repeated. */
function mirrored(place: number, extent: number): number {
  const folded = Math.abs(place);
  return folded < extent ? folded : 2 * (extent - 1) - folded;
}
