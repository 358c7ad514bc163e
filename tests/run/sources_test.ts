import assert from "node:assert/strict";
import { join } from "node:path";
import { formatTable } from "../../data/csv.ts";
import { formatMidi } from "../../data/midi.ts";
import { parseFlags } from "../../run/flags.ts";
import type { AutoencoderPart } from "../../run/image_source.ts";
import { type SequenceData, sequenceFlags, type SequenceSource } from "../../run/sequence_source.ts";
import { openSource, openStoredSource } from "../../run/sources.ts";
import { readTensors } from "../../base/safetensors.ts";

const NO_AUTOENCODER: AutoencoderPart = {
  task: "none",
  config: () => null,
  train: () => Promise.reject(new Error("not needed")),
  encode: () => Promise.reject(new Error("not needed")),
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

/** What sources said of what they took. */
const notes: string[] = [];

/** The sequences of a source. Those of this test need no run but a folder, and no device. */
async function data(...args: string[]): Promise<SequenceData> {
  const place = {
    run: { path: (name: string) => join(folder, name), note: (line: string) => notes.push(line) },
    device: {},
  };
  return (await source(...args)).open(place as unknown as Parameters<SequenceSource["open"]>[0]);
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
  const block = blocks[0];
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
  assert.equal(files["samples.csv"], formatTable([[-5, 7], [7, 100], [100, -5]]));
  const table = blocks[0];
  assert.ok(table.kind === "table");
  assert.deepEqual(table.table.rows.map((row) => row[1]), ["memorized: row 2", "memorized: row 3", "new"]);
});

Deno.test("windows are spread over the whole text unless an offset is given, and a line says so", async () => {
  const path = await file("long.txt", "abcdefghij".repeat(100) + "xyz");
  const spread = await data("--dataset", "text", "--file", path, "--window", "3", "--count", "4");
  const letters = (tokens: Int32Array) =>
    Array.from({ length: 4 }, (_, i) => [...tokens.subarray(3 * i, 3 * i + 3)].join(""));
  // 1,001 windows; numbers 0, 250, 500, 750 start with a.
  assert.deepEqual(letters(spread.sequences.tokens), ["012", "012", "012", "012"]);
  assert.equal(notes.at(-1), "4 of 1,001 windows of 3 characters, vocabulary 3");
  const from = await data(
    "--dataset",
    "text",
    "--file",
    path,
    "--window",
    "3",
    "--count",
    "4",
    "--offset",
    "0",
  );
  assert.deepEqual(letters(from.sequences.tokens), ["012", "123", "234", "345"]);
  const all = await source("--dataset", "text", "--file", path, "--window", "3", "--count", "1001");
  assert.equal(all.facts.count, 1001);
});

Deno.test("a folder of texts and JSON lines: no window spans two, and places name their file", async () => {
  await Deno.mkdir(join(folder, "books"), { recursive: true });
  await file("books/a.txt", "aab\nb");
  await file("books/b.txt", "cc");
  await file("books/c.txt", "bab\n");
  const books = await data("--dataset", "text", "--file", join(folder, "books"), "--window", "3");
  // aab, ab\n, b\nb and bab, ab\n
  assert.equal(books.sequences.count, 5);
  assert.equal(notes.at(-1), "5 of 5 windows of 3 characters of 3 texts, vocabulary 3");
  const { blocks } = await show(books, [2, 2, 2]);
  const block = blocks[0];
  assert.ok(block.kind === "marked");
  assert.deepEqual(block.lines.slice(0, 5).map(({ note }) => note), [
    "memorized: a.txt, line 1",
    "memorized: a.txt, line 1",
    "memorized: a.txt, line 1",
    "memorized: c.txt, line 1",
    "memorized: a.txt, line 1",
  ]);
  const lines = await file("x.jsonl", '{"t":"one two three"}\n{"t":"four"}\n{"t":"two three four"}\n');
  const args = ["--dataset", "text", "--file", lines, "--field", "t", "--unit", "word", "--window", "3"];
  const records = await data(...args);
  assert.equal(records.sequences.count, 2);
});

