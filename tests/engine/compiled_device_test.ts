import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { stream } from "../../base/random.ts";
import { CompiledDevice } from "../../engine/compiled_device.ts";
import { compile, type Compiled, type InputSpecs } from "../../engine/device.ts";
import type { Storage } from "../../engine/executor.ts";
import { adam } from "../../engine/optimizers.ts";
import { ReferenceExecutor } from "../../engine/reference.ts";
import { traceBackend } from "../../engine/trace/backend.ts";

await tf.setBackend("cpu");

const open = () => new CompiledDevice(new ReferenceExecutor());
const seed = stream(5).fork("compiled device");
let random = seed.at(0);
const numbers = (...shape: number[]) => tf.tensor(random.normals(tf.util.sizeFromShape(shape)), shape);

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  assert.equal(actual.length, expected.length, name);
  Array.from(expected).forEach((value, index) => {
    const ok = Math.abs(actual[index] - value) <= 1e-5 + 1e-4 * Math.abs(value);
    assert.ok(ok, `${name}[${index}] is ${actual[index]} instead of ${value}`);
  });
}

const BATCH = { index: { shape: [4], dtype: "int32" } } as const satisfies InputSpecs;
const batch = (step: number) => Int32Array.from({ length: 4 }, (_, row) => (5 * step + 3 * row) % 12);

type Step = (inputs: { readonly index: tf.Tensor }) => { readonly loss: tf.Tensor };

/** Three steps compiled and three steps of the same in tfjs must give equal losses and weights. */
async function assertTrainsAlike(build: () => { step: Step; weights: tf.Variable[] }): Promise<void> {
  const [ours, theirs] = [0, 1].map(() => {
    random = seed.at(0);
    return build();
  });
  ours.weights.forEach((weight, index) => weight.assign(theirs.weights[index].clone()));
  await using device = open();
  const compiled: Compiled<typeof BATCH, "loss"> = await compile(device, ours.step, BATCH);
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    await compiled.run({ index: batch(step) });
    losses.push(tf.tidy(() => theirs.step({ index: tf.tensor1d(batch(step), "int32") }).loss.dataSync()[0]));
  }
  assertClose((await compiled.read()).loss, losses, "loss");
  const untouched = ours.weights.map((weight) => weight.dataSync().slice());
  await device.pull(ours.weights);
  ours.weights.forEach((weight, index) => {
    assert.notDeepEqual(weight.dataSync(), untouched[index]);
    assertClose(weight.dataSync(), theirs.weights[index].dataSync(), `weight ${index}`);
  });
}

function dense(): { weights: tf.Variable[]; loss: (index: tf.Tensor) => tf.Scalar } {
  const weights = [numbers(7, 5), tf.zeros([5]), numbers(5, 3), tf.zeros([3])].map((start) =>
    tf.variable(start)
  );
  const rows = numbers(12, 7), classes = tf.oneHot(tf.range(0, 12, 1, "int32").mod(tf.scalar(3, "int32")), 3);
  const loss = (index: tf.Tensor) => {
    const hidden = tf.relu(
      tf.add(tf.matMul(tf.gather(rows, index) as tf.Tensor2D, weights[0] as tf.Tensor2D), weights[1]),
    );
    const logits = tf.add(tf.matMul(hidden as tf.Tensor2D, weights[2] as tf.Tensor2D), weights[3]);
    return tf.losses.softmaxCrossEntropy(tf.gather(classes, index), logits) as tf.Scalar;
  };
  return { weights, loss };
}

function minimizing(
  { weights, loss }: { weights: tf.Variable[]; loss: (index: tf.Tensor) => tf.Scalar },
  optimizer: tf.Optimizer,
): { step: Step; weights: tf.Variable[] } {
  return { weights, step: ({ index }) => ({ loss: optimizer.minimize(() => loss(index), true, weights)! }) };
}

Deno.test("a dense net trains as in tfjs, under each of tfjs's optimizers", async (test) => {
  const optimizers: Record<string, () => tf.Optimizer> = {
    sgd: () => tf.train.sgd(0.1),
    momentum: () => tf.train.momentum(0.1, 0.9),
    adam: () => tf.train.adam(0.05),
    adamax: () => tf.train.adamax(0.05),
    rmsprop: () => tf.train.rmsprop(0.05),
    adagrad: () => tf.train.adagrad(0.05),
    adadelta: () => tf.train.adadelta(0.5),
  };
  for (const [name, make] of Object.entries(optimizers)) {
    await test.step(name, () => assertTrainsAlike(() => minimizing(dense(), make())));
  }
});

