import assert from "node:assert/strict";
import { planMemory } from "../../../engine/plan.ts";
import { prepare } from "../../../engine/webgpu/executable.ts";
import { Heap } from "../../../engine/webgpu/heap.ts";
import { Builder } from "../builder.ts";
import { closeShared, gpuTest, openShared } from "./gpu.ts";

/** Follows how many error scopes are open: gives the most since the last call. */
function watchScopes(device: GPUDevice): () => number {
  let open = 0, most = 0;
  const push = device.pushErrorScope.bind(device), pop = device.popErrorScope.bind(device);
  device.pushErrorScope = (filter) => {
    most = Math.max(most, ++open);
    return push(filter);
  };
  device.popErrorScope = () => {
    open--;
    return pop();
  };
  return () => {
    const result = most;
    most = open;
    return result;
  };
}

/** twice = total + total, of a resident total. */
function doubling() {
  const builder = new Builder(), total = builder.variable([4], "total");
  builder.output("twice", builder.map("add", total, total));
  return planMemory(builder.graph());
}

gpuTest("WebGPU: of plans that are prepared at once, each is told of its own errors", async () => {
  const shared = await openShared(), other = await openShared(), { device } = shared;
  const own = new Heap(device, 64).take(4)!;
  device.queue.writeBuffer(own.heap.buffer, 0, Float32Array.of(1, 2, 3, 4));
  // The GPU refuses memory of another device, which nothing before it looks at.
  const foreign = new Heap(other.device, 64).take(4)!;
  const mostOpen = watchScopes(device);
  (await prepare(shared, doubling(), [own])).dispose();
  const alone = mostOpen();
  const results = await Promise.allSettled(
    [own, foreign, own, foreign].map((storage) => prepare(shared, doubling(), [storage])),
  );
  assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "rejected"]);
  // Scopes are a stack of the device: one plan's must be closed before another opens its own.
  assert.equal(mostOpen(), alone);
  for (const result of results) {
    if (result.status === "rejected") assert.match(String(result.reason), /as the GPU refused it: /);
    else {
      await result.value.run([]);
      assert.deepEqual(await result.value.read(), [Float32Array.of(2, 4, 6, 8)]);
      result.value.dispose();
    }
  }
  // No scope is left open, and nothing was reported on the side.
  await assert.rejects(device.popErrorScope());
  await closeShared(shared);
  await closeShared(other);
});

gpuTest("WebGPU: residents in more buffers than the GPU binds are one clear error", async () => {
  const shared = await openShared(), { device } = shared;
  const most = device.limits.maxStorageBuffersPerShaderStage, builder = new Builder();
  const variables = Array.from({ length: most }, () => builder.variable([4]));
  builder.output("sum", variables.reduce((sum, variable) => builder.map("add", sum, variable)));
  const storages = variables.map(() => new Heap(device, 64).take(4)!);
  await assert.rejects(
    prepare(shared, planMemory(builder.graph()), storages),
    new RegExp(
      `^RangeError: Cannot prepare a plan as its residents lie in ${most} buffers .* --device wasm$`,
    ),
  );
  await assert.rejects(device.popErrorScope());
  // One less is not too many.
  const fewer = [...storages.slice(0, -1), storages[0]];
  for (const { heap } of fewer) device.queue.writeBuffer(heap.buffer, 0, Float32Array.of(1, 2, 3, 4, 5));
  const executable = await prepare(shared, planMemory(builder.graph()), fewer);
  await executable.run([]);
  assert.deepEqual(await executable.read(), [Float32Array.of(most, 2 * most, 3 * most, 4 * most)]);
  executable.dispose();
  await closeShared(shared);
});

gpuTest("WebGPU: intermediate results beyond the largest buffer are one clear error", async () => {
  // A device of default limits: 128 MiB.
  const shared = await openShared(), builder = new Builder();
  const column = builder.input("column", [8192, 1]), row = builder.input("row", [1, 8192]);
  const [product] = builder.node({ kind: "matmul", transposeA: false, transposeB: false }, [column, row]);
  const identity = { operands: 1, instructions: [], results: [0] };
  builder.output(
    "sum",
    builder.one({ kind: "reduce", reducer: "sum", domain: [8192, 8192], axes: [0, 1], program: identity }, [
      product,
    ]),
  );
  await assert.rejects(
    prepare(shared, planMemory(builder.graph()), []),
    /^RangeError: Cannot allocate the intermediate results, together of 256\.\d MiB as one buffer of this GPU holds 128\.0 MiB: /,
  );
  await closeShared(shared);
});
