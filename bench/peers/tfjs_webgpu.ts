/** The peer `tfjs-webgpu`: stock TensorFlow.js on its WebGPU backend, operation by operation. */
import * as tf from "@tensorflow/tfjs";
import { type Loaded, serve } from "../protocol.ts";
import { stock } from "../stock.ts";
import { tfjsStep } from "../tfjs.ts";

async function load(workload: string): Promise<Loaded> {
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
