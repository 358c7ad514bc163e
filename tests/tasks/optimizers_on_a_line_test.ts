import assert from "node:assert/strict";
import { join } from "node:path";
import { metricsOf, startProgram } from "../program.ts";

Deno.test("the task prints the largest bump escaped, and draws one plot a walk", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, lines, error } = await startProgram(cwd, "tasks/optimizers_on_a_line.ts", "--out", "run");
  assert.equal(code, 0, error);
  assert.ok(lines.includes("largest bump escaped: 0.41"), lines.join("\n"));
  const metrics = await metricsOf(join(cwd, "run"));
  assert.ok(metrics.engine_difference < 2e-4);
  assert.ok(Math.abs(metrics.largest_bump_escaped_by_descent - 0.2) < 1e-5);
  const report = await Deno.readTextFile(join(cwd, "run", "report.html"));
  for (const name of ["bump of height 0.41", "ReLU(x)", "sigmoid(x)", "|x|"]) {
    assert.ok(report.includes(name), name);
  }
  assert.doesNotMatch(report, /NaN|undefined/);
});
