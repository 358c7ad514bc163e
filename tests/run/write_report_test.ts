import assert from "node:assert/strict";
import { join } from "node:path";
import { Run } from "../../run/run.ts";
import { Session } from "../../run/session.ts";
import { datasetInWords, type Description, writePage, writeReport } from "../../run/write_report.ts";

const description: Description = {
  title: "A model: 1,024 built-in digits",
  abstract: "As in [@arvm].",
  method: ["It is trained."],
  formula: { formula: "p(Z)", text: "of sequences" },
  layers: [{ type: "Linear", weight: "3 x 4", output: "N x 4" }],
  parameters: 12345,
  loss: { name: "cross-entropy", unit: "nats" },
  code: [function step() {
    return 1;
  }],
  references: ["adam"],
};

async function openRun(folder: string, flags: Record<string, unknown>): Promise<Run> {
  const output = { write: () => {}, terminal: false, columns: () => 80, now: () => 0 };
  const run = new Run(new Session(output), { task: "train-model", flags, place: { mode: "fresh", folder } });
  await run.configure({
    dataset: { name: "digits", split: "train", offset: 10, count: 1024, sha256: "00" },
    device: { kind: "wasm", description: "wasm, 2 threads" },
    model: { hidden: 7, learningRate: 0.005, network: { depth: 3, widths: [8, 16] } },
  });
  return run;
}

/** The cells of all rows of tables that begin with `first`. */
function row(html: string, first: string): string[] | undefined {
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, cells]) =>
    [...cells.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) => cell)
  );
  return rows.find(([name]) => name === first);
}

Deno.test("a report says what ran, on what, how long, and what came out, in words", async () => {
  const run = await openRun(join(await Deno.makeTempDir(), "run"), { seed: 3 });
  run.log({ phase: "model", step: 1000, seconds: 30, loss: 2 });
  run.log({ phase: "model", step: 2000, seconds: 65.2, loss: 1 });
  await writeReport(run, {
    description,
    figures: [{ label: "memorized mass", value: "99.997 %" }],
    results: [{ title: "Samples", blocks: [{ kind: "paragraph", text: "none" }] }],
    metrics: { memorized_mass: 0.99997 },
  });
  const html = await Deno.readTextFile(run.path("report.html"));
  assert.deepEqual(row(html, "Training: model")?.slice(1), ["2,000 steps in 1 min 5 s"]);
  assert.deepEqual(row(html, "Machine")?.slice(1), ["wasm, 2 threads"]);
  assert.deepEqual(row(html, "Data")?.slice(1), [
    "1,024 built-in digits, from number 11 of the training split on",
  ]);
  assert.deepEqual(row(html, "Seed")?.slice(1), ["3"]);
  assert.match(row(html, "Date")?.[1] ?? "", /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
  assert.deepEqual(row(html, "hidden units")?.slice(1), ["7"]);
  assert.deepEqual(row(html, "learning rate")?.slice(1), ["0.005"]);
  assert.deepEqual(row(html, "network depth")?.slice(1), ["3"]);
  assert.deepEqual(row(html, "network widths")?.slice(1), ["8, 16"]);
  assert.deepEqual(row(html, "memorized mass")?.[1], "99.997 %");
  assert.match(html, /12,345 trained numbers/);
  assert.match(html, /each point is the average over the steps/);
  assert.match(html, /<dt>memorized mass<\/dt>/);
  const titles = [...html.matchAll(/<h2>([^<]*)</g)].map(([, title]) => title);
  assert.deepEqual(titles, [
    "Model",
    "Learning",
    "Samples",
    "All figures",
    "Key code",
    "The run",
    "Words",
    "Configuration and reproduction",
    "References",
  ]);
});

Deno.test("the report of a run inside its folder is a part of it", async () => {
  const folder = join(await Deno.makeTempDir(), "run"), run = await openRun(folder, {});
  const part = await openRun(run.path("autoencoder"), {});
  const page = { title: "t", abstract: "a", sections: [] };
  await writePage(part, { ...page, title: "The part <1>", abstract: "of the part" });
  await Deno.mkdir(run.path("empty"));
  await writePage(run, page);
  const html = await Deno.readTextFile(run.path("report.html"));
  assert.match(html, /<h2>The part &lt;1&gt;<\/h2>\s*<details class="part" open>.*of the part/s);
  assert.match(html, /<section id="autoencoder-section-1">/);
});

Deno.test("the command that makes a run again is what a shell reads back as the flags", async () => {
  const flags = {
    seed: 0,
    file: `it's a "file"; rm -rf $HOME/\`x\``,
    dataDir: "a\nb\x1b",
    steps: null,
    force: true,
    debug: true,
    out: "elsewhere",
    fast: true,
    slow: false,
    count: null,
  };
  const run = await openRun(join(await Deno.makeTempDir(), "run"), flags);
  await writePage(run, { title: "t", abstract: "a", sections: [] });
  const html = await Deno.readTextFile(run.path("report.html"));
  const [, escaped] = /<pre class="command"><code>(.*?)<\/code>/s.exec(html) ?? [];
  const command = escaped.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[String(name)] ?? "",
  );
  assert.doesNotMatch(command, /\p{Cc}/u);
  const words = command.replace(/^deno task train-model /, "");
  const { stdout } = await new Deno.Command("bash", { args: ["-c", `printf '%s\\0' ${words}`] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0"), [
    "--seed",
    "0",
    "--file",
    flags.file,
    "--data-dir",
    flags.dataDir,
    "--fast",
    "--count",
    "1024",
    "",
  ]);
});

Deno.test("datasetInWords: a number and what it is of", () => {
  assert.equal(datasetInWords({ name: "mnist", count: 60000 }), "60,000 MNIST digits");
  assert.equal(datasetInWords({ name: "other", count: 2 }), "2 items of other");
});
