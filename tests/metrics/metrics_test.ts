import assert from "node:assert/strict";
import {
  accuracy,
  confusion,
  crossEntropy,
  distinctRows,
  entropy,
  expectedCoverage,
  logSoftmax,
  meanAndDeviation,
  memorization,
  memorizedMass,
  psnr,
  psnrs,
  wilson,
} from "../../metrics/mod.ts";

function near(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

Deno.test("accuracy counts rows whose largest score is at the label; the first of equals wins", () => {
  const scores = Float32Array.of(1, 2, 3, 5, 5, 0, 0, 9, 1, 3, 2, 1);
  assert.equal(accuracy(scores, [2, 0, 1, 1]), 0.75);
  assert.throws(() => accuracy(scores, [0, 1, 2, 0, 1]), /scores must be/);
});

Deno.test("confusions stand in the row of the label and the column of the answer", () => {
  const scores = Float32Array.of(1, 2, 3, 5, 5, 0, 0, 9, 1, 3, 2, 1);
  assert.deepEqual([...confusion(scores, [2, 0, 1, 1])], [1, 0, 0, 1, 1, 0, 0, 0, 1]);
  assert.throws(() => confusion(scores, [0, 1, 2, 0, 1]), /scores must be/);
});

Deno.test("cross-entropy of equal logits is ln V, and of the truth its entropy", () => {
  near(crossEntropy([0, 0, 0, 0], [0, 0, 1, 0], { vocabulary: 4 }), Math.log(4));
  const histogram = [0.5, 0.25, 0.25];
  near(crossEntropy(histogram.map(Math.log), histogram, { vocabulary: 3 }), 1.5 * Math.log(2));
  near(entropy([2, 1, 1]), 1.5 * Math.log(2));
  near(entropy([3, 0]), 0);
});

Deno.test("log-softmax survives large logits", () => {
  const logs = logSoftmax([1000, 1000, -1000, 0], 2);
  near(logs[0], -Math.LN2);
  near(logs[2], -1000);
  near(logs[3], 0);
});

Deno.test("PSNR averages over images, not over pixels: 20 and 40 dB give 30", () => {
  const images = [0, 0, 0, 0], reconstructions = [0.1, 0.1, 0.01, -0.01];
  const each = psnrs(images, reconstructions, { size: 2, peak: 1 });
  near(each[0], 20, 1e-9);
  near(each[1], 40, 1e-9);
  near(psnr(images, reconstructions, { size: 2, peak: 1 }), 30, 1e-9);
  near(psnr([0], [0.1], { size: 1, peak: 2 }), 20 + 20 * Math.log10(2), 1e-9);
  assert.equal(psnr([1], [1], { size: 1, peak: 1 }), Infinity);
  assert.throws(() => psnr([1, 2, 3], [1, 2, 3], { size: 2, peak: 1 }), /whole images/);
});

Deno.test("Wilson's interval of 8 in 10 is 0.4902 ... 0.9433, and stays inside 0..1 at the ends", () => {
  const { low, high } = wilson(8, 10);
  near(low, 0.4901625, 1e-6);
  near(high, 0.9433178, 1e-6);
  near(wilson(10, 10).high, 1);
  assert.equal(wilson(0, 10).low, 0);
  near(wilson(10_000, 10_000).low, 0.9996160, 1e-6);
  assert.throws(() => wilson(3, 2), /successes/);
});

Deno.test("a perfect model covers what is drawn at least once", () => {
  near(expectedCoverage([1, 1], 1), 0.5);
  near(expectedCoverage([1, 1], 2), 0.75);
  near(expectedCoverage([3, 1], 2), (1 - 1 / 16 + 1 - 9 / 16) / 2);
});

Deno.test("duplicated training sequences count once in coverage and mass, and as memorized all the same", () => {
  const training = [1, 2, 1, 2, 3, 4];
  const samples = [1, 2, 9, 9, 1, 2, 1, 2];
  const found = memorization(samples, training, { length: 2 });
  assert.equal(found.samples, 4);
  assert.equal(found.memorized, 3);
  assert.equal(found.fraction, 0.75);
  assert.equal(found.coverage, 0.5);
  assert.deepEqual([...found.matches], [0, -1, 0, 0]);
  const rows = distinctRows(training, 2);
  assert.deepEqual([...rows.first], [0, 2]);
  assert.deepEqual([...rows.counts], [2, 1]);
  assert.deepEqual([...rows.of], [0, 0, 1]);
  near(memorizedMass([Math.log(0.5), Math.log(0.25)]), 0.75);
});

Deno.test("numbers of several digits do not run together: 1,23 is not 12,3", () => {
  assert.equal(distinctRows([1, 23, 12, 3], 2).first.length, 2);
});

Deno.test("the deviation of several values is the unbiased one, and one value has none", () => {
  const { mean, deviation } = meanAndDeviation([1, 2, 6]);
  near(mean, 3);
  near(deviation, Math.sqrt((4 + 1 + 9) / 2));
  assert.ok(Number.isNaN(meanAndDeviation([5]).deviation));
});
