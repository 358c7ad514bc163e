import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Graph } from "../../../engine/graph.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { assertSame, body } from "./check.ts";

await tf.setBackend("cpu");

/** The step of a linear model under a loss, as tfjs differentiates it. */
function traced(loss: (logits: tf.Tensor, targets: tf.Tensor) => tf.Tensor): Graph {
  const w = tf.variable(tf.zeros<tf.Rank.R2>([6, 5]), true, "w");
  try {
    return trace(({ x, targets }) => {
      const f = () => loss(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), targets) as tf.Scalar;
      const { value, grads } = tf.variableGrads(f, [w]);
      return { loss: value, gradient: grads[w.name] };
    }, { x: { shape: [4, 6] }, targets: { shape: [4, 5] } }).graph;
  } finally {
    w.dispose();
  }
}

function check(graph: Graph, expected: readonly string[]): void {
  const after = optimize(graph);
  const nodes = body(after).filter((line) => !line.startsWith("output"));
  assert.deepEqual(nodes.map((line) => line.replace(/^.* = /, "").replaceAll(/%\d+/g, "%")), expected);
  assertSame(graph, after, 1, 1e-6);
}

Deno.test("a mean cross-entropy over log softmax is one node with its gradient", () => {
  check(traced((logits, targets) => tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)))), [
    "matmul(x, w)",
    "softmax_cross_entropy(%, targets)",
    "sum over 0 of [4] neg(%)",
    "neg((% * 0.25))",
    "(0.25 * %)",
    "matmul(xᵀ, %)",
  ]);
});

Deno.test("in three dimensions and weighted by row, too", () => {
  const weights = tf.tensor2d([[1, 2], [0.5, 0]]);
  check(
    traced((logits, targets) => {
      const logs = tf.logSoftmax(tf.reshape(logits, [2, 2, 5]));
      return tf.sum(tf.mul(weights, tf.sum(tf.mul(logs, tf.reshape(targets, [2, 2, 5])), -1)));
    }),
    [
      "matmul(x, w)",
      "softmax_cross_entropy(%, targets)",
      "reshape(%)",
      "sum over 0 of [4] (% * neg(%))",
      "reshape(%)",
      "(neg(%) * %)",
      "matmul(xᵀ, %)",
    ],
  );
});

Deno.test("tfjs's own loss keeps its gradient, which is right for targets of sum 1 only", () => {
  check(traced((logits, targets) => tf.losses.softmaxCrossEntropy(targets, logits)), [
    "matmul(x, w)",
    "softmax(%, log: true)",
    "sum over 1 of [4,5] neg((% * targets))",
    "sum over 0 of [4] %",
    "(% * 0.25)",
    "(0.25 * (exp(%) - targets))",
    "matmul(xᵀ, %)",
  ]);
});

Deno.test("a log softmax without such a loss is a softmax node", () => {
  check(traced((logits, targets) => tf.mean(tf.mul(tf.logSoftmax(logits), tf.exp(targets)))), [
    "matmul(x, w)",
    "softmax(%, log: true)",
    "exp(targets)",
    "sum over 0,1 of [4,5] (% * %)",
    "(% * 0.05)",
    "sum over 1 of [4,5] (0.05 * %)",
    "reshape(%)",
    "((0.05 * %) - (% * exp(%)))",
    "matmul(xᵀ, %)",
  ]);
});
