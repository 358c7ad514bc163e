import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeTensors, readTensors } from "../../base/safetensors.ts";

const FIXTURE = join(import.meta.dirname!, "fixtures/train_line.ts");
const SETTINGS = join(import.meta.dirname!, "../../deno.json");

function command(cwd: string, args: readonly string[]): Deno.Command {
  // --allow-run is for the fixture's killing itself.
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

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

async function steps(folder: string): Promise<number[]> {
  const lines = (await Deno.readTextFile(join(folder, "log.jsonl"))).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).filter((entry) => "loss" in entry).map((entry) => entry.step);
}

/** The exit code of a process that is sent a signal once it has printed `at`. */
async function signalled(
  program: Deno.Command,
  { signal, at }: { readonly signal: Deno.Signal; readonly at: string },
): Promise<number> {
  const process = program.spawn();
  const decoder = new TextDecoder();
  let out = "", sent = false;
  for await (const chunk of process.stdout) {
    out += decoder.decode(chunk);
    if (sent || !out.includes(at)) continue;
    process.kill(signal);
    sent = true;
  }
  await process.stderr.cancel();
  return (await process.status).code;
}

const weights = (...path: string[]) => Deno.readFile(join(...path, "weights.safetensors"));

Deno.test("a run fills its folder, and the next one gets a folder of its own", async () => {
  const cwd = await Deno.makeTempDir();
  assert.equal((await start(cwd, "--seed", "3")).code, 0);
  const folder = join(cwd, "runs/train-line-digits-8-s3");
  const config = await readJson(folder, "config.json");
  assert.equal(config.task, "train-line");
  assert.deepEqual([config.flags.count, config.flags.seed, config.flags.threads], [8, 3, null]);
  assert.equal(config.versions.deno, Deno.version.deno);
  const summary = await readJson(folder, "summary.json");
  assert.deepEqual([summary.status, summary.steps, summary.parameters], ["completed", 60, 2]);
  assert.equal(summary.metrics.updates_seen, 60);
  const { tensors, metadata } = await readTensors(join(folder, "weights.safetensors"), { sealed: true });
  assert.deepEqual([...tensors.keys()], ["line/kernel"]);
  assert.deepEqual(metadata, { model: "line", config: '{"slope":2}' });

  assert.equal((await start(cwd, "--seed", "3")).code, 0);
  assert.deepEqual(await weights(folder), await weights(folder + "-2"));
  const again = await start(cwd, "--seed", "3", "--resume");
  assert.deepEqual([again.code, again.error], [0, ""]);
  assert.match(again.out, /train-line-digits-8-s3-2 is complete/);
});

Deno.test("a run killed half-way and resumed ends with the same bytes, and a log without repetition", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--out", "whole", "--helper");
  assert.notEqual((await start(cwd, "--out", "cut", "--helper", "--kill-at", "37")).code, 0);
  await assert.rejects(Deno.stat(join(cwd, "cut/summary.json")));
  await Deno.writeTextFile(join(cwd, "cut/log.jsonl"), '{"phase":"line","step":39,"lo', { append: true });
  const resumed = await start(cwd, "--out", "cut", "--resume");
  assert.equal(resumed.code, 0, resumed.error);
  assert.deepEqual(await weights(cwd, "cut"), await weights(cwd, "whole"));
  assert.deepEqual(await weights(cwd, "cut/helper"), await weights(cwd, "whole/helper"));
  const logged = await steps(join(cwd, "cut"));
  assert.deepEqual(logged, [...logged].sort((a, b) => a - b));
  assert.equal(new Set(logged).size, logged.length);
  assert.equal((await readJson(cwd, "cut/summary.json")).steps, 60);
});

Deno.test("a first phase killed half-way is resumed, too", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--out", "whole", "--helper");
  await start(cwd, "--out", "cut", "--helper", "--kill-helper-at", "12");
  const resumed = await start(cwd, "--out", "cut", "--resume");
  assert.match(resumed.out, /going on after step 12/);
  assert.deepEqual(await weights(cwd, "cut/helper"), await weights(cwd, "whole/helper"));
  assert.deepEqual(await weights(cwd, "cut"), await weights(cwd, "whole"));
});

