import assert from "node:assert/strict";
import { epochSection, meansByEpoch, pointsByEpoch } from "../../run/epochs.ts";
import type { LogEntry } from "../../run/log.ts";

const LOG: readonly LogEntry[] = [
  { phase: "p", step: 1, seconds: 0, loss: 9, train_loss: 4, train_accuracy: 0 },
  { phase: "p", step: 4, seconds: 1, loss: 9, train_loss: 2, train_accuracy: 0.4 },
  { phase: "p", step: 4, seconds: 1, test_loss: 2.5, test_accuracy: 0.25 },
  { phase: "p", step: 8, seconds: 2, loss: 9, train_loss: 1, train_accuracy: 0.75 },
  { phase: "p", step: 8, seconds: 2, test_loss: 2, test_accuracy: 0.5 },
  { phase: "p", step: 10, seconds: 2, loss: 9, train_loss: 0.5, train_accuracy: 1 },
];

Deno.test("training figures are means over the steps of each epoch, the others points, by hand", () => {
  assert.deepEqual(meansByEpoch(LOG, { field: "train_loss", epoch: 4 }), {
    x: [1, 2, 2.5],
    y: [2.5, 1, 0.5],
  });
  assert.deepEqual(pointsByEpoch(LOG, { field: "test_accuracy", epoch: 4 }), { x: [1, 2], y: [0.25, 0.5] });
});

Deno.test("the section has a curve of each and a row for each epoch", () => {
  const { blocks } = epochSection(LOG, { epoch: 4 });
  const [panels, table] = blocks;
  assert.ok(panels.kind === "panels" && table.kind === "table");
  assert.deepEqual(panels.panels.map(({ title }) => title), ["loss", "accuracy"]);
  assert.equal(table.table.rows.length, 2);
  assert.deepEqual(table.table.rows[1].slice(0, 2), ["2", "1"]);
});
