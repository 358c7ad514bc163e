import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type ManifestLine,
  type ManifestOptions,
  readManifest,
  runManifest,
  writeManifest,
} from "../../run/manifest.ts";
import { Session } from "../../run/session.ts";

const lines: string[] = [];
function session(): Session {
  return new Session({ write: (line) => lines.push(line), terminal: false, columns: () => 80, now: () => 0 });
}

/** A list in `folder` that is run here. */
function here(folder: string): ManifestOptions {
  const executor = {
    ...{ executor: "local", slurm: undefined, requeues: 0 } as const,
    ...{ chain: false, dryRun: false, collect: false },
  };
  return { within: { folder, session: session(), again: { task: "sweep", flags: {} } }, executor };
}

/** A list of two tiny runs on a table of four rows, the second of which takes something of the first. */
async function list(): Promise<{ folder: string; runs: ManifestLine[] }> {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "table.csv");
  await Deno.writeTextFile(file, "1,2,3,4\n1,2,4,3\n2,2,1,1\n3,1,1,1\n");
  const flags = {
    dataset: "csv",
    file,
    device: "tfjs",
    threads: 1,
    samples: 10,
    steps: 3,
    debug: false,
    window: undefined,
  };
  const line = (folder: string, seed: number) => ({
    task: "train-seq2seq",
    folder,
    flags: { ...flags, seed },
  });
  return { folder, runs: [line("a", 0), line("b", 1)] };
}

Deno.test("a list is run line by line, what is finished is kept, and a failure keeps nothing back", async () => {
  const { folder, runs } = await list();
  const done = await runManifest(runs, here(folder));
  assert.deepEqual(done.map((run) => [run.folder, run.summary?.status, run.config.flags.seed]), [
    [join(folder, "a"), "completed", 0],
    [join(folder, "b"), "completed", 1],
  ]);
  const before = await Deno.stat(join(folder, "a/summary.json"));

  // A third line fails, a fourth needs it; the fifth runs all the same.
  const bad = { ...runs[0], folder: "c", flags: { ...runs[0].flags, file: "nowhere.csv" } };
  const needs = { ...runs[0], folder: "d", flags: { ...runs[0].flags, autoencoder: join(folder, "c") } };
  const good = { ...runs[0], folder: "e" };
  await assert.rejects(
    runManifest([...runs, bad, needs, good], here(folder)),
    /Cannot finish 2 of 5 runs, first .*c \(train-seq2seq: Cannot read --file nowhere\.csv .*: mend it and go on/,
  );
  assert.equal((await Deno.stat(join(folder, "a/summary.json"))).mtime?.getTime(), before.mtime?.getTime());
  await Deno.stat(join(folder, "e/summary.json"));
  await assert.rejects(Deno.stat(join(folder, "d")), Deno.errors.NotFound);
});

Deno.test("a line may be a task that runs a list itself", async () => {
  const { folder, runs: [{ flags }] } = await list();
  const { samples: _samples, debug: _debug, ...shared } = flags;
  const line = { task: "compare-autoregressive", folder: "both", flags: { ...shared, models: "ngram" } };
  const [run] = await runManifest([line], here(folder));
  assert.equal(run.summary?.status, "completed");
  await Deno.stat(join(folder, "both/ngram/summary.json"));
});

Deno.test("a list that cannot be run is refused before anything is", async () => {
  const { folder, runs } = await list();
  const options = here(folder);
  const [first] = runs;
  await assert.rejects(runManifest([first, first], options), /two lines have the folder a/);
  await assert.rejects(
    runManifest([{ ...first, task: "train-cat" }], options),
    /Cannot run train-cat as it is no task/,
  );
  const config = {
    task: "train-seq2seq",
    flags: { seed: 9 },
    versions: { engram: "0" },
    device: {},
    dataset: { name: "csv", split: "train", offset: 0, count: 4, sha256: "" },
  };
  await Deno.mkdir(join(folder, "a"));
  await Deno.writeTextFile(join(folder, "a/config.json"), JSON.stringify(config));
  await assert.rejects(
    runManifest([{ ...first, flags: { seed: 0 } }], options),
    /a as it holds a run of --seed 9: choose another --out/,
  );
});

Deno.test("a list comes back from its file; a line that is none is named", async () => {
  const { folder, runs } = await list();
  const path = join(folder, "list.jsonl");
  await writeManifest(path, runs);
  assert.deepEqual(await readManifest(path), JSON.parse(JSON.stringify(runs)));
  for (
    const line of ["{", "[]", '{"task":"t","folder":"f"}', '{"task":"t","folder":"f","flags":{"a":[1]}}']
  ) {
    await Deno.writeTextFile(path, '\n{"task":"t","folder":"f","flags":{}}\n' + line);
    await assert.rejects(readManifest(path), /list\.jsonl as its line 3 must be/);
  }
});

const STOPPED = `
import { runManifest } from "${import.meta.resolve("../../run/manifest.ts")}";
import { Session, Stopped } from "${import.meta.resolve("../../run/session.ts")}";
import { standardOutput } from "${import.meta.resolve("../../run/progress.ts")}";
const [folder, line] = Deno.args;
const session = new Session({ ...standardOutput(), now: () => performance.now() * 1e6 });
session.listen();
try {
  const executor = { executor: "local", requeues: 0, chain: false, dryRun: false, collect: false };
  await runManifest([JSON.parse(line)], { within: { folder, session, again: { task: "", flags: {} } }, executor });
} catch (error) {
  if (!(error instanceof Stopped)) throw error;
  Deno.exit(error.code);
}
`;

Deno.test("a signal reaches the run at work, which saves itself, and the list goes on with it", async () => {
  const { folder, runs: [line] } = await list();
  const long = { ...line, flags: { ...line.flags, steps: 1_000_000 } };
  const program = join(folder, "stopped.ts");
  await Deno.writeTextFile(program, STOPPED);
  const settings = join(import.meta.dirname!, "../../deno.json");
  const permissions = ["--allow-read", "--allow-write", "--allow-run"];
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--config",
      settings,
      ...permissions,
      program,
      folder,
      JSON.stringify(long),
    ],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let out = ""; !/seq2seq {2}step \d/.test(out);) out += (await reader.read()).value ?? "";
  process.kill("SIGTERM");
  await reader.cancel();
  assert.equal((await process.status).code, 143);
  const { status, steps } = JSON.parse(await Deno.readTextFile(join(folder, "a/summary.json")));
  assert.equal(status, "stopped");
  const more = { ...line, flags: { ...line.flags, steps: steps + 2 } };
  const [run] = await runManifest([more], here(folder));
  assert.deepEqual([run.summary?.status, run.summary?.steps], ["completed", steps + 2]);
});
