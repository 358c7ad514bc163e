import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import type { ImageSet } from "../../data/images.ts";
import { chosenImages, rowsPerClass } from "../../run/images.ts";

/** Nine images of one pixel, whose level is their index; classes 0, 1, 2 in turn. */
const IMAGES: ImageSet = {
  ...{ name: "nine", split: "train", offset: 0, count: 9, available: 9, sha256: "00" },
  ...{ height: 1, width: 1, channels: 1, classes: 3 },
  pixels: Uint8Array.from({ length: 9 }, (_, image) => image),
  labels: Uint8Array.from({ length: 9 }, (_, image) => image % 3),
};

Deno.test("so many of each class are drawn, others by another draw, and more than there are is refused", () => {
  const drawn = (count: number, seed: number): Int32Array =>
    rowsPerClass(IMAGES, { count, random: stream(seed) });
  const chosen = chosenImages(IMAGES, drawn(2, 0));
  assert.deepEqual([...chosen.labels].sort(), [0, 0, 1, 1, 2, 2]);
  assert.deepEqual([...chosen.labels], Array.from(chosen.pixels, (image) => image % 3));
  assert.equal(new Set(chosen.pixels).size, 6);
  assert.deepEqual([chosen.count, drawn(2, 0)], [6, drawn(2, 0)]);
  assert.notDeepEqual(drawn(2, 0), drawn(2, 1));
  assert.notEqual(chosen.sha256, chosenImages(IMAGES, drawn(2, 1)).sha256);
  assert.throws(() => drawn(4, 0), /nine has 3 of one: lower --per-class/);
});
