import assert from "node:assert/strict";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { openOpinions, readImdbArchive, readImdbLines } from "../../data/sentiment.ts";
import { testOnSharedData } from "./shared_data.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the built-in reviews need no file, and a smaller count is their beginning", async () => {
  const all = await openOpinions({ dataset: "reviews", split: "test" });
  const few = await openOpinions({ dataset: "reviews", split: "test", count: 3 });
  assert.deepEqual([all.count, all.available, few.count, few.available], [500, 500, 3, 500]);
  assert.deepEqual(few.texts, all.texts.slice(0, 3));
  assert.notEqual(few.sha256, all.sha256);
  await assert.rejects(
    openOpinions({ dataset: "reviews", split: "test", count: 501 }),
    /Cannot test on 501 texts as reviews holds 500 for that: lower --count/,
  );
});

// The same number stands in four places of the archive: its files collide when cut to their last part.
const REVIEWS = ["train", "test"].flatMap((split) =>
  [0, 1].flatMap((label) =>
    [7, 12].map((id) => ({ split, label, id, rating: 5, text: `${split} ${label} ${id} fine – ok` }))
  )
);

Deno.test("IMDB's archive and its lines give the same reviews, classes apart and by number", () =>
  inFolder(async (folder) => {
    const lines = `${folder}/imdb.jsonl.br`, archive = `${folder}/x.tar.gz`;
    const text = REVIEWS.toReversed().map((one) => JSON.stringify(one) + "\n").join("");
    await Deno.writeFile(lines, brotliCompressSync(text));
    const body = (one: string) => new TextEncoder().encode(one);
    const tar = await packTar([
      { header: { name: "aclImdb/train/unsup/7_0.txt", size: 3 }, body: "not" },
      ...REVIEWS.map(({ split, label, id, text }) => ({
        header: { name: `aclImdb/${split}/${label ? "pos" : "neg"}/${id}_5.txt`, size: body(text).length },
        body: body(text),
      })),
    ]);
    await Deno.writeFile(archive, gzipSync(tar));
    const read = await readImdbLines(lines, { split: "test" });
    assert.deepEqual(
      read.map(({ text }) => text),
      ["0 7", "0 12", "1 7", "1 12"].map((key) => `test ${key} fine – ok`),
    );
    assert.deepEqual(await readImdbArchive(archive, { split: "test" }), read);
    await assert.rejects(
      openOpinions({ dataset: "imdb", dataDir: folder, split: "train" }),
      /train split must hold 25000 reviews: it holds 4, fetch it again/,
    );
    await Deno.writeFile(lines, brotliCompressSync('{"split":"test","label":2}\n'));
    await assert.rejects(readImdbLines(lines, { split: "test" }), /line 1 is no review/);
    await Deno.writeFile(lines, new Uint8Array(100));
    await assert.rejects(readImdbLines(lines, { split: "test" }), /damaged or cut off/);
  }));

Deno.test("missing and incomplete files are named, with what to do", () =>
  inFolder(async (folder) => {
    const open = (dataset: "imdb" | "polarity") => openOpinions({ dataset, dataDir: folder, split: "train" });
    await assert.rejects(open("imdb"), /Cannot find aclImdb_v1\.tar\.gz .*fetch imdb.*--data-dir/);
    await assert.rejects(open("polarity"), /Cannot find .*rt-polarity\.neg.*fetch polarity.*--data-dir/);
    await Deno.writeTextFile(`${folder}/rt-polarity.neg`, "bad\nworse\n");
    await assert.rejects(open("polarity"), /must hold 5331 sentences: it holds 2/);
  }));

/** The four signs of the sentences that Windows' alphabet has at other places than Unicode. */
const WINDOWS: Readonly<Record<string, number>> = { "…": 0x85, "‘": 0x91, "–": 0x96, "—": 0x97 };

testOnSharedData("polarity is split evenly, and its Latin original reads like its UTF-8 copy", {
  set: "rt-polarity",
  run: async (dataDir) => {
    const train = await openOpinions({ dataset: "polarity", dataDir, split: "train" });
    const test = await openOpinions({ dataset: "polarity", dataDir, split: "test" });
    assert.deepEqual([train.texts.length, test.texts.length], [9_596, 1_066]);
    for (const { labels, count } of [train, test]) {
      assert.equal(labels.reduce((sum, label) => sum + label, 0), count / 2);
    }
    await inFolder(async (folder) => {
      for (const name of ["rt-polarity.pos", "rt-polarity.neg"]) {
        const text = await Deno.readTextFile(`${dataDir}/${name}`);
        await Deno.writeFile(
          `${folder}/${name}`,
          Uint8Array.from(text, (letter) => WINDOWS[letter] ?? letter.charCodeAt(0)),
        );
      }
      assert.equal(
        (await openOpinions({ dataset: "polarity", dataDir: folder, split: "test" })).sha256,
        test.sha256,
      );
    });
  },
});

testOnSharedData("IMDB's 25,000 test reviews are mixed", {
  set: "imdb",
  run: async (dataDir) => {
    const { count, labels, texts } = await openOpinions({ dataset: "imdb", dataDir, split: "test" });
    assert.deepEqual([count, labels.reduce((sum, label) => sum + label, 0)], [25_000, 12_500]);
    const begin = labels.subarray(0, 1000).reduce((sum, label) => sum + label, 0);
    assert.ok(begin > 430 && begin < 570, String(begin));
    assert.ok(texts.every((text) => text.length > 20));
  },
});
