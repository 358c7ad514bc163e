/** What a user can get wrong, and what is said of it. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { CompiledDevice } from "../../engine/compiled_device.ts";
import { compile } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { ReferenceExecutor } from "../../engine/reference.ts";
import { deviceTest } from "./devices.ts";

await tf.setBackend("cpu");
const open = () => new CompiledDevice(new ReferenceExecutor());
/** What TypeScript would not let pass. */
// deno-lint-ignore no-explicit-any
const loose = (x: unknown): any => x;

Deno.test("functions and inputs that are none are named at compile time", async () => {
  await using device = open();
  const refused = async (fn: unknown, specs: unknown, message: RegExp) =>
    await assert.rejects(compile(device, loose(fn), loose(specs)), message);
  const fine = ({ x }: { x: tf.Tensor }) => ({ y: tf.add(x, 1) });
  await refused(() => {}, {}, /must return tensors by name.*undefined/);
  await refused(() => null, {}, /must return tensors by name.*null/);
  await refused(() => tf.scalar(1), {}, /a tensor without a name/);
  await refused(() => ({ loss: 3 }), {}, /current value of loss is 3/);
  await refused(fine, undefined, /inputs must be declared/);
  for (const shape of [undefined, null, [null, 3], [-1], [1.5], [NaN], 3]) {
    await refused(fine, { x: { shape } }, /input x must have a shape of whole numbers/);
  }
  await refused(fine, { x: null }, /input x must have a shape/);
  await refused(
    fine,
    { x: { shape: [2], dtype: "float64" } },
    /dtype of input x must be float32 or int32.*float64/,
  );
  const gone = tf.tensor1d([1, 2]);
  gone.dispose();
  await refused(() => ({ y: tf.add(gone, 1) }), {}, /a tensor that it uses, float32 \[2\], was disposed of/);
  let calls = 0;
  await refused(
    () => ({ y: tf.mul(tf.zeros([++calls]), tf.ones([calls])) }),
    {},
    /\[2\] in one call and \[3\] in the next|in one call and/,
  );
  await refused(
    () => {
      void tf.setBackend("cpu");
      return { y: tf.scalar(1) };
    },
    {},
    /changes tfjs's backend/,
  );
  await tf.setBackend("cpu");
  // All of that leaves nothing behind.
  const compiled = await compile(device, fine, { x: { shape: [1] } });
  await assert.rejects(
    compiled.run(loose(undefined)),
    /input x must be a Float32Array of 1 elements: current value is absent/,
  );
  await assert.rejects(compiled.run(loose({ x: null })), /absent/);
  await compiled.run({ x: Float32Array.of(1) });
  assert.deepEqual([...(await compiled.read()).y], [2]);
});

Deno.test("training, profiling and debugging inside a function are refused at once", async () => {
  await using device = open();
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  model.compile({ loss: "meanSquaredError", optimizer: "sgd" });
  const x = tf.ones([4, 2]), y = tf.ones([4, 1]);
  const refused = (act: () => unknown, message: RegExp) =>
    assert.rejects(
      compile(device, () => {
        act();
        return { y: tf.add(x, 1) };
      }, {}),
      message,
    );
  await refused(() => model.trainOnBatch(x, y), /calls model.trainOnBatch, which waits.*optimizer.minimize/);
  await refused(() => model.fit(x, y), /calls model.fit, which waits/);
  await refused(
    () => tf.model({ inputs: model.inputs, outputs: model.outputs }).fit(x, y),
    /calls model.fit/,
  );
  await refused(() => tf.profile(() => tf.add(x, 1)), /calls tf.profile/);
  await refused(() => tf.time(() => tf.add(x, 1)), /calls tf.time/);
  tf.env().set("DEBUG", true);
  await refused(() => {}, /debug mode is on.*DEBUG/);
  tf.env().set("DEBUG", false);
  const after = await compile(device, () => ({ y: tf.add(x, 1) }), {});
  await after.run({});
  assert.equal((await after.read()).y[0], 2);
  await model.trainOnBatch(x, y);
  assert.equal((await tf.profile(() => tf.add(x, 1))).kernelNames.length, 1);
});

Deno.test("a device of another name is refused", async () => {
  await assert.rejects(openDevice(loose("gpu")), /must be auto, webgpu, wasm, tfjs: current value is gpu/);
});

deviceTest("a variable that is assigned outside is taken over", async (device) => {
  const weight = tf.variable(tf.tensor1d([1, 2])), start = weight.clone();
  const grow = () => {
    weight.assign(tf.add(weight, 1));
    return { weight: weight.clone() };
  };
  const first = await compile(device, grow, {});
  await first.run({});
  weight.assign(tf.tensor1d([10, 20]));
  await first.run({});
  weight.assign(start);
  await first.run({});
  assert.deepEqual([...(await first.read()).weight], [2, 3, 11, 21, 2, 3]);
  weight.assign(tf.tensor1d([5, 6]));
  const second = await compile(device, grow, {});
  await second.run({});
  assert.deepEqual([...(await second.read()).weight], [6, 7]);
  // Compiling and pulling are no assignments; the last to write wins.
  await device.pull([weight]);
  await first.run({});
  assert.deepEqual([...(await first.read()).weight], [7, 8]);
  weight.assign(tf.tensor1d([0, 0]));
  await device.pull([weight]);
  assert.deepEqual([...await weight.data()], [0, 0]);
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], useBias: false })] });
  const predict = await compile(device, ({ x }) => ({ y: model.apply(x) as tf.Tensor }), {
    x: { shape: [1, 1] },
  });
  model.setWeights([tf.tensor2d([[3]])]);
  await predict.run({ x: Float32Array.of(2) });
  model.setWeights([tf.tensor2d([[4]])]);
  await predict.run({ x: Float32Array.of(2) });
  assert.deepEqual([...(await predict.read()).y], [6, 8]);
  model.dispose();
  weight.dispose();
});

Deno.test("a learning rate that is set after compile is named", async () => {
  await using device = open();
  for (
    const make of [
      () => tf.train.sgd(0.1),
      () => tf.train.momentum(0.1, 0.9),
      () => tf.train.adam(0.1),
      () => tf.train.rmsprop(0.1),
    ]
  ) {
    const weight = tf.variable(tf.scalar(1)), optimizer = make();
    const step = await compile(device, () => ({
      loss: optimizer.minimize(() => tf.square(weight) as tf.Scalar, true, [weight])!,
    }), {});
    await step.run({});
    if ("setLearningRate" in optimizer) loose(optimizer).setLearningRate(0.01);
    else loose(optimizer).learningRate = 0.01;
    await assert.rejects(
      step.run({}),
      /learning rate of \w+ was compiled as 0.1 and is 0.01 now: compile again/,
    );
    weight.dispose();
  }
});
