/** With many distinct tokens the sequence models look their one-hot inputs up: that must be what multiplying gives. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import type { Weights } from "../../engine/optimizers.ts";
import * as seq2hist from "../../models/seq2hist.ts";
import * as seq2seq from "../../models/seq2seq.ts";
import * as seq2token from "../../models/seq2token.ts";

const SHAPE = { vocabulary: 40, length: 16, hidden: 3, batch: 4, learningRate: 0.01, seed: 1 };

/** The network of all three models, written with a product: bits [B, inputs] -> outputs, not scaled yet. */
function multiplied(bits: tf.Tensor2D, weights: Weights): tf.Tensor2D {
  const linear = (layer: string, x: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.matMul(x, weights[`${layer}/kernel`]), weights[`${layer}/bias`]);
  return linear("output", tf.relu(linear("hidden2", tf.relu(linear("hidden1", bits)))));
}

function close(actual: tf.Tensor, expected: tf.Tensor): void {
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  assert.equal(a.length, b.length);
  a.forEach((value, index) =>
    assert.ok(Math.abs(value - b[index]) < 1e-4, `${index}: ${value}, ${b[index]}`)
  );
}

function randomTokens(rows: number, columns: number, below: number): tf.Tensor2D {
  const random = stream(2);
  const tokens = Int32Array.from({ length: rows * columns }, () => random.integer(below));
  return tf.tensor2d(tokens, [rows, columns], "int32");
}

Deno.test("seq2token and seq2hist, with absent tokens", async () => {
  await tf.setBackend("cpu");
  const prefixes = randomTokens(4, 15, 41);
  const bits = tf.cast(tf.oneHot(prefixes, 41), "float32").reshape([4, 15 * 41]) as tf.Tensor2D;
  const token = seq2token.build({ model: "seq2token", ...SHAPE });
  close(seq2token.forward(token, prefixes), tf.mul(multiplied(bits, token.weights), 8));
  const hist = seq2hist.build({ model: "seq2hist", ...SHAPE });
  close(seq2hist.forward(hist, prefixes), tf.mul(multiplied(bits, hist.weights), 16));
});

Deno.test("seq2seq, and an absent token changes no logits up to its own position", async () => {
  await tf.setBackend("cpu");
  const tokens = randomTokens(4, 16, 40);
  const bits = tf.cast(tf.oneHot(tokens, 40), "float32").reshape([4, 16 * 40]) as tf.Tensor2D;
  const model = seq2seq.build({ model: "seq2seq", architecture: "masked", ...SHAPE });
  // Kernels are 0 where the masks are.
  const logits = seq2seq.forward(model, tokens);
  close(logits.reshape([4, 640]), tf.mul(multiplied(bits, model.weights), 8));
  const absent = tf.concat([tokens.slice([0, 0], [4, 9]), tf.fill([4, 7], 40, "int32")], 1) as tf.Tensor2D;
  const head = (all: tf.Tensor3D) => all.slice([0, 0, 0], [4, 10, 40]);
  close(head(seq2seq.forward(model, absent)), head(logits));
});
