import assert from "node:assert/strict";
import { requestAdapter } from "../../../engine/webgpu/adapter.ts";
import { Failure, Queue } from "../../../engine/webgpu/queue.ts";
import { gpuTest } from "./gpu.ts";

gpuTest("WebGPU: an error that the GPU reports on the side is thrown at the next call", async () => {
  const device = await (await requestAdapter())!.requestDevice();
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
  const device = await (await requestAdapter())!.requestDevice();
  const failure = new Failure(device);
  device.destroy();
  await device.lost;
  failure.check();
  failure.close();
  assert.throws(() => failure.check(), /closed/);
});

/** A device that finishes what it is sent when the test says so, in whatever order. */
function heldDevice() {
  const finish: (() => void)[] = [];
  const device = {
    addEventListener() {},
    lost: new Promise(() => {}),
    createCommandEncoder: () => ({ finish: () => ({}) }),
    queue: {
      submit() {},
      onSubmittedWorkDone: () => new Promise<void>((resolve) => finish.push(resolve)),
    },
  };
  // The part of a device that a queue uses.
  return { device: device as unknown as GPUDevice, finish };
}

/** Who waits asks after each submit that is done whether the device has failed: asking on and on is waiting in vain. */
class Patience extends Failure {
  #asked = 0;
  override checkDevice(): void {
    if (++this.#asked > 10_000) throw new Error("the queue asks on and on");
  }
}

Deno.test("submits may be done in any order, and who waits for room gets it", async () => {
  const { device, finish } = heldDevice(), queue = new Queue(device, new Patience(device));
  // Each is taken for 4 ms until one is done: 48 ms of them may be under way.
  let through = 0;
  const steps = Array.from({ length: 30 }, () => {
    queue.encoder();
    return queue.stepped(true).then(() => void through++);
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  await settle();
  assert.equal(through, 12);
  // The newer half first, then the oldest: 14 are still under way, which is too many.
  for (const done of finish.slice(15).reverse()) done();
  finish[0]();
  await settle();
  assert.equal(through, 12);
  for (const done of finish.slice(1, 15)) done();
  await Promise.all(steps);
  assert.equal(through, 30);
});
