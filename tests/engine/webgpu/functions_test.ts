import { assertBound, type Bound } from "../accuracy.ts";
import { gpuTest } from "./gpu.ts";

/** Of the functions that are written out. */
const BOUNDS: readonly Bound[] = [
  ["exp", -87, 89, 2],
  ["log", 1.2e-38, 3.4e38, 2],
  ["sin", -3.4e38, 3.4e38, 3],
  ["cos", -3.4e38, 3.4e38, 3],
  ["tan", -3.4e38, 3.4e38, 5],
  ["tanh", -12, 12, 3],
];

gpuTest("WGSL: functions that are written out keep their bounds", async (executor) => {
  for (const bound of BOUNDS) await assertBound(executor, bound, { flushes: true });
});
