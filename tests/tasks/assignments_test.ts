import assert from "node:assert/strict";
import { join } from "node:path";
import settings from "../../deno.json" with { type: "json" };
import type { Block } from "../../report/html.ts";
import { taskWords } from "../../run/command.ts";
import type { StoredRun } from "../../run/run.ts";
import { goalTable, type Scope } from "../../tasks/assignments/assignment.ts";
import { AUTOENCODERS, COMPARISON } from "../../tasks/assignments/autoencoders.ts";
import { EXERCISES } from "../../tasks/assignments/exercises.ts";
import { PARTS } from "../../tasks/assignments/photographs.ts";
import { MEMORIZATION } from "../../tasks/assignments/memorization.ts";
import { SMALL_MODELS } from "../../tasks/assignments/small_models.ts";

const tasks: Readonly<Record<string, string>> = settings.tasks;

function scope(quick: boolean, folder = "runs/page"): Scope {
  return {
    images: { dataset: "mnist", dataDir: "files" },
    opinions: { dataset: "imdb", dataDir: "reviews" },
    photographs: { dataset: "cifar10", dataDir: "photographs" },
    computing: { device: "wasm", threads: 1 },
    ...{ folder, quick, seed: 3 },
  };
}

/** A finished run as its folder would hold it. */
function finished(folder: string, metrics: Readonly<Record<string, number>>, model: object = {}): StoredRun {
  const dataset = { name: "mnist", split: "train", offset: 0, count: 512, sha256: "00" };
  const device = { kind: "wasm", description: "wasm" };
  const config = {
    task: "trial",
    flags: {},
    versions: { engram: "0", deno: "0", tfjs: "0" },
    device,
    dataset,
    model,
  };
  return {
    folder,
    config,
    summary: {
      task: "trial",
      status: "completed",
      seconds: 1,
      steps: 1,
      parameters: 100,
      device: "wasm",
      dataset,
      metrics,
    },
  };
}

/** All words and figures of blocks. */
function said(blocks: readonly Block[]): string {
  return JSON.stringify(blocks);
}

Deno.test("every line of every assignment is a task, in a folder of its own, told where to compute if it trains", () => {
  for (const assignment of [MEMORIZATION, AUTOENCODERS, EXERCISES, SMALL_MODELS]) {
    for (const quick of [true, false]) {
      const lines = assignment.questions(scope(quick)).flatMap(({ runs }) => runs);
      assert.equal(new Set(lines.map(({ folder }) => folder)).size, lines.length);
      for (const { task, flags } of lines) {
        assert.ok(task in tasks, task);
        const computes = /^(train|compare|common|assess)-/.test(task);
        assert.equal(flags.threads, computes ? 1 : undefined, task);
        // Where an assignment wants means, runs have the seed and those after it.
        assert.ok(
          computes ? Number(flags.seed) >= 3 && Number(flags.seed) < 6 : flags.seed === undefined,
          task,
        );
      }
    }
  }
});

