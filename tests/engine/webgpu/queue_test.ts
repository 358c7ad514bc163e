import assert from "node:assert/strict";
import { Failure } from "../../../engine/webgpu/queue.ts";
import { gpuTest } from "./gpu.ts";

gpuTest("WebGPU: an error that the GPU reports on the side is thrown at the next call", async () => {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const failure = new Failure(device);
  failure.check();
  const reported = new Promise((resolve) => device.addEventListener("uncapturederror", resolve));
  // A buffer that is mapped for reading cannot be a shader's storage too.
  device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await reported;
  assert.throws(() => failure.check(), /^Error: Cannot go on as the GPU reported an error: /);
  device.destroy();
});

gpuTest("WebGPU: closing is no loss", async () => {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const failure = new Failure(device);
  device.destroy();
  await device.lost;
  failure.check();
  failure.close();
  assert.throws(() => failure.check(), /closed/);
});
