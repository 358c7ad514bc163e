/** Whole runs on data other than images, as programs. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { encode } from "jpeg-js";
import { PNG } from "pngjs";
import { stream } from "../../base/random.ts";
import { readTensors } from "../../base/safetensors.ts";
import { formatTable, parseTable } from "../../data/csv.ts";
import { startProgram } from "../program.ts";

function start(model: string, ...args: string[]) {
  const flags = ["--device", "wasm", "--threads", "1", "--samples", "200"];
  return startProgram(".", `models/${model}.ts`, ...flags, ...args);
}

/** `deno task sample` on a finished run. */
function sampleAgain(run: string) {
  const flags = ["--device", "wasm", "--threads", "1", "--samples", "100"];
  return startProgram(".", "tasks/sample.ts", run, ...flags);
}

async function finished(out: string) {
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(join(out, name)));
  const files: string[] = [];
  for await (const { name } of Deno.readDir(out)) files.push(name);
  return { summary: await read("summary.json"), config: await read("config.json"), files: files.sort() };
}

const COMMON = [
  "checkpoint.safetensors",
  "config.json",
  "log.jsonl",
  "report.html",
  "sequences.safetensors",
  "summary.json",
  "weights.safetensors",
];

Deno.test("two rows of numbers are learned by heart", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run"), file = join(folder, "two.csv");
  await Deno.writeTextFile(file, "5,-1,5,700\n5,5,-1,5\n");
  const { code, error } = await start(
    "seq2seq",
    "--dataset",
    "csv",
    "--file",
    file,
    "--steps",
    "400",
    "--out",
    out,
  );
  assert.equal(code, 0, error);
  const { summary, config, files } = await finished(out);
  assert.deepEqual(files, [...COMMON, "samples.csv"].sort());
  const { metrics, dataset } = summary;
  assert.deepEqual([dataset.name, dataset.count, summary.status], ["csv", 2, "completed"]);
  assert.deepEqual([metrics.vocabulary, metrics.sequence_length, metrics.distinct_sequences], [3, 4, 2]);
  assert.ok(metrics.memorized_mass > 0.99 && metrics.memorized_fraction > 0.98, JSON.stringify(metrics));
  assert.equal(metrics.coverage, 1);
  assert.deepEqual([config.flags.file, config.flags.count, config.flags.window], [file, 2, null]);
  const { rows } = await parseTable(await Deno.readTextFile(join(out, "samples.csv")), {
    path: "samples.csv",
  });
  assert.equal(rows.length, 200);
  const known = rows.filter((row) => ["5,-1,5,700\n", "5,5,-1,5\n"].includes(formatTable([row])));
  assert.equal(known.length, 200 * metrics.memorized_fraction);
  const { tensors, metadata } = await readTensors(join(out, "sequences.safetensors"));
  assert.deepEqual([...tensors.get("tokens")!.data], [1, 0, 1, 2, 1, 1, 0, 1]);
  assert.equal(metadata.symbols, "[-1,5,700]");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a text is learned, shown with its stretches marked, and may not change before --resume", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run"), file = join(folder, "a.txt");
  await Deno.writeTextFile(file, "she sells sea shells & such");
  const args = ["--dataset", "text", "--file", file, "--window", "6", "--out", out];
  const { code, error } = await start("seq2hist", ...args, "--steps", "60");
  assert.equal(code, 0, error);
  const { summary, files } = await finished(out);
  assert.deepEqual(files, [...COMMON, "samples.txt"].sort());
  assert.equal(summary.dataset.count, 22);
  assert.ok(summary.metrics.mean_longest_span >= 1 && summary.metrics.mean_longest_span <= 6);
  assert.equal((await Deno.readTextFile(join(out, "samples.txt"))).trimEnd().split("\n").length, 200);
  assert.match(await Deno.readTextFile(join(out, "report.html")), /<mark title="\d characters from line 1">/);
  await Deno.writeTextFile(file, "she sails sea shells & such");
  const changed = await start("seq2hist", ...args, "--steps", "80", "--resume");
  assert.equal(changed.code, 1);
  assert.match(changed.error, /its data set text has changed: start a new run/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("melodies are learned, seen and heard", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run");
  const { code, error } = await start(
    "seq2token",
    "--dataset",
    "melody",
    "--count",
    "8",
    "--window",
    "5",
    "--steps",
    "30",
    "--out",
    out,
  );
  assert.equal(code, 0, error);
  const { summary, files } = await finished(out);
  assert.deepEqual(files, [...COMMON, "samples.abc", "samples.mid", "samples.png", "samples.wav"].sort());
  assert.deepEqual([summary.dataset.count, summary.metrics.sequence_length], [8, 5]);
  const bytes = await Deno.readFile(join(out, "samples.mid"));
  assert.equal(new TextDecoder().decode(bytes.subarray(0, 4)), "MThd");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("bad input ends with one sentence, and nothing is written", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run"), file = join(folder, "a.csv");
  await Deno.writeTextFile(file, "1,2\n3,four\n");
  const bad = await start("seq2seq", "--dataset", "csv", "--file", file, "--out", out);
  assert.equal(bad.code, 1);
  assert.match(bad.error, /^train-seq2seq: Cannot read .*a\.csv as cell 2 of line 2 must be .*"four"\n$/);
  const usage = await start("seq2seq", "--dataset", "csv", "--unit", "word", "--out", out);
  assert.equal(usage.code, 2);
  assert.match(usage.error, /^train-seq2seq: --unit goes with --dataset text and not with csv/);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a folder of pictures of mixed sizes and kinds goes through the autoencoder, and samples need it no more", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run"), pictures = join(folder, "pictures");
  await Deno.mkdir(pictures);
  const random = stream(5);
  for (let index = 0; index < 6; index++) {
    const width = 30 + random.integer(40), height = 30 + random.integer(40);
    const levels = Array.from({ length: 3 }, () => random.integer(256));
    const data = Buffer.alloc(width * height * 4, 255);
    for (let at = 0; at < width * height; at++) {
      const [red, green, blue] = at % width < width / 2 ? levels : levels.toReversed();
      data.set(index < 2 ? [red, red, red] : [red, green, blue], 4 * at);
    }
    if (index % 2 === 0) {
      const image = new PNG({ width, height });
      image.data = data;
      await Deno.writeFile(join(pictures, `${index}.png`), PNG.sync.write(image));
    } else await Deno.writeFile(join(pictures, `${index}.jpg`), encode({ data, width, height }, 90).data);
  }
  const { code, error, text } = await start(
    "ngram",
    ...["--dataset", "images", "--data-dir", pictures, "--size", "20"],
    ...["--autoencoder-steps", "10", "--out", out],
  );
  assert.equal(code, 0, error);
  assert.match(text, /6 of 6 images, as 20x20 in colour/);
  const { summary, files } = await finished(out);
  assert.ok(files.includes("images.safetensors") && files.includes("samples.png"), files.join());
  const { metrics, dataset } = summary;
  assert.deepEqual([dataset.name, dataset.count], ["images", 6]);
  // Counts of all tokens before are exact: every sample is a training sequence.
  assert.ok(Math.abs(metrics.memorized_mass - 1) < 1e-9 && metrics.memorized_fraction === 1);
  const codes = await readTensors(join(out, "autoencoder/codes.safetensors"));
  assert.deepEqual(codes.tensors.get("codes")!.shape, [6, 3, 3, 3]);
  assert.deepEqual(codes.tensors.get("tokens")!.shape, [6, 9]);
  await Deno.remove(pictures, { recursive: true });
  const again = await sampleAgain(out);
  assert.equal(again.code, 0, again.error);
  const { tensors } = await readTensors(join(out, "samples-s1/samples.safetensors"));
  assert.deepEqual(tensors.get("codes")!.shape, [100, 3, 3, 3]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("samples of a text are shown when its file has moved", async () => {
  const folder = await Deno.makeTempDir(), out = join(folder, "run"), file = join(folder, "a.txt");
  await Deno.writeTextFile(file, "she sells sea shells on the sea shore");
  const { code, error } = await start(
    "ngram",
    "--dataset",
    "text",
    "--file",
    file,
    "--window",
    "6",
    "--out",
    out,
  );
  assert.equal(code, 0, error);
  await Deno.remove(file);
  const again = await sampleAgain(out);
  assert.equal(again.code, 0, again.error);
  const samples = await Deno.readTextFile(join(out, "samples-s1/samples.txt"));
  assert.equal(samples.trimEnd().split("\n").length, 100);
  await Deno.remove(folder, { recursive: true });
});