Deno.test("--resume starts afresh where nothing is there, and refuses another configuration", async () => {
  const cwd = await Deno.makeTempDir();
  assert.equal((await start(cwd, "--out", "a", "--resume", "--steps", "5")).code, 0);
  const other = await start(cwd, "--out", "a", "--resume", "--seed", "9");
  assert.equal(other.code, 2);
  assert.match(other.error, /--seed cannot change on --resume: a was made with 0, given is 9/);
  const more = await start(cwd, "--out", "a", "--resume", "--steps", "8");
  assert.match(more.out, /going on after step 5/);
  await start(cwd, "--out", "b", "--steps", "8");
  assert.deepEqual(await weights(cwd, "a"), await weights(cwd, "b"));
});

Deno.test("--resume refuses another run's checkpoint, and another seed that was written into config.json", async () => {
  const cwd = await Deno.makeTempDir(), refused = /belongs to a run of other flags, seed, data or codes/;
  await start(cwd, "--out", "a", "--steps", "5");
  await start(cwd, "--out", "b", "--steps", "5", "--seed", "9");
  const files = ["checkpoint.safetensors", "log.jsonl"];
  const own = await Promise.all(files.map((name) => Deno.readFile(join(cwd, "a", name))));
  for (const name of files) await Deno.copyFile(join(cwd, "b", name), join(cwd, "a", name));
  const swapped = await start(cwd, "--out", "a", "--resume", "--steps", "8");
  assert.deepEqual([swapped.code, refused.test(swapped.error)], [1, true]);

  for (const [at, name] of files.entries()) await Deno.writeFile(join(cwd, "a", name), own[at]);
  const path = join(cwd, "a/config.json"), config = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, config.replace('"seed": 0', '"seed": 9'));
  const changed = await start(cwd, "--out", "a", "--resume", "--steps", "8");
  assert.deepEqual([changed.code, refused.test(changed.error)], [1, true]);
  await Deno.writeTextFile(path, config);
  assert.equal((await start(cwd, "--out", "a", "--resume", "--steps", "8")).code, 0);
});

Deno.test("--until stops a run as SIGTERM does; no run records it, and the steps stay as many", async () => {
  const cwd = await Deno.makeTempDir();
  // A busy machine may not have begun when the time is up: it gets more then.
  let made = 0;
  for (let seconds = 1; made === 0; seconds *= 2) {
    const until = String(Date.now() / 1000 + seconds);
    const args = ["--out", "a", "--steps", "1000000", "--until", until];
    assert.equal((await start(cwd, ...args, ...seconds > 1 ? ["--resume"] : [])).code, 143);
    const summary = await readJson(cwd, "a", "summary.json").catch(() => undefined);
    if (summary === undefined) continue;
    assert.equal(summary.status, "stopped");
    made = summary.steps;
  }
  const { flags } = await readJson(cwd, "a", "config.json");
  assert.deepEqual([flags.steps, "until" in flags], [1_000_000, false]);
  const more = ["--resume", "--steps", String(made + 2), "--until", "9000000000"];
  assert.equal((await start(cwd, "--out", "a", ...more)).code, 0);
  await start(cwd, "--out", "b", "--steps", String(made + 2));
  assert.deepEqual(await weights(cwd, "a"), await weights(cwd, "b"));
});

Deno.test("a signal ends the run after a checkpoint, and the run can go on", async () => {
  const cwd = await Deno.makeTempDir();
  for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    const args = ["--out", signal, "--steps", "1000000", "--announce-at", "30"];
    assert.equal(await signalled(command(cwd, args), { signal, at: "ANNOUNCED" }), code);
    const summary = await readJson(cwd, signal, "summary.json");
    assert.equal(summary.status, "stopped");
    assert.ok(summary.steps > 30);
    const { metadata } = decodeTensors(
      await Deno.readFile(join(cwd, signal, "checkpoint.safetensors")),
      "checkpoint",
    );
    assert.equal(Number(metadata.step), summary.steps);
    const resumed = await start(cwd, "--out", signal, "--resume", "--steps", String(summary.steps + 2));
    assert.match(resumed.out, new RegExp(`going on after step ${summary.steps}`));
    assert.equal(resumed.code, 0);
  }
});

