import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { attack, liraScores, pooled, type Shadow } from "../../metrics/mod.ts";

const RATES = [0.001, 0.01];

/** Models of which each learns every item by the toss of a coin that two models share, one each way. */
function shadowsOf(
  models: number,
  { items, shift, spread }: {
    readonly items: number;
    /** How much higher the statistic of a learned item is. */
    readonly shift: number;
    /** Standard deviation of the items' own levels, which do not depend on who learned them. */
    readonly spread: number;
  },
): Shadow[] {
  const random = stream(7).fork("lira"),
    level = Array.from({ length: items }, () => spread * random.normal());
  const halves = Array.from(
    { length: models / 2 },
    () => Array.from({ length: items }, () => random.integer(2)),
  );
  return Array.from({ length: models }, (_, model) => {
    const learned = Uint8Array.from(halves[model >> 1], (side) => model % 2 === 0 ? side : 1 - side);
    const statistics = Float64Array.from(
      learned,
      (side, item) => level[item] + shift * side + random.normal(),
    );
    return { learned, statistics };
  });
}

Deno.test("normal statistics: the attack is as good as theory says, however hard the items are", () => {
  // Two normals of variance 1 that are 2 apart: the area is Phi(2 / sqrt 2), at 1 % it finds 1 - Phi(2.3263 - 2).
  // With one variance for all items; variances of their own, of 31 statistics each, cost some of what is found.
  const shadows = shadowsOf(62, { items: 400, shift: 2, spread: 5 });
  const found = attack(shadows, liraScores(shadows), { rates: RATES, random: stream(1) });
  assert.ok(Math.abs(found.auc.value - 0.9214) < 0.01, `${found.auc.value}`);
  assert.ok(Math.abs(found.truePositives[1].value - 0.372) < 0.04, `${found.truePositives[1].value}`);
  assert.ok(found.auc.interval.low < found.auc.value && found.auc.value < found.auc.interval.high);
  const more = shadowsOf(64, { items: 100, shift: 2, spread: 5 });
  const own = attack(more, liraScores(more), { rates: RATES, random: stream(1) });
  assert.ok(Math.abs(own.auc.value - 0.9214) < 0.02, `${own.auc.value}`);
  // One threshold for all items drowns in their differences: the area is Phi(2 / sqrt 52).
  const plain = attack(shadows, shadows.map(({ statistics }) => statistics), {
    rates: RATES,
    random: stream(1),
  });
  assert.ok(Math.abs(plain.auc.value - 0.609) < 0.03, `${plain.auc.value}`);
  assert.ok(plain.truePositives[1].value < 0.06);
});

Deno.test("where nothing is remembered nobody is told from others", () => {
  const shadows = shadowsOf(16, { items: 300, shift: 0, spread: 1 });
  const { auc } = attack(shadows, liraScores(shadows), { rates: RATES, random: stream(1) });
  assert.ok(Math.abs(auc.value - 0.5) < 0.03, `${auc.value}`);
});

Deno.test("a score is the log-likelihood ratio under the others' normals, worked out by hand", () => {
  const shadow = (learned: number, statistic: number): Shadow => ({
    learned: Uint8Array.of(learned),
    statistics: Float64Array.of(statistic),
  });
  const shadows = [shadow(1, 3), shadow(1, 4), shadow(1, 6), shadow(0, 0), shadow(0, 2), shadow(0, 7)];
  // For the first: 4 and 6 learned (mean 5, variance 2), 0, 2 and 7 did not (mean 3, variance 13).
  const wanted = -(4 / 2 + Math.log(2)) / 2 + (0 / 13 + Math.log(13)) / 2;
  assert.ok(Math.abs(liraScores(shadows)[0][0] - wanted) < 1e-12);
  assert.throws(() => liraScores(shadows.slice(0, 4)), /at least two must on either side/);
  assert.deepEqual(pooled(shadows, shadows.map(({ statistics }) => statistics)), {
    members: [3, 4, 6],
    others: [0, 2, 7],
  });
});
