/** Random affine maps of images: more to learn from than there is. */
import type { Random } from "../base/random.ts";

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

/** Draws image `index` of [count, size, size, channels] under a random affine map into `out`, bilinearly; outside is 0. */
export function distort(
  images: Float32Array,
  options: {
    readonly index: number;
    readonly size: number;
    readonly channels: number;
    readonly limits: AffineLimits;
    readonly random: Random;
    readonly out: Float32Array;
  },
): void {
  const { index, size, channels, limits, random, out } = options;
  const within = (limit: number): number => (2 * random.uniform() - 1) * limit;
  const angle = within(limits.rotation), scale = 1 + within(limits.scale), shear = within(limits.shear);
  const right = within(limits.shift), down = within(limits.shift);
  const cos = Math.cos(angle) * scale, sin = Math.sin(angle) * scale, centre = (size - 1) / 2;
  const base = index * size * size * channels;
  const level = (row: number, column: number, channel: number): number =>
    row < 0 || row >= size || column < 0 || column >= size
      ? 0
      : images[base + (row * size + column) * channels + channel];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = x - centre + right, v = y - centre + down;
      const column = centre + cos * u + (scale * shear - sin) * v, row = centre + sin * u + cos * v;
      const left = Math.floor(column), top = Math.floor(row), fx = column - left, fy = row - top;
      for (let channel = 0; channel < channels; channel++) {
        out[(y * size + x) * channels + channel] =
          (1 - fy) * ((1 - fx) * level(top, left, channel) + fx * level(top, left + 1, channel)) +
          fy * ((1 - fx) * level(top + 1, left, channel) + fx * level(top + 1, left + 1, channel));
      }
    }
  }
}
