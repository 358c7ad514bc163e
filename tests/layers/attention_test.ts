import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { causalAttention } from "../../layers/attention.ts";
import { sequential } from "../../layers/layer.ts";
import { UNIFORM } from "../../layers/starts.ts";
import { checkLayer, close, examples } from "./check.ts";

const T = 3, D = 4, H = 2;

Deno.test("attention is softmax(q k / sqrt(D / H)) v of each head, in plain loops", async () => {
  const network = await checkLayer([T, D], causalAttention("a", { heads: H, start: UNIFORM }));
  assert.equal(network.parameters, 4 * (D * D + D));
  const weights = network.init(stream(4)), x = examples([T, D]);
  const inputs = x.arraySync() as number[][][];
  const map = (part: string, row: readonly number[]): number[] => {
    const kernel = weights[`a/${part}/kernel`].arraySync() as number[][];
    const bias = weights[`a/${part}/bias`].arraySync() as number[];
    return bias.map((start, to) => row.reduce((sum, value, from) => sum + value * kernel[from][to], start));
  };
  const expected = inputs.flatMap((rows) =>
    rows.map((row, place) => {
      const query = map("query", row), mixed: number[] = [];
      for (let head = 0; head < H; head++) {
        const units = [2 * head, 2 * head + 1];
        // The places up to this one, and no later.
        const seen = rows.slice(0, place + 1);
        const shares = seen.map((other) => {
          const key = map("key", other);
          return Math.exp(units.reduce((sum, unit) => sum + query[unit] * key[unit], 0) / Math.sqrt(D / H));
        });
        const total = shares.reduce((sum, share) => sum + share, 0);
        for (const unit of units) {
          mixed.push(
            seen.reduce((sum, other, at) => sum + shares[at] / total * map("value", other)[unit], 0),
          );
        }
      }
      return map("output", mixed);
    }).flat()
  );
  close(network.apply(weights, x).dataSync(), expected, 1e-5);
});

Deno.test("heads must divide the width", () => {
  assert.throws(
    () => sequential([3, 10], [causalAttention("a", { heads: 4 })]),
    /heads must divide width: 4 of 10/,
  );
});
