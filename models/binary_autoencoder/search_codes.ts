/**
 * Codes by analysis and synthesis: of an image's code, the sign is turned whose turning draws the image best, as long
 * as one draws it better. Vector quantizers are encoded by search as well (Gray 1984): the decoder and the number of
 * bits stay what they are, only the encoder's guess is improved on.
 *
 * Which signs are worth a try is told by the slope of the image's error along each: of 48 signs the most promising 8
 * are drawn. On MNIST that found what trying all of them did, to 0.03 dB, in a third of the time.
 */
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../engine/device.ts";
import { overRows } from "../../engine/rows.ts";
import type { Network } from "./networks.ts";

/** Signs of one code that are tried in one round. */
const TRIES = 8;
/** Images in one call; each is drawn once for its slopes and once for every sign that is tried. */
const BATCH = 32;

/** How far a search is. */
export interface SearchProgress {
  /** Counted from 1. */
  readonly round: number;
  /** Codes that this round has tried to improve, of `open` that it is to try. */
  readonly tried: number;
  readonly open: number;
  /** Codes that it has improved. */
  readonly improved: number;
}

/**
 * Improves codes [count, bits] of images [count, pixels] in 0..1. Every round turns at most one sign of a code, and
 * passes over those that the round before could not improve. No image is drawn worse than before.
 *
 * @param options.onProgress is awaited after every few images.
 */
export async function searchCodes(network: Network, options: {
  readonly device: Device;
  readonly images: Float32Array;
  readonly codes: Int8Array;
  /** How many at most. */
  readonly rounds: number;
  readonly onProgress?: (progress: SearchProgress) => Promise<void>;
}): Promise<Int8Array> {
  const { device, rounds, onProgress } = options, { bits } = network;
  const codes = options.codes.slice(), count = codes.length / bits, batch = Math.min(BATCH, count);
  const images = tf.tensor2d(options.images, [count, options.images.length / count]);
  const step = await compile(
    device,
    ({ index, codes }) => bestTurn(network, { images: tf.gather(images, index), codes }),
    { index: { shape: [batch], dtype: "int32" }, codes: { shape: [batch, bits] } },
  );
  let open = Array.from({ length: count }, (_, image) => image);
  for (let round = 1; round <= rounds && open.length > 0; round++) {
    const improved: number[] = [];
    for (let start = 0; start < open.length; start += batch) {
      const few = open.slice(start, start + batch);
      const { bit, gain } = await overRows(step, {
        count: few.length,
        batch,
        inputs: (rows) => ({
          index: rows.map((row) => few[row]),
          codes: Float32Array.from(
            { length: batch * bits },
            (_, at) => codes[few[rows[Math.floor(at / bits)]] * bits + at % bits],
          ),
        }),
      });
      few.forEach((image, row) => {
        if (gain[row] <= 0) return;
        codes[image * bits + bit[row]] *= -1;
        improved.push(image);
      });
      await onProgress?.({
        round,
        tried: start + few.length,
        open: open.length,
        improved: improved.length,
      });
    }
    open = improved;
  }
  step.dispose();
  images.dispose();
  return codes;
}

/** The sign of each code [B, bits] to turn, int32 [B], and by how much that lowers the mean squared error, [B]. */
function bestTurn(
  { bits, decode, picture }: Network,
  { images, codes }: { readonly images: tf.Tensor2D; readonly codes: tf.Tensor2D },
): { bit: tf.Tensor1D; gain: tf.Tensor1D } {
  return tf.tidy(() => {
    const errors = (codes: tf.Tensor, images: tf.Tensor): tf.Tensor1D =>
      tf.mean(tf.squaredDifference(picture(decode(codes)), images), 1);
    const [count, pixels] = images.shape, tries = Math.min(TRIES, bits);
    const slopes = tf.grad((codes) => tf.sum(errors(codes, images)))(codes); // [B, bits]
    // Turning a sign s adds -2s to it: the error falls where s times the slope is positive.
    const { indices } = tf.topk(tf.mul(codes, slopes), tries); // [B, tries]
    const turns = tf.sub(1, tf.mul(2, tf.oneHot(indices, bits))); // [B, tries, bits]
    const candidates = tf.reshape(tf.mul(tf.expandDims(codes, 1), turns), [count * tries, bits]);
    const targets = tf.reshape(tf.tile(tf.expandDims(images, 1), [1, tries, 1]), [count * tries, pixels]);
    const tried = tf.reshape(errors(candidates, targets), [count, tries]);
    const chosen = tf.oneHot(tf.argMin(tried, 1), tries); // [B, tries]
    return {
      bit: tf.sum(tf.mul(tf.cast(indices, "int32"), tf.cast(chosen, "int32")), 1),
      gain: tf.sub(errors(codes, images), tf.min(tried, 1)),
    };
  });
}
