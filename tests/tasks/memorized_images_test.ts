import assert from "node:assert/strict";
import type { ImageSet } from "../../data/images.ts";
import { memorizationTiles, subsetSize } from "../../tasks/memorized_images.ts";

const IMAGES: ImageSet = {
  ...{ name: "four", split: "train", offset: 0, count: 4, available: 4, sha256: "00" },
  ...{ height: 1, width: 1, channels: 1, classes: 2, classNames: ["cat", "dog"] },
  pixels: Uint8Array.of(0, 1, 2, 3),
  labels: Uint8Array.of(0, 1, 0, 0),
};

Deno.test("a subset has the share of the smallest class", () => {
  assert.equal(
    subsetSize({ classes: 2, labels: Uint8Array.from({ length: 30 }, (_, at) => at % 3 === 0 ? 1 : 0) }, 0.7),
    7,
  );
  assert.equal(subsetSize(IMAGES, 0.7), 0);
});

/** A number and its sign stay on one line. */
const unbroken = (label: string): string => label.replaceAll(" %", "\u00a0%");

Deno.test("the highest scores come first, then what is known without being learned; what is unknown is left out", () => {
  const learned = Float64Array.of(1, 1, 1, NaN), unlearned = Float64Array.of(0.75, 0, 1, 1);
  const scores = learned.map((value, at) => value - unlearned[at]);
  const { sections } = memorizationTiles(IMAGES, { learned, unlearned, scores });
  assert.deepEqual(sections.map(({ tiles }) => tiles.map(({ label }) => label)), [
    ["dog: 100 %, 0 %", "cat: 100 %, 75 %", "cat: 100 %, 100 %"].map(unbroken),
    ["cat: 100 %, 100 %", "cat: 100 %, 75 %", "dog: 100 %, 0 %"].map(unbroken),
  ]);
});
