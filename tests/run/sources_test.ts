import assert from "node:assert/strict";
import { join } from "node:path";
import { formatCsv } from "../../data/csv.ts";
import { parseFlags } from "../../run/flags.ts";
import type { AutoencoderPart } from "../../run/image_source.ts";
import { type SequenceData, sequenceFlags } from "../../run/sequence_source.ts";
import { openSource } from "../../run/sources.ts";
import { readTensors } from "../../base/safetensors.ts";

const NO_AUTOENCODER: AutoencoderPart = {
  task: "none",
  config: () => null,
  train: () => Promise.reject(new Error("not needed")),
  decode: () => Promise.reject(new Error("not needed")),
};
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  return path;
}

function source(...args: string[]) {
  return openSource(parseFlags(sequenceFlags, args).values, { autoencoder: NO_AUTOENCODER });
}

/** The sequences of a source. Those of this test need no run but a folder, and no device. */
async function data(...args: string[]): Promise<SequenceData> {
  const place = { run: { path: (name: string) => join(folder, name) }, device: {} };
  return (await source(...args)).open(place as Parameters<Awaited<ReturnType<typeof source>>["open"]>[0]);
}

/** What is shown of the training sequences themselves and one more. */
function show({ show, sequences }: SequenceData, extra: readonly number[]) {
  const { tokens, count } = sequences;
  return show({
    title: "Test",
    tokens: Int32Array.from([...tokens, ...extra]),
    matches: Int32Array.from({ length: count + 1 }, (_, index) => index < count ? index : -1),
    memorizedFraction: count / (count + 1),
  });
}

Deno.test("a text becomes windows, and windows text with the memorized stretches marked", async () => {
  const path = await file("a.txt", "the cat\nthe mat");
  const windows = await data("--dataset", "text", "--file", path, "--window", "9", "--stride", "3");
  const { count, length, vocabulary } = windows.sequences;
  assert.deepEqual([count, length, vocabulary], [3, 9, 8]); // "\n aceht" and "m"
  const stored = await readTensors(join(folder, "sequences.safetensors"));
  assert.equal(stored.metadata.symbols, JSON.stringify([..."\n acehmt"]));
  const symbols = [..."\n acehmt"];
  const mixed = [..."the mathe"].map((letter) => symbols.indexOf(letter));
  const { blocks, files, metrics } = await show(windows, mixed);
  assert.equal(files["samples.txt"], "the cat\\nt\n cat\\nthe \nt\\nthe mat\nthe mathe\n");
  const block = blocks[0];
  assert.ok(block.kind === "marked");
  assert.equal(block.lines[0].note, "memorized: line 1");
  assert.deepEqual(block.lines[0].parts, [{ text: "the cat\nt", mark: "9 characters from line 1" }]);
  assert.deepEqual(block.lines[3], {
    parts: [{ text: "the mat", mark: "7 characters from line 2" }, { text: "he", mark: undefined }],
    note: "new: line 2",
    strong: false,
    kind: "new",
  });
  assert.equal(metrics.mean_longest_span, (9 + 9 + 9 + 7) / 4);
});

Deno.test("words keep apart, and a window's line is that of its first word", async () => {
  const path = await file("words.txt", "one two three\nfour two three");
  const windows = await data("--dataset", "text", "--file", path, "--unit", "word", "--window", "3");
  assert.equal(windows.sequences.count, 4);
  const symbols = ["four", "one", "three", "two"];
  const { blocks, files } = await show(windows, ["two", "three", "one"].map((word) => symbols.indexOf(word)));
  assert.ok(String(files["samples.txt"]).startsWith("one two three\ntwo three four\nthree four two\n"));
  const block = blocks[0];
  assert.ok(block.kind === "marked");
  assert.equal(block.lines[3].note, "memorized: line 2");
  assert.deepEqual(block.lines[4].parts.map(({ text }) => text), ["two three", " ", "one"]);
});

