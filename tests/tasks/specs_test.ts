import assert from "node:assert/strict";
import { gpuTest } from "../engine/webgpu/gpu.ts";

/** Runs the task and gives its exit code and the last line that it prints. */
async function specs(...args: string[]): Promise<{ code: number; last: string }> {
  const task = new URL("../../tasks/specs.ts", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-read", "--allow-write", task, ...args],
  }).output();
  return { code, last: new TextDecoder().decode(stdout).trim().split("\n").at(-1)! };
}

Deno.test("tfjs's specs of its softmax hold on its own backend and on the engine", async () => {
  for (const backend of ["cpu", "wasm"]) {
    const { code, last } = await specs("--backend", backend, "--only", "softmax");
    assert.equal(code, 0, last);
    assert.match(last, /^[1-9]\d* passed, 0 failed, 0 skipped$/);
  }
});

gpuTest("tfjs's specs of its softmax hold on the engine's WebGPU executor", async () => {
  const { code, last } = await specs("--backend", "webgpu", "--only", "softmax");
  assert.equal(code, 0, last);
  assert.match(last, /^[1-9]\d* passed, 0 failed, 0 skipped$/);
});

Deno.test("no spec at all is a failure, an unknown backend is bad usage", async () => {
  assert.equal((await specs("--only", "no spec is called this")).code, 1);
  assert.equal((await specs("--backend", "none")).code, 2);
});
