import assert from "node:assert/strict";
import { join } from "node:path";
import { startRuns } from "../program.ts";

const cwd = await Deno.makeTempDir();
const SIZE = ["--count", "66", "--test", "12", "--pool", "2", "--steps", "3", "--threads", "1"];

function start(program: string, ...args: string[]) {
  return startRuns(cwd, program, ...args);
}

async function read(...path: string[]) {
  return await Deno.readTextFile(join(cwd, ...path));
}

Deno.test("classifiers: a table a cell, the same images whole, and the figures of the runs themselves", async () => {
  const { code, error } = await start(
    "tasks/compare_pixel_classifiers.ts",
    ...[...SIZE, "--models", "lstm-32,gru-32", "--pixels", "56", "--out", "classifiers"],
  );
  assert.equal(code, 0, error);
  const { metrics } = JSON.parse(await read("classifiers/summary.json"));
  const tables = await read("classifiers/tables.md"), csv = await read("classifiers/tables.csv");
  for (const name of ["lstm-32", "gru-32"]) {
    const child = JSON.parse(await read("classifiers", name, "summary.json"));
    assert.equal(metrics[`${name.replace("-", "_")}_test_loss`], child.metrics.test_loss);
    assert.ok(tables.includes(`| ${name} | ${child.metrics.test_loss.toFixed(4)} |`), name);
    assert.ok(csv.includes(`${name},${child.metrics.test_loss.toFixed(4)},`), name);
  }
  const whole = JSON.parse(await read("classifiers/whole/summary.json"));
  assert.equal(whole.metrics.test_images, 12);
  assert.equal(metrics.whole_test_accuracy, whole.metrics.test_accuracy);
  assert.match(tables, /## LSTM\n[^]*## GRU\n[^]*## The same images, whole/);
  assert.match(await read("classifiers/report.html"), /smaller than the goals/);
});

Deno.test("predictors: losses, continuations and gaps of each model", async () => {
  const { code, error } = await start(
    "tasks/compare_pixel_predictors.ts",
    ...[
      ...SIZE,
      "--models",
      "gru-32",
      "--images",
      "6",
      "--samples",
      "2",
      "--windows",
      "10",
      "--out",
      "predictors",
    ],
  );
  assert.equal(code, 0, error);
  const { metrics } = JSON.parse(await read("predictors/summary.json"));
  const filled = JSON.parse(await read("predictors/gru-32-filled/summary.json"));
  assert.equal(metrics.gru_32_inpainting_accuracy_4, filled.metrics.inpainting_accuracy_4);
  const tables = await read("predictors/tables.md");
  assert.ok(tables.includes(filled.metrics.continuation_nats_rest.toFixed(3)));
  assert.match(tables, /## Prediction\n[^]*## The end of an image\n[^]*## Gaps, from both sides/);
});

Deno.test("memory: a run for each number of images, its figures, and what each draws", async () => {
  const { code, error } = await start(
    "tasks/compare_pixel_memory.ts",
    ...["--counts", "6,3", "--test", "12", "--pool", "4", "--units", "8", "--steps", "60", "--threads", "1"],
    ...["--learning-rate", "0.03", "--out", "memory"],
  );
  assert.equal(code, 0, error);
  const { metrics } = JSON.parse(await read("memory/summary.json"));
  const tables = await read("memory/tables.md"), page = await read("memory/report.html");
  for (const count of [3, 6]) {
    const own = JSON.parse(await read("memory", String(count), "summary.json"));
    assert.equal(own.dataset.count, count);
    assert.equal(metrics[`images_${count}_memorized_mass`], own.metrics.memorized_mass);
    assert.ok(tables.includes(`| ${own.metrics.sample_distance.toFixed(2)} |`));
    assert.ok(page.includes(`${count} images`));
  }
  const wrong = await start("tasks/compare_pixel_memory.ts", "--counts", "16,2048");
  assert.equal(wrong.code, 2);
  assert.match(wrong.error, /--counts must be different whole numbers from 2 to 1024/);
});

Deno.test("a model that is not known is named with those that are", async () => {
  const { code, error } = await start("tasks/compare_pixel_predictors.ts", "--models", "gru-16");
  assert.equal(code, 2);
  assert.match(error, /gru-32, gru-64, gru-128, gru-3x32/);
});
