import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { readTensors } from "../../base/safetensors.ts";
import { findRun, type Place, Run } from "../../run/run.ts";
import { Session } from "../../run/session.ts";
import { train, type Training } from "../../run/training.ts";

const device = {
  kind: "tfjs",
  description: "stub",
  pull: () => Promise.resolve(),
  push: () => Promise.resolve(),
};
const dataset = { name: "digits", split: "train", offset: 0, count: 8, sha256: "00" };

async function open(place: Place): Promise<Run> {
  const output = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };
  const run = new Run(new Session(output), { task: "train-counter", flags: { seed: 0 }, place });
  await run.configure({ dataset, device });
  return run;
}

async function resume(folder: string): Promise<Run> {
  return open({ mode: "resume", folder, stored: (await findRun(folder))! });
}

async function freshFolder(): Promise<string> {
  return join(await Deno.makeTempDir(), "run");
}

/** Counts its steps in a variable. */
function counter(options: Partial<Training> = {}): Training & { readonly count: tf.Variable } {
  const count = tf.variable(tf.scalar(0));
  let runs: number[] = [];
  return {
    phase: "counter",
    steps: 10,
    variables: { "counter/count": count },
    device,
    step: (t) => {
      tf.tidy(() => count.assign(tf.add(count, 1)));
      runs.push(t);
      return Promise.resolve();
    },
    read: () => {
      const loss = runs;
      runs = [];
      return Promise.resolve({ loss });
    },
    logEvery: 4,
    count,
    ...options,
  };
}

async function log(run: Run): Promise<Record<string, number>[]> {
  const lines = (await Deno.readTextFile(run.path("log.jsonl"))).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

Deno.test("training makes its steps, logs means of them, and leaves a checkpoint", async () => {
  const run = await open({ mode: "fresh", folder: await freshFolder() });
  const training = counter();
  const trained = await train(run, training);
  assert.deepEqual([trained.steps, trained.reason, trained.values], [10, "steps", { loss: 8.5 }]);
  const logged = (await log(run)).map(({ step, loss }) => [step, loss]);
  assert.deepEqual(logged, [[4, 1.5], [8, 5.5], [10, 8.5]]);
  const { tensors, metadata } = await readTensors(run.path("checkpoint.safetensors"));
  assert.deepEqual(tensors.get("counter/count")?.data, Float32Array.of(10));
  assert.equal(metadata.step, "10");
});

Deno.test("a goal ends training, and stays reached when the run is resumed", async () => {
  const folder = await freshFolder();
  const options = {
    evaluate: (t: number) => Promise.resolve({ accuracy: t / 10 }),
    evaluateEvery: 3,
    stopWhen: ({ accuracy }: Readonly<Record<string, number>>) => accuracy >= 0.5,
  };
  const trained = await train(await open({ mode: "fresh", folder }), counter(options));
  assert.deepEqual([trained.steps, trained.reason, trained.values.accuracy], [6, "goal", 0.6]);
  const again = counter(options);
  const resumed = await train(await resume(folder), again);
  assert.deepEqual([resumed.steps, resumed.reason, again.count.dataSync()[0]], [6, "goal", 6]);
});

Deno.test("a budget ends training, and counts earlier sittings", async () => {
  const folder = await freshFolder();
  const busy = counter({ steps: 1e9, budget: 0.02 });
  const trained = await train(await open({ mode: "fresh", folder }), busy);
  assert.equal(trained.reason, "budget");
  assert.equal(busy.count.dataSync()[0], trained.steps);
  const resumed = await train(await resume(folder), counter({ steps: 1e9, budget: 0.02 }));
  assert.equal(resumed.steps, trained.steps);
});

Deno.test("timers fire while steps resolve at once", async () => {
  const run = await open({ mode: "fresh", folder: await freshFolder() });
  let fired = false;
  setTimeout(() => fired = true, 0);
  await train(run, {
    ...counter({ steps: 1e9, evaluateEvery: 1, evaluate: () => Promise.resolve({ fired: fired ? 1 : 0 }) }),
    stopWhen: (metrics) => metrics.fired === 1,
  });
  assert.equal(fired, true);
});

Deno.test("a variable that is no longer finite keeps the checkpoint before it, whatever the loss says", async () => {
  const folder = await freshFolder();
  const training = counter({ checkpointEvery: 0 });
  const broken = {
    ...training,
    step: async (t: number) => {
      await training.step(t);
      if (t === 5) training.count.assign(tf.scalar(Infinity));
    },
  };
  await assert.rejects(
    train(await open({ mode: "fresh", folder }), broken),
    /counter: counter\/count is no longer finite after step 6: .* \(the checkpoint of step 5 is intact\)/,
  );
  const { metadata } = await readTensors(join(folder, "checkpoint.safetensors"));
  assert.equal(metadata.step, "5");
});

Deno.test("a checkpoint of another model is refused by name", async () => {
  const folder = await freshFolder();
  await train(await open({ mode: "fresh", folder }), counter());
  const other = counter({ variables: { "counter/count": tf.variable(tf.zeros([2])) } });
  await assert.rejects(
    train(await resume(folder), other),
    /"counter\/count" has shape \[\] and should have \[2\]/,
  );
});

Deno.test("the device takes the checkpoint's values before the first step, and nothing leaks", async () => {
  const folder = await freshFolder();
  await train(await open({ mode: "fresh", folder }), counter({ steps: 4 }));
  const pushed: number[] = [];
  const training = counter({
    device: {
      pull: device.pull,
      push: (variables) => {
        pushed.push(variables[0].dataSync()[0]);
        return Promise.resolve();
      },
    },
  });
  const before = tf.memory().numTensors;
  await train(await resume(folder), training);
  assert.deepEqual(pushed, [4]);
  assert.equal(training.count.dataSync()[0], 10);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("a child is adopted from a completed run of its task only", async () => {
  const parent = await open({ mode: "fresh", folder: await freshFolder() });
  const source = await open({ mode: "fresh", folder: await freshFolder() });
  const from = { from: source.folder, task: "train-counter" };
  await assert.rejects(parent.adopt("autoencoder", from), /--autoencoder must name a completed run/);
  await source.finish({ metrics: { psnr_db: 20 }, parameters: 1, steps: 3 });
  await assert.rejects(
    parent.adopt("autoencoder", { ...from, task: "train-other" }),
    /must name a completed run/,
  );
  const child = await parent.adopt("autoencoder", from);
  assert.deepEqual([child.completed, child.summary?.metrics], [true, { psnr_db: 20 }]);
  assert.equal((await findRun(join(parent.folder, "autoencoder")))?.config.flags.out, child.folder);
});

Deno.test("a data set that changed is not trained on", async () => {
  const folder = await freshFolder();
  await open({ mode: "fresh", folder });
  const output = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };
  const place: Place = { mode: "resume", folder, stored: (await findRun(folder))! };
  const run = new Run(new Session(output), { task: "train-counter", flags: {}, place });
  await assert.rejects(
    run.configure({ dataset: { ...dataset, sha256: "11" }, device }),
    /digits has changed/,
  );
});
