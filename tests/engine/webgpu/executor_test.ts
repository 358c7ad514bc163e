import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../../base/random.ts";
import { CompiledDevice } from "../../../engine/compiled_device.ts";
import { compile } from "../../../engine/device.ts";
import type { Executor } from "../../../engine/executor.ts";
import { sizeOf } from "../../../engine/graph.ts";
import { adam } from "../../../engine/optimizers.ts";
import { optimize } from "../../../engine/passes/mod.ts";
import { planMemory } from "../../../engine/plan.ts";
import { ReferenceExecutor } from "../../../engine/reference.ts";
import { requestAdapter } from "../../../engine/webgpu/adapter.ts";
import { limitsOf, openWebGpu } from "../../../engine/webgpu/executor.ts";
import { assertClose } from "../accuracy.ts";
import { Builder } from "../builder.ts";
import { randomGraph } from "../random_graph.ts";
import { assertLikeReference, gpuTest } from "./gpu.ts";

/** total += x, and total * 2 as an output. */
function accumulator(size: number) {
  const builder = new Builder();
  const total = builder.variable([size], "total"), x = builder.input("x", [size]);
  const next = builder.map("add", total, x);
  builder.update(total, next);
  builder.output("double", builder.map("mul", next, builder.constant(2)));
  builder.output("x", x);
  return builder.graph();
}

/** The accumulator on `executor`, with its total's storage at 0. */
async function prepareAccumulator(executor: Executor, size: number) {
  const plan = planMemory(accumulator(size));
  const storages = plan.graph.residents.map(({ value, data }) => {
    const storage = executor.allocate(sizeOf(value.shape));
    executor.write(storage, data ?? new Float32Array(sizeOf(value.shape)));
    return storage;
  });
  return { executable: await executor.prepare(plan, storages), total: storages[0], plan, storages };
}

gpuTest("WebGPU: many runs are read back in order, more than any ring holds", async (executor) => {
  for (const [size, runs] of [[3, 4500], [1 << 19, 11]]) {
    const { executable, total } = await prepareAccumulator(executor, size);
    for (let run = 1; run <= runs; run++) await executable.run([new Float32Array(size).fill(run)]);
    const [double, x] = await executable.read();
    assert.equal(double.length, runs * size);
    for (let run = 1; run <= runs; run++) {
      for (const at of [(run - 1) * size, run * size - 1]) {
        assert.equal(x[at], run);
        assert.equal(double[at], run * (run + 1));
      }
    }
    assert.equal((await executor.read(total, "float32"))[size - 1], runs * (runs + 1) / 2);
    assert.deepEqual((await executable.read()).map(({ length }) => length), [0, 0]);
    executable.dispose();
  }
});

gpuTest("WebGPU: what is disposed while its outputs are on their way is no failure", async (executor) => {
  const size = 1 << 19;
  const { executable, total } = await prepareAccumulator(executor, size);
  for (let run = 1; run <= 5; run++) await executable.run([new Float32Array(size).fill(run)]);
  executable.dispose();
  assert.equal((await executor.read(total, "float32"))[size - 1], 15);
});

Deno.test("WebGPU: a device is asked for nothing that JavaScript cannot say", () => {
  const limits = limitsOf({
    maxBufferSize: 2 ** 64,
    maxStorageBufferBindingSize: 2 ** 31 - 1,
    maxStorageBuffersPerShaderStage: 2 ** 20,
  });
  assert.deepEqual(limits, {
    maxBufferSize: 2 ** 53 - 1,
    maxStorageBufferBindingSize: 2 ** 31 - 1,
    maxStorageBuffersPerShaderStage: 16,
  });
});

gpuTest("WebGPU: inputs are copied, writes and other functions' runs keep their turn", async (executor) => {
  const one = await prepareAccumulator(executor, 1);
  const two = await executor.prepare(one.plan, one.storages);
  const input = Float32Array.of(1);
  await one.executable.run([input]);
  input[0] = 10;
  await two.run([input]);
  await one.executable.run([input]);
  assert.deepEqual(await one.executable.read(), [Float32Array.of(2, 42), Float32Array.of(1, 10)]);
  executor.write(one.total, Float32Array.of(100));
  await two.run([input]);
  assert.deepEqual(await two.read(), [Float32Array.of(22, 220), Float32Array.of(10, 10)]);
  assert.deepEqual(await executor.read(one.total, "float32"), Float32Array.of(110));
});

gpuTest("WebGPU: a profile is one more run, and has a time for every node", async (executor) => {
  const { executable, total, plan } = await prepareAccumulator(executor, 5);
  await executable.run([new Float32Array(5).fill(7)]);
  const times = await executable.profile();
  assert.equal(times.length, plan.graph.nodes.length);
  assert(times.every((time) => time >= 0 && time < 1e5));
  assert.deepEqual(await executor.read(total, "float32"), new Float32Array(5).fill(14));
  assert.equal((await executable.read())[0].length, 5);
});

gpuTest("WebGPU: what cannot work is one clear error", async (executor) => {
  const { executable } = await prepareAccumulator(executor, 5);
  await assert.rejects(
    executable.run([new Float32Array(4)]),
    /input x must have 5 elements: current value has 4/,
  );
  assert.throws(
    () => executor.allocate(2 ** 40),
    /Cannot allocate a tensor of 4194304.0 MiB as one buffer of this GPU/,
  );
  assert.throws(() => executor.write(executor.allocate(3), new Float32Array(2)), /it has 3/);
  executable.dispose();
  await assert.rejects(executable.run([new Float32Array(5)]), /disposed/);
  const other = await prepareAccumulator(executor, 5);
  await executor[Symbol.asyncDispose]();
  await assert.rejects(other.executable.run([new Float32Array(5)]), /closed/);
  await assert.rejects(other.executable.read(), /closed/);
});

