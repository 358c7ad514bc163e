import assert from "node:assert/strict";
import { ADDNIST, addnistNetwork, penalty } from "../../models/addnist.ts";
import { findings, type Outcome, VARIANTS, variantTable } from "../../tasks/compare_addnist.ts";

/** What a run of each variant might have reached: the first 99 %, each one less. */
const OUTCOMES = VARIANTS.map((variant, at): Outcome => ({
  variant,
  metrics: {
    ...{ parameters: 1000 + at, steps: 30 * (variant.steps ?? 1), penalty: 0, train_loss: 0.01 * at },
    ...{ train_accuracy: 1, validation_accuracy: 0.98, test_accuracy: 0.99 - 0.01 * at },
  },
  seconds: 10.4,
}));

Deno.test("widths give the parameters that the variants are named after, and one alone is outside the rules", () => {
  const found = VARIANTS.map(({ flags: { width, network } }) =>
    addnistNetwork({
      ...{ model: "addnist", ...ADDNIST, network: network === "generic" ? "generic" : "shared", size: 28 },
      ...{ filters: ADDNIST.filters.map((filters) => Math.round(filters * Number(width ?? 1))) as never },
      ...{ distorted: false, seed: 0 },
    }).parameters
  );
  const of = (name: string): number => found[VARIANTS.findIndex((variant) => variant.name === name)];
  for (const [name, wanted] of [["10k", 10_000], ["30k", 30_000], ["200k", 200_000]] as const) {
    assert.ok(Math.abs(of(name) / wanted - 1) < 0.1, `${name}: ${of(name)}`);
  }
  const outside = VARIANTS.filter((_, at) => penalty({ parameters: found[at], steps: 10_000 }) > 0);
  assert.deepEqual(outside.map(({ name }) => name), ["200k"]);
});

Deno.test("the table has a row for each variant, and the words their figures", () => {
  const { table } = variantTable(OUTCOMES) as Extract<ReturnType<typeof variantTable>, { kind: "table" }>;
  assert.equal(table.rows.length, VARIANTS.length);
  assert.deepEqual(table.rows[1], [
    ...["images as they are", "1,001", "30", 0, "98.00 %", "98.00 %", "100.00 %", "0.01", "", 10],
  ]);
  const words = findings(OUTCOMES).join("\n");
  for (
    const part of [
      "99.00 % of the test images, 1.00 points less",
      "97.91 %",
      "1,005 reach 94.00 %",
      "10 reach 93.00 %",
    ]
  ) {
    assert.ok(words.includes(part), `${part}\n${words}`);
  }
  // What was not trained is not spoken of.
  assert.equal(findings(OUTCOMES.slice(0, 1)).length, 1);
});
