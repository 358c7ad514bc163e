import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { crossEntropy, entropy, rowFinder, wilson } from "../../metrics/mod.ts";
import {
  build,
  fit,
  forward,
  logProbabilities,
  loss,
  sample,
  scorer,
  SEQ2HIST,
  type Seq2HistConfig,
} from "../../models/seq2hist.ts";
import { openMemory } from "../../run/memory.ts";
import { checkDistribution, checkMemorizes, checkSampling } from "./sequence_checks.ts";
import { checkBuild, checkGradients, openStock, silence, valueOf } from "./trial.ts";

const SMALL: Seq2HistConfig = {
  model: "seq2hist",
  vocabulary: 3,
  length: 5,
  hidden: 32,
  batch: 64,
  learningRate: 1e-2,
  seed: 1,
};
const BITS = { ...SMALL, vocabulary: 2, length: 3 };
const device = await openStock();

/** Two prefixes, of 0 and 2 tokens, and the histograms of what follows. */
function examples(): [tf.Tensor2D, tf.Tensor2D] {
  return [
    tf.tensor2d([[3, 3, 3, 3], [0, 1, 3, 3]], [2, 4], "int32"),
    tf.tensor2d([[0.75, 0, 0.25], [0, 1, 0]]),
  ];
}

Deno.test("equal seeds give equal weights, other seeds others, and nothing is left over", async () => {
  await checkBuild((seed) => build({ ...SMALL, seed }));
});

Deno.test("the first loss is about ln V, and ln V where the logits are 0", () => {
  const model = build({ ...SEQ2HIST, model: "seq2hist", vocabulary: 8, length: 16, seed: 0 });
  const prefixes = tf.fill([1, 15], 8, "int32") as tf.Tensor2D;
  const histograms = tf.fill([1, 8], 1 / 8) as tf.Tensor2D;
  // Logits are 16 times outputs of about ±0.1.
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, histograms)) - Math.log(8)) < 1);
  silence(model.weights, "output");
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, histograms)) - Math.log(8)) < 1e-5);
});

Deno.test("the loss is the cross-entropy of the histograms, and their entropy where it predicts them", async () => {
  const model = build(SMALL), [prefixes, histograms] = examples();
  const logits = new Float32Array(await forward(model, prefixes).data());
  const expected = crossEntropy(logits, await histograms.data(), { vocabulary: 3 });
  assert.ok(Math.abs(valueOf(() => loss(model, prefixes, histograms)) - expected) < 1e-5);
  // Logits without an input are the last bias times 16.
  silence(model.weights, "output");
  const [first, wanted] = [prefixes.slice([0, 0], [1, 4]), tf.tensor2d([[0.75, 0.125, 0.125]])];
  model.weights["output/bias"].assign(tf.div(tf.log(wanted.reshape([3])), 16));
  assert.ok(Math.abs(valueOf(() => loss(model, first, wanted)) - entropy([6, 1, 1])) < 1e-5);
});

Deno.test("it learns four sequences by heart and leaks nothing", async () => {
  const model = build(SMALL);
  await checkMemorizes(device, {
    fit: (options) => fit(model, options),
    logProbabilities: (options) => logProbabilities(model, options),
  });
});

for (const range of [undefined, 1]) {
  Deno.test(`range ${range ?? "all"}: probabilities sum to 1 and are how often each is drawn`, async () => {
    const model = build({ ...BITS, range });
    await checkDistribution(device, {
      sample: (options) => sample(model, options),
      logProbabilities: (options) => logProbabilities(model, options),
    });
  });
}

Deno.test("a model of range 1 sees one token back and not two", async () => {
  const model = build({ ...BITS, range: 1 });
  const tokens = Int32Array.of(...[0, 1, 0], ...[1, 1, 0]);
  const sequences = { tokens, count: 2, length: 3, vocabulary: 2 };
  const logs = await logProbabilities(model, { device, sequences });
  assert.notEqual(logs[1], logs[4]);
  assert.equal(logs[2], logs[5]);
});

Deno.test("a seed draws the same sequences, however many", async () => {
  const model = build(SMALL);
  silence(model.weights, "output");
  await checkSampling(device, (options) => sample(model, options));
});

Deno.test("the gradient is that of central differences", async () => {
  await tf.setBackend("cpu");
  const model = build(SMALL), [prefixes, histograms] = examples();
  await checkGradients(model.weights, () => loss(model, prefixes, histograms));
});

Deno.test("the share of samples that are training sequences is the exact mass, within the interval of so many", async () => {
  const model = build(BITS), drawn = 4000;
  const sequences = { tokens: Int32Array.of(0, 0, 1, 1, 0, 1, 1, 1, 1), count: 3, length: 3, vocabulary: 2 };
  const memory = await openMemory({ sequences }, (scored) => scorer(model, { device, sequences: scored }));
  const { memorized_mass: mass } = await memory.measure();
  memory.dispose();
  const samples = await sample(model, { device, count: drawn, seed: 3 });
  const found = rowFinder(sequences.tokens, 3).in(samples).filter((match) => match >= 0).length;
  const { low, high } = wilson(found, drawn);
  assert.ok(mass > 0.05 && mass < 0.95 && low <= mass && mass <= high, `${mass} in ${low} to ${high}`);
  tf.dispose(model.weights);
});
