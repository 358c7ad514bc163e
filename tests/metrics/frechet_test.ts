import assert from "node:assert/strict";
import { type FeatureStatistics, featureStatistics, frechetDistance } from "../../metrics/frechet.ts";
import cases from "./fixtures/frechet.json" with { type: "json" };

function near(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

function diagonal(mean: readonly number[], deviations: readonly number[]): FeatureStatistics {
  const size = mean.length, covariance = new Float64Array(size * size);
  deviations.forEach((deviation, index) => covariance[index * (size + 1)] = deviation ** 2);
  return { mean: Float64Array.from(mean), covariance };
}

Deno.test("diagonal Gaussians by hand: squared distances of means and of deviations", () => {
  const a = diagonal([0, 1, 2], [1, 2, 0]), b = diagonal([3, 1, 0], [2, 2, 5]);
  near(frechetDistance(a, b), 9 + 0 + 4 + 1 + 0 + 25);
  near(frechetDistance(a, a), 0);
});

Deno.test("mean and covariance by hand, divided by N - 1; too few samples name the rank", () => {
  const { mean, covariance } = featureStatistics([1, 0, 3, 2, 5, 7], 2);
  assert.deepEqual([...mean], [3, 3]);
  assert.deepEqual([...covariance], [4, 7, 7, 13]);
  assert.throws(
    () => featureStatistics([1, 2, 3, 4], 2),
    /more than 2 samples must be given: 2 give it a rank of at most 1/,
  );
});

Deno.test("distances as numpy computes them, from the eigenvalues of the product itself", () => {
  for (const { size, a, b, distance } of cases) {
    const first = featureStatistics(a, size), second = featureStatistics(b, size);
    near(frechetDistance(first, second), distance, 1e-9 * distance);
    near(frechetDistance(second, first), distance, 1e-9 * distance);
  }
});