Deno.test("a task that starts others is started with the permission to, and nothing else of the shell's", () => {
  const words = taskWords("compare-autoencoders");
  assert.ok(words.some((word) => word.startsWith(`--allow-run=${Deno.execPath()}`)));
  assert.deepEqual(words.filter((word) => /[()']/.test(word)), []);
});

Deno.test("goals are above a figure or at most a figure, and a missed one says by how much", () => {
  const run = finished("run", { good: 0.9, small: 0.02 }), show = (value: number) => value.toFixed(2);
  const block = goalTable([
    { label: "a", run, metric: "good", asked: { above: 0.9 }, show },
    { label: "b", run, metric: "good", asked: { above: 0.85 }, show },
    { label: "c", run, metric: "small", asked: { atMost: 0.02 }, show },
    { label: "d", run, metric: "small", asked: { atMost: 0.01 }, show },
    { label: "e", run, metric: "absent", asked: { atMost: 1 }, show },
  ]);
  assert.ok(block.kind === "table");
  assert.deepEqual(block.table.rows.map((row) => row.slice(2)), [
    ["above 0.90", "0.90", "missed by 0.00"],
    ["above 0.85", "0.90", "reached"],
    ["at most 0.02", "0.02", "reached"],
    ["at most 0.01", "0.02", "missed by 0.01"],
    ["at most 1.00", "not measured", ""],
  ]);
});

Deno.test("questions are answered with the figures of their runs", async () => {
  const folder = await Deno.makeTempDir(), all = finished(join(folder, COMPARISON), {});
  const names = [
    "dense-selu",
    "conv-selu",
    "vae",
    "dense-2",
    "dense-32",
    "dense-2-linear",
    "conv-2",
    "conv-32",
  ];
  for (const [index, name] of [...names, "conv-2-linear"].entries()) {
    const metrics = {
      held_out_mse: 0.001 * (index + 1),
      train_mse: 0.001,
      held_out_bce: 0.07,
      held_out_psnr_db: 20,
    };
    const units = { held_out_l1: 0.01 * (index + 1), dead_units: 1, latent_units: 2 };
    const { config, summary } = finished("", { ...metrics, ...units }, { batch: 128 });
    const own = join(all.folder, name);
    await Deno.mkdir(own, { recursive: true });
    await Deno.writeTextFile(join(own, "config.json"), JSON.stringify(config));
    await Deno.writeTextFile(join(own, "summary.json"), JSON.stringify(summary));
    await Deno.writeTextFile(
      join(own, "log.jsonl"),
      '{"phase":"p","step":1,"loss":0.5,"held_out_loss":0.4}\n',
    );
  }
  const texts = { test_accuracy: 0.9, train_accuracy: 0.95, validation_accuracy: 0.9, test_texts: 25_000 };
  const others: Record<string, StoredRun> = {
    [COMPARISON]: all,
    "sentiment-rnn": finished("rnn", { ...texts, validation_texts: 2000, best_step: 7 }),
    "text-cnn": finished("cnn", { ...texts, validation_texts: 2000, best_step: 8 }),
    optimizers: finished("optimizers", { largest_bump_escaped: 0.41018, engine_difference: 1e-5 }),
    "common-features": finished(join(folder, "common"), { mean_distance_2: 0.2, mean_distance_32: 0.1 }),
    layers: finished("layers", { linear_difference: 1e-7, largest_difference: 1e-7 }),
    "receptive-fields": finished("fields", { stack_1: 8, stack_2: 26 }),
  };
  for (const [at, name] of ["", "-few", ...PARTS.map((part) => `-without-${part}`)].entries()) {
    const own = join(folder, `photographs${name}`);
    others[`photographs${name}`] = finished(
      own,
      { test_accuracy: 0.8 - 0.005 * (at - 1), train_accuracy: 1 },
      {
        batch: 512,
      },
    );
    await Deno.mkdir(own);
    await Deno.writeTextFile(
      join(own, "log.jsonl"),
      '{"phase":"p","step":1,"loss":2,"train_loss":2,"train_accuracy":0.5,"test_loss":2,"test_accuracy":0.25}\n',
    );
  }
  const subsets = {
    test_accuracy_10: 0.3,
    train_accuracy_10: 1,
    test_accuracy_all: 0.9,
    train_accuracy_all: 0.95,
  };
  others["photograph-subsets"] = finished("subsets", subsets);
  const answers = async (assignment: typeof EXERCISES): Promise<string[]> =>
    await Promise.all(
      assignment.questions(scope(true, folder)).map(async ({ runs, answer }) =>
        said((await answer(runs.map(({ folder }) => others[folder]), (name) => others[name])).blocks)
      ),
    );
  const [dense, conv, vae, rnn, cnn] = await answers(AUTOENCODERS);
  assert.match(dense, /0\.001/);
  assert.match(conv, /0\.002, the dense network's by 0\.001/);
  // 1/2 (sum of variances and squared means - 2 - logarithms): 1/2 (2.5 + 1.25 - 2 - ln 1) = 0.875.
  assert.match(vae, /gives 0\.875000 nats, the reduced one 0\.875000/);
  assert.match(rnn, /25,000 test texts/);
  assert.match(cnn, /52 \+ 125 \+ 20 = 197/);
  const [bump, two, , common, layers, whole, few, fields] = await answers(EXERCISES);
  assert.match(bump, /0\.41018, by bisection: 0\.41/);
  assert.match(two, /off by 0\.04 levels on average, with 32 by 0\.05/);
  assert.match(common, /0\.2 levels/);
  assert.match(layers, /1\.0e-7/);
  assert.match(whole, /missed by 9\.50 %/);
  assert.match(whole, /\["1","2","50\.00 %","2","25\.00 %"\]/);
  assert.match(whole, /"averages","78\.50 %","-1\.50 points"/);
  assert.match(few, /"10","100\.00 %","30\.00 %","70\.00 %"/);
  assert.match(few, /70\.00 % where the fewest images are learned and 5\.00 % where the most/);
  assert.match(fields, /26 x 26/);
});

Deno.test("small models are answered with their limits, means over seeds, copies and distances", async () => {
  const limits = { parameters: 900_000, steps: 20_000, penalty: 0 };
  const addnist = [0.97, 0.98, 0.99].map((test_accuracy) =>
    finished("addnist", { ...limits, train_loss: 0.1, train_accuracy: 0.99, test_accuracy })
  );
  const copies = { copies_exact: 0, copies_psnr: 2, copies_near: 1, samples: 10_000 };
  const made = finished("made", { ...limits, ...copies });
  const assessed = (fd_classifier: number) =>
    finished("assessed", { fd_classifier, fd_classifier_floor: 1.5, sharpness: 0.75, class_coverage: 0.99 });
  const [classifier, generator, distances] = SMALL_MODELS.questions(scope(true));
  const runOf = (): StoredRun => made;
  const sums = said((await classifier.answer([...addnist, made], runOf)).blocks);
  assert.match(sums, /98\.00 % ± 1\.00 %/);
  assert.match(sums, /1\.00 points on average/);
  const images = said((await generator.answer([made, made], runOf)).blocks);
  assert.match(images, /\["flow","900,000","20,000","0"\]/);
  assert.match(images, /\["PSNR to the nearest at least 25 dB","2","2"\]/);
  const far = said((await distances.answer([addnist[0], assessed(12), assessed(20)], runOf)).blocks);
  assert.match(far, /"at most 10","12","missed by 2"/);
  assert.match(far, /differ 0\.75 times as much/);
  // What several runs need is made once, and before them.
  const [, first] = distances.runs;
  assert.deepEqual([first.flags.run, first.flags.classifier], ["runs/page/flow", "runs/page/classifier"]);
});
