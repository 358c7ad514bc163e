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
