import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { openDevice } from "../../../engine/open.ts";
import { decodeCodes, encodeImages, reconstruct, redraw } from "../../../models/binary_autoencoder/coding.ts";
import type { Network } from "../../../models/binary_autoencoder/networks.ts";

await tf.setBackend("cpu");

/** Two pixels and two signs: a sign for each pixel, drawn as 1/4 or 3/4 with two black pixels beside them. */
const network: Network = {
  encoder: {},
  decoder: {},
  rows: [],
  parameters: 0,
  pixels: 2,
  code: [1, 1, 2],
  bits: 2,
  padded: true,
  frame: (images) => tf.pad(images, [[0, 0], [0, 2]]),
  encode: (framed) => tf.sub(tf.slice(framed as tf.Tensor2D, [0, 0], [-1, 2]), 0.5),
  decode: (codes) => tf.pad(tf.add(0.5, tf.mul(0.25, codes)) as tf.Tensor2D, [[0, 0], [0, 2]]),
  picture: (drawn) => tf.slice(drawn as tf.Tensor2D, [0, 0], [-1, 2]),
};
const IMAGES = Float32Array.of(0.75, 0.25, 0.5, 1, 1, 0.875);

Deno.test("codes are the latents' signs, and drawings are measured with what is around the image", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const { codes, reconstructions, framedErrors } = await reconstruct({ network }, { device, images: IMAGES });
  assert.deepEqual([...codes], [1, -1, 1, 1, 1, 1]);
  assert.deepEqual([...reconstructions], [0.75, 0.25, 0.75, 0.75, 0.75, 0.75]);
  // Squared errors of two pixels, and of two that are black in both, over four.
  const squares = [0, 1 / 16 + 1 / 16, 1 / 16 + 1 / 64];
  assert.deepEqual(framedErrors, Float32Array.from(squares, (square) => square / 4));
  assert.deepEqual(await decodeCodes({ network }, { device, codes }), reconstructions);
});

Deno.test("images with one code are told apart when asked, and any codes can be drawn", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const codes = await encodeImages({ network }, { device, images: IMAGES, apart: true });
  // The last image's less certain sign gives a code that the first one has: the other is turned.
  assert.deepEqual([...codes], [1, -1, 1, 1, -1, 1]);
  const { reconstructions } = await redraw({ network }, { device, images: IMAGES, codes });
  assert.deepEqual([...reconstructions.subarray(4)], [0.25, 0.75]);
});
