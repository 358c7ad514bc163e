import assert from "node:assert/strict";
import { htmlReport } from "../../report/html.ts";
import { learningBlocks } from "../../run/learning.ts";
import type { LogEntry } from "../../run/log.ts";

const loss = { name: "cross-entropy", unit: "nats" };
const losses: LogEntry[] = [1, 10, 100].map((step) => ({
  phase: "model",
  step,
  seconds: step,
  loss: 2 + 1 / step,
}));

Deno.test("learningBlocks: nothing of a log with one point", () => {
  assert.deepEqual(learningBlocks([], loss), []);
  assert.deepEqual(learningBlocks(losses.slice(0, 1), loss), []);
});

Deno.test("learningBlocks: the loss alone is one plot, of the last phase, over the step", () => {
  const before: LogEntry = { phase: "before", step: 5, loss: 9 };
  const [block, ...others] = learningBlocks([before, ...losses], loss);
  assert.equal(others.length, 0);
  assert.ok(block.kind === "plot" && block.plot.kind === undefined);
  assert.deepEqual(block.plot.x, { label: "step", scale: "linear" });
  assert.deepEqual(block.plot.y, { label: "cross-entropy", unit: "nats" });
  assert.deepEqual(block.plot.series, [{ name: "training loss", x: [1, 10, 100], y: [3, 2.1, 2.01] }]);
});

Deno.test("learningBlocks: excess, memory and cross-entropies beside the loss, over the logarithm of the step", async () => {
  const evaluated: LogEntry[] = [1, 10, 100].map((step) => ({
    phase: "model",
    step,
    memorized_mass: step / 200,
    sequence_nats: 40 / step,
    held_out_nats: 40,
  }));
  const log = losses.flatMap((entry, index) => [entry, evaluated[index]]);
  const blocks = learningBlocks(log, { ...loss, floors: [{ value: 2, label: "entropy" }] });
  const [block] = blocks;
  assert.ok(block.kind === "panels");
  assert.deepEqual(block.panels.map(({ title }) => title), [
    "(a) training loss",
    "(b) excess of the loss",
    "(c) memorized mass",
    "(d) cross-entropy",
  ]);
  const plots = block.panels.map((panel) => {
    assert.ok("plot" in panel && panel.plot.kind === undefined);
    assert.deepEqual(panel.plot.x, { label: "step", scale: "log", range: [1, 100] });
    return panel.plot;
  });
  assert.deepEqual(plots[1].series[0].y, [3 - 2, 2.1 - 2, 2.01 - 2]);
  assert.deepEqual(plots[2].y.range, [0, 1]);
  assert.deepEqual(plots[3].series.map(({ name, y }) => [name, y]), [
    ["training", [40, 4, 0.4]],
    ["held out", [40, 40, 40]],
  ]);
  const html = await htmlReport({ title: "t", abstract: "a", sections: [{ title: "Learning", blocks }] });
  assert.match(html, /\(c\) The memorized mass, measured as training went on/);
});

Deno.test("learningBlocks: figures of several sets stand in one plot", () => {
  const log: LogEntry[] = [1, 2].map((step) => ({
    phase: "model",
    step,
    train_accuracy: step / 4,
    validation_accuracy: step / 5,
  }));
  const [block] = learningBlocks(log, loss);
  assert.ok(block.kind === "plot" && block.plot.kind === undefined);
  assert.equal(block.plot.y.label, "accuracy");
  assert.deepEqual(block.plot.series.map(({ name }) => name), ["training", "validation"]);
});
