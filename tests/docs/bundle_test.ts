/** The line of docs/assignments.md that makes one file of a model. */
import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");

Deno.test("a model is written as one file, which tells its flags and what it lacks on another machine", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/assignments.md"));
  assert.ok(page.includes("deno bundle --output flow.js models/flow.ts"));
  const cwd = await Deno.makeTempDir(), file = join(cwd, "flow.js");
  const start = async (at: string, ...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: at }).output();
    const [text, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, text, error };
  };
  const bundled = await start(ROOT, "bundle", "--output", file, "models/flow.ts");
  assert.equal(bundled.code, 0, bundled.error);
  const helped = await start(cwd, "run", "--no-config", file, "--help");
  assert.equal(helped.code, 0, helped.error);
  assert.match(helped.text, /^Train a generator of images by flow matching/);
  const flags = ["--device", "wasm", "--count", "9", "--size", "8", "--width", "0.1"];
  const alone = await start(cwd, "run", "--no-config", "--allow-read", "--allow-write", file, ...flags);
  assert.equal(alone.code, 1);
  assert.match(
    alone.error,
    /train-flow: Cannot open the wasm device as kernels\S*\.wasm is not beside this program/,
  );
});
