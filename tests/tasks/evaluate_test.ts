import assert from "node:assert/strict";
import { join } from "node:path";
import { openDevice } from "../../engine/open.ts";
import { load } from "../../models/mod.ts";
import { findRun } from "../../run/stored_run.ts";
import { startProgram } from "../program.ts";

const ROOT = join(import.meta.dirname!, "../..");
const cwd = await Deno.makeTempDir();

function start(program: string, ...args: string[]) {
  return startProgram(cwd, program, ...args, "--threads", "1");
}

Deno.test("the weights alone give the figures of the run again", async () => {
  const pixels = ["--count", "66", "--test", "12", "--pool", "2", "--units", "4", "--steps", "3"];
  const few = ["--count", "40", "--steps", "3"];
  for (
    const [model, flags] of [
      ["pixel_classifier", pixels],
      ["pixel_predictor", pixels],
      ["cifar_classifier", [...few, "--width", "0.05"]],
      ["addnist", [...few, "--pool", "600", "--width", "0.1"]],
    ] as const
  ) {
    const trained = await start(`models/${model}.ts`, ...flags, "--out", model);
    assert.equal(trained.code, 0, trained.error);
    const { code, text, error } = await start("tasks/evaluate.ts", model);
    assert.equal(code, 0, error);
    const pairs = [...text.matchAll(/ ([\d.]+)[^,\n]*, the run says ([\d.]+)/g)];
    assert.equal(pairs.length, 2, text);
    for (const [line, now, before] of pairs) assert.equal(now, before, line);
  }
  const { code, error } = await start("tasks/evaluate.ts", "nothing");
  assert.equal(code, 2);
  assert.match(error, /RUN must be the folder of a run/);
});

Deno.test("the rows whose weights are kept can be loaded, and are what their summaries say", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const weights = join(ROOT, "results/weights");
  const pixels = Array.from(Deno.readDirSync(join(weights, "pixels")), ({ name }) => `pixels/${name}`);
  for (const name of [...pixels, "cifar100"]) {
    const folder = join(weights, name), stored = await findRun(folder), loaded = await load(folder, device);
    assert.ok("testScores" in loaded, name);
    assert.equal(stored?.summary?.parameters, loaded.model.network.parameters, name);
    for (const weight of Object.values(loaded.model.weights)) weight.dispose();
  }
});
