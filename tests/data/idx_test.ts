import assert from "node:assert/strict";
import { joinIdx, parseIdx, readIdxFolder } from "../../data/idx.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], data: Uint8Array): Bytes {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

function images(count: number, size = 28): Bytes {
  return idx(
    [count, size, size],
    Uint8Array.from({ length: count * size * size }, (_, index) => index % 256),
  );
}

function labels(...values: number[]): Bytes {
  return idx([values.length], Uint8Array.from(values));
}

async function gzip(bytes: Bytes): Promise<Bytes> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

async function inFolder(files: Readonly<Record<string, Bytes>>, test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${folder}/${name}`, bytes);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("parseIdx reads a file written by hand", () => {
  const bytes = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
  const { shape, data } = parseIdx(bytes, { path: "x", rank: 3 });
  assert.deepEqual(shape, [1, 2, 3]);
  assert.deepEqual([...data], [1, 2, 3, 4, 5, 6]);
});

const DAMAGED: readonly (readonly [what: string, bytes: Bytes, message: RegExp])[] = [
  ["an empty file", new Uint8Array(0), /^Cannot read x as it is empty and not an IDX file/],
  ["an HTML page", new TextEncoder().encode("<html>not found</html>"), /an HTML page and not an IDX file/],
  ["a gzip file inside another", Uint8Array.of(0x1f, 0x8b, 8, 0, 0), /a gzip file and not an IDX file/],
  ["a file of floats", Uint8Array.of(0, 0, 0x0d, 3, 0, 0, 0, 0), /unsigned bytes.*current type is 13/],
  ["labels where images are expected", labels(1, 2, 3), /images must have 3 dimensions.*is 1.*swapped/],
  ["a header that is cut off", images(2).slice(0, 10), /header is cut off/],
  [
    "pixels that are cut off",
    images(2).slice(0, -1),
    /announces 1568 bytes of images and 1567 follow.*cut off/,
  ],
  [
    "bytes after the end",
    Uint8Array.of(...images(2), 0),
    /announces 1568 bytes of images and 1569 follow.*too long/,
  ],
];

for (const [what, bytes, message] of DAMAGED) {
  Deno.test(`parseIdx refuses ${what}`, () => {
    assert.throws(() => parseIdx(bytes, { path: "x", rank: 3 }), { name: "SyntaxError", message });
  });
}

Deno.test("parseIdx refuses images where labels are expected", () => {
  assert.throws(
    () => parseIdx(images(1), { path: "x", rank: 1 }),
    /labels must have 1 dimension: .*is 3.*swapped/,
  );
});

const MISMATCHED: readonly (readonly [what: string, images: Bytes, labels: Bytes, message: RegExp])[] = [
  ["another number of labels", images(2), labels(0), /holds 1 labels for 2 images/],
  ["a set without images", images(0), labels(), /holds no image/],
];

for (const [what, imageBytes, labelBytes, message] of MISMATCHED) {
  Deno.test(`joinIdx refuses ${what}`, () => {
    assert.throws(
      () => joinIdx({ path: "i", bytes: imageBytes }, { path: "l", bytes: labelBytes }),
      { name: "RangeError", message },
    );
  });
}

Deno.test("readIdxFolder reads plain and gzipped files alike", async () => {
  const files = {
    "train-images-idx3-ubyte": images(3),
    "train-labels-idx1-ubyte.gz": await gzip(labels(7, 0, 9)),
    "t10k-images-idx3-ubyte.gz": await gzip(images(1)),
    "t10k-labels-idx1-ubyte": labels(4),
  };
  await inFolder(files, async (folder) => {
    const train = await readIdxFolder(folder, { split: "train" });
    assert.deepEqual([...train.labels], [7, 0, 9]);
    assert.deepEqual(train.pixels, images(3).subarray(16));
    assert.deepEqual([train.height, train.width, train.channels, train.classes], [28, 28, 1, 10]);
    const test = await readIdxFolder(folder, { split: "test" });
    assert.deepEqual([...test.labels], [4]);
    assert.deepEqual(test.pixels, images(1).subarray(16));
  });
});

Deno.test("joinIdx takes any size, and as many classes as there are labels", () => {
  const bytes = idx([2, 5, 9], Uint8Array.from({ length: 90 }, (_, index) => index));
  const join = (...values: number[]) =>
    joinIdx({ path: "i", bytes }, { path: "l", bytes: labels(...values) });
  const { height, width, classes, pixels } = join(3, 9);
  assert.deepEqual([height, width, classes, pixels.length], [5, 9, 10, 90]);
  assert.equal(join(3, 46).classes, 47);
});

Deno.test("readIdxFolder names the missing file and the flag", () =>
  inFolder({ "train-images-idx3-ubyte": images(1) }, async (folder) => {
    await assert.rejects(readIdxFolder(folder, { split: "train" }), /train-labels-idx1-ubyte.*--data-dir/);
    await assert.rejects(readIdxFolder(`${folder}/none`, { split: "train" }), /Cannot find train-images/);
  }));
