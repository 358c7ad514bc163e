import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { availableImages, openImages } from "../../data/images.ts";
import { testOnSharedData } from "./shared_data.ts";

Deno.test("openImages says what it opened", async () => {
  const images = await openImages({ dataset: "digits", split: "train", offset: 3, count: 5 });
  const { pixels, labels, sha256, ...facts } = images;
  assert.deepEqual(facts, {
    name: "digits",
    split: "train",
    offset: 3,
    count: 5,
    available: 60_000,
    height: 28,
    width: 28,
    channels: 1,
    classes: 10,
  });
  assert.equal(pixels.length, 5 * 784);
  assert.equal(labels.length, 5);
  assert.equal(sha256, createHash("sha256").update(Uint8Array.of(...pixels, ...labels)).digest("hex"));
});

Deno.test("openImages takes all images from the offset on unless a count is given", async () => {
  const images = await openImages({ dataset: "digits", split: "test", offset: 9_990 });
  assert.deepEqual([images.count, images.labels.length, images.available], [10, 10, 10_000]);
});

Deno.test("openImages refuses what the set does not hold", async () => {
  const open = (offset: number, count?: number) =>
    openImages({ dataset: "digits", split: "train", offset, count });
  await assert.rejects(open(0, 60_001), {
    name: "RangeError",
    message: "Cannot train on 60001 images as the data set holds 60000: lower --count",
  });
  await assert.rejects(
    open(59_999, 2),
    /train on 2 images from image 59999 on .* holds 60000: lower --count or --offset/,
  );
  await assert.rejects(open(60_000), /--offset must be in 0\.\.59999/);
  for (const offset of [-1, 0.5, NaN]) await assert.rejects(open(offset), /--offset must be/);
  for (const count of [0, -1, 1.5, NaN]) {
    await assert.rejects(open(0, count), /--count must be a whole number/);
  }
});

Deno.test("openImages needs a folder for idx", async () => {
  await assert.rejects(openImages({ dataset: "idx", split: "train" }), /--data-dir/);
});

Deno.test("openImages looks for mnist in the cache where no folder is given", async () => {
  const here = Deno.cwd();
  const empty = await Deno.makeTempDir();
  try {
    Deno.chdir(empty);
    await assert.rejects(
      openImages({ dataset: "mnist", split: "train" }),
      /\.cache\/data\/mnist: run `deno task fetch/,
    );
  } finally {
    Deno.chdir(here);
    await Deno.remove(empty, { recursive: true });
  }
});

Deno.test("availableImages counts a folder of IDX files by its labels", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${dataDir}/t10k-labels-idx1-ubyte`, Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7));
    assert.equal(await availableImages({ dataset: "idx", dataDir, split: "test" }), 3);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

testOnSharedData("MNIST's own folder opens as mnist and as idx with the same bytes", {
  set: "mnist",
  run: async (mnist) => {
    const chosen = { dataDir: mnist, split: "test", offset: 2, count: 3 } as const;
    const named = await openImages({ dataset: "mnist", ...chosen });
    const plain = await openImages({ dataset: "idx", ...chosen });
    assert.equal(named.sha256, plain.sha256);
    assert.deepEqual([...named.labels], [1, 0, 4]);
    assert.equal(named.pixels.buffer.byteLength, 3 * 784);
    assert.equal(plain.available, 10_000);
  },
});
