import assert from "node:assert/strict";
import type { Graph } from "../../../engine/graph.ts";
import { planMemory } from "../../../engine/plan.ts";
import { ELEMENTWISE, type Elementwise } from "../../../engine/program.ts";
import { openWasm, type WasmOptions } from "../../../engine/wasm/executor.ts";
import { Builder } from "../builder.ts";

/** The largest error in units of the last place: those of subnormal numbers where the result is smaller. */
const BOUNDS: readonly [op: Elementwise, from: number, to: number, ulp: number][] = [
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

const SMALLEST = 2 ** -149;
/** The distance from float32 to float32 at `x`. */
function ulp(x: number): number {
  return Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23));
}

/** Numbers between the limits: evenly, and by powers of two towards 0. */
function grid(from: number, to: number): Float32Array {
  const even = Array.from({ length: 60_000 }, (_, i) => from + (to - from) * i / 59_999);
  const scaled = Array.from({ length: 40_000 }, (_, i) => (i % 2 ? to : from) * 2 ** (-i / 150));
  return Float32Array.from([...even, ...scaled]).filter((x) => x >= from && x <= to);
}

function graphOf(op: Elementwise, size: number): Graph {
  const builder = new Builder();
  builder.output("y", builder.map(op, builder.input("x", [size])));
  return builder.graph();
}

async function keepBounds(t: Deno.TestContext, options: WasmOptions): Promise<void> {
  await using device = await openWasm({ threads: 1, ...options });
  for (const [op, from, to, bound] of BOUNDS) {
    await t.step(`${op}: ${bound} ulp`, async () => {
      const x = grid(from, to);
      const executable = await device.prepare(planMemory(graphOf(op, x.length)), []);
      await executable.run([x]);
      const [y] = await executable.read();
      executable.dispose();
      let worst = 0, at = 0;
      x.forEach((value, i) => {
        const expected = ELEMENTWISE[op].apply(value, 0, 0);
        const error = Math.abs(y[i] - expected) / ulp(expected);
        // An expected value beyond float32 must be infinite.
        if (Math.fround(expected) === y[i] || error <= worst) return;
        worst = error;
        at = i;
      });
      assert.ok(worst <= bound, `${op}(${x[at]}) is ${y[at]}: ${worst.toFixed(2)} ulp off`);
    });
  }
  await t.step("elements of a tail equal elements of a vector", async () => {
    for (const op of ["exp", "log", "tanh", "erf"] as const) {
      const x = Float32Array.of(0.3, 1.7, 2.9, 0.01, 0.3, 1.7, 2.9);
      const executable = await device.prepare(planMemory(graphOf(op, x.length)), []);
      await executable.run([x]);
      const [y] = await executable.read();
      executable.dispose();
      assert.deepEqual([...y.slice(4)], [...y.slice(0, 3)], op);
    }
  });
}

Deno.test("transcendental functions keep their bounds", (t) => keepBounds(t, {}));
Deno.test("they do so without fused multiply-adds", (t) => keepBounds(t, { relaxed: false }));