Deno.test("a dense net trains as in tfjs, with the engine's Adam", async () => {
  await assertTrainsAlike(() => {
    const { weights, loss } = dense();
    const optimizer = adam(Object.fromEntries(weights.map((weight) => [weight.name, weight])));
    const step: Step = ({ index }) => {
      const { value, grads } = tf.variableGrads(() => loss(index), weights);
      optimizer.applyGradients(grads, tf.scalar(0.05));
      return { loss: value };
    };
    return { step, weights };
  });
});

Deno.test("a convolutional net trains as in tfjs", async () => {
  await assertTrainsAlike(() => {
    const weights = [numbers(3, 3, 1, 3), tf.zeros([3]), numbers(2, 2, 3, 2), numbers(18, 4)].map((start) =>
      tf.variable(start)
    );
    const images = numbers(12, 6, 6, 1),
      classes = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3], "int32"), 4);
    const loss = (index: tf.Tensor) => {
      let x = tf.gather(images, index) as tf.Tensor4D;
      x = tf.relu(tf.add(tf.conv2d(x, weights[0] as tf.Tensor4D, 1, "same"), weights[1]));
      x = tf.maxPool(x, 2, 2, "valid");
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      x = tf.batchNorm(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        tf.zeros([3]) as tf.Tensor1D,
        tf.ones([3]) as tf.Tensor1D,
      );
      x = tf.elu(tf.conv2d(x, weights[2] as tf.Tensor4D, 1, "same"));
      const logits = tf.matMul(tf.reshape(x, [4, 18]), weights[3] as tf.Tensor2D);
      return tf.losses.softmaxCrossEntropy(tf.gather(classes, index), logits) as tf.Scalar;
    };
    return minimizing({ weights, loss }, tf.train.adam(0.02));
  });
});

Deno.test("a tf.layers model trains as in tfjs", async () => {
  await assertTrainsAlike(() => {
    const model = tf.sequential({
      layers: [
        tf.layers.reshape({ targetShape: [6, 6, 1], inputShape: [36] }),
        tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: "relu" }),
        tf.layers.averagePooling2d({ poolSize: 2 }),
        tf.layers.batchNormalization(),
        tf.layers.flatten(),
        tf.layers.dense({ units: 5, activation: "tanh" }),
        tf.layers.dense({ units: 1 }),
      ],
    });
    const rows = numbers(12, 36), targets = numbers(12, 1);
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const loss = (index: tf.Tensor) =>
      tf.losses.meanSquaredError(
        tf.gather(targets, index),
        model.apply(tf.gather(rows, index), { training: true }) as tf.Tensor,
      ) as tf.Scalar;
    return minimizing({ weights, loss }, tf.train.adam(0.02));
  });
});

Deno.test("layers that grow and shrink images train as in tfjs", async () => {
  await assertTrainsAlike(() => {
    const model = tf.sequential({
      layers: [
        tf.layers.reshape({ targetShape: [3, 3, 2], inputShape: [18] }),
        tf.layers.conv2dTranspose({
          filters: 3,
          kernelSize: 3,
          strides: 2,
          padding: "same",
          activation: "relu",
        }),
        tf.layers.depthwiseConv2d({ kernelSize: 3 }),
        tf.layers.zeroPadding2d({}),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.layerNormalization(),
      ],
    });
    const rows = numbers(12, 18), targets = numbers(12, 3);
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const loss = (index: tf.Tensor) =>
      tf.losses.meanSquaredError(
        tf.gather(targets, index),
        model.apply(tf.gather(rows, index), { training: true }) as tf.Tensor,
      ) as tf.Scalar;
    return minimizing({ weights, loss }, tf.train.sgd(0.1));
  });
});

