import assert from "node:assert/strict";
import { taskWords } from "../../../run/command.ts";

Deno.test("where there is no desktop, tasks ask for an adapter without a word, and leave the environment as it was", async () => {
  const adapter = new URL("../../../engine/webgpu/adapter.ts", import.meta.url);
  const program = `import { requestAdapter } from "${adapter}";
await requestAdapter();
console.log(JSON.stringify(Deno.env.get("XDG_RUNTIME_DIR")));`;
  const task = new Deno.Command(Deno.execPath(), {
    args: [...taskWords("train-seq2hist").slice(0, -1), "-"],
    env: { XDG_RUNTIME_DIR: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = task.output(), writer = task.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { stdout, stderr } = await output, decoder = new TextDecoder();
  assert.deepEqual([decoder.decode(stdout), decoder.decode(stderr)], ['""\n', ""]);
});
