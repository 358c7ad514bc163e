import assert from "node:assert/strict";
import { join } from "node:path";
import { metricsOf, startProgram } from "../program.ts";

Deno.test("the task prints its figures and writes its page", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, lines, error } = await startProgram(cwd, "tasks/explain_gates.ts", "--out", "run");
  assert.equal(code, 0, error);
  for (
    const question of ["store the input, LSTM", "store the input, GRU", "keep the state", "a GRU puts out"]
  ) {
    assert.ok(lines.some((line) => line.startsWith(question)), question);
  }
  const metrics = await metricsOf(join(cwd, "run"));
  assert.ok(metrics.largest_lstm_output < metrics.gru_output);
  assert.match(await Deno.readTextFile(join(cwd, "run", "report.html")), /counts to 7\.616/);
});