Deno.test("a signal ends an evaluation, too, which is made when the run goes on", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--out", "whole");
  const program = command(cwd, ["--out", "cut", "--endless"]);
  assert.equal(await signalled(program, { signal: "SIGINT", at: "EVALUATING" }), 130);
  const { metadata } = decodeTensors(
    await Deno.readFile(join(cwd, "cut/checkpoint.safetensors")),
    "checkpoint",
  );
  assert.deepEqual([metadata.step, metadata.evaluated], ["25", "-1"]);
  assert.equal((await start(cwd, "--out", "cut", "--resume")).code, 0);
  const evaluations = async (folder: string) => {
    const lines = (await Deno.readTextFile(join(cwd, folder, "log.jsonl"))).trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line)).filter((entry) => "at" in entry).map((entry) => entry.at);
  };
  assert.deepEqual(await evaluations("cut"), [25, 50, 60]);
  assert.deepEqual(await evaluations("whole"), [25, 50, 60]);
  // Going on with what is done measures nothing twice.
  const more = await start(cwd, "--out", "whole", "--resume", "--steps", "70");
  assert.equal(more.code, 0);
  assert.deepEqual(await evaluations("whole"), [25, 50, 60, 70]);
});

Deno.test("a signal after training ends the run at once, and the run can go on", async () => {
  const cwd = await Deno.makeTempDir();
  const program = command(cwd, ["--out", "a", "--linger"]);
  assert.equal(await signalled(program, { signal: "SIGTERM", at: "LINGERING" }), 143);
  const summary = await readJson(cwd, "a/summary.json");
  assert.deepEqual([summary.status, summary.steps], ["stopped", 60]);
  const again = command(cwd, ["--out", "a", "--resume"]);
  assert.equal(await signalled(again, { signal: "SIGINT", at: "LINGERING" }), 130);
});

Deno.test("an explicit --out that exists needs --force, which replaces run folders only", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--out", "run", "--steps", "5");
  await Deno.writeTextFile(join(cwd, "run/old.png"), "");
  const before = await weights(cwd, "run");
  const refused = await start(cwd, "--out", "run");
  assert.equal(refused.code, 2);
  assert.match(refused.error, /--out run exists: add --force/);
  // A wrong flag is found before anything is removed.
  assert.equal((await start(cwd, "--out", "run", "--force", "--steps", "0")).code, 2);
  assert.deepEqual(await weights(cwd, "run"), before);
  assert.equal((await start(cwd, "--out", "run", "--force", "--steps", "6")).code, 0);
  assert.notDeepEqual(await weights(cwd, "run"), before);
  await assert.rejects(Deno.stat(join(cwd, "run/old.png")));

  await Deno.mkdir(join(cwd, "mine"));
  await Deno.writeTextFile(join(cwd, "mine/config.json"), '{"editor":"x"}');
  for (const flag of ["--force", "--resume"]) {
    const foreign = await start(cwd, "--out", "mine", flag);
    assert.equal(foreign.code, 2);
    assert.match(foreign.error, /--out mine is no run folder and stays as it is/);
  }
  assert.equal(await Deno.readTextFile(join(cwd, "mine/config.json")), '{"editor":"x"}');
});

Deno.test("a run that its budget cut says so, and goes on with a budget of its own or without", async () => {
  const cwd = await Deno.makeTempDir();
  const ended =
    /line: ended by --budget at step [\d,]+ of 1,000,000: go on with deno task train-line --resume --out a\n/;
  const first = await start(cwd, "--out", "a", "--steps", "1000000", "--budget", "1.5");
  assert.deepEqual([first.code, ended.test(first.out)], [0, true], first.out + first.error);
  const { status, steps, ended: why } = await readJson(cwd, "a/summary.json");
  assert.deepEqual([status, why], ["completed", "budget"]);
  const second = await start(cwd, "--out", "a", "--resume", "--budget", "1.5");
  assert.deepEqual([second.code, ended.test(second.out)], [0, true], second.out + second.error);
  assert.match(second.out, new RegExp(`going on after step ${steps}\n`));
  const { steps: later } = await readJson(cwd, "a/summary.json");
  assert.ok(later >= steps);
  assert.equal((await start(cwd, "--out", "a", "--resume", "--steps", String(later + 1))).code, 0);
  const done = await readJson(cwd, "a/summary.json");
  assert.deepEqual([done.steps, done.ended], [later + 1, "steps"]);
});

Deno.test("--json prints the summary alone, --quiet nothing, --version the version", async () => {
  const cwd = await Deno.makeTempDir();
  const json = await start(cwd, "--out", "a", "--steps", "5", "--json");
  assert.equal(json.code, 0);
  assert.deepEqual(JSON.parse(json.out), { folder: "a", ...await readJson(cwd, "a/summary.json") });
  assert.match(json.error, /^run folder: a\n/);
  const again = await start(cwd, "--out", "a", "--resume", "--json");
  assert.deepEqual(JSON.parse(again.out), JSON.parse(json.out));
  const quiet = await start(cwd, "--out", "b", "--steps", "5", "--quiet");
  assert.deepEqual(quiet, { code: 0, out: "", error: "" });
  assert.equal("quiet" in (await readJson(cwd, "b/config.json")).flags, false);
  assert.match((await start(cwd, "--version")).out, /^engram \d+\.\d+\.\d+, Deno \d/);
  assert.match((await start(cwd, "-h")).out, /Usage: deno task train-line/);
});

