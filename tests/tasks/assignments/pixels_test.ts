import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { htmlReport } from "../../../report/html.ts";
import type { StoredRun } from "../../../run/run.ts";
import { PIXELS } from "../../../tasks/assignments/pixels.ts";

const DIGITS = { dataset: "digits" };
const SCOPE = {
  ...{ images: DIGITS, opinions: DIGITS, photographs: DIGITS, computing: { device: "auto" } },
  ...{ folder: ".", quick: true, seed: 3 },
};
const MODELS = ["lstm-32", "lstm-64", "lstm-128", "lstm-3x32", "gru-32", "gru-64", "gru-128", "gru-3x32"];

/** Figures of a comparison: each model's first is `first`, that of the next one in a hundred more, and so on. */
function figures(
  models: readonly string[],
  values: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(models.flatMap((model, at) =>
    Object.entries(values).map(([name, first]) => [
      `${model.replaceAll("-", "_")}_${name}`,
      first + at / 100,
    ])
  ));
}

/** A comparison that was never run. */
function comparison(folder: string, metrics: Readonly<Record<string, number>>): StoredRun {
  const dataset = { name: "digits", split: "train", offset: 0, count: 256, sha256: "" };
  return {
    folder,
    config: {
      ...{ task: "", flags: {}, dataset, model: {} },
      versions: { engram: "", deno: "", tfjs: "" },
      device: { kind: "wasm", description: "" },
    },
    summary: {
      ...{ task: "", status: "completed", seconds: 1, steps: 1, parameters: 1, device: "", dataset, metrics },
    },
  };
}

const root = await Deno.makeTempDir();
const predictors = MODELS.slice(4);
const stored: Readonly<Record<string, StoredRun>> = {
  classifiers: comparison(join(root, "classifiers"), {
    ...figures(MODELS, { test_accuracy: 0.51, train_accuracy: 0.62, test_loss: 1.5, train_loss: 1.25 }),
    ...figures(MODELS, { "validation_accuracy_at_0.001": 0.3, "validation_accuracy_at_0.004": 0.4 }),
    ...figures(MODELS, { "validation_accuracy_at_0.01": 0.2, learning_rate: 0.004 }),
    ...figures(["whole"], { test_accuracy: 0.97, train_accuracy: 0.99, test_loss: 0.125 }),
    ...figures(["ablation-as-it-is"], { validation_accuracy: 0.75, validation_loss: 1 }),
    ...figures(["ablation-chrono-gates", "ablation-zero-gates", "ablation-uniform-kernel"], {
      ...{ validation_accuracy: 0.71, validation_loss: 1 },
    }),
    ...figures(["ablation-no-clipping", "ablation-constant-rate"], {
      validation_accuracy: 0.45,
      validation_loss: 1,
    }),
    ...figures(["ablation-momentum", "ablation-sgd"], { validation_accuracy: 0.55, validation_loss: 1 }),
  }),
  predictors: comparison(join(root, "predictors"), {
    ...figures(predictors, { test_nats_per_pixel: 0.25, train_nats_per_pixel: 0.2, test_nats_per_image: 40 }),
    ...figures(predictors, { train_nats_per_image: 39, continuation_nats_rest: 10, truth_nats_rest: 12 }),
    ...figures(predictors, { continuation_nats_1: 0.375, truth_nats_1: 0.5, inpainting_accuracy_1: 0.81 }),
    ...figures(predictors, { inpainting_accuracy_4: 0.72, inpainting_accuracy_1_uniform: 0.9 }),
    ...figures(predictors, { inpainting_nats_best_4: 0.5, inpainting_nats_truth_4: 1.5 }),
  }),
  memory: comparison(join(root, "memory"), {
    ...figures(["images-8"], { memorized_mass: 0.875, sample_distance: 1, test_distance: 7, samples: 500 }),
    ...figures(["images-32"], { memorized_mass: 0.125, sample_distance: 9, test_distance: 8, samples: 500 }),
  }),
};
for (const [folder, models] of [["classifiers", MODELS], ["predictors", predictors]] as const) {
  for (const model of models) {
    const path = join(root, folder, model, "weights.safetensors");
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, new Uint8Array(1500));
  }
}

const questions = PIXELS.questions(SCOPE);

/** A question's answer as a page shows it, without its marks. */
async function answered(title: string): Promise<string> {
  const question = questions.find((one) => one.title.startsWith(title));
  assert.ok(question, title);
  const answer = await question.answer(
    question.runs.map(({ folder }) => stored[folder]),
    (folder) => stored[folder],
  );
  const html = await htmlReport({
    ...{ title, abstract: "", figures: answer.figures },
    sections: [{ title, blocks: answer.blocks }],
  });
  return html.replace(/<style>.*?<\/style>/s, "").replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

Deno.test("questions stand in the assignment's order, each run once", () => {
  assert.deepEqual(questions.map(({ title }) => title.replace(/[: ].*/, "")), [
    ...["Cells", "Cells", "Cells", "1", "2", "3", "Trained", "Beyond"],
  ]);
  const lines = questions.flatMap(({ runs }) => runs);
  assert.deepEqual(lines.map(({ folder }) => folder), ["classifiers", "predictors", "memory"]);
  for (const { flags } of lines) assert.equal(flags.seed, 3);
});

Deno.test("answers cite the figures of their runs", async () => {
  const cells = await answered("Cells 1");
  assert.match(cells, /LSTM : not by its gates .* 1\.449/);
  assert.match(cells, /GRU : yes/);
  const classification = await answered("1 ");
  assert.match(classification, /best LSTM is lstm-3x32 , right in 54\.00 %/);
  assert.match(classification, /best GRU gru-3x32 , right in 58\.00 %/);
  assert.match(classification, /gru-64 is 4\.00 points above lstm-64/);
  assert.match(classification, /told right in 97\.00 %: 39\.00 points above/);
  assert.match(classification, /costs most is gradients as they are : 45\.00 %/);
  const prediction = await answered("2 ");
  assert.match(prediction, /gru-32 needs least: 0\.2500 nats a pixel, 40\.00 an image/);
  assert.match(prediction, /10\.00 for all .* 12\.00 for the truth: the truth costs 20\.00 % more/);
  const gaps = await answered("3 ");
  assert.match(gaps, /2 x 2 pixels 0\.530 where it costs 1\.530/);
  assert.match(gaps, /84\.00 % \(goal 90 %\) and 75\.00 % \(goal 88 %\)/);
  assert.match(await answered("Trained"), /12 files of weights, 0\.02 MB in all/);
  assert.match(
    await answered("Beyond"),
    /Held to a half or more: 8 images\. .* nearer .* with 8 images/,
  );
});
