import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  build,
  fit,
  forward,
  logProbabilities,
  loss,
  sample,
  SEQ2TOKEN,
  type Seq2TokenConfig,
} from "../../models/seq2token.ts";
import { checkDistribution, checkMemorizes, checkSampling } from "./sequence_checks.ts";
import { checkBuild, checkGradients, openStock, silence, valueOf } from "./trial.ts";

const SMALL: Seq2TokenConfig = {
  model: "seq2token",
  vocabulary: 3,
  length: 5,
  hidden: 32,
  batch: 64,
  learningRate: 1e-2,
  seed: 1,
};
const BITS = { ...SMALL, vocabulary: 2, length: 3 };
const device = await openStock();

/** Two prefixes, of 0 and 2 tokens, and what follows. */
function examples(): [tf.Tensor2D, tf.Tensor1D] {
  return [
    tf.tensor2d([[3, 3, 3, 3], [0, 1, 3, 3]], [2, 4], "int32"),
    tf.tensor1d([2, 0], "int32"),
  ];
}

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("the first loss is about ln V, and ln V where the logits are 0", () => {
  const config = { ...SEQ2TOKEN, model: "seq2token", vocabulary: 8, length: 16, seed: 0 } as const;
  const model = build(config);
  const prefixes = tf.fill([1, 15], 8, "int32") as tf.Tensor2D, next = tf.tensor1d([3], "int32");
  // Logits are 8 times outputs of about ±0.1.
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, next)) - Math.log(8)) < 1);
  silence(model.weights, "output");
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, next)) - Math.log(8)) < 1e-5);
});

Deno.test("the loss is the mean of -log softmax at the next token", async () => {
  const model = build(SMALL), [prefixes, next] = examples();
  const logits = await forward(model, prefixes).array();
  const nats = [2, 0].map((token, row) =>
    Math.log(logits[row].reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[row][token]
  );
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, next)) - (nats[0] + nats[1]) / 2) < 1e-5);
});

Deno.test("it learns four sequences by heart and leaks nothing", async () => {
  const model = build(SMALL);
  await checkMemorizes(device, {
    fit: (options) => fit(model, options),
    logProbabilities: (options) => logProbabilities(model, options),
  });
});

Deno.test("probabilities of all sequences sum to 1 and are how often each is drawn", async () => {
  const model = build(BITS);
  await checkDistribution(device, {
    sample: (options) => sample(model, options),
    logProbabilities: (options) => logProbabilities(model, options),
  });
});

Deno.test("a seed draws the same sequences, however many", async () => {
  const model = build(SMALL);
  silence(model.weights, "output");
  await checkSampling(device, (options) => sample(model, options));
});

Deno.test("the gradient is that of central differences", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL), [prefixes, next] = examples();
  await checkGradients(model.weights, () => loss(model, prefixes, next));
});