Deno.test("an LSTM layer trains as in tfjs", async () => {
  await assertTrainsAlike(() => {
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 4 }),
        tf.layers.lstm({ units: 3, recurrentInitializer: "glorotUniform" }),
        tf.layers.dense({ units: 6 }),
      ],
    });
    const tokens = tf.tensor2d(Array.from({ length: 48 }, (_, at) => (at * 7 + 3) % 6), [12, 4], "int32");
    const next = tf.oneHot(tf.tensor1d(Array.from({ length: 12 }, (_, at) => at % 6), "int32"), 6);
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const loss = (index: tf.Tensor) =>
      tf.losses.softmaxCrossEntropy(
        tf.gather(next, index),
        model.apply(tf.gather(tokens, index), { training: true }) as tf.Tensor,
      ) as tf.Scalar;
    return minimizing({ weights, loss }, tf.train.adam(0.02));
  });
});

Deno.test("compile leaves tfjs as it was", async () => {
  const { step, weights } = minimizing(dense(), tf.train.adam(0.1));
  const values = weights.map((weight) => weight.dataSync().slice());
  await using device = open();
  const before = tf.memory().numTensors;
  const compiled = await compile(device, step, BATCH);
  // Adam's two slots of each weight: variables that the first call creates.
  assert.equal(tf.memory().numTensors - before, 2 * weights.length);
  assert.equal(tf.getBackend(), "cpu");
  weights.forEach((weight, index) => assert.deepEqual(weight.dataSync(), values[index]));
  const settled = tf.memory().numTensors;
  for (let step = 0; step < 10; step++) await compiled.run({ index: batch(step) });
  await compiled.read();
  await device.pull(weights);
  compiled.dispose();
  assert.equal(tf.memory().numTensors, settled);
  assert.equal(traceBackend.numDataIds(), 0);
});

Deno.test("a function is compiled whatever backend its variables are on", async () => {
  await tf.setBackend("wasm");
  try {
    await assertTrainsAlike(() => minimizing(dense(), tf.train.adam(0.05)));
    assert.equal(tf.getBackend(), "wasm");
  } finally {
    await tf.setBackend("cpu");
  }
});

Deno.test("variables that the first call creates start with what they were created with", async () => {
  const weight = tf.variable(tf.tensor1d([1, 2])), factor = tf.tensor1d([10, 20]);
  let made: tf.Variable[] | undefined;
  await using device = open();
  const compiled = await compile(device, () => {
    made ??= [
      tf.variable(tf.zeros([2])),
      tf.variable(tf.tensor1d([7, 8], "int32")),
      tf.variable(tf.mul(weight, factor)),
      tf.variable(factor),
      tf.variable(tf.fill([3], 4)),
    ];
    for (const variable of made) variable.assign(tf.add(variable, tf.onesLike(variable)));
    return { sum: tf.sum(made[2]) };
  }, {});
  const starts = [[0, 0], [7, 8], [10, 40], [10, 20], [4, 4, 4]];
  assert.deepEqual(made!.map((variable) => Array.from(variable.dataSync())), starts);
  await compiled.run({});
  await compiled.run({});
  assert.deepEqual((await compiled.read()).sum, Float32Array.of(52, 54));
  await device.pull(made!);
  assert.deepEqual(
    made!.map((variable) => Array.from(variable.dataSync())),
    starts.map((row) => row.map((x) => x + 2)),
  );
});

Deno.test("functions share variables and captured tensors", async () => {
  const weight = tf.variable(tf.scalar(1)), captured = tf.tensor1d([1, 2, 3]);
  await using device = open();
  const grow = await compile(device, () => {
    weight.assign(tf.mul(weight, 2));
    return {};
  }, {});
  const scale = await compile(device, () => ({ scaled: tf.mul(captured, weight) }), {});
  for (let times = 0; times < 3; times++) await grow.run({});
  await scale.run({});
  assert.deepEqual((await scale.read()).scaled, Float32Array.of(8, 16, 24));
  grow.dispose();
  weight.assign(tf.scalar(-1));
  await scale.run({});
  assert.deepEqual((await scale.read()).scaled, Float32Array.of(-1, -2, -3));
});

Deno.test("functions compiled at the same time share variables", async () => {
  const weight = tf.variable(tf.scalar(1));
  await using device = open();
  const [grow, see] = await Promise.all([
    compile(device, () => {
      weight.assign(tf.mul(weight, 2));
      return {};
    }, {}),
    compile(device, () => ({ weight: tf.add(weight, 0) }), {}),
  ]);
  await grow.run({});
  await see.run({});
  assert.deepEqual((await see.read()).weight, Float32Array.of(2));
});

