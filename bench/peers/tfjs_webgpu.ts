/** The peer `tfjs-webgpu`: stock TensorFlow.js on its WebGPU backend, operation by operation. */
import * as tf from "@tensorflow/tfjs";
import { type Loaded, serve } from "../protocol.ts";
import { stock } from "../stock.ts";
import { tfjsStep } from "../tfjs.ts";

/**
 * On NVIDIA's Vulkan driver the largest buffer is 2^64 - 1 bytes by its own account (gfx-rs/wgpu 8529), a number that
 * `requestDevice` does not take: stock tfjs asks for what the adapter says, and would be out of the race.
 */
function boundLimits(): void {
  const { prototype } = GPUAdapter, { requestDevice } = prototype;
  prototype.requestDevice = function (descriptor) {
    const limits = Object.entries(descriptor?.requiredLimits ?? {})
      .map(([name, limit]) => [name, Math.min(limit ?? 0, Number.MAX_SAFE_INTEGER)]);
    return requestDevice.call(this, { ...descriptor, requiredLimits: Object.fromEntries(limits) });
  };
}

async function load(workload: string): Promise<Loaded> {
  boundLimits();
  // It looks for a GPU as soon as it is imported, which only its own process shall do.
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!await tf.setBackend("webgpu")) throw new Error("tfjs has no WebGPU here");
  return stock(tfjsStep(workload), `tfjs ${tf.version_core} on WebGPU`);
}

/** The whole program of the peer. */
export function serveTfjsWebGpu(): Promise<void> {
  return serve(load);
}

if (import.meta.main) await serveTfjsWebGpu();
