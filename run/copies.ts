/** How many of the images that a generator made are copies of those that it learned, by three rules. */
import type { Images } from "../data/image_set.ts";
import type { ImageSet } from "../data/images.ts";
import type { Device } from "../engine/device.ts";
import { isNearCopy, psnrOfSquare } from "../metrics/mod.ts";
import type { Section } from "../report/html.ts";
import { count } from "../report/numbers.ts";
import { interval } from "./classification.ts";
import { nearest, type Neighbours } from "./nearest.ts";
import type { Session } from "./session.ts";

/** From what PSNR to the nearest training image on, and at what share of the distance to the second one, it is a copy. */
const COPY_PSNR = 25, COPY_SHARE = 1 / 3;
/** How near samples are to the images that were learned. */
export interface Copies {
  /** The nearest training image of each sample. */
  readonly rows: Int32Array;
  /** PSNR to it in dB, Infinity where they are equal. */
  readonly psnrs: Float64Array;
  /** How many samples are copies by each rule, and how many by any. */
  readonly exact: number;
  readonly psnr: number;
  readonly near: number;
  readonly any: number;
}

/** The images [count, H, W, C] with left and right changed. */
function mirrored(pixels: Uint8Array, { width, channels }: Pick<Images, "width" | "channels">): Uint8Array {
  const flipped = new Uint8Array(pixels.length), line = width * channels;
  for (let at = 0; at < pixels.length; at += channels) {
    const start = at - at % line, to = start + line - channels - at % line;
    for (let channel = 0; channel < channels; channel++) flipped[to + channel] = pixels[at + channel];
  }
  return flipped;
}

/**
 * Compares every sample with every training image, pixel by pixel; in colour, where mirrored images were learned too, also
 * with these: an image and its mirror image count as one, as far as the nearer of the two.
 */
export async function copiesOf(
  pixels: Uint8Array,
  { images, device, session }: {
    readonly images: ImageSet;
    readonly device: Device;
    readonly session?: Session;
  },
): Promise<Copies> {
  const width = images.height * images.width * images.channels, samples = pixels.length / width;
  const base = { values: images.pixels, count: images.count, width };
  const found: Neighbours[] = [];
  for (const values of images.channels > 1 ? [pixels, mirrored(pixels, images)] : [pixels]) {
    session?.follow("comparing with training images");
    found.push(
      await nearest({ values, count: samples, width }, base, {
        ...{ device, k: 2, onProgress: () => session?.between() ?? Promise.resolve() },
      }),
    );
  }
  const each = Array.from({ length: samples }, (_, sample) => {
    const candidates = found.flatMap(({ k, rows, distances }) =>
      Array.from(
        { length: k },
        (_, at) => ({ row: rows[sample * k + at], distance: distances[sample * k + at] }),
      )
    ).sort((a, b) => a.distance - b.distance);
    const [first] = candidates, second = candidates.find(({ row }) => row !== first.row) ?? first;
    const psnr = psnrOfSquare(first.distance ** 2, { size: width, peak: 255 });
    return {
      row: first.row,
      psnr,
      exact: first.distance === 0,
      close: psnr >= COPY_PSNR,
      near: isNearCopy({ d1: first.distance, dk: second.distance }, COPY_SHARE),
    };
  });
  const number = (rule: (sample: typeof each[number]) => boolean): number => each.filter(rule).length;
  return {
    rows: Int32Array.from(each, ({ row }) => row),
    psnrs: Float64Array.from(each, ({ psnr }) => psnr),
    exact: number(({ exact }) => exact),
    psnr: number(({ close }) => close),
    near: number(({ near }) => near),
    any: number(({ close, near }) => close || near),
  };
}

/** What copies were found, by their names in `summary.json`. */
export function copyMetrics(copies: Copies, samples: number): Record<string, number> {
  return {
    samples,
    copies_exact: copies.exact,
    copies_psnr: copies.psnr,
    copies_near: copies.near,
    ...samples === 10_000 ? { memorized_of_10000: copies.any } : {},
  };
}

/** The copies among samples by each rule, as a section of a report. */
export function copySection(copies: Copies, samples: number): Section {
  const row = (rule: string, number: number) => [rule, count(number), interval(number / samples, samples)];
  return {
    title: "Copies of training images",
    blocks: [{
      kind: "table",
      table: {
        columns: ["A sample is a copy where", `Of ${count(samples)}`, "95 % interval of the share"],
        rows: [
          row("it equals a training image", copies.exact),
          row(`its PSNR to the nearest one is at least ${COPY_PSNR} dB`, copies.psnr),
          row("the nearest one is less than a third as far as the second", copies.near),
          row("any of these holds", copies.any),
        ],
        caption:
          "Every sample was compared with every training image; in colour also with its mirror image, as both were learned.",
      },
    }],
  };
}
