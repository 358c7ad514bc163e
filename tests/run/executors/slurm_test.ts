/**
 * A sweep on a real Slurm: `../shared/tools/slurm_here.sh start` starts one on this machine, and the line that it prints
 * makes it known. It takes minutes, most of them Slurm's own before a task that was put back is started again.
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dirname!, "../../..");

/** What `scontrol` says of a Slurm that was started for tests; undefined where there is none, or only a real cluster. */
async function testCluster(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("scontrol", { args: ["show", "config"], stderr: "null" })
      .output();
    const text = new TextDecoder().decode(stdout);
    return /^ClusterName\s*=\s*here$/m.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd }).output();
  const decoder = new TextDecoder();
  assert.ok(success, `${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

function sweep(cwd: string, ...args: string[]): Promise<string> {
  const permissions = [
    "--allow-read",
    "--allow-write",
    `--allow-run=${Deno.execPath()},sbatch,squeue,scontrol`,
  ];
  const options = ["run", "--quiet", "--no-check", "--config", join(ROOT, "deno.json"), ...permissions];
  return run(Deno.execPath(), [...options, join(ROOT, "tasks/sweep.ts"), "list.jsonl", ...args], cwd);
}

/** The log of the task whose run says that it is in `folder` of a sweep; "" where there is none yet. */
async function logOf(sweep: string, folder: string): Promise<string> {
  const logs = join(sweep, "logs");
  for await (const { name } of Deno.readDir(logs)) {
    const text = await Deno.readTextFile(join(logs, name));
    if (text.includes(`run folder: ${basename(sweep)}/${folder}\n`)) return text;
  }
  return "";
}

const cluster = await testCluster();

Deno.test({
  name:
    "a task killed, a node's daemon restarted, a time limit hit: every run ends once, with the weights that it has here" +
    (cluster === undefined ? " (skipped: no Slurm of ../shared/tools/slurm_here.sh answers)" : ""),
  ignore: cluster === undefined,
  async fn() {
    const cwd = await Deno.makeTempDir(),
      folder = join(cwd, `cluster-${basename(cwd)}`),
      out = basename(folder);
    const flags = { count: 64, threads: 1, device: "wasm" };
    const line = (folder: string, flags: object, task = "train-autoencoder") => ({ task, flags, folder });
    const write = (lines: readonly object[]): Promise<void> =>
      Deno.writeTextFile(join(cwd, "list.jsonl"), lines.map((line) => JSON.stringify(line) + "\n").join(""));
    // As many steps as take most of the minute that jobs get: Slurm warns by half of it.
    await write([line("size", { ...flags, budget: 45 })]);
    await sweep(cwd, "--out", "size");
    const { flags: { steps } } = JSON.parse(await Deno.readTextFile(join(cwd, "size/size/config.json")));
    const lists = ["here", out].map((out) => [
      line("limit", { ...flags, steps }),
      line("killed", { ...flags, steps: 300, seed: 1 }),
      line("codes", { ...flags, steps: 50, samples: 100, autoencoder: `${out}/killed` }, "train-seq2hist"),
    ]);
    await write(lists[0]);
    await sweep(cwd, "--out", "here");

    /** Kills the run without a word, if it is at work. */
    const kill = async (): Promise<boolean> => {
      const args = ["-KILL", "-f", "--", `--out=${out}/killed --resume --until=`];
      return (await new Deno.Command("pkill", { args }).output()).success;
    };
    await write(lists[1]);
    const said = await sweep(cwd, "--out", out, "--executor", "slurm", "--slurm", "--time=1");
    const [, last] = /job (\d+) goes on when all have ended/.exec(said) ?? [];
    // Slurm's own warning may have stopped it just now: then it comes again.
    while (!(await logOf(folder, "killed").catch(() => "")).includes("  step ") || !(await kill())) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const [, pid] = /^SlurmdPidFile\s*=\s*(\S+)/m.exec(cluster!) ?? [];
    await run("kill", [(await Deno.readTextFile(pid)).trim()]);
    await run("slurmd", []);
    // Ends when the job that goes on has ended.
    await run(
      "sbatch",
      ["--wait", `--dependency=afterany:${last}`, "--output=/dev/null", "--wrap=true"],
      cwd,
    );

    const put = async (name: string): Promise<number> =>
      (await logOf(folder, name)).match(/put back [1-9]\d* times/g)?.length ?? 0;
    assert.ok(await put("limit") >= 1, "the time limit was not hit");
    assert.ok(await put("killed") >= 1, "the killed task was not put back");
    assert.match(await logOf(folder, "killed"), /Killed/);
    for (const name of ["limit", "killed", "codes"]) {
      assert.deepEqual(
        await Deno.readFile(join(folder, name, "weights.safetensors")),
        await Deno.readFile(join(cwd, "here", name, "weights.safetensors")),
        name,
      );
      // None was made twice.
      assert.equal((await logOf(folder, name)).match(/^(PSNR|memorized mass) /gm)?.length, 1, name);
    }
    assert.match(await Deno.readTextFile(join(folder, "report.html")), /3 of 3 of them finished/);
    assert.doesNotMatch(await sweep(cwd, "--out", out, "--executor", "slurm"), /handed to Slurm/);
  },
});
