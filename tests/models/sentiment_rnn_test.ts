import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { accuracy } from "../../metrics/mod.ts";
import { openDevice } from "../../engine/open.ts";
import { build, EXPERIMENT, logits, type SentimentRnnConfig } from "../../models/sentiment_rnn.ts";
import { fitTexts, meanCrossEntropy } from "../../run/text_classification.ts";
import { LENGTH, SYMBOLS, verdicts } from "./text_trial.ts";
import { checkBuild, checkGradients, openTrial, silence, valueOf } from "./trial.ts";

const SMALL: SentimentRnnConfig = {
  ...{ model: "sentiment-rnn", embedding: 5, units: 6, dropout: 0 },
  ...{ symbols: SYMBOLS, vocabulary: "", length: LENGTH, batch: 6, learningRate: 2e-2, epochs: 1, seed: 1 },
};
const texts = verdicts();
const words = () => tf.tensor2d(texts.tokens, [texts.count, LENGTH], "int32");
const labels = () => tf.tensor1d(Array.from(texts.labels), "int32");

Deno.test("the network has the sizes that were asked for", async () => {
  await tf.setBackend("cpu");
  const { parameters } = build({ ...SMALL, ...EXPERIMENT.defaults, length: 250, symbols: 20_002 });
  assert.equal(parameters, 20_002 * 100 + 100 * 256 + 256 * 256 + 256 + 256 * 2 + 2);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("logits of 0 cost ln 2; padding in front changes nothing", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL);
  const longer = build({ ...SMALL, length: LENGTH + 3 });
  const padded = tf.pad(words(), [[0, 0], [3, 0]]) as tf.Tensor2D;
  assert.deepEqual(await logits(longer, padded).array(), await logits(model, words()).array());
  silence(model.weights, "output");
  assert.ok(Math.abs(valueOf(() => meanCrossEntropy(logits(model, words()), labels())) - Math.LN2) < 1e-6);
});

Deno.test("the gradient is that of central differences", async () => {
  const model = build(SMALL);
  await checkGradients(model.weights, () => meanCrossEntropy(logits(model, words()), labels()));
});

Deno.test("it learns texts by heart, and its recurrent kernel moves a fiftieth as far", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const model = build(SMALL), run = await openTrial(device);
  const moved = async (name: string, from: Float32Array): Promise<number> => {
    const now = await model.weights[name].data();
    return Math.max(...now.map((value, at) => Math.abs(value - from[at])));
  };
  const before = {
    kernel: await model.weights["cell/kernel"].data() as Float32Array,
    recurrent: await tf.eye(6).data() as Float32Array,
  };
  await fitTexts(EXPERIMENT, model, { run, device, texts, steps: 1 });
  // The first step of Adam is as large as the rate, whatever the gradient.
  const ratio = await moved("cell/kernel", before.kernel) /
    await moved("cell/recurrent_kernel", before.recurrent);
  assert.ok(Math.abs(ratio - 50) < 0.5, String(ratio));
  await fitTexts(EXPERIMENT, model, { run: await openTrial(device), device, texts, steps: 200 });
  await tf.setBackend("cpu");
  const given = await logits(model, words()).data() as Float32Array;
  assert.equal(accuracy(given, texts.labels), 1);
});
