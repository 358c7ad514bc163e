import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../engine/device.ts";
import { overRows } from "../../engine/rows.ts";
import { openTfjs } from "../../engine/tfjs.ts";

Deno.test("the stock device runs on WebAssembly, and read gives every run since the last", async () => {
  await using device = await openTfjs();
  assert.match(device.description, /wasm backend/);
  const weight = tf.variable(tf.scalar(1));
  const step = await compile(device, ({ x }) => {
    weight.assign(tf.mul(weight, 2));
    return { y: tf.mul(x, weight), count: tf.cast(tf.sum(x), "int32") };
  }, { x: { shape: [2] } });
  const before = tf.memory().numTensors;
  await step.run({ x: Float32Array.of(1, 2) });
  await step.run({ x: Float32Array.of(3, 4) });
  const { y, count } = await step.read();
  assert.deepEqual([...y], [2, 4, 12, 16]);
  assert.deepEqual(count, Int32Array.of(3, 7));
  assert.equal(tf.memory().numTensors, before);
  await assert.rejects(step.run({ x: Float32Array.of(1) }), /input x must hold 2 numbers: it holds 1/);
  weight.dispose();
});

Deno.test("a convolution's gradient, which the WebAssembly backend lacks, goes on in plain JavaScript", async () => {
  await using device = await openTfjs();
  const filter = tf.variable(tf.ones([1, 1, 1, 1]) as tf.Tensor4D);
  const step = await compile(device, ({ x }) => {
    const { grads } = tf.variableGrads(
      () => tf.sum(tf.conv2d(x as tf.Tensor4D, filter as unknown as tf.Tensor4D, 1, "valid")) as tf.Scalar,
      [filter],
    );
    return { gradient: grads[filter.name] };
  }, { x: { shape: [1, 2, 2, 1] } });
  await step.run({ x: Float32Array.of(1, 2, 3, 4) });
  assert.deepEqual([...(await step.read()).gradient], [10]);
  filter.dispose();
});

Deno.test("overRows covers each row once, whatever the batch", async () => {
  await using device = await openTfjs();
  for (const [count, batch] of [[5, 2], [4, 2], [1, 1], [3, 3]]) {
    const square = await compile(
      device,
      ({ index }) => ({ squares: tf.square(index) }),
      { index: { shape: [batch], dtype: "int32" } },
    );
    const { squares } = await overRows(square, { count, batch, inputs: (index) => ({ index }) });
    assert.deepEqual([...squares], Array.from({ length: count }, (_, row) => row * row));
  }
});
