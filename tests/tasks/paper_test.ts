import assert from "node:assert/strict";
import { join } from "node:path";
import { startProgram } from "../program.ts";

const dataset = { split: "train", offset: 0, count: 50_000, sha256: "00" };

/** A completed run as its files say. */
async function writeRun(
  folder: string,
  { task, name, flags = {}, model = {}, metrics }: {
    readonly task: string;
    readonly name: string;
    readonly flags?: object;
    readonly model?: object;
    readonly metrics: Readonly<Record<string, number>>;
  },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const device = { kind: "wasm", description: "wasm, 2 threads" };
  const facts = { ...dataset, name };
  const config = {
    task,
    flags,
    versions: { engram: "0", deno: "0", tfjs: "0" },
    device,
    dataset: facts,
    model,
  };
  const summary = {
    task,
    status: "completed",
    seconds: 4020,
    steps: 1,
    parameters: 1,
    device: "wasm",
    dataset: facts,
  };
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  await Deno.writeTextFile(join(folder, "summary.json"), JSON.stringify({ ...summary, metrics }));
  await Deno.writeTextFile(
    join(folder, "log.jsonl"),
    [1, 2].map((step) =>
      JSON.stringify({ step, loss: 1 / step, train_accuracy: 0.5, validation_accuracy: 0.4 })
    ).join("\n"),
  );
}

Deno.test("figures of the paper are those of runs, seeds are joined, and what was not run is named", async () => {
  const cwd = await Deno.makeTempDir(), path = (name: string) => join(cwd, "runs", name);
  const flags = { dataset: "cifar100", seed: 3 }, image = { image: [32, 32, 3] };
  const made = { steps: 20_000, penalty: 0, copies_exact: 1 };
  await writeRun(path("flow"), {
    ...{ task: "train-flow", name: "cifar100", flags, model: { ...image, widths: [56, 64, 80] } },
    metrics: { parameters: 938_526, ...made },
  });
  await Deno.writeFile(path("flow/samples.png"), Uint8Array.of(1));
  await writeRun(path("gan"), {
    task: "train-dcgan",
    name: "cifar100",
    flags,
    metrics: { parameters: 861_028, ...made },
  });
  for (const [of, fd_classifier] of [["flow", 3], ["gan", 4], ["another", 0]] as const) {
    const metrics = { fd_classifier, class_coverage: 0.98765 };
    await writeRun(path(`${of}-assessed`), {
      ...{ task: "assess-generator", name: "cifar100", flags: { run: `runs/${of}` }, metrics },
    });
  }
  for (const seed of [0, 1, 2]) {
    await writeRun(path(`sums-${seed}`), {
      ...{ task: "train-addnist", name: "addnist-mnist", flags: { dataset: "mnist", seed }, model: { seed } },
      metrics: { penalty: 0, test_accuracy: 0.98 + 0.01 * seed, train_accuracy: 1, train_loss: 0.1 },
    });
  }
  const { code, text, error } = await startProgram(cwd, "tasks/paper.ts");
  assert.equal(code, 0, error);
  const missing = /not run: .* of .* figures, those of (.*)/.exec(text)?.[1].split(", ") ?? [];
  for (const name of ["full", "third", "fid", "dcgan-assessed"]) assert.ok(missing.includes(name), name);
  assert.match(text, /skipped: no PDF was built, as pdflatex is not here to be run/);
  const numbers = await Deno.readTextFile(path("paper/numbers.tex"));
  for (
    const [name, value] of [
      ["flow/parameters", "938,526"],
      ["flow/source", "CIFAR-100"],
      ["flow/model/widths/1", "64"],
      ["flow/size/2", "4 $\\times$ 4"],
      ["flow/duration", "1 h 7 min"],
      ["flow-assessed/class_coverage", "98.77\\,\\%"],
      ["ratio", "0.75"],
      ["goal", "missed by 0.25"],
      ["addnist/seeds", "3 seeds"],
      ["addnist/test_accuracy", "99.00\\,\\% $\\pm$ 1.00\\,\\%"],
      ["addnist/gap", "1.00"],
      ["penalty", "0"],
    ]
  ) assert.ok(numbers.includes(`\\setnum{${name}}{${value}}\n`), name);
  assert.match(await Deno.readTextFile(path("paper/flow-loss.tex")), /\\begin\{picture\}/);
  assert.deepEqual(await Deno.readFile(path("paper/flow-samples.png")), Uint8Array.of(1));
  await Deno.remove(path("flow/samples.png"));
  const other = await startProgram(cwd, "tasks/paper.ts", "--addnist", "sums-1", "--flow", "gan");
  assert.equal(other.code, 2);
  assert.match(other.error, /--flow must name a completed run of train-flow/);
  const again = await startProgram(cwd, "tasks/paper.ts", "--addnist", "sums-1");
  assert.equal(again.code, 0, again.error);
  assert.match(
    await Deno.readTextFile(path("paper/numbers.tex")),
    /\{addnist\/test_accuracy\}\{99\.00\\,\\%\}/,
  );
  await assert.rejects(Deno.stat(path("paper/flow-samples.png")), Deno.errors.NotFound);
});
