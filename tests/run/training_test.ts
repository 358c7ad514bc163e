import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { readTensors } from "../../base/safetensors.ts";
import { findRun, type Place, Run } from "../../run/run.ts";
import { Session } from "../../run/session.ts";
import { every, logSpaced, train, type Training } from "../../run/training.ts";

const device = {
  kind: "tfjs",
  description: "stub",
  pull: () => Promise.resolve(),
  push: () => Promise.resolve(),
};
const dataset = { name: "digits", split: "train", offset: 0, count: 8, sha256: "00" };

const silent = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };

async function open(place: Place): Promise<Run> {
  const run = new Run(new Session(silent), { task: "train-counter", flags: { seed: 0 }, place });
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
    evaluateAt: every(3),
    stopWhen: ({ accuracy }: Readonly<Record<string, number>>) => accuracy >= 0.5,
  };
  const trained = await train(await open({ mode: "fresh", folder }), counter(options));
  assert.deepEqual([trained.steps, trained.reason, trained.values.accuracy], [6, "goal", 0.6]);
  const again = counter(options);
  const resumed = await train(await resume(folder), again);
  assert.deepEqual([resumed.steps, resumed.reason, again.count.dataSync()[0]], [6, "goal", 6]);
});

Deno.test("a budget ends one sitting of training, and the next one goes on", async () => {
  const folder = await freshFolder();
  const busy = counter({ steps: 1e9, budget: 0.02 });
  const trained = await train(await open({ mode: "fresh", folder }), busy);
  assert.equal(trained.reason, "budget");
  assert.equal(busy.count.dataSync()[0], trained.steps);
  const more = trained.steps + 5;
  const resumed = await train(await resume(folder), counter({ steps: more }));
  assert.deepEqual([resumed.steps, resumed.reason], [more, "steps"]);
});

Deno.test("evaluations at log-spaced steps: the first, the last, and each twice the one before", () => {
  const at = (count: number, steps: number): number[] =>
    Array.from({ length: steps }, (_, t) => t + 1).filter((t) => logSpaced(count)(t, steps));
  assert.deepEqual(at(5, 16), [1, 2, 4, 8, 16]);
  assert.deepEqual(at(4, 1000), [1, 10, 100, 1000]);
  assert.deepEqual(at(20, 1), [1]);
  const twenty = at(20, 4000);
  assert.deepEqual([twenty[0], twenty.at(-1)], [1, 4000]);
  assert.ok(twenty.length > 15 && twenty.length <= 20, String(twenty));
});

/** Runs `work` by a clock that only `pass` moves, by milliseconds. */
async function byClock(work: (pass: (milliseconds: number) => void) => Promise<void>): Promise<void> {
  const now = performance.now;
  let clock = now.call(performance);
  performance.now = () => clock;
  try {
    await work((milliseconds) => clock += milliseconds);
  } finally {
    performance.now = now;
  }
}

Deno.test("slow steps are logged by the clock, not only by their number", async () => {
  const run = await open({ mode: "fresh", folder: await freshFolder() });
  await byClock(async (pass) => {
    const training = counter({ steps: 3, logEvery: 100 });
    const step = async (t: number, steps: number): Promise<void> => {
      await training.step(t, steps);
      pass(6000);
    };
    await train(run, { ...training, step });
  });
  assert.deepEqual((await log(run)).map(({ step }) => step), [1, 2, 3]);
});

/** A run that has so many seconds, and no number of steps. */
async function limited(budget: number, folder: string): Promise<Run> {
  const session = new Session(silent);
  session.limit(budget);
  const flags = { seed: 0, steps: undefined, budget };
  const run = new Run(session, { task: "train-counter", flags, place: { mode: "fresh", folder } });
  await run.configure({ dataset, device });
  return run;
}

Deno.test("the steps that a budget chose are those of a run that is given their number", async () => {
  const folder = await freshFolder();
  await byClock(async (pass) => {
    const run = await limited(2.1, folder);
    const totals = new Set<number>();
    const training = counter({ steps: 77 });
    const trained = await train(run, {
      ...training,
      step: async (t, steps) => {
        totals.add(steps);
        await training.step(t, steps);
        pass(10);
      },
      evaluate: () => Promise.resolve().then(() => pass(100)).then(() => ({})),
      evaluateAt: (t) => t === 20,
    });
    // 5 % stay for the end. 7 steps of 10 ms and an evaluation are tried; of what is left, 93 % are planned for: two
    // evaluations and 149 steps.
    assert.deepEqual([trained.reason, trained.steps], ["steps", 149]);
    // Tried with no end in sight, then made with the number in sight, from the start.
    assert.deepEqual([...totals], [Infinity, 149]);
    assert.equal(training.count.dataSync()[0], 149);
  });
  assert.equal((await findRun(folder))?.config.flags.steps, 149);
});

Deno.test("a budget plans for what is made anew now and then, which is no part of the steps tried", async () => {
  await byClock(async (pass) => {
    const run = await limited(10, await freshFolder());
    const training = counter({ steps: 77 });
    let made = 0;
    const renewedAt: number[] = [];
    const trained = await train(run, {
      ...training,
      step: async (t, steps) => {
        made = steps === Infinity ? 0 : t + 1;
        await training.step(t, steps);
        pass(10);
      },
      renew: {
        every: 100,
        run: () => Promise.resolve().then(() => pass(500)).then(() => void renewedAt.push(made)),
      },
    });
    // 9.5 s are for training, 0.8 s of them for trying a renewal and 30 steps. 93 % of the rest are 8.091 s: six
    // renewals and 509 steps.
    assert.deepEqual([trained.reason, trained.steps], ["steps", 509]);
    assert.deepEqual(renewedAt, [0, 0, 100, 200, 300, 400, 500]);
  });
});

Deno.test("timers fire while steps resolve at once", async () => {
  const run = await open({ mode: "fresh", folder: await freshFolder() });
  let fired = false;
  setTimeout(() => fired = true, 0);
  await train(run, {
    ...counter({
      steps: 1e9,
      evaluateAt: every(1),
      evaluate: () => Promise.resolve({ fired: fired ? 1 : 0 }),
    }),
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
      await training.step(t, 10);
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
