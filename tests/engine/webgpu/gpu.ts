/** What the tests of the WebGPU executor share: the adapter, and a comparison with the reference. */
import assert from "node:assert/strict";
import type { Executor, Storage } from "../../../engine/executor.ts";
import { type Graph, sizeOf, type TypedArray } from "../../../engine/graph.ts";
import { planMemory } from "../../../engine/plan.ts";
import { interpret } from "../../../engine/reference.ts";
import { requestAdapter } from "../../../engine/webgpu/adapter.ts";
import type { Shared } from "../../../engine/webgpu/executable.ts";
import { openWebGpu } from "../../../engine/webgpu/executor.ts";
import { Pipelines } from "../../../engine/webgpu/pipelines.ts";
import { Failure, Queue } from "../../../engine/webgpu/queue.ts";
import { Tuning } from "../../../engine/webgpu/tuning.ts";
import { assertClose, type Tolerance } from "../accuracy.ts";
import type { Product, Tile } from "../../../engine/webgpu/kernels/context.ts";

const required = Deno.permissions.querySync({ name: "env", variable: "REQUIRE_GPU" }).state === "granted" &&
  Deno.env.get("REQUIRE_GPU") === "1";
const found = await requestAdapter();
if (found === null && !required) {
  console.log("no WebGPU adapter: its tests are ignored (REQUIRE_GPU=1 makes them fail)");
}

/** A test that needs an adapter, be it a software one. Without any it is ignored, or fails under REQUIRE_GPU=1. */
export function gpuTest(name: string, test: (executor: Executor) => Promise<void>): void {
  Deno.test({
    name,
    ignore: found === null && !required,
    fn: async () => {
      await using executor = await openWebGpu({ allowFallback: true });
      assert(executor !== null, "REQUIRE_GPU=1, but there is no WebGPU adapter");
      await test(executor);
    },
  });
}

/** A device of the test's own, and what executables on it share; products use the tile that `tileOf` gives. */
export async function openShared(tileOf?: (product: Product) => Tile): Promise<Shared> {
  const adapter = (await requestAdapter())!;
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
  });
  const failure = new Failure(device), pipelines = new Pipelines(device);
  const tuning = tileOf === undefined
    ? new Tuning(device, pipelines, { software: adapter.info.isFallbackAdapter })
    : { tileOf, learn: () => Promise.resolve(false) };
  return { device, failure, pipelines, tuning, queue: new Queue(device, failure) };
}

/** Closes what `openShared` opened. */
export async function closeShared({ device, failure }: Shared): Promise<void> {
  failure.check();
  failure.close();
  await device.queue.onSubmittedWorkDone();
  device.destroy();
}

/** Storages that hold the residents' elements. */
export function storagesOf(
  executor: Executor,
  graph: Graph,
  residents: readonly (TypedArray | undefined)[],
): Storage[] {
  return graph.residents.map(({ value, data }, i) => {
    const storage = executor.allocate(sizeOf(value.shape));
    executor.write(storage, data ?? residents[i]!);
    return storage;
  });
}

/** Runs a graph once here and by its definition, and compares outputs and residents. */
export async function assertLikeReference(
  executor: Executor,
  graph: Graph,
  { inputs = [], residents = [], tolerance = { absolute: 1e-5, relative: 1e-5 }, what }: {
    readonly inputs?: readonly TypedArray[];
    readonly residents?: readonly (TypedArray | undefined)[];
    readonly tolerance?: Tolerance;
    readonly what: string;
  },
): Promise<void> {
  const storages = storagesOf(executor, graph, residents);
  const executable = await executor.prepare(planMemory(graph), storages);
  await executable.run(inputs);
  const outputs = await executable.read();
  const expected = interpret(graph, inputs, residents);
  outputs.forEach((output, i) =>
    assertClose(output, expected.outputs[i], { tolerance, what: `${what}, output ${graph.outputs[i].name}` })
  );
  for (const { resident } of graph.updates) {
    const after = await executor.read(storages[resident], graph.residents[resident].value.dtype);
    assertClose(after, expected.residents[resident], { tolerance, what: `${what}, resident ${resident}` });
  }
  executable.dispose();
  for (const storage of storages) executor.free(storage);
}
