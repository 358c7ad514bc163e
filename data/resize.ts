/** Pictures at another size as numbers, by the rules that figures found elsewhere were measured with. */
import type { Picture } from "./picture.ts";

/**
 * "clean": cubic, each channel by itself, in numbers that are not rounded; where it becomes smaller every pixel counts, as
 * in Pillow (Parmar et al. 2022). "pytorch": bilinear between the four nearest pixels, as `interpolate` with
 * `align_corners=False`.
 */
export const RESIZE_RULES = ["clean", "pytorch"] as const;
/** How a picture is resized. */
export type ResizeRule = typeof RESIZE_RULES[number];

/** Which old places a new one is made of, from `first` on, and how much of each. */
interface Mix {
  readonly first: number;
  readonly shares: readonly number[];
}

/** The slope parameter of Pillow's cubic. */
const SHARPNESS = -0.5;
/** How far the cubic reaches, in pixels. */
const REACH = 2;

/** The cubic convolution kernel (Keys 1981). */
function cubic(distance: number): number {
  const x = Math.abs(distance), a = SHARPNESS;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < REACH ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function cubicMix(
  centre: number,
  { before, scale }: { readonly before: number; readonly scale: number },
): Mix {
  // Where the picture becomes smaller the kernel grows with it.
  const width = Math.max(1, scale), reach = REACH * width;
  const first = Math.max(0, Math.floor(centre - reach + 0.5));
  const end = Math.min(before, Math.floor(centre + reach + 0.5));
  const heights = Array.from({ length: end - first }, (_, at) => cubic((first + at - centre + 0.5) / width));
  const sum = heights.reduce((sum, height) => sum + height, 0);
  return { first, shares: heights.map((height) => height / sum) };
}

function linearMix(centre: number, before: number): Mix {
  const place = Math.max(0, centre - 0.5), first = Math.min(before - 1, Math.floor(place));
  const share = place - first;
  return first === before - 1 ? { first, shares: [1] } : { first, shares: [1 - share, share] };
}

function mixes(before: number, after: number, rule: ResizeRule): readonly Mix[] {
  const scale = before / after;
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * scale;
    return rule === "clean" ? cubicMix(centre, { before, scale }) : linearMix(centre, before);
  });
}

/** The picture as a square of `size`, [size, size, channels], levels in 0..255. */
export function resize(
  { height, width, channels, pixels }: Picture,
  { size, rule }: { readonly size: number; readonly rule: ResizeRule },
): Float32Array {
  const wide = new Float32Array(height * size * channels), resized = new Float32Array(size * size * channels);
  mixes(width, size, rule).forEach(({ first, shares }, column) => {
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        shares.forEach((share, at) => sum += share * pixels[(y * width + first + at) * channels + c]);
        wide[(y * size + column) * channels + c] = sum;
      }
    }
  });
  const line = size * channels;
  mixes(height, size, rule).forEach(({ first, shares }, row) => {
    for (let at = 0; at < line; at++) {
      let sum = 0;
      shares.forEach((share, y) => sum += share * wide[(first + y) * line + at]);
      // A cubic goes beyond what it joins.
      resized[row * line + at] = Math.min(255, Math.max(0, sum));
    }
  });
  return resized;
}
