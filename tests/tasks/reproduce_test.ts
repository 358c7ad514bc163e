import assert from "node:assert/strict";
import { join } from "node:path";
import { CLAIMS } from "../../results/claims.ts";
import { taskWords } from "../../run/command.ts";
import { confirms, figureText, pagesWithTables, tolerance, withTables } from "../../tasks/claim_tables.ts";
import { claimTrial, verdicts } from "../../tasks/reproduce.ts";
import { startProgram, startRuns } from "../program.ts";

const ROOT = join(import.meta.dirname!, "../..");

Deno.test("the tables of README and results/ are what the list of claims gives", async () => {
  const held = new Set<string>();
  for (const page of await pagesWithTables(ROOT)) {
    const text = await Deno.readTextFile(page);
    assert.equal(text, withTables(text), `${page}: write it anew with deno task reproduce --tables`);
    for (const [, name] of text.matchAll(/<!-- claims: (\S+) -->/g)) held.add(name);
  }
  assert.deepEqual(held, new Set(CLAIMS.flatMap(({ tables }) => tables)));
});

Deno.test("every claim can be run, written and confirmed by itself", () => {
  assert.equal(new Set(CLAIMS.map(({ name }) => name)).size, CLAIMS.length);
  for (const claim of CLAIMS) {
    assert.ok(taskWords(claim.task).length > 0);
    const { expected, lines, folders } = claimTrial(claim, { folder: "again" });
    assert.equal(expected.length, claim.figures.length);
    assert.ok(folders.every((folder) => lines.some((line) => line.folder === folder)));
    for (const figure of claim.figures) {
      assert.doesNotMatch(figureText(figure), /NaN|undefined/);
      assert.ok(tolerance(figure) >= 0 && confirms(figure, figure.value));
    }
  }
});

Deno.test("a page without marks stays as it is, and a table that no claim stands in is refused", () => {
  assert.equal(withTables("| a |\n"), "| a |\n");
  assert.throws(() => withTables("<!-- claims: none -->\n<!-- /claims -->"), /no claim stands in it/);
});

Deno.test("a claim of several seeds is a run each, after what it learns from", () => {
  const long = CLAIMS.find(({ name }) => name === "hist-1024-mnist-long")!;
  const { lines, folders } = claimTrial({ ...long, seeds: 2 }, {
    folder: "again",
    dataDir: "sets",
    threads: 1,
  });
  assert.deepEqual(lines.map(({ folder }) => folder), ["autoencoder-1024-mnist-s0", ...folders]);
  assert.deepEqual(folders, ["hist-1024-mnist-long-s0", "hist-1024-mnist-long-s1"]);
  const { autoencoder, dataDir, seed, steps, threads } = lines[2].flags;
  assert.deepEqual(
    { autoencoder, dataDir, seed, steps, threads },
    {
      autoencoder: "again/autoencoder-1024-mnist-s0",
      dataDir: "sets/mnist",
      seed: 1,
      steps: 12_000,
      threads: 1,
    },
  );
});

Deno.test("means over the seeds are compared, each within its tolerance", () => {
  const expected = [
    { metric: "memorized_mass", value: 0.99, within: 0.002 },
    { metric: "psnr_db", value: 30, within: 0.5 },
    { metric: "gone", value: 1, within: 1 },
    { metric: "none", value: NaN, within: 0 },
  ];
  const reached = [
    { memorized_mass: 0.986, psnr_db: 29, none: null },
    { memorized_mass: 0.99, psnr_db: 29.8, none: null },
  ];
  const found = verdicts({ name: "trial", expected }, reached);
  assert.deepEqual(found.map(({ confirmed }) => confirmed), [true, false, false, true]);
  assert.equal(found[1].reached, 29.4);
});

Deno.test("a finished run is made again by its flags; a figure that does not come out is exit code 1", async () => {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(join(cwd, "table.csv"), "1,2,3\n1,2,4\n1,3,4\n2,2,1\n");
  const flags = [
    "--dataset",
    "csv",
    "--file",
    "table.csv",
    "--device",
    "tfjs",
    "--samples",
    "10",
    "--seed",
    "3",
  ];
  const made = await startProgram(cwd, "models/ngram.ts", ...flags, "--out", "runs/counts");
  assert.equal(made.code, 0, made.error);
  const again = await startRuns(cwd, "tasks/reproduce.ts", "counts");
  assert.equal(again.code, 0, again.error);
  assert.match(again.lines.join("\n"), /came out: counts: memorized fraction 100.00 %, was 100.00 %/);
  const { flags: recorded } = JSON.parse(
    await Deno.readTextFile(join(cwd, "runs/reproduce-counts/counts/config.json")),
  );
  assert.deepEqual([recorded.seed, recorded.samples], [3, 10]);

  const path = join(cwd, "runs/counts/summary.json");
  const summary = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...summary, metrics: { memorized_mass: 0.5 } }));
  const failed = await startRuns(cwd, "tasks/reproduce.ts", "counts", "--out", "runs/reproduce-counts");
  assert.equal(failed.code, 1);
  assert.match(failed.error, /Cannot confirm 1 of 1 figures/);
  assert.match(failed.lines.join("\n"), /DID NOT COME OUT: counts: memorized mass .*, was 50.00 %/);

  await Deno.writeTextFile(join(cwd, "table.csv"), "1\n2\n");
  const broken = await startRuns(cwd, "tasks/reproduce.ts", "counts");
  assert.equal(broken.code, 1);
  assert.match(broken.lines.join("\n"), /NOT RUN: counts: .*its rows have one cell/);
  assert.match(broken.error, /Cannot confirm counts as the runs failed/);

  const nothing = await startRuns(cwd, "tasks/reproduce.ts");
  assert.equal(nothing.code, 2);
  const unknown = await startRuns(cwd, "tasks/reproduce.ts", "nowhere");
  assert.match(unknown.error, /must be a row of --list or the folder of a finished run/);
  const shown = await startRuns(cwd, "tasks/reproduce.ts", "main-digits", "--dry-run");
  assert.equal(shown.lines.filter((line) => /train-seq2hist|seq2hist\.ts/.test(line)).length, 3);
  await Deno.remove(cwd, { recursive: true });
});
