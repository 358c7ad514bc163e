import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { relu } from "../../layers/activations.ts";
import { conv2d } from "../../layers/conv2d.ts";
import {
  chain,
  extents,
  type LayerMaker,
  parallel,
  residual,
  retitled,
  sequential,
  trained,
} from "../../layers/layer.ts";
import { linear } from "../../layers/linear.ts";
import { flatten } from "../../layers/reshape.ts";
import { UNIFORM } from "../../layers/starts.ts";

await tf.setBackend("cpu");

const SMALL = sequential([8, 8, 1], [
  conv2d("conv1", { filters: 4, kernel: 5, stride: 2 }),
  relu,
  flatten,
  linear("output", 10, { start: UNIFORM }),
]);

/** Counts its calls in a buffer, multiplies by a frozen 3 and a trained 2, and only while it learns. */
const counting: LayerMaker = (input) => ({
  rows: [{ type: "Counting", output: extents(input) }],
  output: input,
  weights: {
    "counting/calls": { shape: [], start: () => new Float32Array(1), role: "buffer" },
    "counting/three": { shape: [], start: () => Float32Array.of(3), role: "frozen" },
    "counting/two": { shape: [], start: () => Float32Array.of(2) },
  },
  apply: (weights, x, training) => {
    if (training === undefined) return x;
    const calls = weights["counting/calls"] as tf.Variable;
    calls.assign(tf.add(calls, 1));
    return tf.mul(tf.mul(x, weights["counting/three"]), weights["counting/two"]);
  },
});

Deno.test("one definition gives table, parameters, weights and shapes", () => {
  assert.deepEqual(SMALL.rows, [
    { type: "Input", output: "N x 1 x 8 x 8" },
    { type: "Conv2d", weight: "1 x 4 x 5 x 5", stride: 2, padding: "1, 2", output: "N x 4 x 4 x 4" },
    { type: "ReLU", output: "N x 4 x 4 x 4" },
    { type: "Flatten", output: "N x 64" },
    { type: "Linear", weight: "64 x 10", output: "N x 10" },
  ]);
  assert.equal(SMALL.parameters, 100 + 4 + 640 + 10);
  assert.deepEqual([SMALL.input, SMALL.output], [[8, 8, 1], [10]]);
  const before = tf.memory().numTensors, weights = SMALL.init(stream(1));
  const shapes = Object.entries(weights).map(([name, { shape }]) => [name, shape]);
  assert.deepEqual(shapes, [
    ["conv1/kernel", [5, 5, 1, 4]],
    ["conv1/bias", [4]],
    ["output/kernel", [64, 10]],
    ["output/bias", [10]],
  ]);
  const y = SMALL.apply(weights, tf.zeros([3, 8, 8, 1]));
  assert.deepEqual(y.shape, [3, 10]);
  // Nothing is left but what was asked for, and the input.
  tf.dispose([y, weights]);
  assert.equal(tf.memory().numTensors, before + 1);
});

Deno.test("layers draw from generators forked by their names, kernels before biases", () => {
  const weights = SMALL.init(stream(1).fork("init"));
  const conv = stream(1).fork("init").fork("conv1"), output = stream(1).fork("init").fork("output");
  assert.deepEqual(weights["conv1/kernel"].dataSync(), conv.normals(100, Math.sqrt(2 / 25)));
  assert.deepEqual(weights["output/kernel"].dataSync(), output.uniforms(640, 1 / 8));
  assert.deepEqual(weights["output/bias"].dataSync(), output.uniforms(10, 1 / 8));
  // A layer more moves no other.
  const longer = sequential([8, 8, 1], [
    conv2d("conv0", { filters: 1, kernel: 3 }),
    conv2d("conv1", { filters: 4, kernel: 5, stride: 2 }),
  ]).init(stream(1).fork("init"));
  assert.deepEqual(longer["conv1/kernel"].dataSync(), weights["conv1/kernel"].dataSync());
});