class CountingExecutor extends ReferenceExecutor {
  held = 0;
  override allocate(size: number): Storage {
    this.held++;
    return super.allocate(size);
  }
  override free(): void {
    this.held--;
  }
}

Deno.test("device memory is given back when nothing can use it any more", async () => {
  const executor = new CountingExecutor();
  await using device = new CompiledDevice(executor);
  const weight = tf.variable(tf.tensor1d([1, 2])), captured = tf.tensor1d([3, 4]);
  const make = () =>
    compile(device, () => ({ y: tf.mul(tf.add(weight, captured), tf.tensor1d([5, 6])) }), {});
  const [first, second] = [await make(), await make()];
  assert.equal(executor.held, 4, "two shared tensors, and a constant of each function");
  first.dispose();
  assert.equal(executor.held, 3);
  second.dispose();
  assert.equal(executor.held, 2, "shared tensors stay");
  const third = await make();
  weight.dispose();
  captured.dispose();
  await third.run({});
  assert.deepEqual((await third.read()).y, Float32Array.of(20, 36));
  third.dispose();
  assert.equal(executor.held, 0);
});

Deno.test("variables may swap, and a variable and a tensor may share data", async () => {
  const tensor = tf.tensor1d([1, 2]), a = tf.variable(tensor), b = tf.variable(tf.tensor1d([3, 4]));
  await using device = open();
  const swap = await compile(device, () => {
    const old = a.clone();
    a.assign(b);
    b.assign(old as tf.Tensor1D);
    return { a: tf.add(a, 0), tensor: tf.add(tensor, 0) };
  }, {});
  for (let times = 0; times < 3; times++) await swap.run({});
  const { a: seen, tensor: fixed } = await swap.read();
  assert.deepEqual(seen, Float32Array.of(3, 4, 1, 2, 3, 4));
  assert.deepEqual(fixed, Float32Array.of(1, 2, 1, 2, 1, 2));
  await device.pull([a, b]);
  assert.deepEqual([...a.dataSync(), ...b.dataSync()], [3, 4, 1, 2]);
});

Deno.test("outputs have names, types, and a run after the other", async () => {
  await using device = open();
  const compiled = await compile(device, ({ x, n }) => ({
    truth: tf.greater(x, 0),
    whole: tf.add(n, tf.scalar(1, "int32")),
    same: x,
    constant: tf.scalar(3),
    sum: tf.sum(x),
  }), { x: { shape: [2] }, n: { shape: [], dtype: "int32" } });
  await compiled.run({ x: Float32Array.of(1, -2), n: Int32Array.of(5) });
  await compiled.run({ x: Float32Array.of(-1, 4), n: Int32Array.of(-5) });
  const { truth, whole, same, constant, sum } = await compiled.read();
  assert.deepEqual(truth, Int32Array.of(1, 0, 0, 1));
  assert.deepEqual(whole, Int32Array.of(6, -4));
  assert.deepEqual(same, Float32Array.of(1, -2, -1, 4));
  assert.deepEqual(constant, Float32Array.of(3, 3));
  assert.deepEqual(sum, Float32Array.of(-1, 3));
  assert.deepEqual((await compiled.read()).sum, new Float32Array(0));
});

Deno.test("a captured tensor may be seen under several shapes and types", async () => {
  const flat = tf.tensor1d([1, 2, 3, 4], "int32"),
    square = tf.reshape(flat, [2, 2]),
    floats = tf.cast(flat, "float32");
  await using device = open();
  const compiled = await compile(device, () => ({
    flat: tf.add(flat, tf.scalar(1, "int32")),
    rows: tf.sum(square, 1),
    floats: tf.mul(floats, 0.5),
  }), {});
  await compiled.run({});
  const { flat: more, rows, floats: halves } = await compiled.read();
  assert.deepEqual([more, rows, halves], [
    Int32Array.of(2, 3, 4, 5),
    Int32Array.of(3, 7),
    Float32Array.of(0.5, 1, 1.5, 2),
  ]);
});