Deno.test("MIDI files and folders of tunes", async () => {
  await Deno.mkdir(join(folder, "tunes"), { recursive: true });
  const scale = [60, 62, 64, 65].map((pitch) => ({ pitch, ticks: 480 }));
  const path = await file("tunes/scale.mid", await formatMidi([scale]));
  const one = await data("--dataset", "melody", "--file", path, "--window", "3");
  assert.deepEqual([one.sequences.count, one.sequences.vocabulary], [2, 4]);
  await file("tunes/a.abc", "X:1\nT:Up\nL:1/4\nK:C\nCDE\n\nX:2\nK:C\nC§\n");
  const both = await data("--dataset", "melody", "--file", join(folder, "tunes"), "--window", "3");
  assert.deepEqual([...both.sequences.tokens], [0, 1, 2, 0, 1, 2, 1, 2, 3]);
  assert.match(
    notes.at(-1)!,
    /^3 of 3 windows of 3 notes from 2 of 2 tunes, vocabulary 4; 1 tunes passed over: .*line 9/,
  );
});

Deno.test("words, headers and separators of tables; decimals in bins by column", async () => {
  const words = await file("words.csv", "Size;Weight\r\nbig;3\r\nsmall;1\r\n");
  const table = await data("--dataset", "csv", "--file", words);
  assert.deepEqual([...table.sequences.tokens], [2, 1, 3, 0]); // 1, 3, big, small
  const { files } = await show(table, [2, 0]);
  assert.equal(files["samples.csv"], "Size;Weight\nbig;3\nsmall;1\nbig;1\n");
  assert.equal(notes.at(-1), "2 of 2 rows of 2 cells under a header, vocabulary 4");

  const decimals = await file("decimals.csv", "x,y\n0.1,5\n0.2,5\n0.9,1\n1.5,\n");
  await assert.rejects(
    source("--dataset", "csv", "--file", decimals),
    /cell 1 of line 2 is 0\.1, no whole number: add --bins 16 to count numbers in bins$/,
  );
  const binned = await data("--dataset", "csv", "--file", decimals, "--bins", "2");
  // Column 0: up to 0.2 (0.1 stands for it) and above (0.9); column 1: nothing, 1, 5. The same number is another
  // token in another column.
  assert.deepEqual([...binned.sequences.tokens], [0, 4, 0, 4, 1, 3, 1, 2]);
  const drawn = await show(binned, [1, 2]);
  assert.equal(drawn.files["samples.csv"], "x,y\n0.1,5\n0.1,5\n0.9,1\n0.9,\n0.9,\n");
});

Deno.test("a run folder has all that samples are shown with, and is held to it", async () => {
  const kinds = [
    ["--dataset", "text", "--window", "5", "--count", "30", "--unit", "word"],
    ["--dataset", "melody", "--window", "4", "--count", "9"],
    ["--dataset", "csv", "--bins", "3"],
  ];
  for (const args of kinds) {
    const fresh = await data(...args), { facts } = await source(...args);
    const flags = parseFlags(sequenceFlags, args).values;
    const open = (sha256: string) =>
      openStoredSource(
        { folder, config: { dataset: { ...facts, sha256 } } } as Parameters<typeof openStoredSource>[0],
        { flags, autoencoder: NO_AUTOENCODER },
      );
    const place = {} as Parameters<SequenceSource["open"]>[0];
    const again = await (await open(facts.sha256)).open(place);
    assert.deepEqual(again.sequences, fresh.sequences);
    const extra = Array.from({ length: fresh.sequences.length }, (_, at) => at % 3);
    assert.deepEqual(await show(again, extra), await show(fresh, extra));
    await assert.rejects(
      open("0".repeat(64)),
      /does not hold the sequences that the run learned: restore it/,
    );
  }
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
  await fails(/as the text has 1 only: name a longer one/, ...text, await file("single", "a"));
  const page = await file("page", "<!DOCTYPE html><p>not found</p>");
  for (const dataset of ["csv", "melody"]) {
    await fails(/page as it is an HTML page: name the file itself/, "--dataset", dataset, "--file", page);
  }
  await fails(/one distinct token only \("a"\)/, ...text, await file("c", "a".repeat(20)));
  await fails(
    /cell 2 of line 2 must be a number/,
    "--dataset",
    "csv",
    "--file",
    await file("d", "1,2\n1,x\n"),
  );
  await fails(/line 1 has 2 cells, line 2 has 1/, "--dataset", "csv", "--file", await file("e", "1,2\n1\n"));
  await fails(/rows have one cell/, "--dataset", "csv", "--file", await file("f", "1\n2\n"));
  await fails(/no tune in ABC/, "--dataset", "melody", "--file", await file("g", "words"));
  await fails(
    /longest tune of .* has 1: name another file/,
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
