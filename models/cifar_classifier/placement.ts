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

/** The same as bytes, [index, height, width, channels]. */
function placedBytes(
  images: Images,
  { index, placements }: { readonly index: Int32Array; readonly placements: readonly Placement[] },
): Uint8Array<ArrayBuffer> {
  const { pixels, height, width, channels } = images, area = height * width * channels;
  const bytes = new Uint8Array(index.length * area);
  let at = 0;
  index.forEach((image, row) => {
    const { flipped, right, down } = placements[row];
    for (let y = 0; y < height; y++) {
      const line = image * area + mirrored(y - down, height) * width * channels;
      for (let x = 0; x < width; x++) {
        const column = mirrored(x - right, width);
        const from = line + (flipped ? width - 1 - column : column) * channels;
        for (let channel = 0; channel < channels; channel++) bytes[at++] = pixels[from + channel];
      }
    }
  });
  return bytes;
}

/** The chosen images, each in its own placement, as levels in 0..1: [index, height, width, channels]. */
export function placed(
  images: Images,
  chosen: { readonly index: Int32Array; readonly placements: readonly Placement[] },
): Float32Array {
  const bytes = placedBytes(images, chosen), levels = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) levels[at] = bytes[at] / 255;
  return levels;
}

/** All images in one placement. */
export function allPlaced<Set extends Images>(images: Set, placement: Placement): Set {
  const count = images.labels.length, index = Int32Array.from({ length: count }, (_, image) => image);
  return { ...images, pixels: placedBytes(images, { index, placements: Array(count).fill(placement) }) };
}

/** How an image is shown to be asked about, and the share that the answer to it has. */
interface View extends Placement {
  readonly share: number;
}

/**
 * As it is, and a pixel up to the left or down to the right; `flips` adds the mirror image of each. The first is the image
 * as it is, and the shares add up to 1: Jordan's "multi-crop" evaluation.
 */
export function views({ flips }: { readonly flips: boolean }): readonly View[] {
  const sides = flips ? [false, true] : [false];
  return [{ by: 0, share: 1 / 2 }, { by: -1, share: 1 / 4 }, { by: 1, share: 1 / 4 }].flatMap((
    { by, share },
  ) => sides.map((flipped) => ({ flipped, right: by, down: by, share: share / sides.length })));
}

/** A place beyond the border is as far inside; the border itself is not repeated. */
function mirrored(place: number, extent: number): number {
  const folded = Math.abs(place);
  return folded < extent ? folded : 2 * (extent - 1) - folded;
}
