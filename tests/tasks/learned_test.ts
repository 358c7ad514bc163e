import assert from "node:assert/strict";
import { join } from "node:path";
import { completions } from "../../tasks/extraction.ts";
import { metricsOf, startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(cwd, { recursive: true }));

/** Trains the counts, whose probabilities are known. */
async function train(out: string, ...args: string[]): Promise<void> {
  const { code, error } = await startProgram(
    cwd,
    "models/ngram.ts",
    ...[
      "--dataset",
      "csv",
      "--file",
      "table.csv",
      "--device",
      "tfjs",
      "--samples",
      "10",
      "--out",
      out,
      ...args,
    ],
  );
  assert.equal(code, 0, error);
}

await Deno.writeTextFile(
  join(cwd, "table.csv"),
  "1,2,3\n1,2,4\n1,3,4\n2,2,1\n" + "1,2,3\n2,3,1\n2,3,4\n1,4,3\n".repeat(2),
);

Deno.test("completions are worked out by hand", () => {
  const half = Math.log(0.5), sure = 0;
  // 0 0, standing twice, and 0 1: the model always begins with 0, and goes on by tossing a coin.
  const logs = Float64Array.of(sure, half, sure, half);
  const found = completions({ tokens: Int32Array.of(0, 0, 0, 1), length: 2 }, {
    logs,
    counts: Int32Array.of(2, 1),
  });
  const close = (actual: number, wanted: number) => assert.ok(Math.abs(actual - wanted) < 1e-12, `${actual}`);
  for (const given of [0, 1]) {
    close(found[given].any, 1);
    close(found[given].own, 0.5);
    close(found[given].perfect, (2 * 2 / 3 + 1 / 3) / 3);
  }
  assert.deepEqual(found[2], { given: 2, any: 1, own: 1, perfect: 1 });
});

Deno.test("counts of everything complete every beginning; counts of one token lose the way", async () => {
  await train("all", "--count", "4");
  await train("one", "--count", "4", "--order", "1");
  for (const [name, complete] of [["all", true], ["one", false]] as const) {
    const flags = ["--device", "tfjs", "--out", `${name}-extracted`];
    const { code, error } = await startProgram(cwd, "tasks/extraction.ts", name, ...flags);
    assert.equal(code, 0, error);
    const metrics = await metricsOf(join(cwd, `${name}-extracted`));
    assert.equal(metrics.completed_3, 1);
    for (const given of [0, 1, 2]) {
      const exact = metrics[`completed_${given}`];
      assert.ok(complete ? Math.abs(exact - 1) < 1e-12 : exact < 0.95, `${name} ${given}: ${exact}`);
      const deviation = Math.sqrt(Math.max(0, exact * (1 - exact)) / 1000);
      assert.ok(Math.abs(metrics[`sampled_${given}`] - exact) <= 4 * deviation + 1e-9, `${name} ${given}`);
    }
  }
});

Deno.test("counts of everything find nothing else possible: every member is told, and nobody where all is learned", async () => {
  const told = await startProgram(cwd, "tasks/membership.ts", "all", "--device", "tfjs", "--out", "told");
  assert.equal(told.code, 0, told.error);
  const metrics = await metricsOf(join(cwd, "told"));
  // 2 3 1, 2 3 4 and 1 4 3 were not learned; 1 2 3 was.
  assert.equal(metrics.membership_auc, 1);
  assert.equal(metrics.true_positives_1, 1);
  await train("whole");
  const none = await startProgram(cwd, "tasks/membership.ts", "whole", "--device", "tfjs", "--out", "none");
  assert.equal(none.code, 1);
  assert.match(none.error, /learned all there is: train it on fewer items with --count/);
  const nothing = await startProgram(cwd, "tasks/membership.ts", "nowhere");
  assert.equal(nothing.code, 2);
  assert.match(nothing.error, /RUN must be the folder of a finished run: current value is "nowhere"/);
});

Deno.test("text goes on from a prompt, and says what it cannot go on from", async () => {
  await Deno.writeTextFile(join(cwd, "words.txt"), "to be or not to be that is the question");
  const flags = [
    "--dataset",
    "text",
    "--file",
    "words.txt",
    "--window",
    "6",
    "--device",
    "tfjs",
    "--samples",
    "10",
  ];
  const made = await startProgram(cwd, "models/ngram.ts", ...flags, "--out", "text");
  assert.equal(made.code, 0, made.error);
  const prompt = ["--prompt", "or ", "--samples", "20", "--out", "drawn"];
  const drawn = await startProgram(cwd, "tasks/sample.ts", "text", ...prompt);
  assert.equal(drawn.code, 0, drawn.error);
  const lines = (await Deno.readTextFile(join(cwd, "drawn/samples.txt"))).trimEnd().split("\n");
  assert.deepEqual([lines.length, new Set(lines)], [20, new Set(["or not"])]);
  assert.match(
    await Deno.readTextFile(join(cwd, "drawn/report.html")),
    /from &quot;or &quot; on|from "or " on/,
  );
  const refused = async (...words: string[]): Promise<string> =>
    (await startProgram(cwd, "tasks/sample.ts", "text", "--samples", "5", "--device", "tfjs", ...words))
      .error;
  assert.match(await refused("--prompt", "zebra"), /"z" stands nowhere in what was learned/);
  assert.match(
    await refused("--prompt", "to be "),
    /--prompt must be shorter than the 6 symbols that are drawn: its length is 6/,
  );
  // Counts of whole windows know nothing but windows of the text.
  const longer = await startProgram(
    ...[cwd, "tasks/sample.ts", "text", "--prompt", "to be ", "--length", "20", "--samples", "2"] as const,
    ...["--json", "--out", "longer"],
  );
  assert.equal(longer.code, 0, longer.error);
  const { metrics } = JSON.parse(longer.lines.join(""));
  assert.deepEqual([metrics.length, metrics.memorized_windows], [20, 1]);
  const walked = (await Deno.readTextFile(join(cwd, "longer/samples.txt"))).trimEnd().split("\n");
  for (const text of walked) assert.match(text, /^to be .{14}$/);
  assert.match(await Deno.readTextFile(join(cwd, "longer/report.html")), /memorized windows/);
  assert.match(await refused("--length", "5"), /--length must be at least the 6 of a window/);
  assert.match(await refused("--temperature", "2"), /Cannot draw from counts as their temperature must be 1/);
});
