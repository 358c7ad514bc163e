/** Runs that replace others, and runs whose folder was damaged, as programs. */
import assert from "node:assert/strict";
import { join } from "node:path";

const FIXTURE = join(import.meta.dirname!, "fixtures/train_line.ts");
const SETTINGS = join(import.meta.dirname!, "../../deno.json");

function command(cwd: string, args: readonly string[]): Deno.Command {
  const permissions = ["--allow-read", "--allow-write", "--allow-run"];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--config", SETTINGS, ...permissions, FIXTURE, ...args],
    cwd,
    stdout: "piped",
    stderr: "piped",
  });
}

async function start(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await command(cwd, args).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

const weights = (...path: string[]) => Deno.readFile(join(...path, "weights.safetensors"));

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

/** A folder with a finished run "run" that has a helper. */
async function finished(): Promise<string> {
  const cwd = await Deno.makeTempDir();
  assert.equal((await start(cwd, "--out", "run", "--steps", "5", "--helper")).code, 0);
  return cwd;
}

/** The files of a run and what they hold. */
async function contents(folder: string): Promise<Record<string, Uint8Array>> {
  const found: Record<string, Uint8Array> = {};
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) found[name] = await Deno.readFile(join(folder, name));
  }
  return found;
}

Deno.test("a run that --force is to replace stays whole until its successor is complete", async () => {
  const cwd = await finished();
  const before = await contents(join(cwd, "run"));
  const refused = [
    [["--from", "nowhere"], 2, /--helper must name a completed run of train-helper/],
    [["--from", "run/helper"], 2, /--from run\/helper lies inside --out run, which --force replaces/],
    [["--throws"], 1, /Cannot fit a line/],
  ] as const;
  for (const [flags, code, message] of refused) {
    const { error, code: actual } = await start(cwd, "--out", "run", "--force", ...flags);
    assert.deepEqual([actual, message.test(error)], [code, true], error);
    assert.deepEqual(await contents(join(cwd, "run")), before);
    assert.deepEqual(await names(cwd), ["run"]);
  }
  // Killed on its way: the old run stands, and the new one can be gone on with.
  assert.notEqual((await start(cwd, "--out", "run", "--force", "--kill-at", "37")).code, 0);
  assert.deepEqual(await contents(join(cwd, "run")), before);
  const resumed = await start(cwd, "--out", "run", "--resume");
  assert.match(resumed.out, /going on after step 37/);
  assert.notDeepEqual(await weights(cwd, "run"), before["weights.safetensors"]);
  const { flags } = JSON.parse(await Deno.readTextFile(join(cwd, "run/config.json")));
  assert.deepEqual([flags.steps, flags.out], [60, "run"]);
  assert.deepEqual(await names(cwd), ["run"]);
  assert.match((await start(cwd, "--out", "run", "--resume")).out, /run is complete/);
});

Deno.test("a swap that a kill cut in two is brought to its end", async () => {
  const cwd = await finished();
  const before = await weights(cwd, "run");
  await Deno.rename(join(cwd, "run"), join(cwd, ".run.new"));
  assert.match((await start(cwd, "--out", "run", "--resume")).out, /run is complete/);
  assert.deepEqual([await names(cwd), await weights(cwd, "run")], [["run"], before]);
});

Deno.test("the folder that a command runs in is not replaced", async () => {
  const cwd = await finished();
  const { code, error } = await start(join(cwd, "run"), "--out", ".", "--force");
  assert.deepEqual([code, /--out \. is where this command runs/.test(error)], [2, true]);
});

Deno.test("flags that are refused after the folder was made leave none behind", async () => {
  const cwd = await Deno.makeTempDir();
  assert.equal((await start(cwd, "--out", "run", "--from", "nowhere")).code, 2);
  assert.equal((await start(cwd, "--from", "nowhere")).code, 2);
  assert.deepEqual([await names(cwd), await names(join(cwd, "runs"))], [["runs"], []]);
});

Deno.test("a second process in one folder is refused", async () => {
  const cwd = await Deno.makeTempDir();
  const first = command(cwd, ["--out", "run", "--linger"]).spawn();
  const reader = first.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let out = ""; !out.includes("LINGERING");) out += (await reader.read()).value ?? "";
  for (const flag of ["--resume", "--force"]) {
    const { code, error } = await start(cwd, "--out", "run", flag);
    assert.deepEqual([code, /run as another process is writing there/.test(error)], [1, true], error);
  }
  first.kill("SIGKILL");
  await reader.cancel();
  await first.stderr.cancel();
  await first.status;
  assert.equal((await start(cwd, "--out", "run", "--force", "--steps", "4")).code, 0);
});

Deno.test("a file of a run that is damaged is named before anything is done with it", async () => {
  const cwd = await Deno.makeTempDir();
  const path = (name: string) => join(cwd, "run", name);
  await start(cwd, "--out", "run", "--helper", "--kill-at", "37");
  const config = await Deno.readTextFile(path("config.json")),
    log = await Deno.readTextFile(path("log.jsonl"));
  const helper = await Deno.readTextFile(path("helper/config.json"));
  const flag = (name: string, value: unknown): string => {
    const changed = JSON.parse(config);
    changed.flags[name] = value;
    return JSON.stringify(changed);
  };
  const damages: readonly [string, string, RegExp][] = [
    [
      "config.json",
      flag("steps", "many"),
      /run\/config\.json as --steps must be an integer of at least 1 and is "many"/,
    ],
    ["config.json", flag("steps", "60"), /--steps must be a number and is "60"/],
    ["config.json", flag("seed", -1), /--seed must be an integer in 0/],
    ["config.json", flag("helper", 1), /--helper must be true or false and is 1/],
    ["config.json", flag("dataset", "cats"), /--dataset must be one of digits, mnist, idx/],
    ["config.json", "{", /--out run is no run folder and stays as it is/],
    ["log.jsonl", log.replace('{"phase"', '{"phase;'), /run\/log\.jsonl as its line 1 is damaged/],
    ["log.jsonl", "", /run\/log\.jsonl as \d+ bytes should be there and 0 are/],
    ["helper/config.json", "{", /run\/helper as its config\.json is damaged: restore it/],
    ["summary.json", "{", /run\/summary\.json as it holds no valid JSON/],
    ["summary.json", '{"task":"train-line","status":"done"}', /run\/summary\.json as it is damaged/],
  ];
  for (const [name, content, message] of damages) {
    await Deno.writeTextFile(path(name), content);
    const { code, error } = await start(cwd, "--out", "run", "--resume");
    assert.ok(code !== 0 && message.test(error), `${name}: ${content.slice(0, 40)}: ${code} ${error}`);
    await Deno.writeTextFile(path("config.json"), config);
    await Deno.writeTextFile(path("log.jsonl"), log);
    await Deno.writeTextFile(path("helper/config.json"), helper);
    await Deno.remove(path("summary.json")).catch(() => {});
  }
  assert.equal((await start(cwd, "--out", "run", "--resume")).code, 0);
});

Deno.test("a link in a run folder is not written through", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--out", "run", "--kill-at", "37");
  await Deno.rename(join(cwd, "run/log.jsonl"), join(cwd, "mine"));
  await Deno.symlink(join(cwd, "mine"), join(cwd, "run/log.jsonl"));
  const before = await Deno.readTextFile(join(cwd, "mine"));
  const { code, error } = await start(cwd, "--out", "run", "--resume");
  assert.deepEqual([code, /run as log\.jsonl in it is a link/.test(error)], [1, true], error);
  assert.equal(await Deno.readTextFile(join(cwd, "mine")), before);
});
