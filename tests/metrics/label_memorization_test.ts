import assert from "node:assert/strict";
import { correlation, labelMemorization, type Trial } from "../../metrics/mod.ts";
import { stream } from "../../base/random.ts";

function trial(learned: readonly number[], right: readonly number[]): Trial {
  return { learned: Uint8Array.from(learned), right: Uint8Array.from(right) };
}

Deno.test("a score is the share right of those that learned an item less that of the others, by hand", () => {
  const { learned, unlearned, scores } = labelMemorization([
    trial([1, 1, 0], [1, 1, 0]),
    trial([1, 0, 0], [1, 1, 1]),
    trial([0, 1, 0], [0, 1, 1]),
    trial([0, 0, 0], [1, 1, 0]),
  ]);
  assert.deepEqual([...learned], [1, 1, NaN]);
  assert.deepEqual([...unlearned], [0.5, 1, 0.5]);
  assert.deepEqual([...scores], [0.5, 0, NaN]);
});

Deno.test("trials of different items, and none, are refused", () => {
  assert.throws(() => labelMemorization([]), /at least one/);
  assert.throws(() => labelMemorization([trial([1], [1]), trial([1, 0], [1, 1])]), /of the same items/);
});

Deno.test("who is right at random memorizes nothing; who knows what it learned alone, all", () => {
  const random = stream(0), coin = (): number => random.integer(2);
  const trials = Array.from({ length: 400 }, () => {
    const learned = Array.from({ length: 20 }, coin);
    return trial(learned, learned.map((known, item) => item < 10 ? coin() : known));
  });
  const { scores } = labelMemorization(trials);
  assert.ok(scores.subarray(0, 10).every((score) => Math.abs(score) < 0.2));
  assert.ok(scores.subarray(10).every((score) => score === 1));
});

Deno.test("correlations are 1 along a line and leave out what is no number", () => {
  assert.ok(Math.abs(correlation([1, 2, NaN, 3], [2, 4, 0, 6]) - 1) < 1e-12);
  assert.ok(Math.abs(correlation([1, 2, 3, 4], [1, -1, 1, -1]) + 1 / Math.sqrt(5)) < 1e-12);
});
