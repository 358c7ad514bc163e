import assert from "node:assert/strict";
import { join } from "node:path";
import { type ManifestLine, writeManifest } from "../../run/manifest.ts";
import { lockFolder } from "../../run/lock.ts";
import { lastLine, sweepStatus } from "../../run/sweep_status.ts";

const line = (folder: string, flags: ManifestLine["flags"] = {}): ManifestLine => ({
  task: "train-ngram",
  folder,
  flags,
});

/** A run folder as it stands after a run that ended so; without a status it was killed. */
async function leave(folder: string, status?: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const dataset = { name: "csv", split: "train", offset: 0, count: 4, sha256: "" };
  const config = { task: "train-ngram", flags: { steps: 5 }, versions: { engram: "0" }, device: {}, dataset };
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  if (status === undefined) return;
  const summary = { task: "train-ngram", status, seconds: 1, steps: 5, parameters: 1, device: "", dataset };
  await Deno.writeTextFile(join(folder, "summary.json"), JSON.stringify({ ...summary, metrics: {} }));
}

Deno.test("the state of a run is what its folder, its log, its lock and Slurm's queue say", async () => {
  const folder = await Deno.makeTempDir(), at = (...path: string[]): string => join(folder, ...path);
  const names = [
    "done",
    "more",
    "stopped",
    "broken",
    "killed",
    "refused",
    "new",
    "here",
    "queued",
    "started",
  ];
  const lines = names.map((name) => line(name, name === "more" ? { steps: 9 } : {}));
  // A comparison may have several lists.
  await writeManifest(at("grid.jsonl"), lines.slice(0, 2));
  await writeManifest(at("runs.jsonl"), lines.slice(2));
  await Deno.writeTextFile(at("log.jsonl"), '{"phase":"a","step":1}\n');
  await leave(at("done"), "completed");
  await leave(at("more"), "completed");
  await leave(at("stopped"), "stopped");
  await leave(at("broken"), "failed");
  for (const name of ["killed", "here", "queued"]) await leave(at(name));
  await Deno.mkdir(at("slurm"));
  await writeManifest(at("slurm/sweep-1.jsonl"), [line("refused"), line("queued"), line("started")]);
  await Deno.mkdir(at("logs"));
  for (const name of ["done", "stopped", "broken", "killed"]) {
    await Deno.writeTextFile(at("logs", `${name}.log`), "step 1\ntrain-ngram: no\n\n");
  }
  await Deno.writeTextFile(at("logs/sweep-1-0.log"), "job 3 on node\ntrain-ngram: refused\n");
  const lock = await lockFolder(at("here"));
  const queue = [
    { array: "7", name: "sweep-1", index: 1, started: false },
    { array: "7", name: "sweep-1", index: 2, started: true },
    { array: "8", name: "other-1", index: 0, started: true },
  ];
  const reports = await sweepStatus(folder, { askQueue: () => Promise.resolve(queue) });
  lock.release();
  assert.deepEqual(Object.fromEntries(reports.map(({ line, status }) => [line.folder, status])), {
    ...{ done: "done", more: "missing", stopped: "missing", broken: "failed", killed: "failed" },
    ...{ refused: "failed", new: "missing", here: "running", queued: "queued", started: "running" },
  });
  const said = async (name: string): Promise<string> =>
    await lastLine(reports.find(({ line }) => line.folder === name)?.log ?? "");
  assert.deepEqual([await said("broken"), await said("refused")], [
    "train-ngram: no",
    "train-ngram: refused",
  ]);
});

Deno.test("where nothing was handed to Slurm it is not asked; where there is no list, that is said", async () => {
  const folder = await Deno.makeTempDir();
  const askQueue = () => Promise.reject(new Error("asked"));
  await writeManifest(join(folder, "runs.jsonl"), [line("a")]);
  assert.deepEqual((await sweepStatus(folder, { askQueue })).map(({ status }) => status), ["missing"]);
  await assert.rejects(sweepStatus(join(folder, "a"), { askQueue }), /DIR must be the folder of a sweep/);
});