Deno.test("melodies stay inside their tunes and can be seen, read and heard", async () => {
  const path = await file("a.abc", "X:1\nT:Up\nL:1/4\nK:C\nCDEF\n\nX:2\nT:Down\nL:1/4\nK:C\nFEzC\n");
  const windows = await data("--dataset", "melody", "--file", path, "--window", "3");
  const { count, vocabulary, tokens } = windows.sequences;
  assert.deepEqual([count, vocabulary], [4, 5]);
  assert.deepEqual([...tokens], [1, 2, 3, 2, 3, 4, 4, 3, 0, 3, 0, 1]); // rest, C, D, E, F
  const { files, blocks } = await show(windows, [0, 1, 0]);
  assert.deepEqual(Object.keys(files), ["samples.png", "samples.abc", "samples.mid", "samples.wav"]);
  const [block] = blocks;
  assert.ok(block.kind === "melodies");
  assert.deepEqual(block.melodies.slice(2).map(({ title, kind }) => [title, kind]), [
    ["3 (memorized: Down, from note 1)", "memorized"],
    ["4 (memorized: Down, from note 2)", "memorized"],
    ["5 (new)", "new"],
  ]);
  assert.match(block.melodies[1].abc, /D2 E2 F2\n/);
  assert.match(String(files["samples.abc"]), /T:2 \(memorized: Up, from note 2\)\n.*\n.*\n.*\nD2 E2 F2\n/);
});

Deno.test("rows of numbers, chosen by offset and count, and written as they were read", async () => {
  const path = await file("a.csv", "9,9\n-5,7\n7,100\n7,100\n");
  const rows = await data("--dataset", "csv", "--file", path, "--offset", "1", "--count", "2");
  assert.deepEqual([...rows.sequences.tokens], [0, 1, 1, 2]);
  const { files, blocks } = await show(rows, [2, 0]);
  assert.equal(files["samples.csv"], formatCsv([[-5, 7], [7, 100], [100, -5]]));
  const table = blocks[0];
  assert.ok(table.kind === "table");
  assert.deepEqual(table.table.rows.map((row) => row[1]), ["memorized: row 2", "memorized: row 3", "new"]);
});

Deno.test("what a run records of its sequences follows from them alone", async () => {
  const one = await source("--dataset", "csv", "--file", await file("one.csv", "1,2\n2,3\n"));
  const same = await source("--dataset", "csv", "--file", await file("same.csv", "1, 2\n\n2,3"));
  const other = await source("--dataset", "csv", "--file", await file("other.csv", "1,2\n2,4\n"));
  assert.deepEqual(one.facts, same.facts);
  assert.notEqual(one.facts.sha256, other.facts.sha256);
  assert.deepEqual([one.facts.name, one.facts.split, one.facts.offset, one.facts.count], [
    "csv",
    "train",
    0,
    2,
  ]);
  assert.equal((await source("--dataset", "text")).facts.count, 1024);
});

Deno.test("bad input is told in one sentence", async () => {
  const fails = async (message: RegExp, ...args: string[]) => {
    await assert.rejects(source(...args), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  };
  const text = ["--dataset", "text", "--file"];
  await fails(/no such file/, ...text, join(folder, "absent"));
  await fails(/as it is empty/, ...text, await file("empty", " \n"));
  await fails(/no text in UTF-8/, ...text, await file("bytes", Uint8Array.of(0xff, 0xfe, 0)));
  await fails(
    /windows of 16 characters as the text has 5 only: lower --window/,
    ...text,
    await file("b", "short"),
  );
  await fails(/one distinct token only \("a"\)/, ...text, await file("c", "a".repeat(20)));
  await fails(/cell 2 of line 1/, "--dataset", "csv", "--file", await file("d", "1,x\n"));
  await fails(/line 1 has 2 cells, line 2 has 1/, "--dataset", "csv", "--file", await file("e", "1,2\n1\n"));
  await fails(/rows have one cell/, "--dataset", "csv", "--file", await file("f", "1\n2\n"));
  await fails(/no tune in ABC/, "--dataset", "melody", "--file", await file("g", "words"));
  await fails(
    /longest tune of .* has 1: lower --window/,
    "--dataset",
    "melody",
    "--file",
    await file("h", "X:1\nK:C\nC"),
  );
  await fails(
    /40 rows from item 0 on as the data set holds 32: lower --count$/,
    "--dataset",
    "csv",
    "--count",
    "40",
  );
  await fails(
    /start at item 32 as the data set holds 32 rows: lower --offset/,
    "--dataset",
    "csv",
    "--offset",
    "32",
  );
  await fails(
    /--window goes with --dataset text, melody and not with csv/,
    "--dataset",
    "csv",
    "--window",
    "3",
  );
  await fails(/--file goes with --dataset text, melody, csv and not with digits/, "--file", "x");
  await fails(/--autoencoder goes with .* and not with text/, "--dataset", "text", "--autoencoder", "runs/x");
});
