import { psnrs } from "./psnr.ts";

/** How far drawings are from what they draw. */
export interface ReconstructionErrors {
  /** Mean squared error, in squared levels. */
  readonly mse: number;
  /** Mean absolute error, in levels. */
  readonly l1: number;
  /** Mean cross-entropy in nats, each level being a probability. */
  readonly bce: number;
  /** Mean over the images of each one's PSNR, in dB. */
  readonly psnr: number;
}

/** Levels nearer to 0 or 1 count as this in the cross-entropy: a certain level that is wrong would cost infinitely much. */
const LEAST_LEVEL = 1e-7;

/** Errors of reconstructions [N, size] of images [N, size], both in levels of 0..1; reconstructions may leave that. */
export function reconstructionErrors(
  images: ArrayLike<number>,
  reconstructions: ArrayLike<number>,
  { size }: { readonly size: number },
): ReconstructionErrors {
  let squares = 0, absolutes = 0, nats = 0;
  for (let at = 0; at < images.length; at++) {
    const x = images[at], level = reconstructions[at];
    const probability = Math.min(1 - LEAST_LEVEL, Math.max(LEAST_LEVEL, level));
    squares += (level - x) ** 2;
    absolutes += Math.abs(level - x);
    nats -= x * Math.log(probability) + (1 - x) * Math.log(1 - probability);
  }
  const each = psnrs(images, reconstructions, { size, peak: 1 });
  return {
    mse: squares / images.length,
    l1: absolutes / images.length,
    bce: nats / images.length,
    psnr: each.reduce((sum, value) => sum + value, 0) / each.length,
  };
}

/** Columns of [rows, columns] that hold one number only: as latents, units that are dead. */
export function constantColumns(values: ArrayLike<number>, columns: number): number {
  let constant = 0;
  for (let column = 0; column < columns; column++) {
    let at = column;
    while (at < values.length && values[at] === values[column]) at += columns;
    if (at >= values.length) constant++;
  }
  return constant;
}
