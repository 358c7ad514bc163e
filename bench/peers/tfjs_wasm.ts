/** The peer `tfjs-wasm`: stock TensorFlow.js on its WebAssembly backend, operation by operation. */
import * as tf from "@tensorflow/tfjs";
import * as wasm from "@tensorflow/tfjs-backend-wasm";
import { serve } from "../protocol.ts";
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
  const step = tfjsStep(workload);
  let runs = 0;
  const run = (): tf.Tensor =>
    tf.tidy(() => {
      const data = step.feed(runs++);
      const inputs = Object.entries(step.inputs).map(([name, { shape, dtype }]) =>
        [name, tf.tensor(data[name], [...shape], dtype)] as const
      );
      return step.fn(Object.fromEntries(inputs)).loss;
    });
  return {
    description: `tfjs ${tf.version_core}, SIMD, 1 thread`,
    run: async (steps) => {
      for (let count = steps * step.runs; count > 1; count--) run().dispose();
      const loss = run();
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
  };
});
