import assert from "node:assert/strict";
import { axesUnder, broadcastUnder, viewOfView } from "../../../engine/passes/views.ts";

Deno.test("a view of a view moves along one axis at a time, and stays inside it", () => {
  const transposed = { shape: [3, 2], offset: 0, strides: [1, 3] };
  assert.deepEqual(viewOfView({ shape: [2], offset: 1, strides: [2] }, transposed), {
    shape: [2],
    offset: 3,
    strides: [1],
  });
  assert.equal(viewOfView({ shape: [4], offset: 0, strides: [1] }, transposed), undefined);
  assert.deepEqual(viewOfView({ shape: [2, 5], offset: 5, strides: [-1, 0] }, transposed), {
    shape: [2, 5],
    offset: 5,
    strides: [-3, 0],
  });
});

Deno.test("broadcasts and reductions under another shape", () => {
  assert.deepEqual(broadcastUnder([5], [2, 3, 5], [6, 5]), [1, 5]);
  assert.deepEqual(broadcastUnder([2, 3, 1], [2, 3, 5], [6, 5]), [6, 1]);
  assert.equal(broadcastUnder([2, 1, 5], [2, 3, 5], [6, 5]), undefined);
  assert.deepEqual(broadcastUnder([], [6], [2, 3]), [1, 1]);
  assert.deepEqual(axesUnder([0, 1], [2, 3, 5], [6, 5]), [0]);
  assert.deepEqual(axesUnder([1], [6, 5], [2, 3, 5]), [2]);
  assert.deepEqual(axesUnder([0], [6, 1, 5], [2, 3, 5]), [0, 1]);
  assert.equal(axesUnder([0], [2, 3, 5], [6, 5]), undefined);
});
