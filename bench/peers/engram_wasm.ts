/** The runner `engram-wasm`: the workload's tfjs code compiled by the engine for its WebAssembly device. */
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { serve } from "../protocol.ts";
import { tfjsStep } from "../tfjs.ts";

await serve(async (workload, threads) => {
  // The plain JavaScript backend holds the initial weights; nothing is computed on it.
  await tf.setBackend("cpu");
  const device = await openDevice("wasm", threads === undefined ? {} : { threads });
  const step = tfjsStep(workload);
  const compiled = await compile(device, () => ({ loss: step() }), {});
  return {
    description: device.description,
    run: async (steps) => {
      for (let index = 0; index < steps; index++) await compiled.run({});
      const { loss } = await compiled.read();
      return loss[loss.length - 1];
    },
  };
});
