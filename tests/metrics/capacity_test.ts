import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { memorizedBits, referenceCode, uniformBits } from "../../metrics/mod.ts";

const close = (actual: number, wanted: number) => assert.ok(Math.abs(actual - wanted) < 1e-9, `${actual}`);

Deno.test("a model that knows N random sequences by heart holds all their bits but the choice of one of N", () => {
  const set = { count: 4, length: 3, vocabulary: 8 };
  close(uniformBits(set), 36);
  const by = (probability: number) =>
    memorizedBits({ without: uniformBits(set), nats: -4 * Math.log(probability) });
  close(by(1 / 4), 36 - 4 * 2);
  // Uniform draws need no model, and one that is worse is no help.
  close(by(8 ** -3), 0);
  assert.equal(by(8 ** -4), 0);
});

Deno.test("a reference knows what is usual at a position, worked out by hand", () => {
  const rows = (...tokens: number[]) => ({
    tokens: Int32Array.from(tokens),
    count: tokens.length / 2,
    length: 2,
    vocabulary: 2,
  });
  // Of four others all begin with 0: (4 + 1/2) / (4 + 1); two of them go on with 1: 1/2.
  const { bits, order } = referenceCode(rows(0, 1), rows(0, 0, 0, 1, 0, 1, 0, 0));
  assert.equal(order, 0);
  close(bits, -Math.log2(4.5 / 5) + 1);
  assert.throws(() => referenceCode(rows(0, 1), rows(0, 1)), /two at least/);
});

Deno.test("the reference looks as far back as helps others: not at all, or at the last token", () => {
  const random = stream(1).fork("reference"), count = 400, length = 6, vocabulary = 4;
  const free = Int32Array.from({ length: count * length }, () => random.integer(vocabulary));
  const bound = free.map((token, at) =>
    at % length === 0 ? token : (free[at - (at % length)] + at % length) % vocabulary
  );
  const of = (tokens: Int32Array) => ({ tokens, count, length, vocabulary });
  const loose = referenceCode(of(free), of(free));
  assert.equal(loose.order, 0);
  assert.ok(loose.bits <= uniformBits(of(free)) && loose.bits > 0.98 * uniformBits(of(free)));
  const tied = referenceCode(of(bound), of(bound));
  assert.equal(tied.order, 1);
  // The first token is free, the others follow from it.
  assert.ok(tied.bits < 1.2 * 2 * count);
});
