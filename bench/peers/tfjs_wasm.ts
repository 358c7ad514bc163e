/** The peer `tfjs-wasm`: stock TensorFlow.js on its WebAssembly backend, operation by operation. */
import * as tf from "@tensorflow/tfjs";
import * as wasm from "@tensorflow/tfjs-backend-wasm";
import { serve } from "../protocol.ts";
import { stock } from "../stock.ts";
import { tfjsStep } from "../tfjs.ts";

await serve(async (workload) => {
  // The project's training loop says that this is no Node.js; the backend reads its file only in one.
  tf.env().set("IS_NODE", true);
  wasm.setWasmPaths(new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm")).pathname);
  await tf.setBackend("wasm");
  await tf.ready();
  // It falls back to its plain JavaScript backend without a word.
  if (tf.getBackend() !== "wasm") {
    throw new Error(`tfjs chose its ${tf.getBackend()} backend instead of wasm`);
  }
  return stock(tfjsStep(workload), `tfjs ${tf.version_core}, SIMD, 1 thread`);
});
