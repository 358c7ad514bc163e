import assert from "node:assert/strict";
import { join } from "node:path";
import { readTensors } from "../../base/safetensors.ts";
import { startProgram } from "../program.ts";

/** On one thread, so that tests beside each other do not wait. */
function start(cwd: string, program: string, ...args: string[]) {
  return startProgram(cwd, program, ...args, "--threads", "1");
}

Deno.test("a flow is trained, goes on where it stopped, and tells how many of its samples are copies", async () => {
  const cwd = await Deno.makeTempDir();
  const sizes = ["--count", "30", "--size", "12", "--width", "0.1", "--batch", "4", "--solver-steps", "2"];
  const flags = [...sizes, "--samples", "20", "--out", "flow"];
  const half = await start(cwd, "models/flow.ts", ...flags, "--steps", "2");
  assert.equal(half.code, 0, half.error);
  const whole = await start(cwd, "models/flow.ts", ...flags, "--steps", "4", "--resume");
  assert.equal(whole.code, 0, whole.error);
  const { metrics, parameters, steps } = JSON.parse(await Deno.readTextFile(join(cwd, "flow/summary.json")));
  assert.deepEqual([metrics.steps, metrics.samples, metrics.penalty, steps], [4, 20, 0, 4]);
  assert.equal(metrics.parameters, parameters);
  assert.match(whole.text, /of 20 samples are copies of training images/);
  const more = await start(cwd, "tasks/sample.ts", "flow", "--samples", "8");
  assert.equal(more.code, 0, more.error);
  assert.match(more.text, /of 8 samples are copies of training images: see flow\/samples-s1/);
  const { tensors } = await readTensors(join(cwd, "flow/samples-s1/samples.safetensors"));
  assert.deepEqual(
    (await Array.fromAsync(Deno.readDir(join(cwd, "flow/samples-s1")), ({ name }) => name)).sort(),
    ["nearest.png", "samples.png", "samples.safetensors"],
  );
  assert.deepEqual([tensors.get("pixels")?.shape, tensors.get("labels")?.shape], [[8, 12, 12, 1], [8]]);
});

Deno.test("a DCGAN's images are assessed by the features of a classifier", async () => {
  const cwd = await Deno.makeTempDir(), count = ["--count", "60"];
  const learned = await start(
    ...[
      cwd,
      "models/cifar_classifier.ts",
      ...count,
      "--width",
      "0.05",
      "--steps",
      "2",
      "--out",
      "classifier",
    ] as const,
  );
  assert.equal(learned.code, 0, learned.error);
  const flags = [
    ...count,
    "--width",
    "0.05",
    "--batch",
    "4",
    "--samples",
    "40",
    "--steps",
    "3",
    "--out",
    "gan",
  ];
  const made = await start(cwd, "models/dcgan.ts", ...flags);
  assert.equal(made.code, 0, made.error);
  const none = await start(cwd, "tasks/assess_generator.ts", "gan");
  assert.equal(none.code, 2);
  assert.match(none.error, /--classifier must name a finished run of train-cifar-classifier/);
  const assess = ["--classifier", "classifier", "--reference", "50", "--out", "assessed"];
  const given = await start(cwd, "tasks/assess_generator.ts", "gan", ...assess);
  assert.equal(given.code, 0, given.error);
  const { metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "assessed/summary.json")));
  assert.deepEqual([metrics.samples, metrics.test_images, metrics.features], [40, 50, 6]);
  assert.ok(metrics.fd_classifier > metrics.fd_classifier_floor && metrics.fd_classifier_floor > 0);
  assert.ok(metrics.class_coverage >= 0.1 && metrics.class_coverage <= 1);
  assert.equal(typeof metrics.copies_exact, "number");
});
