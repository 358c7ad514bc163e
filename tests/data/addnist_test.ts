import assert from "node:assert/strict";
import { ADDNIST_CLASSES, type AddnistSet, openAddnist, triplesOf } from "../../data/addnist.ts";
import { openImages } from "../../data/images.ts";
import { testOnSharedData } from "./shared_data.ts";

const SMALL = { source: "digits", pool: 600 } as const;

/** Which three images each one is made of, as texts. */
function keys({ sources, count }: AddnistSet): string[] {
  return Array.from({ length: count }, (_, image) => sources.subarray(3 * image, 3 * image + 3).join());
}

Deno.test("the triples of each label are as many as the rule says", () => {
  assert.deepEqual(
    Array.from({ length: ADDNIST_CLASSES }, (_, label) => triplesOf(label).length),
    [3, 6, 10, 15, 21, 28, 36, 45, 55, 63, 69, 73, 75, 75, 73, 69, 63, 55, 45, 36],
  );
  assert.deepEqual(triplesOf(0), [[0, 0, 1], [0, 1, 0], [1, 0, 0]]);
});

Deno.test("channels are whole digits of the source, and the label is their sum less one", async () => {
  const set = await openAddnist({ ...SMALL, split: "test", count: 50 });
  const digits = await openImages({ dataset: "digits", split: "test", count: 600 });
  assert.deepEqual([set.height, set.width, set.channels, set.classes, set.pixels.length], [
    28,
    28,
    3,
    20,
    50 * 2352,
  ]);
  for (let image = 0; image < 50; image++) {
    const found = [...set.digits.subarray(3 * image, 3 * image + 3)];
    assert.equal(set.labels[image], found[0] + found[1] + found[2] - 1);
    for (let channel = 0; channel < 3; channel++) {
      const source = set.sources[3 * image + channel];
      assert.equal(digits.labels[source], found[channel]);
      const plane = set.pixels.subarray(image * 2352, (image + 1) * 2352).filter((_, at) =>
        at % 3 === channel
      );
      assert.deepEqual(plane, digits.pixels.subarray(source * 784, (source + 1) * 784));
    }
  }
});

Deno.test("classes are even, triples too, and no image is there twice, across training and validation", async () => {
  const train = await openAddnist({ ...SMALL, split: "train" });
  const valid = await openAddnist({ ...SMALL, split: "valid" });
  assert.deepEqual([train.count, valid.count], [45_000, 15_000]);
  assert.equal(new Set([...keys(train), ...keys(valid)]).size, 60_000);
  const classes = new Int32Array(20), triples = new Map<string, number>();
  for (const set of [train, valid]) {
    for (let image = 0; image < set.count; image++) {
      classes[set.labels[image]]++;
      const triple = set.digits.subarray(3 * image, 3 * image + 3).join();
      triples.set(triple, (triples.get(triple) ?? 0) + 1);
    }
  }
  assert.ok(classes.every((count) => count === 3000));
  for (let label = 0; label < 20; label++) {
    const counts = triplesOf(label).map((triple) => triples.get(triple.join())!);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `label ${label}: ${counts}`);
  }
});

Deno.test("a smaller count is the beginning of the split, and always the same", async () => {
  const [a, b, again] = await Promise.all(
    [20, 10, 10].map((count) => openAddnist({ ...SMALL, split: "valid", count })),
  );
  assert.deepEqual(keys(a).slice(0, 10), keys(b));
  assert.equal(b.sha256, again.sha256);
  assert.notEqual(a.sha256, b.sha256);
});

Deno.test("too many images, or too few digits, are refused", async () => {
  await assert.rejects(
    openAddnist({ ...SMALL, split: "test", count: 10_001 }),
    /as it holds 10000: lower --count/,
  );
  await assert.rejects(
    openAddnist({ source: "digits", split: "train", pool: 60 }),
    /3000 distinct images of label 0 as the source has 60 digits only/,
  );
});

testOnSharedData("AddNIST of MNIST draws its test digits from the test images", {
  set: "mnist",
  run: async (dataDir) => {
    const set = await openAddnist({ source: "mnist", dataDir, split: "test", count: 3 });
    const test = await openImages({ dataset: "mnist", dataDir, split: "test" });
    assert.equal(set.name, "addnist-mnist");
    const green = set.pixels.subarray(2 * 2352).filter((_, at) => at % 3 === 1);
    assert.deepEqual(green, test.pixels.subarray(set.sources[7] * 784, (set.sources[7] + 1) * 784));
  },
});
