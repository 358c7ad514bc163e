import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Graph, OpKind } from "../../../engine/graph.ts";
import { validate } from "../../../engine/kernels/validate.ts";
import { adam } from "../../../engine/optimizers.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { planMemory } from "../../../engine/plan.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { assertSame } from "./check.ts";

await tf.setBackend("cpu");

/** The sign, whose gradient is that of tanh. */
const sign = tf.customGrad((given, keep) => {
  const x = given as tf.Tensor;
  (keep as unknown as (kept: tf.Tensor[]) => void)([x]);
  return {
    value: tf.sub(tf.mul(tf.cast(tf.greaterEqual(x, 0), "float32"), 2), 1),
    gradFunc: (dy, [kept]) => tf.mul(dy as tf.Tensor, tf.sub(1, tf.square(tf.tanh(kept)))),
  };
});

/** A step of a dense binary autoencoder with leaky activations, under Adam. */
function autoencoderStep(sizes: readonly number[], batch: number): Graph {
  const layers = sizes.slice(1).map((size, i) => ({
    kernel: tf.variable(tf.zeros<tf.Rank.R2>([sizes[i], size])),
    bias: tf.variable(tf.zeros([size])),
  }));
  const weights = Object.fromEntries(
    layers.flatMap(({ kernel, bias }, i) => [[`k${i}`, kernel], [`b${i}`, bias]]),
  );
  const images = tf.zeros<tf.Rank.R2>([2 * batch, sizes[0]]), optimizer = adam(weights);
  const forward = (x: tf.Tensor): tf.Tensor =>
    layers.reduce((h, { kernel, bias }, i) => {
      const z = tf.add(tf.matMul(h as tf.Tensor2D, kernel as tf.Tensor2D), bias);
      return i === 1 ? sign(z) : i === layers.length - 1 ? tf.sigmoid(z) : tf.leakyRelu(z, 0.1);
    }, x);
  try {
    return trace(({ index, rate }) => {
      const { value, grads } = tf.variableGrads(() => {
        const x = tf.gather(images, index as tf.Tensor1D);
        return tf.losses.meanSquaredError(x, forward(x)) as tf.Scalar;
      }, Object.values(weights));
      optimizer.applyGradients(grads, rate as tf.Scalar);
      return { loss: value };
    }, { index: { shape: [batch], dtype: "int32" }, rate: { shape: [] } }).graph;
  } finally {
    optimizer.dispose();
    tf.dispose([weights, images]);
  }
}

function count(graph: Graph, kind: OpKind): number {
  return graph.nodes.filter(({ op }) => op.kind === kind).length;
}

Deno.test("a layer of a training step is three products and a sum, and the optimizer is one node", () => {
  const graph = autoencoderStep([784, 512, 48, 512, 512, 784], 128), step = optimize(graph);
  validate(step);
  assert.ok(graph.nodes.length > 190);
  // Five layers: a product forward, two backward (the first layer needs no gradient of the images).
  assert.equal(count(step, "matmul"), 14);
  assert.equal(count(step, "reduce"), 5 + 1);
  // All variables, and the two powers of beta.
  assert.equal(count(step, "maps"), 2);
  // The sign, the loss's mean, and the gradient of loss and sigmoid, which product and sum both read.
  assert.equal(count(step, "map"), 3);
  assert.equal(step.nodes.length, 26);
  const plan = planMemory(step);
  assert.equal(plan.graph.nodes.length, 26, "every variable is updated in place");
});

Deno.test("a small step computes the same bits before and after", () => {
  const graph = autoencoderStep([12, 8, 5, 8, 8, 12], 4);
  assertSame(graph, optimize(graph));
});
