import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readMaybeGzip } from "../../data/gzip.ts";
import { MNIST_SOURCE, readMnist } from "../../data/mnist.ts";
import { testOnSharedData } from "./shared_data.ts";

Deno.test("readMnist names the task that fetches it and the flag", async () => {
  await assert.rejects(readMnist("no/such/folder", { split: "train" }), {
    name: "NotFound",
    message: /^Cannot find MNIST's .* in no\/such\/folder: run `deno task fetch mnist`.*--data-dir/,
  });
});

Deno.test("readMnist refuses a file that is not the original", async () => {
  const other = await Deno.makeTempDir();
  try {
    for (const { name } of MNIST_SOURCE.files) {
      await Deno.writeFile(`${other}/${name.replace(".gz", "")}`, Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5));
    }
    await assert.rejects(
      readMnist(other, { split: "test" }),
      /is not MNIST's original.*deno task fetch mnist/,
    );
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});

testOnSharedData("readMnist reads the original", {
  set: "mnist",
  run: async (folder) => {
    const train = await readMnist(folder, { split: "train" });
    assert.equal(train.pixels.length, 60_000 * 784);
    assert.deepEqual([...train.labels.subarray(0, 10)], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    const counts = new Array(10).fill(0);
    for (const label of train.labels) counts[label]++;
    // Published with the set.
    assert.deepEqual(counts, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let sum = 0;
    for (const pixel of train.pixels) sum += pixel;
    assert.ok(Math.abs(sum / train.pixels.length / 255 - 0.1307) < 5e-5);
  },
});

testOnSharedData("readMnist takes unpacked files too, and the pinned downloads are those of the copy", {
  set: "mnist",
  run: async (folder) => {
    const other = await Deno.makeTempDir();
    try {
      for (const { name, bytes, sha256 } of MNIST_SOURCE.files) {
        const packed = await Deno.readFile(`${folder}/${name}`);
        assert.equal(packed.length, bytes);
        assert.equal(createHash("sha256").update(packed).digest("hex"), sha256);
        if (!name.startsWith("t10k")) continue;
        await Deno.writeFile(`${other}/${name.replace(".gz", "")}`, await readMaybeGzip(`${folder}/${name}`));
      }
      const unpacked = await readMnist(other, { split: "test" });
      const packed = await readMnist(folder, { split: "test" });
      assert.equal(unpacked.labels.length, 10_000);
      assert.deepEqual(unpacked.labels, packed.labels);
    } finally {
      await Deno.remove(other, { recursive: true });
    }
  },
});
