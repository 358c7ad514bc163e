/** Random affine maps of images: more to learn from than there is. */
import type { Random } from "../base/random.ts";
import type { ImageSet } from "../data/images.ts";

/** How far an image is distorted at most, to either side. */
export interface AffineLimits {
  /** Radians. */
  readonly rotation: number;
  /** Share of the size. */
  readonly scale: number;
  readonly shear: number;
  /** Pixels. */
  readonly shift: number;
}

/**
 * Draws image `index` of [count, size, size, channels], bytes, under a random affine map into `out` as levels in 0..1,
 * bilinearly; outside is 0.
 */
export function distort(
  images: Uint8Array,
  options: {
    readonly index: number;
    readonly size: number;
    readonly channels: number;
    /** Whether each channel has a map of its own. Absent: they have one together. */
    readonly apart?: boolean;
    readonly limits: AffineLimits;
    readonly random: Random;
    readonly out: Float32Array;
  },
): void {
  const { index, size, channels, apart = false, limits, random, out } = options;
  const together = apart ? 1 : channels;
  const within = (limit: number): number => (2 * random.uniform() - 1) * limit;
  const base = index * size * size * channels, centre = (size - 1) / 2;
  const level = (row: number, column: number, channel: number): number =>
    row < 0 || row >= size || column < 0 || column >= size
      ? 0
      : images[base + (row * size + column) * channels + channel] / 255;
  for (let first = 0; first < channels; first += together) {
    const angle = within(limits.rotation), scale = 1 + within(limits.scale), shear = within(limits.shear);
    const right = within(limits.shift), down = within(limits.shift);
    const cos = Math.cos(angle) * scale, sin = Math.sin(angle) * scale;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const u = x - centre + right, v = y - centre + down;
        const column = centre + cos * u + (scale * shear - sin) * v, row = centre + sin * u + cos * v;
        const left = Math.floor(column), top = Math.floor(row), fx = column - left, fy = row - top;
        for (let channel = first; channel < first + together; channel++) {
          out[(y * size + x) * channels + channel] =
            (1 - fy) * ((1 - fx) * level(top, left, channel) + fx * level(top, left + 1, channel)) +
            fy * ((1 - fx) * level(top + 1, left, channel) + fx * level(top + 1, left + 1, channel));
        }
      }
    }
  }
}

/** Chosen images of bytes, [rows, size, size, channels] in 0..1, each under a random affine map of its own: see `distort`. */
export function distorted(
  { pixels, height: size, channels }: Pick<ImageSet, "pixels" | "height" | "channels">,
  rows: Int32Array,
  options: { readonly apart?: boolean; readonly limits: AffineLimits; readonly random: Random },
): Float32Array {
  const area = size * size * channels, levels = new Float32Array(rows.length * area);
  rows.forEach((index, row) => {
    distort(pixels, {
      ...{ ...options, index, size, channels },
      out: levels.subarray(row * area, (row + 1) * area),
    });
  });
  return levels;
}
