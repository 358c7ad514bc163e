import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { EXAMPLE, parametersByFormula } from "../../analysis/text_cnn_example.ts";
import { openDevice } from "../../engine/open.ts";
import { accuracy } from "../../metrics/mod.ts";
import { build, EXPERIMENT, logits, type TextCnnConfig } from "../../models/text_cnn.ts";
import { fitTexts, meanCrossEntropy } from "../../run/text_classification.ts";
import { LENGTH, SYMBOLS, verdicts } from "./text_trial.ts";
import { checkBuild, checkGradients, openTrial } from "./trial.ts";

const SMALL: TextCnnConfig = {
  ...{ model: "text-cnn", embedding: 5, widths: [2, 3, 4], filters: 3, dropout: 0 },
  ...{ symbols: SYMBOLS, vocabulary: "", length: LENGTH, batch: 6, learningRate: 2e-2, epochs: 1, seed: 1 },
};
const texts = verdicts();
const words = () => tf.tensor2d(texts.tokens, [texts.count, LENGTH], "int32");

Deno.test("its parameters are those of the example's formula, and the embedding's", async () => {
  await tf.setBackend("cpu");
  const { filters, widths, embedding, symbols } = SMALL, { parameters, rows } = build(SMALL);
  const formula = parametersByFormula({
    ...EXAMPLE,
    embedding,
    filters: widths.map((width) => ({ width, channels: filters })),
  });
  assert.equal(parameters, formula.reduce((sum, part) => sum + part, symbols * embedding));
  assert.equal(rows.filter(({ type }) => type === "Conv1d").length, 3);
});

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await tf.setBackend("cpu");
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("a pattern counts wherever it stands", async () => {
  await tf.setBackend("cpu");
  const model = build({ ...SMALL, widths: [2] });
  const shifted = tf.tensor2d([[0, 0, 0, 0, 2, 5], [0, 2, 5, 0, 0, 0]], [2, LENGTH], "int32");
  const [last, early] = await logits(model, shifted).array();
  // The text in the middle has one window more: its last word before the padding.
  const alone = tf.tensor2d([[0, 0, 0, 2, 5, 0], [0, 2, 5, 0, 0, 0]], [2, LENGTH], "int32");
  const [a, b] = await logits(model, alone).array();
  assert.deepEqual(a, b);
  assert.deepEqual(early, b);
  assert.equal(last.length, 2);
});

Deno.test("the gradient is that of central differences", async () => {
  const model = build({ ...SMALL, seed: 5 });
  await checkGradients(
    model.weights,
    () => meanCrossEntropy(logits(model, words()), tf.tensor1d(Array.from(texts.labels), "int32")),
  );
});

Deno.test("it learns texts by heart", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const model = build(SMALL);
  await fitTexts(EXPERIMENT, model, { run: await openTrial(device), device, texts, steps: 200 });
  await tf.setBackend("cpu");
  assert.equal(accuracy(await logits(model, words()).data() as Float32Array, texts.labels), 1);
});