gpuTest("WebGPU: freed memory is used again", async (executor) => {
  const storages = Array.from({ length: 40 }, (_, i) => executor.allocate(1000 + i));
  for (const storage of storages) executor.write(storage, new Float32Array(storage.size).fill(storage.size));
  for (const storage of storages.filter((_, i) => i % 3 === 0)) executor.free(storage);
  const more = Array.from({ length: 14 }, () => executor.allocate(900));
  for (const storage of more) executor.write(storage, new Float32Array(900).fill(-1));
  for (const [i, storage] of storages.entries()) {
    if (i % 3 !== 0) assert.equal((await executor.read(storage, "float32"))[storage.size - 1], storage.size);
  }
});

gpuTest("WebGPU: residents of one plan may lie in several buffers", async (executor) => {
  const builder = new Builder(), sizes = [1 << 20, 5, 1 << 20, 7, 3];
  const variables = sizes.map((size) => builder.variable([size]));
  const program = {
    operands: 2,
    instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
    results: [2],
  } as const;
  const inputs = variables.flatMap((variable) => [variable, builder.constant(2)]);
  builder.node({ kind: "maps", program, count: sizes.length }, inputs).forEach((value, i) =>
    builder.update(variables[i], value)
  );
  const graph = builder.graph();
  await assertLikeReference(executor, graph, {
    residents: graph.residents.map(({ value }) => stream(2).uniforms(sizeOf(value.shape))),
    what: "variables in several heaps",
  });
});

gpuTest("WebGPU: the automatic choice never takes a software adapter", async () => {
  const adapter = await requestAdapter();
  const automatic = await openWebGpu({ allowFallback: false });
  assert.equal(automatic === null, adapter!.info.isFallbackAdapter);
  await automatic?.[Symbol.asyncDispose]();
});

gpuTest("WebGPU: random graphs, optimized, agree with their definition", async (executor) => {
  for (let seed = 0; seed < 12; seed++) {
    const random = stream(seed).fork("webgpu graphs"), raw = randomGraph(random);
    const data = (shapes: readonly { readonly value: { readonly shape: readonly number[] } }[]) =>
      shapes.map(({ value }) => random.uniforms(sizeOf(value.shape), 2));
    const inputs = data(raw.inputs), given = data(raw.residents), graph = optimize(raw);
    const residents = graph.residents.map(({ value }) =>
      given[raw.residents.findIndex((resident) => resident.value.id === value.id)]
    );
    await assertLikeReference(executor, graph, {
      inputs,
      residents,
      tolerance: { absolute: 1e-3, relative: 1e-3 },
      what: `graph ${seed}`,
    });
  }
});

/** Some Adam steps of a small autoencoder on an executor: the losses, then all weights. */
async function train(executor: Executor): Promise<Float32Array[]> {
  const device = new CompiledDevice(executor), random = stream(3).fork("init");
  const widths = [50, 12, 50], layers = widths.length - 1;
  const images = tf.tensor2d(random.uniforms(40 * 50).map(Math.abs), [40, 50]);
  const kernels = Array.from({ length: layers }, (_, i) =>
    tf.variable(
      tf.tensor2d(random.normals(widths[i] * widths[i + 1], widths[i] ** -0.5), [widths[i], widths[i + 1]]),
    ));
  const biases = kernels.map((_, i) => tf.variable(tf.zeros([widths[i + 1]])));
  const weights = Object.fromEntries([...kernels, ...biases].map((weight, i) => [`${i}`, weight]));
  const optimizer = adam(weights);
  const step = await compile(device, ({ index, rate }) => {
    const { value, grads } = tf.variableGrads(() => {
      const x = tf.gather(images, index as tf.Tensor1D) as tf.Tensor2D;
      let hidden = x;
      kernels.forEach((kernel, i) => {
        const sum = tf.add(tf.matMul(hidden, kernel as tf.Tensor2D), biases[i]) as tf.Tensor2D;
        hidden = i === layers - 1 ? tf.sigmoid(sum) : tf.relu(sum);
      });
      return tf.mean(tf.squaredDifference(hidden, x)) as tf.Scalar;
    }, Object.values(weights));
    optimizer.applyGradients(grads, rate as tf.Scalar);
    return { loss: value };
  }, { index: { shape: [16], dtype: "int32" }, rate: { shape: [] } });
  for (let i = 0; i < 12; i++) {
    await step.run({
      index: Int32Array.from({ length: 16 }, () => random.integer(40)),
      rate: Float32Array.of(0.003),
    });
  }
  const { loss } = await step.read();
  await device.pull(Object.values(weights));
  const result = [
    loss as Float32Array,
    ...Object.values(weights).map((weight) => weight.dataSync() as Float32Array),
  ];
  step.dispose();
  optimizer.dispose();
  tf.dispose([images, ...Object.values(weights)]);
  return result;
}

gpuTest("WebGPU: an autoencoder trains as the reference does", async (executor) => {
  await tf.setBackend("cpu");
  const expected = await train(new ReferenceExecutor());
  (await train(executor)).forEach((values, i) =>
    assertClose(values, expected[i], { tolerance: { absolute: 2e-4, relative: 1e-3 }, what: `array ${i}` })
  );
  assert(expected[0][11] < expected[0][0]);
});