/** The error must name the line of this file on which `marker` stands. */
async function assertRefuses(
  fn: (inputs: { readonly x: tf.Tensor }) => Record<string, tf.Tensor>,
  message: RegExp,
  marker: string,
): Promise<void> {
  await using device = open();
  const before = tf.memory().numTensors;
  const error = await compile(device, fn, { x: { shape: [2, 2] } }).then(() => undefined, (error) => error);
  assert.ok(error instanceof Error, "compiled");
  assert.match(error.message, message);
  const source = (await Deno.readTextFile(new URL(import.meta.url))).split("\n");
  const line = source.findIndex((text) => text.includes(`// ${marker}`) && !text.includes("assertRefuses")) +
    1;
  assert.match(error.message, new RegExp(`compiled_device_test.ts:${line}:`));
  assert.equal(tf.getBackend(), "cpu");
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
}

Deno.test("a kernel that cannot be traced is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => ({
    y: tf.real(tf.complex(x, x)), // complex
  });
  await assertRefuses(fn, /^Cannot compile as the engine lacks tfjs's kernel Complex, used at /, "complex");
});

Deno.test("a layout that cannot be traced is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => {
    const images = tf.reshape(x, [1, 1, 2, 2]) as tf.Tensor4D;
    return { y: tf.conv2d(images, tf.ones([1, 1, 1, 1]) as tf.Tensor4D, 1, "same", "NCHW") }; // layout
  };
  await assertRefuses(
    fn,
    /^Cannot trace Conv2D as dataFormat must be NHWC: current value is NCHW at /,
    "layout",
  );
});

Deno.test("shapes that do not suit are named with their line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => ({
    y: tf.matMul(x as tf.Tensor2D, tf.ones([3, 2])), // shapes
  });
  await assertRefuses(
    fn,
    /^Cannot apply matmul as the inner extents must be equal: .*\[2,2\], float32\[3,2\] at /,
    "shapes",
  );
});

Deno.test("reading a value is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => {
    const sum = tf.sum(x).dataSync()[0]; // read at once
    return { y: tf.mul(x, sum) };
  };
  await assertRefuses(
    fn,
    /^Cannot compile as the function reads the value of a result of Sum at /,
    "read at once",
  );
});

Deno.test("printing an input is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => {
    tf.print(x); // print
    return { y: x };
  };
  await assertRefuses(fn, /^Cannot compile as the function reads a tensor's value at /, "print");
});

Deno.test("reading a value later is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => {
    void tf.sum(x).data(); // read later
    return { y: x };
  };
  await assertRefuses(
    fn,
    /^Cannot compile as the function reads the value of a result of Sum at /,
    "read later",
  );
});

Deno.test("a random number drawn on the host is named with its line", async () => {
  const fn = ({ x }: { readonly x: tf.Tensor }) => ({
    y: tf.add(x, Math.random()), // host random
  });
  await assertRefuses(
    fn,
    /but a constant of Add at .* was .* in one call and .* in the next: declare/,
    "host random",
  );
});

Deno.test("a counter on the host is named with its line", async () => {
  let count = 0;
  const fn = ({ x }: { readonly x: tf.Tensor }) => {
    count++;
    return { y: tf.mul(x, count) }; // host counter
  };
  await assertRefuses(fn, /a constant of Multiply at .* was 1 in one call and 2 in the next/, "host counter");
});

Deno.test("operations that differ between calls are named with their line", async () => {
  let count = 0;
  const fn = ({ x }: { readonly x: tf.Tensor }) => ({
    y: count++ % 2 === 0 ? tf.sin(x) : tf.cos(x), // other operation
  });
  await assertRefuses(fn, /operation 0 was Sin in one call and Cos in the next at /, "other operation");
});

Deno.test("a tensor that is another one in each call is named with its line", async () => {
  const tensors = [numbers(2, 2), numbers(2, 2), numbers(2, 2)];
  let count = 0;
  const fn = ({ x }: { readonly x: tf.Tensor }) => ({
    y: tf.add(x, tensors[count++]), // other tensor
  });
  await assertRefuses(
    fn,
    /Add at .* uses a captured tensor that was another one in the call before/,
    "other tensor",
  );
});

Deno.test("variables must be created in the first call, and not from inputs", async () => {
  await using device = open();
  await assert.rejects(
    compile(
      device,
      () => ({ y: tf.add(tf.variable(tf.scalar(1), true, "again-and-again" + Math.random()), 1) }),
      {},
    ),
    /must create its variables in the first call only: every call creates again-and-again/,
  );
  let made: tf.Variable | undefined;
  await assert.rejects(
    compile(device, ({ x }) => ({ y: tf.add(made ??= tf.variable(tf.mul(x, 2), true, "eager"), 1) }), {
      x: { shape: [2] },
    }),
    /the variable eager is created from an input, which has no value yet/,
  );
});

