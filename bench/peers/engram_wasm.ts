/** The runner `engram-wasm`: the workload's tfjs code compiled by the engine for its WebAssembly device. */
import { serve } from "../protocol.ts";

await serve(() => Promise.reject(new Error("the engine is not there yet")));
