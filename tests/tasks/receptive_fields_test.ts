import assert from "node:assert/strict";
import { join } from "node:path";
import { metricsOf, startProgram } from "../program.ts";

const FILE = "tasks/receptive_fields.ts";

Deno.test("one line a stack, ending in its final field, every layer measured", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, lines, error } = await startProgram(cwd, FILE, "--out", "run");
  assert.equal(code, 0, error);
  const stacks = lines.filter((line) => line.startsWith("stack "));
  assert.deepEqual(
    stacks.map((line) => Number(/(\d+)$/.exec(line)?.[1])),
    [8, 26, 15, 27, 20, 147, 282, 18, 18, 91],
  );
  assert.equal((await metricsOf(join(cwd, "run"))).stack_7, 282);
  assert.match(await Deno.readTextFile(join(cwd, "run", "report.html")), /<math/);
});

Deno.test("a stack of one's own; a word that is no layer is bad usage", async () => {
  const cwd = await Deno.makeTempDir();
  const flags = ["--out", "own", "--stack", "conv2d(3,1) maxpool2d(2,2)"];
  const { code, lines } = await startProgram(cwd, FILE, ...flags);
  assert.equal(code, 0);
  assert.ok(lines.some((line) => line.endsWith("measured 3, 4; final field: 4")));
  const wrong = await startProgram(cwd, FILE, "--stack", "pool(2,2)");
  assert.equal(wrong.code, 2);
  assert.match(wrong.error, /--stack: .*current value is "pool\(2,2\)"/);
});
