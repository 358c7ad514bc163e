import assert from "node:assert/strict";
import { join } from "node:path";
import { firstRemembered, halves, numbered } from "../../tasks/lira.ts";
import { metricsOf, startRuns } from "../program.ts";

Deno.test("two models share the images, and another two share them otherwise", () => {
  const [a, b, c, d] = halves(4, { count: 9, seed: 1 });
  const sizes = [a, b, c, d].map((learned) => learned.reduce((sum, one) => sum + one, 0));
  assert.deepEqual(sizes, [4, 5, 4, 5]);
  for (const [one, two] of [[a, b], [c, d]]) assert.ok(one.every((side, image) => side + two[image] === 1));
  assert.notDeepEqual(a, c);
  assert.deepEqual(halves(2, { count: 9, seed: 1 })[0], a);
});

Deno.test("tokens that do not occur have no number", () => {
  const { tokens, vocabulary } = numbered({
    ...{ tokens: Int32Array.of(7, 2, 7, 4), count: 2, length: 2, vocabulary: 8 },
  });
  assert.deepEqual([...tokens, vocabulary], [2, 0, 2, 1, 3]);
});

Deno.test("an image is remembered from half of its share of the probability on", () => {
  const at = (steps: number, ...probabilities: number[]) => ({
    steps,
    statistics: Float64Array.from(probabilities, Math.log),
  });
  const first = firstRemembered([at(1, 0.1, 0.24, 0.01), at(2, 0.2, 0.3, 0.01), at(4, 0.3, 0.1, 0.1)]);
  assert.deepEqual([...first], [2, 1, Infinity]);
});

Deno.test("models of random halves are asked about all images, and their scores stand on a page", async () => {
  const cwd = await Deno.makeTempDir();
  const flags = ["--count", "16", "--shadows", "6", "--left-out", "1", "--steps", "1"];
  const { code, error } = await startRuns(
    cwd,
    "tasks/lira.ts",
    ...[
      ...flags,
      "--hidden",
      "8",
      "--autoencoder-steps",
      "3",
      "--device",
      "wasm",
      "--threads",
      "1",
      "--out",
      "lira",
    ],
  );
  assert.equal(code, 0, error);
  const metrics = await metricsOf(join(cwd, "lira"));
  for (const name of ["lira_auc", "plain_auc"]) {
    assert.ok(metrics[`${name}_low`] <= metrics[name] && metrics[name] <= metrics[`${name}_high`]);
    assert.ok(metrics[name] > 0 && metrics[name] < 1);
  }
  const scores = (await Deno.readTextFile(join(cwd, "lira/scores.csv"))).trimEnd().split("\n");
  assert.equal(scores.length, 17);
  const config = JSON.parse(await Deno.readTextFile(join(cwd, "lira/models/half-0/config.json")));
  assert.deepEqual([config.dataset.name, config.dataset.count], ["csv", 8]);
  assert.match(
    await Deno.readTextFile(join(cwd, "lira/report.html")),
    /The most memorized images/,
  );
  const odd = await startRuns(cwd, "tasks/lira.ts", "--shadows", "7");
  assert.equal(odd.code, 2);
  assert.match(odd.error, /--shadows must be even/);
  await Deno.remove(cwd, { recursive: true });
});
