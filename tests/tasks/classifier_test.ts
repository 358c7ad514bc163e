/** The classifier as a program: what its run folder and its report hold. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();

async function train(...args: string[]) {
  const flags = ["--threads", "1", "--device", "wasm"];
  const { code, error } = await startProgram(cwd, "models/classifier.ts", ...flags, ...args);
  assert.equal(code, 0, error);
}

async function readRun(folder: string) {
  const [summary, log, page] = await Promise.all(
    ["summary.json", "log.jsonl", "report.html"].map((name) => Deno.readTextFile(join(cwd, folder, name))),
  );
  return {
    metrics: JSON.parse(summary).metrics,
    log: log.trim().split("\n").map((line) => JSON.parse(line)),
    page,
  };
}

Deno.test("a classifier's run tells curves, classes, confusions and mistakes", async () => {
  await train("--count", "40", "--steps", "8", "--out", "plain");
  const { metrics, log, page } = await readRun("plain");
  assert.deepEqual(Object.keys(metrics), [
    ...["test_accuracy", "test_loss", "train_accuracy", "train_loss", "test_images"],
  ]);
  // Evaluated on the way, at steps that lie ever further apart, and at the end.
  const curve = log.filter((entry) => "test_accuracy" in entry).map(({ step }) => step);
  assert.deepEqual([curve[0], curve.at(-1)], [1, 8]);
  assert.ok(curve.length > 3);
  assert.ok(log.filter((entry) => "test_accuracy" in entry).every((entry) => entry.train_loss > 0));
  for (
    const words of ["95 % interval", "are taken for each class", "test images are taken for another class"]
  ) {
    assert.ok(page.includes(words), words);
  }
  assert.ok((await Deno.stat(join(cwd, "plain/mistakes.png"))).size > 100);
});

Deno.test("curves are of images held out of the training split where so many are asked for", async () => {
  await train("--count", "40", "--steps", "2", "--validation", "30", "--out", "held");
  const { metrics, log } = await readRun("held");
  assert.ok(metrics.validation_accuracy >= 0 && metrics.validation_loss > 0);
  assert.ok(log.some((entry) => "validation_accuracy" in entry));
  assert.ok(!log.some((entry) => "test_accuracy" in entry));
  // What is held out changes nothing of what is learned.
  const config = JSON.parse(await Deno.readTextFile(join(cwd, "held/config.json")));
  assert.deepEqual([config.dataset.count, config.flags.validation], [40, 30]);
});
