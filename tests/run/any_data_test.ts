/** Whole runs on data other than images, as programs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readTensors } from "../../base/safetensors.ts";
import { formatTable, parseTable } from "../../data/csv.ts";

const ROOT = join(import.meta.dirname!, "../..");

async function start(model: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--config", join(ROOT, "deno.json")],
      ...["--allow-read", "--allow-write", join(ROOT, `models/${model}.ts`)],
      ...["--device", "wasm", "--threads", "1", "--samples", "200", ...args],
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
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
