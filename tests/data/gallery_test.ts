import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { zipSync } from "fflate";
import { encode } from "jpeg-js";
import { PNG } from "pngjs";
import { openImages } from "../../data/images.ts";
import { npy } from "./made_arrays.ts";

type Colour = readonly [number, number, number];

/** A plain picture. */
function plain(height: number, width: number, [red, green, blue]: Colour): Buffer {
  const data = Buffer.alloc(height * width * 4, 255);
  for (let at = 0; at < height * width; at++) data.set([red, green, blue], 4 * at);
  return data;
}
function png(height: number, width: number, colour: Colour): Uint8Array {
  const image = new PNG({ width, height });
  image.data = plain(height, width, colour);
  return new Uint8Array(PNG.sync.write(image));
}
function jpeg(height: number, width: number, colour: Colour): Uint8Array {
  return new Uint8Array(encode({ data: plain(height, width, colour), height, width }, 95).data);
}

async function inFolder(
  files: Readonly<Record<string, Uint8Array | string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = `${root}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(path, content);
      else await Deno.writeFile(path, content);
    }
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const open = (dataDir: string, options: Partial<Parameters<typeof openImages>[0]> = {}) =>
  openImages({ dataset: "images", split: "train", dataDir, ...options });

const MIXED = {
  "b/2.jpg": jpeg(40, 60, [90, 90, 90]),
  "b/10.PNG": png(5, 9, [30, 30, 30]),
  "b/notes.txt": "not a picture",
  "a/1.png": png(64, 33, [10, 10, 10]),
  "a/deep/3.jpeg": jpeg(33, 20, [200, 40, 40]),
  "a/.hidden.png": "not a picture",
};

Deno.test("pictures of mixed sizes and kinds become squares, folders become labels in turn", () =>
  inFolder(MIXED, async (folder) => {
    const set = await open(folder);
    const { pixels, labels, sha256, ...facts } = set;
    assert.deepEqual(facts, {
      name: "images",
      split: "train",
      offset: 0,
      count: 4,
      available: 4,
      height: 32,
      width: 32,
      channels: 3,
      classes: 2,
      classNames: ["a", "b"],
    });
    assert.equal(sha256.length, 64);
    // a/1, b/10, a/deep/3, b/2: names are sorted as texts.
    assert.deepEqual([...labels], [0, 1, 0, 1]);
    const levels = Array.from(
      { length: 4 },
      (_, image) => [...pixels.subarray(image * 3072, image * 3072 + 3)],
    );
    assert.deepEqual(levels.map(([red]) => Math.round(red / 10)), [1, 3, 20, 9]);
    assert.ok(levels[2][1] < 60);
    const grey = await open(folder, { size: 8, channels: 1, offset: 1, count: 1 });
    assert.deepEqual([grey.height, grey.width, grey.channels, [...grey.labels]], [8, 8, 1, [1]]);
    assert.ok(grey.pixels.every((level) => level === 30));
    // Where no chosen picture has colour, there is one channel.
    assert.equal((await open(folder, { count: 2 })).channels, 1);
  }));

Deno.test("without folders there are no labels; links to files are read, links in circles not followed", () =>
  inFolder({ "2.png": png(3, 3, [2, 2, 2]), "1.png": png(3, 3, [1, 1, 1]) }, async (folder) => {
    await Deno.symlink(folder, `${folder}/circle`);
    await Deno.symlink(`${folder}/1.png`, `${folder}/3.png`);
    await Deno.symlink(`${folder}/nowhere`, `${folder}/4.png`);
    const set = await open(folder, { size: 1 });
    assert.deepEqual([set.count, set.classes, set.classNames], [3, 1, undefined]);
    assert.deepEqual([...set.pixels], [1, 2, 1]);
  }));

Deno.test("a classifier's test images are every fifth of each label, and no other images", async () => {
  const files: Record<string, Uint8Array> = {};
  for (let index = 0; index < 11; index++) files[`a/${10 + index}.png`] = png(1, 1, [index, index, index]);
  for (let index = 0; index < 5; index++) files[`b/${index}.png`] = png(1, 1, [100 + index, 0, 0]);
  await inFolder(files, async (folder) => {
    const red = async (options: Parameters<typeof open>[1]) => {
      const { pixels } = await open(folder, { size: 1, channels: 3, ...options });
      return [...pixels.filter((_, at) => at % 3 === 0)].sort((a, b) => a - b);
    };
    assert.deepEqual(await red({ split: "test" }), [4, 9, 104]);
    assert.deepEqual(await red({ holdOut: true }), [0, 1, 2, 3, 5, 6, 7, 8, 10, 100, 101, 102, 103]);
    assert.equal((await red({})).length, 16);
  });
  await inFolder({ "a/1.png": png(1, 1, [1, 1, 1]), "b/1.png": png(1, 1, [1, 1, 1]) }, async (folder) => {
    await assert.rejects(open(folder, { split: "test" }), /no label has five images/);
  });
});

/** Pictures [2, 2, 3] of levels 0..11, in both orders of axes. */
const GREY = npy("|u1", [2, 2, 3], Uint8Array.from({ length: 12 }, (_, index) => index));

Deno.test("arrays: bytes keep their shape, colours may stand first, labels and a test part may be there", () =>
  inFolder({
    "grey.npy": GREY,
    "set.npz": zipSync({
      "x_train.npy": npy("|u1", [2, 3, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
      "y_train.npy": npy("<i8", [2, 1], new Uint8Array(BigInt64Array.of(4n, 0n).buffer)),
      "x_test.npy": npy("|u1", [1, 1, 2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)),
      "y_test.npy": npy("|u1", [1], Uint8Array.of(3)),
    }),
  }, async (folder) => {
    const grey = await open(`${folder}/grey.npy`);
    assert.deepEqual([grey.height, grey.width, grey.channels, grey.classes], [2, 3, 1, 1]);
    assert.deepEqual([...grey.pixels], Array.from({ length: 12 }, (_, index) => index));
    const train = await open(`${folder}/set.npz`, { holdOut: true });
    assert.deepEqual([train.height, train.width, train.channels, train.classes], [1, 2, 3, 5]);
    assert.deepEqual([...train.pixels], [1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12]);
    assert.deepEqual([...train.labels], [4, 0]);
    const test = await open(`${folder}/set.npz`, { split: "test" });
    assert.deepEqual([[...test.pixels], [...test.labels]], [[1, 2, 3, 4, 5, 6], [3]]);
  }));

Deno.test("a folder may hold one npz, or npy files named as its arrays", async () => {
  await inFolder({ "x.npz": zipSync({ "arr_0.npy": GREY }) }, async (folder) => {
    assert.equal((await open(folder)).count, 2);
  });
  await inFolder(
    { "images.npy": GREY, "labels.npy": npy("|u1", [2], Uint8Array.of(1, 0)) },
    async (folder) => {
      assert.deepEqual([...(await open(folder)).labels], [1, 0]);
    },
  );
  // Larger ones are averaged down to 32 unless a size is given.
  await inFolder({ "a.npy": npy("|u1", [1, 40, 36], new Uint8Array(1440).fill(7)) }, async (folder) => {
    const set = await open(folder);
    assert.deepEqual([set.height, set.width, set.pixels.every((level) => level === 7)], [32, 32, true]);
    assert.equal((await open(folder, { size: 36 })).height, 36);
  });
});

Deno.test("a folder of IDX files needs no test part", () =>
  inFolder({
    "train-images-idx3-ubyte": Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4),
    "train-labels-idx1-ubyte": Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 5, 12),
  }, async (dataDir) => {
    for (const dataset of ["idx", "images"] as const) {
      const set = await openImages({ dataset, dataDir, split: "train" });
      assert.deepEqual([set.height, set.width, set.classes], [1, 2, 13]);
      assert.deepEqual([[...set.pixels], [...set.labels]], [[1, 2, 3, 4], [5, 12]]);
    }
  }));

Deno.test("what is not images is told in one sentence", async () => {
  const fails = (path: string, message: RegExp, options = {}) =>
    assert.rejects(open(path, options), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  await inFolder({
    "empty/.keep": "",
    "other/a.webp": "x",
    "other/b.gif": "x",
    "page/a.png": "<html>not found</html>",
    "cut/a.jpg": jpeg(9, 9, [1, 2, 3]).subarray(0, 300),
    "a.txt": "words",
    "flat.npy": npy("|u1", [4, 784], new Uint8Array(4 * 784)),
    "none.npy": npy("|u1", [0, 2, 2], new Uint8Array(0)),
    "names.npz": zipSync({ "p.npy": GREY, "q.npy": GREY }),
    "labels.npz": zipSync({ "x.npy": GREY, "y.npy": npy("|u1", [3], new Uint8Array(3)) }),
    "negative.npz": zipSync({ "x.npy": GREY, "y.npy": npy("|i1", [2], Uint8Array.of(1, 255)) }),
  }, async (root) => {
    await fails(`${root}/absent`, /no such file or folder: name one of images with --data-dir/);
    await fails(`${root}/empty`, /Cannot find an image in .*empty: it is empty, put PNG or JPEG files there/);
    await fails(`${root}/other`, /its 2 files end in \.gif, \.webp, put PNG/);
    await fails(`${root}/page`, /page\/a\.png as it is an HTML page/);
    await fails(`${root}/cut`, /cut\/a\.jpg as the JPEG is damaged or cut off/);
    await fails(`${root}/a.txt`, /images are read from a folder, an \.npy or an \.npz/);
    await fails(`${root}/flat.npy`, /must be \[number, height, width\].*current shape is \[4, 784\]/);
    await fails(`${root}/none.npy`, /current shape is \[0, 2, 2\]/);
    await fails(`${root}/names.npz`, /its arrays are called p, q: call them x_train/);
    await fails(`${root}/labels.npz`, /3 labels for 2 images/);
    await fails(`${root}/negative.npz`, /labels must be whole numbers in 0\.\.255: one is -1/);
    await fails(`${root}/page`, /Cannot hold 1 images of 50000x50000x3 as they take 7\.5 GB/, {
      size: 50_000,
    });
  });
});
