/** The page on adding a model, done: its code is put where it says, in a copy of the project, and used. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");
/** What a copy needs: the folders of the program, its settings, and the functions that tests share. */
const COPIED = [
  ...["base", "data", "engine", "layers", "metrics", "models", "report", "run", "tasks", "tests/models"],
  ...["deno.json", "deno.lock", "mod.ts"],
];

/** The page's blocks of code by the file that each is of. */
async function codeOf(page: string): Promise<ReadonlyMap<string, string>> {
  const text = await Deno.readTextFile(page);
  const blocks = text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, file, code]) => [file, code]));
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** Puts a line after the first one that matches. */
async function insert(path: string, line: string, after: RegExp): Promise<void> {
  const lines = (await Deno.readTextFile(path)).split("\n"), at = lines.findIndex((each) => after.test(each));
  assert.ok(at >= 0, `${path} has no line like ${after}`);
  await Deno.writeTextFile(path, lines.toSpliced(at + 1, 0, line.trimEnd()).join("\n"));
}

Deno.test("a model that is added as the page says is trained, sampled, loaded and explained", async () => {
  const cwd = await Deno.makeTempDir();
  for (const name of COPIED) await copy(join(ROOT, name), join(cwd, name));
  const code = await codeOf(join(ROOT, "docs/adding-a-model.md"));
  assert.deepEqual([...code.keys()], [
    "models/regression.ts",
    "models/mod.ts",
    "deno.json",
    "tests/models/regression_test.ts",
  ]);
  for (const file of ["models/regression.ts", "tests/models/regression_test.ts"]) {
    await Deno.writeTextFile(join(cwd, file), code.get(file)!);
  }
  await insert(join(cwd, "models/mod.ts"), code.get("models/mod.ts")!, /^export const MODELS = \{$/);
  await insert(join(cwd, "deno.json"), code.get("deno.json")!, /^ {2}"tasks": \{$/);

  const deno = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd,
      env: { NO_COLOR: "1" },
    })
      .output();
    assert.equal(code, 0, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
    return new TextDecoder().decode(stdout);
  };
  const run = (program: string, ...args: string[]) =>
    deno("run", "--quiet", "--no-check", "--allow-read", "--allow-write", program, ...args);

  // The line in deno.json is one that the command line takes.
  const task: string = JSON.parse(await Deno.readTextFile(join(cwd, "deno.json"))).tasks["train-regression"];
  assert.equal(task, "deno run --allow-read --allow-write --allow-env=XDG_RUNTIME_DIR models/regression.ts");
  await Deno.writeTextFile(join(cwd, "table.csv"), "0,0\n1,1\n");
  const flags = ["--device", "tfjs", "--dataset", "csv", "--file", "table.csv", "--steps", "200"];
  await run("models/regression.ts", ...flags, "--samples", "100", "--out", "trained");
  const { metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "trained/summary.json")));
  // Tokens drawn without a look at those before would give 0.5.
  assert.ok(metrics.memorized_mass > 0.9, `memorized mass ${metrics.memorized_mass}`);
  assert.match(await Deno.readTextFile(join(cwd, "trained/report.html")), /Linear of one-hot symbols/);

  const sampled = await run("tasks/sample.ts", "trained", "--samples", "50", "--device", "tfjs");
  assert.match(sampled, /memorized fraction \d+\.\d+ ?% of 50 samples/);
  assert.match(await run("tasks/explain.ts", "regression", "--device", "wasm"), /MFLOP a step/);

  // With its types: all of this is checked before it runs.
  await Deno.writeTextFile(
    join(cwd, "tests/load_test.ts"),
    `import assert from "node:assert/strict";
import { load } from "../models/mod.ts";
import { openDevice } from "../engine/open.ts";

Deno.test("the registry gives it back", async () => {
  await using device = await openDevice("tfjs");
  const trained = await load("trained", device);
  assert.ok(trained.kind === "regression");
  const batch: number = trained.model.config.batch;
  assert.deepEqual([batch, (await trained.sample({ count: 7, seed: 1 })).length], [256, 14]);
});
`,
  );
  const permissions = ["--allow-read", "--allow-write", "--allow-run"];
  const tests = ["tests/load_test.ts", "tests/models/regression_test.ts"];
  assert.match(await deno("test", "--quiet", ...permissions, ...tests), /4 passed \| 0 failed/);
  await deno("fmt", "--check", "models/regression.ts", ...tests);
  await deno("lint", "models/regression.ts", ...tests);
});
