import assert from "node:assert/strict";
import { join } from "node:path";
import { startRuns } from "../program.ts";

const cwd = await Deno.makeTempDir();

async function start(program: string, ...args: string[]): Promise<void> {
  const { code, error } = await startRuns(cwd, program, "--device", "tfjs", "--samples", "30", ...args);
  assert.equal(code, 0, error);
}

const FLAGS = ["--dataset", "csv", "--file", "table.csv", "--steps", "4"];

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(cwd, ...path)));
}

Deno.test("five models are compared on the same sequences; what is finished is not trained again", async () => {
  await Deno.writeTextFile(join(cwd, "table.csv"), "1,2,3,4\n1,2,4,3\n2,2,1,1\n3,1,1,1\n");
  await start("tasks/compare_autoregressive.ts", ...FLAGS);
  const folder = "runs/compare-autoregressive-csv-4-s0";
  const { status, steps, parameters, metrics } = await readJson(folder, "summary.json");
  assert.deepEqual([status, steps], ["completed", 16]);
  // Four different rows.
  assert.ok(Math.abs(metrics.entropy_nats - Math.log(4)) < 1e-9);
  const names = ["ngram", "seq2token", "seq2seq-masked", "seq2seq-transformer", "seq2hist"];
  let sum = 0;
  for (const name of names) {
    const child = await readJson(folder, name, "summary.json");
    assert.equal(child.status, "completed");
    sum += child.parameters;
    const prefix = name.replace("-", "_");
    assert.equal(metrics[`${prefix}_memorized_mass`], child.metrics.memorized_mass);
    const excess = child.metrics.sequence_nats - child.metrics.entropy_nats;
    // Counts of all tokens before are exact.
    assert.ok(name === "ngram" ? Math.abs(excess) < 1e-9 : excess > 0, `${name}: ${excess}`);
    assert.ok(Math.abs(metrics[`${prefix}_excess_nats`] - excess) < 1e-5, `${name}: ${excess}`);
  }
  assert.equal(parameters, sum);
  const report = await Deno.readTextFile(join(cwd, folder, "report.html"));
  for (const title of ["counts", "sequence to token", "masked", "transformer", "sequence to histogram"]) {
    assert.ok(report.includes(title), title);
  }
  // Two plots of its own, and the reports of its models inside.
  const own = report.slice(0, report.indexOf(`class="part"`));
  assert.equal(own.match(/<div class="plot">/g)?.length, 2);
  assert.equal(report.match(/<details class="part">/g)?.length, names.length);

  // A run within the comparison is a run like any other.
  await start("tasks/sample.ts", `${folder}/seq2hist`);
  const rows = await Deno.readTextFile(join(cwd, folder, "seq2hist/samples-s1/samples.csv"));
  assert.equal(rows.trimEnd().split("\n").length, 30);

  // Gone on with after its end was lost, it trains nothing again.
  await Deno.remove(join(cwd, folder, "summary.json"));
  const trained = await Deno.stat(join(cwd, folder, "seq2hist/weights.safetensors"));
  await start("tasks/compare_autoregressive.ts", "--out", folder, "--resume");
  const same = await Deno.stat(join(cwd, folder, "seq2hist/weights.safetensors"));
  assert.equal(same.mtime?.getTime(), trained.mtime?.getTime());
  assert.deepEqual((await readJson(folder, "summary.json")).metrics, metrics);
});

Deno.test("some models are compared over several seeds, as mean and spread", async () => {
  const flags = ["--models", "seq2seq-masked,seq2token", "--seeds", "2", "--seed", "3", "--out", "two"];
  await start("tasks/compare_autoregressive.ts", ...FLAGS, ...flags);
  const { metrics, steps } = await readJson("two/summary.json");
  assert.equal(steps, 16);
  for (const name of ["seq2token", "seq2seq-masked"]) {
    const masses: number[] = [];
    for (const seed of [3, 4]) {
      const { flags } = await readJson(`two/${name}-s${seed}/config.json`);
      assert.equal(flags.seed, seed);
      masses.push((await readJson(`two/${name}-s${seed}/summary.json`)).metrics.memorized_mass);
    }
    const [a, b] = masses, prefix = `${name.replace("-", "_")}_memorized_mass`;
    assert.ok(Math.abs(metrics[prefix] - (a + b) / 2) < 1e-15);
    assert.ok(Math.abs(metrics[`${prefix}_sd`] - Math.abs(a - b) / Math.SQRT2) < 1e-15);
  }
  assert.equal(Object.keys(metrics).some((name) => name.startsWith("seq2hist")), false);
  assert.match(await Deno.readTextFile(join(cwd, "two/report.html")), /Two autoregressive models/);
});
