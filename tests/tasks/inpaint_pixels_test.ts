import assert from "node:assert/strict";
import { join } from "node:path";
import { startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();

function start(program: string, ...args: string[]) {
  return startProgram(cwd, program, ...args, "--threads", "1");
}

Deno.test("missing ends and gaps: no best filling costs more than the truth, one pixel costs its entropy", async () => {
  const trained = await start(
    "models/pixel_predictor.ts",
    ...[
      "--count",
      "66",
      "--test",
      "20",
      "--pool",
      "2",
      "--units",
      "6",
      "--steps",
      "30",
      "--out",
      "predictor",
    ],
  );
  assert.equal(trained.code, 0, trained.error);
  const filled = await start(
    "tasks/inpaint_pixels.ts",
    ...["--predictor", "predictor", "--images", "12", "--samples", "3", "--windows", "20", "--out", "filled"],
  );
  assert.equal(filled.code, 0, filled.error);
  const { metrics } = JSON.parse(await Deno.readTextFile(join(cwd, "filled/summary.json")));
  for (const kind of ["1", "4", "1_uniform", "4_uniform"]) {
    assert.ok(metrics[`inpainting_nats_best_${kind}`] <= metrics[`inpainting_nats_truth_${kind}`], kind);
    const accuracy = metrics[`inpainting_accuracy_${kind}`];
    // Twenty windows of so many missing pixels.
    const missing = 20 * Number(kind[0]);
    assert.ok(Math.abs(accuracy * missing - Math.round(accuracy * missing)) < 1e-9 && accuracy <= 1, kind);
  }
  assert.ok(metrics.continuation_nats_1 > 0 && metrics.continuation_nats_1 <= Math.LN2);
  for (const [few, more] of [["1", "10"], ["10", "28"], ["28", "rest"]]) {
    assert.ok(metrics[`truth_nats_${few}`] < metrics[`truth_nats_${more}`]);
    assert.ok(metrics[`continuation_nats_${few}`] < metrics[`continuation_nats_${more}`]);
  }
  const report = await Deno.readTextFile(join(cwd, "filled/report.html"));
  for (
    const words of ["Success: test image", "Failure: test image", "High variance: test image", "Two by two"]
  ) {
    assert.ok(report.includes(words), words);
  }
});

Deno.test("what cannot be filled is said in a sentence", async () => {
  const absent = await start("tasks/inpaint_pixels.ts", "--predictor", "nothing");
  assert.equal(absent.code, 2);
  assert.match(absent.error, /--predictor must name a completed run of train-pixel-predictor/);
});