Deno.test("Ctrl-C says what is saved and how to go on", async () => {
  const cwd = await Deno.makeTempDir();
  const process = command(cwd, ["--out", "a b", "--steps", "1000000", "--announce-at", "30"]).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let out = "", sent = false;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    out += part.value;
    if (sent || !out.includes("ANNOUNCED")) continue;
    process.kill("SIGINT");
    sent = true;
  }
  await process.stderr.cancel();
  assert.equal((await process.status).code, 130);
  assert.match(
    out,
    /stopped: step [\d,]+ is saved in a b; go on with deno task train-line --resume --out 'a b'\n$/,
  );
});

Deno.test("a loss that is not a number ends the run with a sentence and leaves the checkpoint", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, error } = await start(cwd, "--out", "a", "--nan-at", "33");
  assert.equal(code, 1);
  assert.match(
    error,
    /^train-line: line: loss became NaN at step 34: try a smaller learning rate .*step 33 is intact\)\n$/,
  );
  assert.equal((await readJson(cwd, "a/summary.json")).status, "failed");
  const { tensors, metadata } = decodeTensors(
    await Deno.readFile(join(cwd, "a/checkpoint.safetensors")),
    "checkpoint",
  );
  assert.equal(metadata.step, "33");
  assert.deepEqual(tensors.get("momentum/updates")?.data, Int32Array.of(33));
});

Deno.test("a failure is one line and exit code 1; --debug adds the stack", async () => {
  const cwd = await Deno.makeTempDir();
  const plain = await start(cwd, "--throws");
  assert.deepEqual([plain.code, plain.error], [
    1,
    "train-line: Cannot fit a line as the test says so: leave --throws out\n",
  ]);
  const debug = await start(cwd, "--throws", "--debug");
  assert.match(debug.error, /\n {4}at /);
});

Deno.test("a failure that nobody awaits ends the run, too", async () => {
  const cwd = await Deno.makeTempDir();
  const { code, error } = await start(cwd, "--out", "a", "--rejects", "--linger");
  assert.deepEqual([code, error], [1, "train-line: Cannot reach the device: restart it\n"]);
  assert.equal((await readJson(cwd, "a/summary.json")).status, "failed");
});

Deno.test("a folder that cannot be made is one sentence", async () => {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(join(cwd, "file"), "");
  const { code, error } = await start(cwd, "--out", "file/run");
  assert.equal(code, 1);
  assert.match(error, /^train-line: Cannot write to file\/run \(.*\): choose another --out\n$/);
});

Deno.test("usage errors exit with 2 and name the flag; help exits with 0", async () => {
  const cwd = await Deno.makeTempDir();
  const wrong = await start(cwd, "--stepz", "3");
  assert.deepEqual([wrong.code, wrong.out], [2, ""]);
  assert.match(wrong.error, /--stepz: did you mean --steps\?/);
  assert.equal((await start(cwd, "--resume", "--force")).code, 2);
  const help = await start(cwd, "--help");
  assert.deepEqual([help.code, help.error], [0, ""]);
  assert.match(help.out, /--steps N +how many optimizer updates to make at most \(default: 60\)/);
  assert.deepEqual([...Deno.readDirSync(cwd)], []);
});

Deno.test("a helper's completed run is copied when its configuration is equal, else trained", async () => {
  const cwd = await Deno.makeTempDir();
  await start(cwd, "--helper", "--seed", "1");
  const equal = await start(cwd, "--helper", "--seed", "1", "--steps", "70");
  assert.match(equal.out, /helper: taken from runs\/train-line-digits-8-s1\/helper/);
  const copy = join(cwd, "runs/train-line-digits-8-s1-2/helper");
  assert.deepEqual(await weights(copy), await weights(cwd, "runs/train-line-digits-8-s1/helper"));
  assert.match((await readJson(copy, "config.json")).flags.out, /s1-2\/helper$/);
  const other = await start(cwd, "--helper", "--seed", "2");
  assert.doesNotMatch(other.out, /taken from/);
});
