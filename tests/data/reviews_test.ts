import assert from "node:assert/strict";
import { writeReviews } from "../../data/reviews.ts";
import { Vocabulary } from "../../data/words.ts";

const train = writeReviews({ split: "train" }), test = writeReviews({ split: "test" });

Deno.test("reviews are always the same, no two alike, both verdicts about as often", () => {
  assert.deepEqual(writeReviews({ split: "train" }), train);
  assert.deepEqual([train.texts.length, test.texts.length], [2000, 500]);
  assert.equal(new Set([...train.texts, ...test.texts]).size, 2500);
  for (const { labels } of [train, test]) {
    const share = labels.reduce((sum, label) => sum + label, 0) / labels.length;
    assert.ok(share > 0.45 && share < 0.55, String(share));
  }
});

Deno.test("single words do not decide: counting them leaves mistakes that word order would not", () => {
  // Naive Bayes over words (Laplace-smoothed), the best that the words alone can say.
  const vocabulary = Vocabulary.of(train.texts, { size: 1000 });
  const counts = [0, 1].map(() => new Float64Array(vocabulary.size).fill(1));
  train.texts.forEach((text, i) =>
    vocabulary.encode(text).forEach((word) => counts[train.labels[i]][word]++)
  );
  const totals = counts.map((one) => one.reduce((sum, count) => sum + count, 0));
  const right = test.texts.filter((text, i) => {
    const score = vocabulary.encode(text).reduce(
      (sum, word) => sum + Math.log(counts[1][word] / totals[1]) - Math.log(counts[0][word] / totals[0]),
      0,
    );
    return (score > 0 ? 1 : 0) === test.labels[i];
  }).length / test.texts.length;
  assert.ok(right > 0.6 && right < 0.9, String(right));
});
