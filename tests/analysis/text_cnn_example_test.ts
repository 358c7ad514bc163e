import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { EXAMPLE, parametersByFormula, walkThrough } from "../../analysis/text_cnn_example.ts";

await tf.setBackend("cpu");

Deno.test("the example has 197 parameters, by formula and counted, and the sizes that are drawn", () => {
  const { tensors, parameters } = walkThrough(EXAMPLE);
  assert.deepEqual(parametersByFormula(EXAMPLE), [52, 125, 20]);
  assert.deepEqual(parameters, [52, 125, 20]);
  assert.equal(parameters.reduce((sum, count) => sum + count, 0), 197);
  assert.deepEqual(tensors.map(({ shape }) => [...shape]), [[11, 6], [10, 4], [4], [8, 5], [5], [9], [2]]);
});

Deno.test("formula and count agree for other sizes", () => {
  const sizes = {
    tokens: 20,
    embedding: 3,
    filters: [2, 3, 4].map((width) => ({ width, channels: 7 })),
    classes: 5,
  };
  assert.deepEqual(walkThrough(sizes).parameters, parametersByFormula(sizes));
});
