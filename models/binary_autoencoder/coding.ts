/** What an autoencoder makes of many images: their codes, and what it draws from codes. */
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../engine/device.ts";
import { overRows } from "../../engine/rows.ts";
import { distinctCodes, signsOf } from "./distinct_codes.ts";
import type { Network } from "./networks.ts";

/** Images in one call. */
const BATCH = 128;

/** An autoencoder. */
interface Coder {
  readonly network: Network;
}

/** What an autoencoder makes of images. */
export interface Coded {
  /** [count, 3, 4, 4], -1 or +1. */
  readonly codes: Int8Array;
  /** [count, pixels] in 0..1. */
  readonly reconstructions: Float32Array;
  /** Mean squared error of each drawing, what was added around and beside the image included: [count]. */
  readonly framedErrors: Float32Array;
}

/** Mean squared error of each of the drawings [B, ...]: [B]. */
export function squaredErrors(framed: tf.Tensor, drawn: tf.Tensor): tf.Tensor1D {
  const errors = tf.squaredDifference(framed, drawn);
  return tf.mean(tf.reshape(errors, [errors.shape[0], -1]), 1);
}

/** Codes and reconstructions of images [count, pixels] in 0..1, as `encodeImages` and `redraw` give them. */
export async function reconstruct(
  model: Coder,
  options: { readonly device: Device; readonly images: Float32Array; readonly apart?: boolean },
): Promise<Coded> {
  const { device, images } = options;
  return await redraw(model, { device, images, codes: await encodeImages(model, options) });
}

/** The encoder's codes [count, 3, 4, 4] of images [count, pixels] in 0..1. */
export async function encodeImages(
  { network }: Coder,
  options: {
    readonly device: Device;
    readonly images: Float32Array;
    /** Whether different images are to have different codes; absent: false. */
    readonly apart?: boolean;
  },
): Promise<Int8Array> {
  const count = options.images.length / network.pixels, batch = Math.min(BATCH, count);
  const images = tf.tensor2d(options.images, [count, network.pixels]);
  const encode = await compile(
    options.device,
    ({ index }) => ({ latents: network.encode(network.frame(tf.gather(images, index))) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  const { latents } = await overRows(encode, { count, batch, inputs: (index) => ({ index }) });
  encode.dispose();
  images.dispose();
  return options.apart
    ? distinctCodes(latents as Float32Array, network.bits)
    : signsOf(latents as Float32Array);
}

/** What the decoder draws from the codes [count, 3, 4, 4] of images [count, pixels] in 0..1. */
export async function redraw(
  { network }: Coder,
  options: { readonly device: Device; readonly images: Float32Array; readonly codes: Int8Array },
): Promise<Coded> {
  const { device, codes } = options;
  const count = codes.length / network.bits, batch = Math.min(BATCH, count);
  const images = tf.tensor2d(options.images, [count, network.pixels]);
  const signs = tf.tensor2d(Float32Array.from(codes), [count, network.bits]);
  const draw = await compile(device, ({ index }) => {
    const drawn = network.decode(tf.gather(signs, index));
    return {
      reconstructions: network.picture(drawn),
      framedErrors: squaredErrors(network.frame(tf.gather(images, index)), tf.clipByValue(drawn, 0, 1)),
    };
  }, { index: { shape: [batch], dtype: "int32" } });
  const { reconstructions, framedErrors } = await overRows(draw, {
    count,
    batch,
    inputs: (index) => ({ index }),
  });
  draw.dispose();
  tf.dispose([images, signs]);
  return {
    codes,
    reconstructions: reconstructions as Float32Array,
    framedErrors: framedErrors as Float32Array,
  };
}

/** Images [count, pixels] in 0..1 of codes [count, 3, 4, 4]. */
export async function decodeCodes(
  { network }: Coder,
  options: { readonly device: Device; readonly codes: Int8Array },
): Promise<Float32Array> {
  const count = options.codes.length / network.bits, batch = Math.min(BATCH, count);
  const codes = tf.tensor2d(Float32Array.from(options.codes), [count, network.bits]);
  const decode = await compile(
    options.device,
    ({ index }) => ({ images: network.picture(network.decode(tf.gather(codes, index))) }),
    { index: { shape: [batch], dtype: "int32" } },
  );
  const { images } = await overRows(decode, { count, batch, inputs: (index) => ({ index }) });
  decode.dispose();
  codes.dispose();
  return images as Float32Array;
}
