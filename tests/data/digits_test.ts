import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DIGIT_COUNTS, drawDigits } from "../../data/digits.ts";
import type { Images } from "../../data/image_set.ts";

const AREA = 784;

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Share of `test` whose nearest image of `train` (least squared distance) has the same label. */
function nearestNeighbourAccuracy(train: Images, test: Images): number {
  let right = 0;
  for (let i = 0; i < test.labels.length; i++) {
    let best = Infinity, label = -1;
    for (let j = 0; j < train.labels.length; j++) {
      let distance = 0;
      // Row by row, given up once it is too far.
      for (let at = 0; at < AREA && distance < best; at += 28) {
        for (let k = at; k < at + 28; k++) {
          const difference = train.pixels[j * AREA + k] - test.pixels[i * AREA + k];
          distance += difference * difference;
        }
      }
      if (distance < best) {
        best = distance;
        label = train.labels[j];
      }
    }
    if (label === test.labels[i]) right++;
  }
  return right / test.labels.length;
}

Deno.test("drawDigits draws the set that results are published for", () => {
  const { pixels, labels } = drawDigits({ split: "train", offset: 0, count: 1024 });
  assert.deepEqual([...labels.subarray(0, 10)], [1, 5, 2, 7, 9, 0, 8, 4, 3, 6]);
  // A change of one byte makes another data set: say so in the release, and measure again what is published.
  assert.equal(hash(pixels), "9d2340f4f0c1ba0bf1ff7a0803e46ca1a51034adea087efd34b9274b97393230");
  assert.equal(
    hash(drawDigits({ split: "test", offset: 0, count: 1024 }).pixels),
    "abe2e8b5f1ee9cdaa7228d39f74591fc9e3526af917d181c5b06553602bac48e",
  );
});

Deno.test("an image depends on its split and index alone", () => {
  const whole = drawDigits({ split: "train", offset: 0, count: 60 });
  for (const [offset, count] of [[0, 1], [7, 5], [19, 22], [59, 1]]) {
    const part = drawDigits({ split: "train", offset, count });
    assert.deepEqual(part.pixels, whole.pixels.slice(offset * AREA, (offset + count) * AREA));
    assert.deepEqual(part.labels, whole.labels.slice(offset, offset + count));
  }
});

Deno.test("all 70,000 digits differ, lie inside their frame and are evenly divided", () => {
  const seen = new Set<string>();
  for (const split of ["train", "test"] as const) {
    const count = DIGIT_COUNTS[split];
    const { pixels, labels } = drawDigits({ split, offset: 0, count });
    const perClass = new Array(10).fill(0);
    let ink = 0;
    for (let i = 0; i < count; i++) {
      const image = pixels.subarray(i * AREA, (i + 1) * AREA);
      seen.add(hash(image));
      perClass[labels[i]]++;
      let darkest = 0, frame = 0;
      for (let at = 0; at < AREA; at++) {
        const row = Math.floor(at / 28), column = at % 28;
        ink += image[at];
        darkest = Math.max(darkest, image[at]);
        if (row === 0 || row === 27 || column === 0 || column === 27) frame += image[at];
      }
      if (darkest < 128 || frame > 0) {
        assert.fail(`${split} ${i}: strongest ink ${darkest}, on the frame ${frame}`);
      }
    }
    assert.deepEqual(perClass, new Array(10).fill(count / 10));
    // MNIST: 0.1307.
    const mean = ink / pixels.length / 255;
    assert.ok(mean > 0.12 && mean < 0.14, `mean ink ${mean}`);
  }
  assert.equal(seen.size, 70_000);
});

Deno.test("the digits are as varied as MNIST to a nearest neighbour", () => {
  const train = drawDigits({ split: "train", offset: 0, count: 10_000 });
  const test = drawDigits({ split: "test", offset: 0, count: 500 });
  const accuracy = nearestNeighbourAccuracy(train, test);
  assert.ok(accuracy > 0.92 && accuracy < 0.98, `accuracy ${accuracy}`);
});
