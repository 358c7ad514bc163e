import assert from "node:assert/strict";

/** Runs a benchmark's program and gives its exit code and what it says. */
async function run(file: string, ...args: string[]): Promise<{ code: number; said: string }> {
  const program = new URL(`../../bench/${file}`, import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--unstable-raw-imports", "--allow-read", program, ...args],
  }).output();
  const text = new TextDecoder();
  return { code, said: text.decode(stdout) + text.decode(stderr) };
}

for (const file of ["bench.ts", "gpu.ts"]) {
  Deno.test(`${file} says its flags, and refuses others before it measures anything`, async () => {
    const [help, unknown, nothing] = await Promise.all([
      run(file, "--help"),
      run(file, "--onyl", "mlp"),
      run(file, "--only", "none is called this"),
    ]);
    assert.equal(help.code, 0);
    assert.match(help.said, /--only TEXT .*mlp/);
    assert.equal(unknown.code, 2);
    assert.match(unknown.said, /did you mean --only/);
    assert.equal(nothing.code, 2);
    assert.match(nothing.said, /--only none is called this/);
  });
}
