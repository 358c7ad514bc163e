/** The sequence tasks as programs, and `sample` on what they wrote: tiny runs on the stock device. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readTensors } from "../../base/safetensors.ts";
import { command, startProgram } from "../program.ts";

async function start(cwd: string, ...args: string[]) {
  return await startProgram(cwd, args[0], ...args.slice(1), "--device", "tfjs");
}

/** The exit code of a process that gets a signal as soon as it has printed what matches `at`. */
async function signalled(
  program: Deno.Command,
  { signal, at }: { readonly signal: Deno.Signal; readonly at: RegExp },
): Promise<number> {
  const process = program.spawn();
  const decoder = new TextDecoder();
  let out = "", sent = false;
  for await (const chunk of process.stdout) {
    out += decoder.decode(chunk);
    if (sent || !at.test(out)) continue;
    process.kill(signal);
    sent = true;
  }
  await process.stderr.cancel();
  return (await process.status).code;
}

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

const weights = (...path: string[]) => Deno.readFile(join(...path, "weights.safetensors"));

/** One folder for all tests: a run of each model on the same eight images, with one autoencoder. */
const cwd = await Deno.makeTempDir();
const FLAGS = ["--count", "8", "--samples", "40", "--steps", "20", "--autoencoder", "autoencoder"];
const trained = (async () => {
  const args = ["--count", "8", "--steps", "6", "--out", "autoencoder"];
  const { code, error } = await start(cwd, "models/binary_autoencoder.ts", ...args);
  assert.equal(code, 0, error);
})();

async function train(model: string, out: string, ...more: string[]): Promise<void> {
  await trained;
  const { code, error } = await start(cwd, `models/${model}.ts`, ...FLAGS, "--out", out, ...more);
  assert.equal(code, 0, error);
}

for (
  const { run, model, flags, parameters } of [
    { run: "seq2token", model: "seq2token", flags: [], parameters: 136 * 256 + 257 * 256 + 257 * 8 },
    { run: "seq2hist", model: "seq2hist", flags: [], parameters: 136 * 256 + 257 * 256 + 257 * 8 },
    { run: "masked", model: "seq2seq", flags: [], parameters: 129 * 512 + 513 * 512 + 513 * 128 },
    {
      run: "transformer",
      model: "seq2seq",
      flags: ["--architecture", "transformer"],
      parameters: 25 * 64 + 2 * (4 * 65 * 64 + 65 * 256 + 257 * 64 + 4 * 64) + 2 * 64 + 65 * 8,
    },
  ]
) {
  Deno.test(`train-${model} as ${run} fills its run folder, and gives the same again`, async () => {
    await train(model, run, ...flags);
    assert.deepEqual(await names(join(cwd, run)), [
      "autoencoder",
      "checkpoint.safetensors",
      "config.json",
      "log.jsonl",
      "report.html",
      "samples.png",
      "summary.json",
      "weights.safetensors",
    ]);
    const summary = await readJson(cwd, run, "summary.json");
    assert.deepEqual(
      [summary.task, summary.status, summary.steps, summary.parameters],
      [`train-${model}`, "completed", 20, parameters],
    );
    const { metrics } = summary;
    assert.deepEqual([metrics.samples, metrics.distinct_sequences], [40, metrics.distinct_codes]);
    // Eight sequences, some of them equal perhaps: as random as their number at most.
    assert.ok(metrics.entropy_nats > 0 && metrics.entropy_nats <= Math.log(8) + 1e-9);
    assert.ok(metrics.sequence_nats > metrics.entropy_nats);
    assert.ok(metrics.memorized_mass >= 0 && metrics.memorized_mass < 1);
    assert.ok(metrics.memorized_fraction_low <= metrics.memorized_fraction);
    const { metadata } = await readTensors(join(cwd, run, "weights.safetensors"));
    assert.deepEqual([metadata.model, JSON.parse(metadata.config).length], [model, 16]);

    await train(model, `${run}-again`, ...flags);
    assert.deepEqual(await weights(cwd, run), await weights(cwd, `${run}-again`));
    assert.deepEqual((await readJson(cwd, `${run}-again`, "summary.json")).metrics, metrics);
  });
}

Deno.test("a run stopped, resumed, killed and resumed ends with the same weights", async () => {
  const at = /seq2hist {2}step \d/;
  const program = command(cwd, ["models/seq2hist.ts", ...FLAGS, "--out", "cut", "--device", "tfjs"]);
  assert.equal(await signalled(program, { signal: "SIGTERM", at }), 143);
  const { steps } = await readJson(cwd, "cut/summary.json");
  assert.ok(steps > 0 && steps < 20, `stopped after ${steps} steps`);
  const resume = command(cwd, ["models/seq2hist.ts", "--out", "cut", "--resume", "--device", "tfjs"]);
  assert.equal(await signalled(resume, { signal: "SIGKILL", at }), 137);
  await assert.rejects(Deno.stat(join(cwd, "cut/summary.json")));
  const { code, text, error } = await start(cwd, "models/seq2hist.ts", "--out", "cut", "--resume");
  assert.equal(code, 0, error);
  assert.match(text, new RegExp(`going on after step ${steps}`));
  assert.deepEqual(await weights(cwd, "cut"), await weights(cwd, "seq2hist"));
  const [cut, whole] = [
    await readJson(cwd, "cut/summary.json"),
    await readJson(cwd, "seq2hist/summary.json"),
  ];
  assert.deepEqual(cut.metrics, whole.metrics);
});

