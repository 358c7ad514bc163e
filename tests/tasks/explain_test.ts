import assert from "node:assert/strict";
import { join } from "node:path";
import { startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));
const flags = ["--device", "wasm", "--threads", "1"];

Deno.test("a run's own step is explained: its sizes, and its weights by their names", async () => {
  await Deno.writeTextFile(join(cwd, "table.csv"), "0,1,1\n1,0,1\n");
  const small = [
    "--dataset",
    "csv",
    "--file",
    "table.csv",
    "--steps",
    "1",
    "--hidden",
    "17",
    "--samples",
    "1",
  ];
  await startProgram(cwd, "models/seq2hist.ts", ...flags, ...small, "--out", "runs/small");
  for (const name of ["small", "latest"]) {
    const { code, lines, error } = await startProgram(cwd, "tasks/explain.ts", name, ...flags);
    assert.equal(code, 0, error);
    const said = lines.join("\n");
    assert.match(said, /^seq2hist of runs\/small, on wasm, 1 thread/);
    assert.match(
      said,
      /float32\[512,17\] = matmul\(%\d+, 'hidden2\/kernel'\) then relu\(\(_ \+ 'hidden2\/bias'\)\)/,
    );
    assert.match(said, /'hidden2\/kernel\/m' \* 0\.9\).*\('hidden2\/kernel' - \(rate \*/);
    assert.match(said, /MFLOP a step/);
    assert.doesNotMatch(said, /NaN|Infinity|run folder|step 1\/1/);
  }
  // What it makes is gone.
  assert.deepEqual([...Deno.readDirSync(join(cwd, "runs"))].map(({ name }) => name), ["small"]);
});

Deno.test("runs of other kinds have steps of their own size", async () => {
  const run = new URL("../../results/weights/pixels/predictor-gru-32-pool-4", import.meta.url);
  const { code, lines, error } = await startProgram(cwd, "tasks/explain.ts", run.pathname, ...flags);
  assert.equal(code, 0, error);
  assert.match(lines.join("\n"), /recurrent\(/);
});

Deno.test("what has no step says so, and what is no model is refused", async () => {
  const { code, lines } = await startProgram(cwd, "tasks/explain.ts", "ngram", ...flags);
  assert.equal(code, 0);
  assert.equal(lines.at(-1), "ngram has no training step: it counts what it has seen");
  const wrong = await startProgram(cwd, "tasks/explain.ts", "nothing", ...flags);
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.error,
    /^explain: Cannot explain nothing as MODEL must be the folder of a finished run,/,
  );
});
