import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");

async function start(cwd: string, program: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--config",
      join(ROOT, "deno.json"),
      "--allow-read",
      "--allow-write",
    ]
      .concat(join(ROOT, program), args, "--threads", "1"),
    cwd,
  }).output();
  return { code, text: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

Deno.test("a flow is trained, goes on where it stopped, and tells how many of its samples are copies", async () => {
  const cwd = await Deno.makeTempDir();
  const sizes = ["--count", "30", "--size", "12", "--width", "0.1", "--batch", "4", "--solver-steps", "2"];
  const flags = [...sizes, "--samples", "20", "--out", "flow"];
  const half = await start(cwd, "models/flow.ts", ...flags, "--steps", "2");
  assert.equal(half.code, 0, half.error);
  const whole = await start(cwd, "models/flow.ts", ...flags, "--steps", "4", "--resume");
  assert.equal(whole.code, 0, whole.error);
  const { metrics, parameters, steps } = JSON.parse(await Deno.readTextFile(join(cwd, "flow/summary.json")));
  assert.deepEqual([metrics.steps, metrics.samples, metrics.penalty, steps], [4, 20, 0, 4]);
  assert.equal(metrics.parameters, parameters);
  assert.match(whole.text, /of 20 samples are copies of training images/);
  const many = await start(cwd, "models/flow.ts", ...sizes, "--steps", "50001");
  assert.equal(many.code, 2);
  assert.match(many.error, /--steps must be an integer in 1\.\.50000/);
});
