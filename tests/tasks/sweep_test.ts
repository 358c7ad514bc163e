/**
 * Sweeps as a user starts them. Slurm's commands are small programs here that write down what they are given; the real
 * ones are tried in tests/run/executors/slurm_test.ts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");

/** A folder with a table, a list of runs on it, and commands called as Slurm's. */
async function prepare(): Promise<string> {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(join(cwd, "table.csv"), "1,2,3,4\n1,2,4,3\n2,2,1,1\n3,1,1,1\n");
  const flags = { dataset: "csv", file: "table.csv", device: "tfjs", threads: 1, samples: 10 };
  const lines = [0, 1, 2].map((seed) => ({
    task: "train-ngram",
    flags: { ...flags, seed },
    folder: `s${seed}`,
  }));
  await Deno.writeTextFile(
    join(cwd, "list.jsonl"),
    lines.map((line) => JSON.stringify(line) + "\n").join(""),
  );
  await Deno.mkdir(join(cwd, "bin"));
  const tool = (name: string, body: string): Promise<void> =>
    Deno.writeTextFile(join(cwd, "bin", name), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
  await tool("sbatch", `echo "$*" >> ${cwd}/asked; wc -l < ${cwd}/asked`);
  await tool("squeue", `cat ${cwd}/queue 2>/dev/null || true`);
  await tool("scontrol", "echo 'MaxArraySize = 2'");
  return cwd;
}

async function start(cwd: string, program: string, ...args: string[]) {
  const path = `${join(cwd, "bin")}:/usr/bin:/bin`;
  const permissions = program.endsWith("status.ts")
    ? ["--allow-read", "--allow-run=squeue"]
    : ["--allow-read", "--allow-write", `--allow-run=${Deno.execPath()},sbatch,squeue,scontrol`];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--config", join(ROOT, "deno.json"), ...permissions]
      .concat(join(ROOT, "tasks", program), args),
    cwd,
    env: { PATH: path },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** What `sweep-status` says, by the folders of the runs. */
async function status(cwd: string, folder: string): Promise<Record<string, string>> {
  const { code, out, error } = await start(cwd, "sweep_status.ts", folder, "--json");
  assert.equal(code, 0, error);
  const { runs } = JSON.parse(out) as { runs: { folder: string; status: string; said?: string }[] };
  return Object.fromEntries(
    runs.map(({ folder, status, said }) => [folder, said === undefined ? status : `${status}: ${said}`]),
  );
}

Deno.test("a half-done list is finished by either executor, and the page has all of it", async () => {
  const cwd = await prepare();
  const shown = await start(cwd, "sweep.ts", "list.jsonl", "--dry-run");
  assert.match(
    shown.out,
    /models\/ngram\.ts .*--seed=2 --out=runs\/list\/s2 --resume\n3 runs; nothing was started/,
  );
  await assert.rejects(Deno.stat(join(cwd, "runs")), Deno.errors.NotFound);

  const list = await Deno.readTextFile(join(cwd, "list.jsonl"));
  await Deno.writeTextFile(join(cwd, "list.jsonl"), list.replace("table.csv", "nowhere.csv"));
  const failed = await start(cwd, "sweep.ts", "list.jsonl");
  assert.equal(failed.code, 1);
  assert.match(
    failed.error,
    /Cannot finish 1 of 3 runs, first runs\/list\/s0 \(train-ngram: Cannot read --file/,
  );
  const said = await status(cwd, "runs/list");
  assert.match(said.s0, /^failed: train-ngram: Cannot read --file nowhere\.csv/);
  assert.deepEqual([said.s1, said.s2], ["done", "done"]);

  // Mended, Slurm gets what is missing and nothing else, and a job that goes on when that has ended.
  await Deno.writeTextFile(join(cwd, "list.jsonl"), list);
  const options = ["--executor", "slurm", "--slurm", "--partition=cpu --time=1:00"];
  const script = await start(cwd, "sweep.ts", "list.jsonl", ...options, "--dry-run");
  assert.match(script.out, /#SBATCH --partition=cpu --time=1:00\n#SBATCH --job-name=list-[0-9a-f]{8}\n/);
  await assert.rejects(Deno.stat(join(cwd, "asked")), Deno.errors.NotFound);
  const handed = await start(cwd, "sweep.ts", "list.jsonl", ...options);
  assert.equal(handed.code, 0, handed.error);
  assert.match(handed.out, /1 runs are handed to Slurm \(jobs 1\); job 2 goes on when all have ended/);
  const asked = (await Deno.readTextFile(join(cwd, "asked"))).split("\n");
  const [, name] = /^--parsable runs\/list\/slurm\/(list-[0-9a-f]{8})\.sh$/.exec(asked[0]) ?? [];
  assert.match(asked[1], /^--parsable --dependency=afterany:1 runs\/list\/slurm\/list-\w{8}-collect\.sh$/);

  // What is queued is not handed in again.
  await Deno.writeTextFile(join(cwd, "queue"), `1|0|PENDING|${name}\n`);
  assert.equal((await status(cwd, "runs/list")).s0, "queued");
  const again = await start(cwd, "sweep.ts", "list.jsonl", ...options);
  assert.match(again.out, /1 of 3 runs are with Slurm/);
  assert.equal((await Deno.readTextFile(join(cwd, "asked"))).trim().split("\n").length, 2);

  // As Slurm would: the task, then the job that waits for it.
  await Deno.remove(join(cwd, "queue"));
  for (const file of [`${name}.sh`, asked[1].split("/").at(-1)!]) {
    const { code } = await new Deno.Command("bash", {
      args: [join(cwd, "runs/list/slurm", file)],
      cwd,
      env: { PATH: `${join(cwd, "bin")}:/usr/bin:/bin`, SLURM_ARRAY_TASK_ID: "0" },
      stdout: "null",
    }).output();
    assert.equal(code, 0, file);
  }
  assert.deepEqual(await status(cwd, "runs/list"), { s0: "done", s1: "done", s2: "done" });
  const page = await Deno.readTextFile(join(cwd, "runs/list/report.html"));
  assert.match(page, /3 of 3 of them finished/);
  const table = (await Deno.readTextFile(join(cwd, "runs/list/runs.csv"))).trim().split("\n");
  assert.match(table[0], /^folder,task,seed,seconds,steps,.*memorized_mass/);
  assert.deepEqual(table.slice(1).map((row) => row.split(",").slice(0, 3).join(" ")), [
    "s0 train-ngram 0",
    "s1 train-ngram 1",
    "s2 train-ngram 2",
  ]);
});

Deno.test("arrays are no larger than the cluster takes; a job that goes on submits nothing twice", async () => {
  const cwd = await prepare();
  const options = ["--executor", "slurm", "--chain", "--requeues", "1"];
  const handed = await start(cwd, "sweep.ts", "list.jsonl", ...options);
  // Two arrays of at most 2, each once more for what is stopped, and the job that goes on.
  assert.match(handed.out, /3 runs are handed to Slurm \(jobs 1, 2, 3, 4\); job 5 goes on/);
  const asked = (await Deno.readTextFile(join(cwd, "asked"))).trim().split("\n");
  const after = asked.map((line) => /--dependency=(\S+)/.exec(line)?.[1]);
  assert.deepEqual(after, [undefined, "afterany:1", undefined, "afterany:3", "afterany:2:4"]);
  // All have ended, and none is finished.
  const collected = await start(cwd, "sweep.ts", "list.jsonl", ...options, "--collect");
  assert.equal(collected.code, 1);
  assert.match(collected.error, /Cannot finish 3 of 3 runs, first runs\/list\/s0 \(ended without a result/);
  assert.equal((await Deno.readTextFile(join(cwd, "asked"))).trim().split("\n").length, 5);
});

Deno.test("a comparison hands in its runs and is gone on with by the job that waits for them", async () => {
  const cwd = await prepare();
  const flags = ["--dataset", "csv", "--file", "table.csv", "--device", "tfjs", "--samples", "10"]
    .concat("--steps", "2", "--models", "ngram", "--out", "all", "--executor", "slurm");
  const shown = await start(cwd, "compare_autoregressive.ts", ...flags, "--dry-run");
  assert.match(shown.out, /#SBATCH --array=0-0\n/);
  // What was only shown leaves nothing behind.
  await assert.rejects(Deno.stat(join(cwd, "all")), Deno.errors.NotFound);
  const handed = await start(cwd, "compare_autoregressive.ts", ...flags);
  assert.equal(handed.code, 0, handed.error);
  const collect = (await Deno.readTextFile(join(cwd, "asked"))).trim().split("\n")[1].split(" ").at(-1)!;
  const text = await Deno.readTextFile(join(cwd, collect));
  assert.match(
    text,
    /compare_autoregressive\.ts --out=all --resume --executor=slurm --requeues=10 --collect\n$/,
  );
  await assert.rejects(Deno.stat(join(cwd, "all/summary.json")), Deno.errors.NotFound);

  const array = collect.replace(/[^/]*$/, "");
  const names = [...Deno.readDirSync(join(cwd, array))].map(({ name }) => name);
  const scripts = [names.find((name) => /-\w{8}\.sh$/.test(name))!, collect.split("/").at(-1)!];
  for (const file of scripts) {
    const { code } = await new Deno.Command("bash", {
      args: [join(cwd, array, file)],
      cwd,
      env: { PATH: `${join(cwd, "bin")}:/usr/bin:/bin`, SLURM_ARRAY_TASK_ID: "0" },
      stdout: "null",
    }).output();
    assert.equal(code, 0, file);
  }
  const { status, metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "all/summary.json")));
  assert.equal(status, "completed");
  assert.ok(metrics.ngram_memorized_mass > 0.9);
});
