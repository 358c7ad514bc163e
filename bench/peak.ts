/** The rate of multiply-adds that WebAssembly reaches on this machine: what a product's rate is a share of. */
import { instantiate } from "../engine/wasm/instance.ts";
import { LAYOUT, MAX_PAGES, PAGE } from "../engine/wasm/layout.ts";

/** Operations of one call with `rounds`: twelve multiply-adds of four lanes a round. */
const OPERATIONS = 12 * 4 * 2;
const ROUNDS = 10_000;
/** Calls before the clock starts, so that the optimizing compiler is done. */
const WARM_UP = 2_000;
/** Half a second of calls: as long as other programs might take the processor away. */
const CALLS = 30_000;

/** GFLOP/s of one thread, with every operand in a register: the best of some calls. */
export async function measurePeak(): Promise<number> {
  const binary = await Deno.readFile(new URL("../engine/wasm/kernels.wasm", import.meta.url));
  const pages = Math.ceil((LAYOUT.scratchStart + LAYOUT.scratchBytes) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });
  const { kernels } = instantiate({
    module: await WebAssembly.compile(binary),
    memory,
    thread: 0,
    threads: 1,
  });
  for (let call = 0; call < WARM_UP; call++) kernels.fma_peak(ROUNDS);
  let best = Infinity;
  for (let call = 0; call < CALLS; call++) {
    const start = performance.now();
    kernels.fma_peak(ROUNDS);
    best = Math.min(best, performance.now() - start);
  }
  return OPERATIONS * ROUNDS / best / 1e6;
}