Deno.test("sample draws what the run drew from the same seed, and goes on drawing from others", async () => {
  const { metrics } = await readJson(cwd, "masked/summary.json");
  const same = await start(cwd, "tasks/sample.ts", "masked", "--seed", "0", "--samples", "40", "--out", "a");
  assert.equal(same.code, 0, same.error);
  const percent = (100 * metrics.memorized_fraction).toFixed(2);
  assert.match(same.text, new RegExp(`memorized fraction ${percent} % of 40 samples; 95 % interval`));
  assert.deepEqual(await names(join(cwd, "a")), ["report.html", "samples.png", "samples.safetensors"]);
  const { tensors } = await readTensors(join(cwd, "a/samples.safetensors"));
  assert.deepEqual([tensors.get("tokens")?.shape, tensors.get("codes")?.shape], [[40, 16], [40, 3, 4, 4]]);

  assert.equal((await start(cwd, "tasks/sample.ts", "masked", "--samples", "10")).code, 0);
  const other = await readTensors(join(cwd, "masked/samples-s1/samples.safetensors"));
  assert.notDeepEqual(other.tensors.get("tokens")?.data, tensors.get("tokens")?.data.slice(0, 160));
  // What was drawn before stays.
  assert.equal((await start(cwd, "tasks/sample.ts", "masked", "--samples", "20")).code, 0);
  const more = await readTensors(join(cwd, "masked/samples-s1-2/samples.safetensors"));
  const first = await readTensors(join(cwd, "masked/samples-s1/samples.safetensors"));
  assert.deepEqual([first, more].map(({ tensors }) => tensors.get("tokens")?.shape[0]), [10, 20]);
});

Deno.test("sample says what it cannot do", async () => {
  const nothing = await start(cwd, "tasks/sample.ts", "autoencoder");
  assert.deepEqual([nothing.code, nothing.error.trim().split("\n").length], [1, 1]);
  assert.match(nothing.error, /nothing to sample from a binary-autoencoder: name a run of a sequence model/);
  const absent = await start(cwd, "tasks/sample.ts", "nowhere");
  assert.deepEqual([absent.code, /RUN must be the folder of a finished run/.test(absent.error)], [2, true]);
  const taken = await start(cwd, "tasks/sample.ts", "masked", "--out", "autoencoder");
  assert.deepEqual([taken.code, /--out autoencoder exists/.test(taken.error)], [2, true]);
});

Deno.test("neither sample nor --resume goes on with other codes, or without those that were learned", async () => {
  const flags = ["--count", "8", "--steps", "4", "--samples", "10"];
  const args = ["models/seq2seq.ts", ...flags, "--autoencoder-steps", "4", "--out", "bound"];
  assert.equal((await start(cwd, ...args)).code, 0);
  await trained;
  await Deno.mkdir(join(cwd, "other"));
  for (const name of await names(join(cwd, "autoencoder"))) {
    await Deno.copyFile(join(cwd, "autoencoder", name), join(cwd, "other", name));
  }
  const [own, aside] = [join(cwd, "bound/autoencoder"), join(cwd, "aside")];
  const sample = ["tasks/sample.ts", "bound", "--samples", "10", "--out", "drawn"];
  const resume = ["models/seq2seq.ts", "--out", "bound", "--resume", "--steps", "5"];
  await Deno.rename(own, aside);
  for (const args of [sample, resume]) {
    const { code, error } = await start(cwd, ...args);
    assert.deepEqual([code, /bound\/autoencoder as it is gone or damaged/.test(error)], [1, true], error);
  }
  await Deno.rename(join(cwd, "other"), own);
  for (const args of [sample, resume]) {
    const { code, error } = await start(cwd, ...args);
    assert.deepEqual([code, /its codes are not those that it was made with/.test(error)], [1, true], error);
  }
  await Deno.remove(own, { recursive: true });
  await Deno.rename(aside, own);
  for (const args of [sample, resume]) {
    const { code, error } = await start(cwd, ...args);
    assert.equal(code, 0, error);
  }
});

Deno.test("Ctrl-C comes through while a network of long sequences is compiled, and while they are drawn", async () => {
  const folder = await Deno.makeTempDir(), file = join(folder, "long.csv");
  const row = (first: number) => Array.from({ length: 150 }, (_, at) => (first + at * at) % 7).join(",");
  await Deno.writeTextFile(file, [0, 1, 2, 3].map(row).join("\n"));
  for (const [out, at] of [["compiling", /parameters/], ["drawing", /generating 100,000/]] as const) {
    const long = command(folder, [
      ...["models/seq2seq.ts", "--architecture", "transformer", "--dataset", "csv", "--file", file],
      ...["--steps", "1", "--samples", "100000", "--out", out, "--device", "wasm", "--threads", "1"],
    ]);
    assert.equal(await signalled(long, { signal: "SIGINT", at }), 130);
    assert.equal((await readJson(folder, out, "summary.json")).status, "stopped");
  }
  await Deno.remove(folder, { recursive: true });
});
