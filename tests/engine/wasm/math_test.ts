import assert from "node:assert/strict";
import { openWasm, type WasmOptions } from "../../../engine/wasm/executor.ts";
import { assertBound, type Bound, compute } from "../accuracy.ts";

/** Of results below the normal numbers the unit is theirs. */
const BOUNDS: readonly Bound[] = [
  ["exp", -104, 89, 1],
  ["expm1", -30, 89, 2],
  ["log", 1e-45, 3.4e38, 2],
  ["log1p", -0.999999, 3.4e38, 3],
  ["sigmoid", -104, 104, 2],
  ["tanh", -12, 12, 3],
  ["erf", -5, 5, 3],
  ["softplus", -104, 104, 3],
  ["elu", -30, 10, 2],
  ["selu", -30, 10, 4],
  ["sin", -1e4, 1e4, 1],
  ["cos", -1e4, 1e4, 1],
  ["tan", -100, 100, 1],
  ["atan", -1e3, 1e3, 1],
  ["asinh", -1e3, 1e3, 1],
  ["rsqrt", 1e-38, 1e38, 2],
];

async function keepBounds(t: Deno.TestContext, options: WasmOptions): Promise<void> {
  await using device = await openWasm({ threads: 1, ...options });
  for (const bound of BOUNDS) {
    const [op, , , ulp] = bound;
    await t.step(`${op}: ${ulp} ulp`, () => assertBound(device, bound, { flushes: false }));
  }
  await t.step("elements of a tail equal elements of a vector", async () => {
    for (const op of ["exp", "log", "tanh", "erf"] as const) {
      const x = Float32Array.of(0.3, 1.7, 2.9, 0.01, 0.3, 1.7, 2.9);
      const y = await compute(device, op, x);
      assert.deepEqual([...y.slice(4)], [...y.slice(0, 3)], op);
    }
  });
}

Deno.test("transcendental functions keep their bounds", (t) => keepBounds(t, {}));
Deno.test("they do so without fused multiply-adds", (t) => keepBounds(t, { relaxed: false }));
