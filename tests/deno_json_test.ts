/** The permissions of the tasks in deno.json: as narrow as what they do. */
import assert from "node:assert/strict";
import settings from "../deno.json" with { type: "json" };
import { REMOTE_SETS } from "../tasks/fetch.ts";

const tasks: Readonly<Record<string, string>> = settings.tasks;

/** What a task's command allows: `--allow-net=a,b` as ["net", ["a", "b"]]. */
function permissions(task: string): Map<string, readonly string[]> {
  const words = tasks[task].match(/--allow-(\w+)(?:=(\$\(.*?\)|\S+))?/g) ?? [];
  return new Map(words.map((word) => {
    const [name, list] = word.slice("--allow-".length).split("=");
    return [name, list?.split(",") ?? []];
  }));
}

Deno.test("fetch alone has the network, and reaches the hosts of its mirrors and what they send on to only", () => {
  const hosts = REMOTE_SETS.flatMap(({ mirrors, redirects = [] }) => [
    ...mirrors.map((mirror) => new URL(mirror).hostname),
    ...redirects,
  ]);
  assert.deepEqual([...permissions("fetch").get("net") ?? []].sort(), [...new Set(hosts)].sort());
  for (const task of Object.keys(tasks)) {
    if (task !== "fetch") assert.equal(permissions(task).has("net"), false, task);
  }
});

Deno.test("no task is allowed everything, and environments and systems are asked for by name", () => {
  for (const [task, command] of Object.entries(tasks)) {
    assert.doesNotMatch(command, /(--allow-all|\s-A\b)/, task);
    for (const name of ["env", "sys"]) {
      assert.notDeepEqual(permissions(task).get(name), [], `${task}: ${name}`);
    }
    for (const name of ["ffi", "import"]) {
      assert.equal(permissions(task).has(name), false, `${task}: ${name}`);
    }
  }
});

Deno.test("programs are started by name, but for the tests", () => {
  for (const task of Object.keys(tasks)) {
    if (task !== "test") assert.notDeepEqual(permissions(task).get("run"), [], task);
  }
});

Deno.test("a model is trained and used with files alone, and the variable that graphics libraries want", () => {
  for (const task of Object.keys(tasks).filter((task) => /^train-|^sample$|^explain$/.test(task))) {
    const { read, write, env, ...others } = Object.fromEntries(permissions(task));
    assert.deepEqual([read, write, env, others], [[], [], ["XDG_RUNTIME_DIR"], {}], task);
  }
});

Deno.test("what starts programs names them: Deno for runs of its own, Slurm's commands, TeX, and nothing else", () => {
  // Benchmarks start other people's programs, wherever these are.
  const free = ["test", "bench", "bench-gpu"];
  for (const [task, command] of Object.entries(tasks)) {
    if (!command.includes("--allow-run") || free.includes(task)) continue;
    const programs = /--allow-run=(\$\(deno eval 'console\.log\(Deno\.execPath\(\)\)'\)|squeue|pdflatex)(\S*)/
      .exec(
        command,
      );
    assert.ok(programs !== null && ["", ",sbatch,squeue,scontrol"].includes(programs[2]), task);
  }
});

Deno.test("the lock file is frozen", () => {
  assert.equal(settings.lock.frozen, true);
});
