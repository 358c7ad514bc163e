import assert from "node:assert/strict";
import { join } from "node:path";
import { lockFolder } from "../../run/lock.ts";
import { startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));

/** A run folder as tasks write it, without weights. */
async function write(folder: string, options: {
  readonly flags: Record<string, unknown>;
  readonly mass?: number;
  readonly ended?: string;
}): Promise<void> {
  const { flags, mass, ended = "steps" } = options, path = join(cwd, folder);
  await Deno.mkdir(path, { recursive: true });
  const dataset = { name: "digits", split: "train", offset: 0, count: 1024, sha256: "0" };
  const config = {
    task: "train-seq2hist",
    flags: { seed: 0, out: folder, ...flags },
    versions: { engram: "0", deno: "0", tfjs: "0" },
    device: { kind: "wasm", description: "wasm" },
    dataset,
    model: null,
  };
  await Deno.writeTextFile(join(path, "config.json"), JSON.stringify(config));
  await Deno.writeTextFile(join(path, "checkpoint.safetensors"), "x".repeat(1000));
  const log = [1, 10, 100].map((step) =>
    JSON.stringify({ phase: "seq2hist", step, seconds: step, loss: 1 / step })
  );
  await Deno.writeTextFile(join(path, "log.jsonl"), log.join("\n") + "\n");
  if (mass === undefined) return;
  const summary = {
    ...{ task: config.task, status: "completed", seconds: 61, steps: 100, parameters: 7, device: "wasm" },
    ...{ dataset, metrics: { memorized_mass: mass, samples: 10 }, ended },
  };
  await Deno.writeTextFile(join(path, "summary.json"), JSON.stringify(summary));
}

await write("runs/wide", { flags: { hidden: 512, steps: 100 }, mass: 0.99997 });
await write("runs/wide/autoencoder", { flags: {}, mass: 1 });
await write("runs/cut", { flags: { hidden: 64, steps: 100 }, mass: 0.5, ended: "budget" });
await write("runs/killed", { flags: {} });

Deno.test("runs are listed with how they ended, those inside others with them", async () => {
  const { code, lines } = await startProgram(cwd, "tasks/runs.ts", "--json");
  assert.equal(code, 0);
  const listed: { folder: string; status: string; bytes: number; metrics: Record<string, number> }[] = JSON
    .parse(
      lines.join(""),
    );
  const by = Object.fromEntries(listed.map((run) => [run.folder, run]));
  assert.deepEqual(Object.keys(by).sort(), ["runs/cut", "runs/killed", "runs/wide"]);
  assert.equal(by["runs/wide"].metrics.memorized_mass, 0.99997);
  assert.equal(by["runs/killed"].status, "interrupted");
  assert.ok(by["runs/wide"].bytes > 2000);
  const lock = await lockFolder(join(cwd, "runs/killed"));
  const text = await startProgram(cwd, "tasks/runs.ts");
  lock.release();
  assert.match(text.lines.join("\n"), /runs\/wide +1,024 digits +0 +100 +completed +1 min 1 s .*99\.997 %/);
  assert.match(text.lines.join("\n"), /runs\/killed .* running/);
});

Deno.test("runs are compared by what differs between them, by figures and by curves", async () => {
  const flags = ["wide", "runs/cut", "--out", "page.html"];
  const { code, error } = await startProgram(cwd, "tasks/compare.ts", ...flags);
  assert.equal(code, 0, error);
  const page = await Deno.readTextFile(join(cwd, "page.html"));
  assert.match(page, /--hidden/);
  assert.doesNotMatch(page, /--steps/);
  assert.match(page, /99\.997 %/);
  assert.ok(page.includes("<svg"));
  const none = await startProgram(cwd, "tasks/compare.ts", "nothing");
  assert.equal(none.code, 2);
  assert.match(none.error, /RUN must be the folder of a run: current value is "nothing"/);
  // Without names it is all there are.
  assert.equal((await startProgram(cwd, "tasks/compare.ts")).code, 0);
  assert.match(await Deno.readTextFile(join(cwd, "runs/compare.html")), /3 runs compared/);
});

Deno.test("cleaning takes the checkpoints of completed runs, and of no others", async () => {
  assert.equal((await startProgram(cwd, "tasks/runs.ts", "--clean")).code, 0);
  const left = async (run: string): Promise<boolean> =>
    await Deno.stat(join(cwd, "runs", run, "checkpoint.safetensors")).then(() => true, () => false);
  assert.deepEqual(
    [await left("wide"), await left("wide/autoencoder"), await left("cut"), await left("killed")],
    [false, false, true, true],
  );
});
