import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { ImageSet } from "../../data/images.ts";
import { openDevice } from "../../engine/open.ts";
import { classify } from "../../run/classification.ts";

await tf.setBackend("cpu");

Deno.test("every image gets its own logits, the last batch filled up", async () => {
  await using device = await openDevice("tfjs");
  const count = 3;
  const images: ImageSet = {
    ...{ name: "levels", split: "train", offset: 0, available: count, count, sha256: "00" },
    ...{ height: 1, width: 2, channels: 1, classes: 2 },
    pixels: Uint8Array.of(255, 0, 51, 102, 0, 255),
    labels: Uint8Array.of(0, 1, 1),
  };
  // Its logits are the levels themselves.
  const model = { config: { model: "levels" }, weights: {} };
  const logits = (_model: typeof model, images: tf.Tensor4D): tf.Tensor2D => tf.reshape(images, [-1, 2]);
  const given = await classify({ logits }, { model, device, images });
  assert.deepEqual([...given], [1, 0, 51 / 255, 102 / 255, 0, 1].map(Math.fround));
});
