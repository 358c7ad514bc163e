import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  build,
  fit,
  forward,
  logProbabilities,
  loss,
  sample,
  SEQ2SEQ,
  SEQ2SEQ_TRANSFORMER,
  type Seq2SeqConfig,
} from "../../models/seq2seq.ts";
import { checkDistribution, checkMemorizes, checkSampling, FOUR } from "./sequence_checks.ts";
import { checkBuild, checkGradients, openStock, silence, valueOf } from "./trial.ts";

const COMMON = {
  model: "seq2seq",
  vocabulary: 3,
  length: 5,
  batch: 4,
  learningRate: 1e-2,
  seed: 1,
} as const;
const SMALL: Readonly<Record<string, Seq2SeqConfig>> = {
  masked: { ...COMMON, architecture: "masked", hidden: 8 },
  transformer: { ...COMMON, architecture: "transformer", layers: 2, width: 16, heads: 2 },
};
const device = await openStock();

/** `FOUR` as a tensor. */
function four(): tf.Tensor2D {
  return tf.tensor2d(FOUR.tokens, [4, 5], "int32");
}

for (const [name, config] of Object.entries(SMALL)) {
  Deno.test(`${name}: equal seeds give equal weights, other seeds others, and nothing is left over`, async () => {
    await checkBuild((seed) => build({ ...config, seed }));
  });

  Deno.test(`${name}: the first loss is about ln V, and ln V where the logits are 0`, () => {
    const size = config.architecture === "masked" ? SEQ2SEQ : SEQ2SEQ_TRANSFORMER;
    const model = build({ ...COMMON, ...size, vocabulary: 8, length: 16 });
    const tokens = tf.tensor2d(Int32Array.from({ length: 64 }, (_, at) => (at * 5) % 8), [4, 16], "int32");
    // The masked network's logits are 8 times outputs of about 0.1; the transformer's have a deviation of 0.6.
    assert.ok(Math.abs(valueOf(() => loss(model, tokens)) - Math.log(8)) < 0.5);
    silence(model.weights, "output");
    assert.ok(Math.abs(valueOf(() => loss(model, tokens)) - Math.log(8)) < 1e-5);
  });

  Deno.test(`${name}: the logits at a position depend on the tokens before it, and on each of them`, async () => {
    const model = build(config);
    const before = await forward(model, four()).array();
    for (let changed = 0; changed < 5; changed++) {
      const tokens = FOUR.tokens.map((token, at) => at % 5 === changed ? (token + 1) % 3 : token);
      const after = await forward(model, tf.tensor2d(tokens, [4, 5], "int32")).array();
      after.forEach((sequence, row) =>
        sequence.forEach((logits, position) => {
          // Bit by bit, as what is hidden adds an exact 0.
          const check = position <= changed ? assert.deepEqual : assert.notDeepEqual;
          check(logits, before[row][position], `token ${changed} changed, logits at ${position}`);
        })
      );
    }
  });

  Deno.test(`${name}: the loss is the mean of -log softmax at the tokens`, async () => {
    const model = build(config);
    const logs = await logProbabilities(model, { device, sequences: FOUR });
    const nats = -logs.reduce((sum, log) => sum + log, 0) / logs.length;
    const tokens = four();
    assert.ok(Math.abs(valueOf(() => loss(model, tokens)) - nats) < 1e-5);
  });

  Deno.test(`${name}: it learns four sequences by heart and leaks nothing`, async () => {
    const model = build(config);
    await checkMemorizes(device, {
      fit: (options) => fit(model, options),
      logProbabilities: (options) => logProbabilities(model, options),
    });
  });

  Deno.test(`${name}: probabilities of all sequences sum to 1 and are how often each is drawn`, async () => {
    const model = build({ ...config, vocabulary: 2, length: 3 });
    await checkDistribution(device, {
      sample: (options) => sample(model, options),
      logProbabilities: (options) => logProbabilities(model, options),
    });
  });

  Deno.test(`${name}: a seed draws the same sequences, however many`, async () => {
    const model = build(config);
    silence(model.weights, "output");
    await checkSampling(device, (options) => sample(model, options));
  });

  Deno.test(`${name}: the gradient is that of central differences`, async () => {
    await tf.setBackend("cpu");
    const model = build(config), tokens = four();
    await checkGradients(model.weights, () => loss(model, tokens));
  });
}

Deno.test("masked: a wide vocabulary, whose tokens are looked up, is hidden just so", async () => {
  const model = build({ ...SMALL.masked, vocabulary: 120 });
  const logits = async (tokens: number[]) =>
    await forward(model, tf.tensor2d(tokens, [1, 5], "int32")).array();
  const [before] = await logits([3, 119, 7, 7, 0]), [after] = await logits([3, 119, 60, 7, 0]);
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
  assert.notDeepEqual(after[3], before[3]);
});

Deno.test("weights that a mask hides are 0 and stay 0", async () => {
  const model = build(SMALL.masked);
  // Blocks of so many rows and columns; the first layer sees those before its own, the others their own too.
  const layers = [["hidden1", 3, 8, 0], ["hidden2", 8, 8, 1], ["output", 8, 3, 1]] as const;
  const hidden = async () =>
    await Promise.all(layers.map(async ([layer, from, units, own]) => {
      const kernel = await model.weights[`${layer}/kernel`].data(), columns = 5 * units;
      const seen = (at: number) =>
        Math.floor(Math.floor(at / columns) / from) < Math.floor(at % columns / units) + own;
      assert.ok(kernel.every((weight, at) => weight !== 0 || !seen(at)), layer);
      return Array.from(kernel).filter((weight, at) => weight !== 0 && !seen(at)).length;
    }));
  assert.deepEqual(await hidden(), [0, 0, 0]);
  await checkMemorizes(device, {
    fit: (options) => fit(model, options),
    logProbabilities: (options) => logProbabilities(model, options),
  });
  assert.deepEqual(await hidden(), [0, 0, 0]);
});

Deno.test("a transformer's heads must divide its width", () => {
  const config: Seq2SeqConfig = { ...COMMON, architecture: "transformer", layers: 1, width: 10, heads: 4 };
  assert.throws(() => build(config), /heads must divide width: 4 of 10/);
});
