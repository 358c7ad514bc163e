import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  CIFAR100_CLASSES,
  CIFAR100_SUPERCLASSES,
  CIFAR10_CLASSES,
  readCifar10,
  readCifar100,
} from "../../data/cifar.ts";
import { openImages } from "../../data/images.ts";
import { testOnSharedData, unpackedCifar } from "./shared_data.ts";

const RECORD = 3073;

/** Writes a file of `count` records without storing the empty ones: `records` are (index, label, first bytes). */
async function writeSparse(
  path: string,
  count: number,
  records: readonly (readonly [index: number, bytes: Uint8Array])[],
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  await file.truncate(count * RECORD);
  for (const [index, bytes] of records) {
    await file.seek(index * RECORD, Deno.SeekMode.Start);
    await file.write(bytes);
  }
}

/** A record of one label whose three planes are ramps that differ. */
function record(label: number): Uint8Array {
  const bytes = new Uint8Array(RECORD);
  bytes[0] = label;
  for (let at = 0; at < 1024; at++) {
    bytes[1 + at] = at % 256;
    bytes[1 + 1024 + at] = (at + 100) % 256;
    bytes[1 + 2048 + at] = (at + 200) % 256;
  }
  return bytes;
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readCifar10 reads a run of images across two batches, colours side by side", () =>
  inFolder(async (folder) => {
    for (const batch of [1, 2, 3, 4, 5]) {
      const records = batch === 1
        ? [[9_999, record(7)] as const]
        : batch === 2
        ? [[0, record(3)] as const]
        : [];
      await writeSparse(`${folder}/data_batch_${batch}.bin`, 10_000, records);
    }
    const images = await readCifar10(folder, { split: "train", offset: 9_998, count: 4 });
    assert.deepEqual([...images.labels], [0, 7, 3, 0]);
    assert.deepEqual([images.height, images.width, images.channels, images.classes], [32, 32, 3, 10]);
    assert.equal(images.pixels.length, 4 * 3072);
    assert.deepEqual([...images.pixels.subarray(3072, 3078)], [0, 100, 200, 1, 101, 201]);
    // Row 1, column 2 is element 34 of each plane.
    assert.deepEqual([...images.pixels.subarray(2 * 3072 + 102, 2 * 3072 + 105)], [34, 134, 234]);
    assert.ok(images.pixels.subarray(0, 3072).every((level) => level === 0));
  }));

Deno.test("readCifar10 reads train.bin and test.bin", () =>
  inFolder(async (folder) => {
    await writeSparse(`${folder}/train.bin`, 50_000, [[49_999, record(9)]]);
    await writeSparse(`${folder}/test.bin`, 10_000, [[0, record(2)]]);
    assert.equal((await readCifar10(folder, { split: "train", offset: 49_999, count: 1 })).labels[0], 9);
    const test = await openImages({ dataset: "cifar10", dataDir: folder, split: "test", count: 2 });
    assert.deepEqual([...test.labels], [2, 0]);
    assert.equal(test.available, 10_000);
  }));

Deno.test("readCifar10 refuses missing, cut off and foreign files", () =>
  inFolder(async (folder) => {
    const read = () => readCifar10(folder, { split: "test", offset: 0, count: 3 });
    await assert.rejects(read(), {
      name: "NotFound",
      message: /test\.bin or test_batch\.bin .*fetch cifar10.*--data-dir/,
    });
    await writeSparse(`${folder}/test_batch.bin`, 9_999, []);
    await assert.rejects(read(), {
      name: "SyntaxError",
      message: /must hold 10000 records.*30730000 in all/,
    });
    await writeSparse(`${folder}/test_batch.bin`, 10_000, [[1, Uint8Array.of(10)]]);
    await assert.rejects(read(), {
      name: "SyntaxError",
      message: /labels must be in 0\.\.9: record 1 has 10/,
    });
  }));

testOnSharedData("CIFAR10_CLASSES are the published names in order", {
  set: "cifar10",
  run: async (shared) => {
    const names = (await Deno.readTextFile(`${shared}/label-names.txt`)).trim().split("\n");
    assert.deepEqual(CIFAR10_CLASSES, names);
  },
});

testOnSharedData("CIFAR-100's names are the published ones, and its records are read with both labels", {
  set: "cifar100",
  run: async (shared) => {
    const names = async (file: string) => (await Deno.readTextFile(`${shared}/${file}`)).trim().split("\n");
    assert.deepEqual(CIFAR100_CLASSES, await names("fine-label-names.txt"));
    assert.deepEqual(CIFAR100_SUPERCLASSES, await names("coarse-label-names.txt"));
    const folder = await unpackedCifar("cifar100");
    const raw = await Deno.readFile(`${folder}/test.bin`);
    const images = await readCifar100(folder, { split: "test", offset: 9_998, count: 2 });
    assert.equal(images.classes, 100);
    const record = 2 + 3072;
    for (const [row, at] of [9_998, 9_999].entries()) {
      const bytes = raw.subarray(at * record, (at + 1) * record);
      assert.deepEqual([images.coarse[row], images.labels[row]], [bytes[0], bytes[1]]);
      const green = images.pixels.subarray(row * 3072).filter((_, index) => index % 3 === 1);
      assert.deepEqual(green.subarray(0, 1024), bytes.subarray(2 + 1024, 2 + 2048));
    }
    const opened = await openImages({ dataset: "cifar100", dataDir: folder, split: "test" });
    // Every fine class has a hundred test images.
    const counts = new Int32Array(100);
    for (const label of opened.labels) counts[label]++;
    assert.ok(counts.every((count) => count === 100));
    const bytes = createHash("sha256").update(opened.pixels).update(opened.labels).digest("hex");
    assert.equal(opened.sha256, bytes);
  },
});

Deno.test("readCifar100 refuses CIFAR-10's files", () =>
  inFolder(async (folder) => {
    await writeSparse(`${folder}/test.bin`, 10_000, []);
    await assert.rejects(
      readCifar100(folder, { split: "test", offset: 0, count: 1 }),
      /10000 records of 3074 bytes.*fetch cifar100/,
    );
    await assert.rejects(
      readCifar100(folder, { split: "train", offset: 0, count: 1 }),
      /Cannot find CIFAR-100's train\.bin in .*fetch cifar100/,
    );
  }));
