import assert from "node:assert/strict";
import { join } from "node:path";
import * as engram from "../mod.ts";

Deno.test("the library exports what its users need, and nothing else", () => {
  assert.deepEqual(Object.keys(engram), [
    "BIBLIOGRAPHY",
    "CODE_SHAPE",
    "IMAGE_DATASETS",
    "MODELS",
    "Random",
    "UsageError",
    "accuracy",
    "adam",
    "argument",
    "boolean",
    "categorical",
    "choice",
    "codeShape",
    "codesToSequences",
    "commonFlags",
    "compile",
    "cosineRate",
    "crossEntropy",
    "distinctRows",
    "drawPlot",
    "dropout",
    "entropy",
    "entropyFloor",
    "findRun",
    "htmlReport",
    "imageGrid",
    "imagesOf",
    "integer",
    "lastState",
    "layers",
    "list",
    "listRuns",
    "load",
    "logSoftmax",
    "membership",
    "memorization",
    "memorizedMass",
    "momentum",
    "normal",
    "number",
    "openDevice",
    "openImages",
    "openRun",
    "openSource",
    "prefixTable",
    "psnr",
    "psnrs",
    "recurrent",
    "runTask",
    "runTool",
    "sequenceFlags",
    "sequencesToCodes",
    "sgd",
    "stream",
    "text",
    "train",
    "uniform",
    "wilson",
  ]);
});

Deno.test("a model is trained, saved and loaded through the public interface alone", async () => {
  const { load, memorization, MODELS, openDevice, openRun } = engram;
  const seq2hist = await MODELS.seq2hist();
  await using device = await openDevice("tfjs");
  const sequences = {
    tokens: Int32Array.of(0, 1, 2, 0, 2, 1, 0, 0),
    count: 2,
    length: 4,
    vocabulary: 3,
  };
  const folder = join(await Deno.makeTempDir(), "run");
  const { vocabulary, length } = sequences;
  const model = seq2hist.build({
    model: "seq2hist",
    ...seq2hist.SEQ2HIST,
    hidden: 32,
    batch: 32,
    vocabulary,
    length,
    seed: 0,
  });
  const dataset = { name: "two", split: "train", offset: 0, count: 2, sha256: "00" };
  const run = await openRun(folder, { task: "mine", dataset, device, model: model.config });
  await seq2hist.fit(model, { run, device, sequences, steps: 150 });
  await run.saveWeights(model.weights, { model: "seq2hist", config: model.config });

  const loaded = await load(folder, device);
  assert.equal(loaded.kind, "seq2hist");
  assert.ok("sample" in loaded);
  const samples = await loaded.sample({ count: 200, seed: 3 });
  assert.deepEqual(samples, await seq2hist.sample(model, { device, count: 200, seed: 3 }));
  const { fraction, coverage } = memorization(samples, sequences.tokens, sequences);
  assert.ok(fraction > 0.95 && coverage === 1, `${fraction} ${coverage}`);
  const logs = await loaded.logProbabilities(sequences);
  assert.deepEqual([logs.length, logs.every((log) => log <= 0)], [8, true]);

  await run.finish({ metrics: { memorized_fraction: fraction }, parameters: 1 });
  await assert.rejects(
    openRun(folder, { task: "mine", dataset, device }),
    /holds a finished run: choose another folder/,
  );
});

Deno.test("a folder without weights, or with those of an unknown model, is not loaded", async () => {
  await using device = await engram.openDevice("tfjs");
  const folder = await Deno.makeTempDir();
  await assert.rejects(engram.load(folder, device), /holds no weights: name the folder of a finished run/);
  const dataset = { name: "none", split: "train", offset: 0, count: 1, sha256: "00" };
  const run = await engram.openRun(join(folder, "run"), { task: "mine", dataset, device });
  await run.saveWeights({}, { model: "other", config: {} });
  await assert.rejects(engram.load(run.folder, device), /a model of the kind other: this version knows/);
});
