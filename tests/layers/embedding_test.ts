import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { embedding, positions } from "../../layers/embedding.ts";
import { sequential } from "../../layers/layer.ts";
import { uniform } from "../../layers/starts.ts";
import { checkLayer } from "./check.ts";

Deno.test("a symbol's vector is its row of the kernel, whether multiplied or looked up", async () => {
  await tf.setBackend("cpu");
  for (const symbols of [5, 600]) {
    const network = sequential([3], [embedding("e", { symbols, units: 2, start: uniform() })]);
    const weights = network.init(stream(1)), rows = weights["e/kernel"].arraySync() as number[][];
    const tokens = [[0, 4, symbols - 1], [2, 2, 1]];
    const gradient = tf.variableGrads(
      () => tf.sum(network.apply(weights, tf.tensor2d(tokens, [2, 3], "int32"))),
      Object.values(weights),
    ).grads;
    const vectors = network.apply(weights, tf.tensor2d(tokens, [2, 3], "int32")).arraySync();
    assert.deepEqual(vectors, tokens.map((row) => row.map((token) => rows[token])));
    // Each use of a symbol adds 1 to its slope.
    const slopes = Object.values(gradient)[0].arraySync() as number[][];
    const uses = tokens.flat().reduce(
      (counts, token) => counts.with(token, counts[token] + 1),
      Array(symbols).fill(0),
    );
    assert.deepEqual(slopes, uses.map((count) => [count, count]));
  }
});

Deno.test("the vector of the padding is 0, and gets no gradient", async () => {
  await tf.setBackend("cpu");
  for (const symbols of [4, 600]) {
    const network = sequential([3], [embedding("e", { symbols, units: 2, start: uniform(), padding: 0 })]);
    const weights = network.init(stream(1)), tokens = tf.tensor2d([[0, 0, 1]], [1, 3], "int32");
    const vectors = network.apply(weights, tokens).arraySync() as number[][][];
    assert.deepEqual(vectors[0].slice(0, 2), [[0, 0], [0, 0]]);
    const { grads } = tf.variableGrads(() => tf.sum(network.apply(weights, tokens)), Object.values(weights));
    const slopes = Object.values(grads)[0].arraySync() as number[][];
    assert.deepEqual(slopes.slice(0, 3), [[0, 0], [1, 1], [0, 0]]);
  }
});

Deno.test("each place has a vector of its own, and fewer places use the first of them", async () => {
  await checkLayer([3, 2], positions("p", { length: 3, start: uniform() }));
  await checkLayer([2, 2], positions("p", { length: 3, start: uniform() }));
  const weights = sequential([3, 2], [positions("p", { length: 3, start: uniform() })]).init(stream(1));
  const few = sequential([2, 2], [positions("p", { length: 3, start: uniform() })]);
  assert.deepEqual(
    few.apply(weights, tf.zeros([1, 2, 2])).dataSync(),
    weights["p/kernel"].dataSync().slice(0, 4),
  );
  assert.throws(
    () => sequential([4, 2], [positions("p", { length: 3, start: uniform() })]),
    /must be 3 places at most: it has 4/,
  );
});