Deno.test("a function that fails leaves the variables it created usable", async () => {
  let slot: tf.Variable | undefined;
  let fails = true;
  const fn = () => {
    slot ??= tf.variable(tf.fill([2], 3));
    slot.assign(tf.add(slot, 1));
    if (fails) throw new Error("not yet");
    return { slot: tf.add(slot, 0) };
  };
  await using device = open();
  await assert.rejects(compile(device, fn, {}), /^Error: not yet$/);
  assert.deepEqual(slot!.dataSync(), Float32Array.of(3, 3));
  fails = false;
  const compiled = await compile(device, fn, {});
  await compiled.run({});
  assert.deepEqual((await compiled.read()).slot, Float32Array.of(4, 4));
});

const compileUntyped = compile as unknown as (
  device: CompiledDevice,
  fn: () => unknown,
  inputs: InputSpecs,
) => Promise<unknown>;

Deno.test("wrong calls say what is wrong", async () => {
  const device = open();
  const compiled = await compile(device, ({ x, n }) => ({ y: tf.mul(x, tf.cast(n, "float32")) }), {
    x: { shape: [2] },
    n: { shape: [], dtype: "int32" },
  });
  const n = Int32Array.of(1), x = Float32Array.of(1, 2);
  await assert.rejects(
    compiled.run({ x: new Float32Array(3), n }),
    /input x must be a Float32Array of 2 elements: current value is a Float32Array of 3/,
  );
  const untyped = compiled as unknown as {
    run(inputs: Record<string, Float32Array | Int32Array>): Promise<void>;
  };
  await assert.rejects(
    untyped.run({ x, n: x }),
    /input n must be a Int32Array of 1 elements: current value is a Float32Array of 2/,
  );
  await assert.rejects(
    untyped.run({ n }),
    /input x must be a Float32Array of 2 elements: current value is absent/,
  );
  await assert.rejects(
    untyped.run({ x, n, z: x }),
    /inputs must be the declared ones, x, n: current value has z/,
  );
  await assert.rejects(
    compileUntyped(device, () => ({ y: 3 }), {}),
    /must return tensors by name: current value of y is 3/,
  );
  await assert.rejects(
    compileUntyped(device, () => Promise.resolve({}), {}),
    /the function must not be async/,
  );
  const other = await compile(device, () => ({ one: tf.scalar(1) }), {});
  compiled.dispose();
  compiled.dispose();
  await assert.rejects(compiled.run({ x, n }), /Cannot run as the compiled function was disposed of/);
  await device[Symbol.asyncDispose]();
  await assert.rejects(
    other.run({}),
    /Cannot run as the compiled function was disposed of, or its device closed/,
  );
  await assert.rejects(compile(device, () => ({}), {}), /Cannot compile as the device is closed/);
  await assert.rejects(device.push([]), /Cannot push variables as the device is closed/);
  await assert.rejects(device.pull([]), /Cannot pull variables as the device is closed/);
});

Deno.test("inputs have the tensor types of their shapes", async () => {
  await using device = open();
  const batch = 2;
  const rows = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  // No cast is needed: this test fails where it does not compile.
  const step = await compile(device, ({ index, rate, images }) => {
    const chosen: tf.Tensor2D = tf.gather(rows, index satisfies tf.Tensor1D);
    const scaled: tf.Tensor2D = tf.mul(chosen, rate satisfies tf.Scalar);
    const pooled: tf.Tensor4D = tf.maxPool(images, 2, 2, "valid");
    return { sums: tf.add(tf.sum(scaled, 1), tf.sum(pooled, [1, 2, 3])) };
  }, {
    index: { shape: [batch], dtype: "int32" },
    rate: { shape: [] },
    images: { shape: [batch, 2, 2, 1] },
  });
  const images = Float32Array.of(1, 2, 3, 4, 0, 0, 0, 7);
  await step.run({ index: Int32Array.of(2, 0), rate: Float32Array.of(10), images });
  assert.deepEqual([...(await step.read()).sums], [114, 37]);
});
