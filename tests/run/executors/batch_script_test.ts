/** The script of a job array is run by bash, with commands in the place of Slurm's that write down how they are called. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { arrayScript, collectScript } from "../../../run/executors/batch_script.ts";

const SETUP = {
  name: "sweep-1",
  logs: "/data/my logs",
  directory: "/home/me",
  options: "--time=4:00:00 --mem=2G",
};

/** Runs task 1 of a script of two commands, of which that is `run`; returns its exit code and what was called. */
async function execute(
  run: readonly string[],
  options: {
    readonly requeues?: number;
    /** What bash finds in its environment. */
    readonly env?: Readonly<Record<string, string>>;
    /** What `squeue` says of the job's state. */
    readonly state?: string;
    /** Whether the node has scontrol. */
    readonly scontrol?: boolean;
    /** Sends SIGTERM as often as the run says "ready". */
    readonly warn?: boolean;
  } = {},
): Promise<{ readonly code: number; readonly said: string; readonly requeued: string }> {
  const { requeues = 3, env = {}, state = "RUNNING", scontrol = true, warn = false } = options;
  const folder = await Deno.makeTempDir();
  const tool = (name: string, body: string): Promise<void> =>
    Deno.writeTextFile(join(folder, name), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
  await tool(
    "squeue",
    `case $* in *--jobs=7_1*%e*) echo 2030-01-01T00:00:00 ;; *--jobs=7_1*%T*) echo ${state} ;; esac`,
  );
  await tool("scontrol", scontrol ? `echo "$*" >> ${folder}/requeued` : "exit 127");
  const script = arrayScript({ ...SETUP, logs: folder }, {
    commands: [["false"], run],
    threads: 1,
    requeues,
  });
  const process = new Deno.Command("bash", {
    args: ["-c", script],
    env: {
      ...{ PATH: `${folder}:/usr/bin:/bin`, TZ: "UTC", SLURM_JOB_ID: "9" },
      ...{ SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1", ...env },
    },
    clearEnv: true,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let said = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    // A signal that comes just before bash begins to wait is not looked at: it is sent again.
    if (warn && said.includes("ready") && !said.includes("saved")) process.kill("SIGTERM");
  }
  const { code } = await process.status;
  const requeued = await Deno.readTextFile(join(folder, "requeued")).catch(() => "");
  await Deno.remove(folder, { recursive: true });
  return { code, said, requeued };
}

/** What a run does that is warned: it says so, and ends as tasks do. */
const RUN = [
  "bash",
  "-c",
  `trap 'echo saved; exit 143' TERM; while :; do echo ready; read -t 1 < <(:) || :; done`,
];

Deno.test("the user's options come before those that must hold, and paths are one word", () => {
  const script = arrayScript(SETUP, { commands: [["echo", "it's"], ["true"]], threads: 2, requeues: 1 });
  const options = script.split("\n").filter((line) => line.startsWith("#SBATCH")).map((line) =>
    line.slice(8)
  );
  assert.deepEqual(options, [
    "--requeue",
    "--signal=B:TERM@60",
    "--cpus-per-task=2",
    "--time=4:00:00 --mem=2G",
    "--job-name=sweep-1",
    "--array=0-1",
    "--open-mode=append",
    "--chdir=/home/me",
    "--output='/data/my logs/sweep-1-%a.log'",
  ]);
  assert.match(script, /0\) run=\(echo 'it'\\''s'\) ;;/);
  const collect = collectScript({ ...SETUP, options: undefined }, ["deno", "run", "a b"]);
  assert.match(collect, /--job-name=sweep-1\n/);
  assert.match(collect, /\nexec deno run 'a b'\n$/);
  assert.doesNotMatch(collect, /--array|--signal/);
});

Deno.test("a task runs its own command, and tells it when the job ends: half a minute before", async () => {
  const end = Date.UTC(2030, 0, 1) / 1000 - 30;
  const asked = await execute(["echo", "I am"]);
  assert.deepEqual([asked.code, asked.requeued], [0, ""]);
  assert.match(asked.said, new RegExp(`job 9 on .*, put back 0 times\\nI am --until=${end}\\n$`));
  // Newer versions of Slurm say it in the job's environment.
  const told = await execute(["echo"], { env: { SLURM_JOB_END_TIME: "1000" } });
  assert.match(told.said, /--until=970\n$/);
});

Deno.test("a run that failed stays so; one that was stopped or killed is put back, as often as is allowed", async () => {
  assert.deepEqual(await outcome(["bash", "-c", "exit 1"]), [1, ""]);
  assert.deepEqual(await outcome(["bash", "-c", "exit 143"]), [143, "requeue 7_1\n"]);
  assert.deepEqual(await outcome(["bash", "-c", "kill -9 $$"]), [137, "requeue 7_1\n"]);
  const restarted = (times: string) => ({ env: { SLURM_RESTART_COUNT: times } });
  assert.deepEqual(await outcome(["bash", "-c", "exit 143"], restarted("2")), [143, "requeue 7_1\n"]);
  assert.deepEqual(await outcome(["bash", "-c", "exit 143"], restarted("3")), [143, ""]);
});

Deno.test("a job that was cancelled is not put back, and a node without scontrol says so", async () => {
  assert.deepEqual(await outcome(["bash", "-c", "exit 143"], { state: "COMPLETING" }), [143, ""]);
  const { code, said } = await execute(["bash", "-c", "exit 143"], { scontrol: false });
  assert.equal(code, 143);
  assert.match(said, /not put back: scontrol is missing or refused/);
});

Deno.test("Slurm's warning reaches the run, which saves itself before the task is put back", async () => {
  const { code, said, requeued } = await execute(RUN, { warn: true });
  assert.deepEqual([code, requeued], [143, "requeue 7_1\n"]);
  assert.match(said, /ready\nsaved\n/);
});

async function outcome(...args: Parameters<typeof execute>): Promise<[number, string]> {
  const { code, requeued } = await execute(...args);
  return [code, requeued];
}
