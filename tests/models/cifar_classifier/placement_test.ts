import assert from "node:assert/strict";
import { allPlaced, placed, type Placement, views } from "../../../models/cifar_classifier/placement.ts";

/** One row of four grey pixels, and three rows. */
const IMAGES = {
  ...{ height: 3, width: 4, channels: 1, classes: 2, labels: Uint8Array.of(0, 1) },
  pixels: Uint8Array.from({ length: 24 }, (_, at) => at < 12 ? at : 100 + at),
};

function bytes(image: number, placement: Partial<Placement>): number[] {
  const whole = { flipped: false, right: 0, down: 0, ...placement };
  const levels = placed(IMAGES, { index: Int32Array.of(image), placements: [whole] });
  return Array.from(levels, (level) => Math.round(level * 255));
}

Deno.test("an image stays, is flipped, or is moved with its edges mirrored", () => {
  assert.deepEqual(bytes(0, {}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.deepEqual(bytes(0, { flipped: true }), [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8]);
  // Two to the right: columns 2 and 1 stand before column 0.
  assert.deepEqual(bytes(0, { right: 2 }), [2, 1, 0, 1, 6, 5, 4, 5, 10, 9, 8, 9]);
  assert.deepEqual(bytes(0, { right: -1 }), [1, 2, 3, 2, 5, 6, 7, 6, 9, 10, 11, 10]);
  assert.deepEqual(bytes(0, { down: 1 }), [4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(bytes(1, { down: -2 }).slice(0, 8), [120, 121, 122, 123, 116, 117, 118, 119]);
});

Deno.test("channels stay together, and images come in the order asked for", () => {
  const colour = { ...IMAGES, width: 2, channels: 2 };
  const placements = [{ flipped: true, right: 0, down: 0 }, { flipped: false, right: 0, down: 0 }];
  const levels = placed(colour, { index: Int32Array.of(1, 0), placements });
  const found = Array.from(levels, (level) => Math.round(level * 255));
  assert.deepEqual(found.slice(0, 4), [114, 115, 112, 113]);
  assert.deepEqual(found.slice(12, 16), [0, 1, 2, 3]);
});

Deno.test("all images can be placed alike, and stay bytes", () => {
  const { pixels, labels } = allPlaced(IMAGES, { flipped: true, right: 0, down: 1 });
  assert.deepEqual(Array.from(pixels.subarray(0, 12)), [7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4]);
  assert.deepEqual([pixels.length, pixels[15], labels], [24, 116, IMAGES.labels]);
});

Deno.test("views begin with the image as it is, and their shares are those of the recipe", () => {
  assert.deepEqual(views({ flips: false }).map(({ right, down, share }) => [right, down, share]), [
    ...[[0, 0, 1 / 2], [-1, -1, 1 / 4], [1, 1, 1 / 4]],
  ]);
  const six = views({ flips: true });
  assert.deepEqual(six.map(({ flipped }) => flipped), [false, true, false, true, false, true]);
  assert.deepEqual(six.map(({ share }) => share), [1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 8, 1 / 8]);
  assert.deepEqual(six[0], { flipped: false, right: 0, down: 0, share: 1 / 4 });
});
