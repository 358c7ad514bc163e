/** The peer `tfjs-wasm`: stock TensorFlow.js on its WebAssembly backend, operation by operation. */
import * as tf from "@tensorflow/tfjs";
import * as wasm from "@tensorflow/tfjs-backend-wasm";
import { serve } from "../protocol.ts";
import { tfjsStep } from "../tfjs.ts";

await serve(async (workload) => {
  wasm.setWasmPaths(new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm")).pathname);
  await tf.setBackend("wasm");
  await tf.ready();
  // It falls back to its plain JavaScript backend without a word.
  if (tf.getBackend() !== "wasm") {
    throw new Error(`tfjs chose its ${tf.getBackend()} backend instead of wasm`);
  }
  const step = tfjsStep(workload);
  return {
    description: `tfjs ${tf.version_core}, SIMD, 1 thread`,
    run: async (steps) => {
      for (let index = 1; index < steps; index++) tf.tidy(step).dispose();
      const loss = tf.tidy(step);
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
  };
});
