/** The runner `engram-wasm`: the workload's tfjs code compiled by the engine for its WebAssembly device. */
import { openDevice } from "../../engine/open.ts";
import { serve } from "../protocol.ts";
import { searcher } from "../search.ts";
import { runnerOf, tfjsStep } from "../tfjs.ts";

await serve(async (workload, threads) => {
  const device = await openDevice("wasm", threads === undefined ? {} : { threads });
  const run = workload === "nearest" ? await searcher(device) : await runnerOf(device, tfjsStep(workload));
  return { description: device.description, run };
});
