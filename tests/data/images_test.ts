import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openImages } from "../../data/images.ts";
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

Deno.test("openImages needs a folder for idx and images", async () => {
  for (const dataset of ["idx", "images"] as const) {
    await assert.rejects(openImages({ dataset, split: "train" }), /--data-dir/);
  }
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

Deno.test("openImages takes as many as there are up to a limit", async () => {
  const few = await openImages({ dataset: "digits", split: "test", offset: 9_995, atMost: 3 });
  const rest = await openImages({ dataset: "digits", split: "test", offset: 9_995, atMost: 30 });
  assert.deepEqual([few.count, rest.count], [3, 5]);
});

Deno.test("openImages brings any set to a size and to colour, and the digest follows", async () => {
  const chosen = { dataset: "digits", split: "train", count: 2 } as const;
  const plain = await openImages(chosen);
  const small = await openImages({ ...chosen, size: 14, channels: 3 });
  assert.deepEqual([small.height, small.width, small.channels, small.pixels.length], [14, 14, 3, 2 * 588]);
  for (let y = 0; y < 14; y++) {
    for (let x = 0; x < 14; x++) {
      const at = 784 + 56 * y + 2 * x, four = [0, 1, 28, 29].map((step) => plain.pixels[at + step]);
      const mean = Math.max(0, Math.round((four[0] + four[1] + four[2] + four[3]) / 4 - 1e-9));
      assert.deepEqual([...small.pixels.subarray(588 + 42 * y + 3 * x).subarray(0, 3)], [mean, mean, mean]);
    }
  }
  assert.notEqual(small.sha256, plain.sha256);
  assert.equal((await openImages({ ...chosen, size: 28, channels: 1 })).sha256, plain.sha256);
  await assert.rejects(
    openImages({ ...chosen, count: 60_000, size: 400 }),
    /Cannot hold 60,000 images of 400x400x1 as they take 9\.6 GB: lower --size to 189, or --count to 13421$/,
  );
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