Deno.test("what does not fit is refused in one sentence", () => {
  assert.throws(
    () => sequential([10], [conv2d("c", { filters: 1, kernel: 3 })]),
    /Cannot build c as its input/,
  );
  assert.throws(() => sequential([4], [linear("a", 3), linear("a", 3)]), /two layers have a a\/kernel/);
  const weights = SMALL.init(stream(1));
  assert.throws(() => SMALL.apply(weights, tf.zeros([3, 8, 9, 1])), /must be \[batch, 8, 8, 1\]/);
  assert.throws(() => SMALL.apply(weights, tf.zeros([8, 8, 1])), /must be \[batch, 8, 8, 1\]/);
  assert.throws(() => SMALL.apply({}, tf.zeros([3, 8, 8, 1])), /must hold conv1\/kernel/);
  const liar: LayerMaker = () => ({
    rows: [{ type: "Liar", output: "N x 5" }],
    output: [5],
    apply: (_weights, x) => x,
  });
  assert.throws(() => sequential([4], [liar]).apply({}, tf.zeros([1, 4])), /the output of Liar must be/);
});

Deno.test("frozen weights are parameters without gradients, buffers are neither, and evaluation changes nothing", () => {
  const network = sequential([2], [counting]);
  assert.equal(network.parameters, 2);
  const weights = network.init(stream(0)), x = tf.tensor2d([1, 2], [1, 2]);
  assert.deepEqual(Object.keys(trained(weights)), ["counting/two"]);
  const { value, grads } = tf.variableGrads(() => {
    const training = { random: stream(0), counter: tf.scalar(0, "int32") };
    return tf.sum(network.apply(weights, x, training));
  }, Object.values(trained(weights)));
  assert.equal(value.dataSync()[0], 18);
  assert.deepEqual(Object.values(grads).map((grad) => grad.dataSync()[0]), [9]);
  assert.equal(weights["counting/calls"].dataSync()[0], 1);
  assert.deepEqual([...network.apply(weights, x).dataSync()], [1, 2]);
  assert.equal(weights["counting/calls"].dataSync()[0], 1);
});

Deno.test("a residual block adds its input, and its table says so", () => {
  const network = sequential([3], [residual(linear("a", 5), relu, linear("b", 3))]);
  assert.deepEqual(network.rows.map(({ type }) => type), ["Input", "Linear", "ReLU", "Linear, added"]);
  const weights = network.init(stream(2)), x = tf.tensor2d([1, -2, 3], [1, 3]);
  const inner = sequential([3], [linear("a", 5), relu, linear("b", 3)]).apply(weights, x);
  assert.deepEqual(network.apply(weights, x).dataSync(), tf.add(x, inner).dataSync());
  assert.throws(
    () => sequential([3], [residual(linear("a", 5))]),
    /must have the input's shape \[3\]: it is \[5\]/,
  );
});

Deno.test("a layer's first row can bear another title", () => {
  const network = sequential([3], [retitled((type) => `Encoder: ${type}`, chain(linear("a", 5), relu))]);
  assert.deepEqual(network.rows.map(({ type }) => type), ["Input", "Encoder: Linear", "ReLU"]);
});

Deno.test("parallel branches see the same image, and their channels stand beside each other", () => {
  const twice = conv2d("twice", { filters: 2, kernel: 1, bias: false });
  const network = sequential([2, 1, 1], [parallel([twice], [], [relu])]);
  assert.deepEqual(network.output, [2, 1, 4]);
  assert.equal(network.rows.at(-1)?.type, "3 branches joined");
  const weights = { "twice/kernel": tf.tensor4d([2, 3], [1, 1, 1, 2]) };
  const found = network.apply(weights, tf.tensor4d([1, -4], [1, 2, 1, 1])).dataSync();
  assert.deepEqual([...found], [2, 3, 1, 1, -8, -12, -4, 0]);
  const smaller = conv2d("smaller", { filters: 1, kernel: 1, stride: 2 });
  assert.throws(() => sequential([2, 1, 1], [parallel([], [smaller])]), /all must give 2x1: one gives 1x1/);
});
