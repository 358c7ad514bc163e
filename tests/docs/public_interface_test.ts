/** What a program of one's own sees of the project: its documentation, and that it can be imported from elsewhere. */
import assert from "node:assert/strict";
import { join } from "node:path";
import settings from "../../deno.json" with { type: "json" };

const ROOT = join(import.meta.dirname!, "../..");

async function deno(args: string[], cwd = ROOT): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  })
    .output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0 && args[0] === "run") assert.fail(error);
  return out + error;
}

Deno.test("everything that is public is documented, and so are the types that it names, but for tfjs's own", async () => {
  const said = await deno(["doc", "--lint", "mod.ts"]);
  const problems = said.split("\n").filter((line) => line.startsWith("error["));
  // That the test can see problems: tfjs's types are not ours to export.
  assert.ok(problems.length > 0);
  const tensors = /references private type '(Tensor([1-5]D)?|Scalar|Variable|NamedTensorMap)'$/;
  assert.deepEqual(problems.filter((line) => !tensors.test(line)), []);
});

Deno.test("a program in another folder imports the project with its import map", async () => {
  const cwd = await Deno.makeTempDir();
  const imports = { ...settings.imports, engram: join(ROOT, "mod.ts") };
  await Deno.writeTextFile(join(cwd, "deno.json"), JSON.stringify({ imports, nodeModulesDir: "none" }));
  await Deno.writeTextFile(
    join(cwd, "own.ts"),
    `import * as tf from "@tensorflow/tfjs";
import { compile, memorization, openDevice, stream } from "engram";

await using device = await openDevice("wasm", { threads: 1 });
const double = await compile(device, ({ x }) => ({ twice: tf.mul(x, 2) }), { x: { shape: [2] } });
await double.run({ x: Float32Array.of(1, 2) });
console.log((await double.read()).twice.join(), stream(0).integer(1), memorization([1, 2], [1, 2], { length: 2 }).fraction);
`,
  );
  assert.match(await deno(["run", "--quiet", "--no-lock", "--allow-read", "own.ts"], cwd), /^2,4 0 1$/m);
  await Deno.remove(cwd, { recursive: true });
});
