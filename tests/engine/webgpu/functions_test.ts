import assert from "node:assert/strict";
import { planMemory } from "../../../engine/plan.ts";
import { ELEMENTWISE, type Elementwise } from "../../../engine/program.ts";
import { Builder } from "../builder.ts";
import { gpuTest } from "./gpu.ts";

/** The largest error of the functions that are written out, in units of the last place, and where it was measured. */
const BOUNDS: readonly [op: Elementwise, from: number, to: number, ulp: number][] = [
  ["exp", -87, 89, 2],
  ["log", 1.2e-38, 3.4e38, 2],
  ["sin", -3.4e38, 3.4e38, 3],
  ["cos", -3.4e38, 3.4e38, 3],
  ["tan", -3.4e38, 3.4e38, 5],
  ["tanh", -12, 12, 3],
];

gpuTest("WGSL: functions that are written out keep their bounds", async (executor) => {
  for (const [op, from, to, bound] of BOUNDS) {
    // Evenly, and by powers of two towards 0.
    const even = Array.from({ length: 40_000 }, (_, i) => from + (to - from) * i / 39_999);
    const scaled = Array.from({ length: 40_000 }, (_, i) => (i % 2 ? to : from) * 2 ** (-i / 157));
    const x = Float32Array.from([...even, ...scaled]).filter((value) => value >= from && value <= to);
    const builder = new Builder();
    builder.output(op, builder.map(op, builder.input("x", [x.length])));
    const executable = await executor.prepare(planMemory(builder.graph()), []);
    await executable.run([x]);
    const [y] = await executable.read();
    executable.dispose();
    let worst = 0, at = 0;
    x.forEach((value, i) => {
      const expected = ELEMENTWISE[op].apply(value, 0, 0);
      // Numbers below the normal ones may be flushed to 0; one beyond float32 must be infinite.
      if (Math.abs(value) < 2 ** -126 || Math.abs(expected) < 2 ** -126 || Math.fround(expected) === y[i]) {
        return;
      }
      const error = Math.abs(y[i] - expected) / 2 ** (Math.floor(Math.log2(Math.abs(expected))) - 23);
      if (error <= worst) return;
      worst = error;
      at = i;
    });
    assert.ok(worst <= bound, `${op}(${x[at]}) is ${y[at]}: ${worst.toFixed(2)} ulp off`);
  }
});
