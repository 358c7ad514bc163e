import assert from "node:assert/strict";
import { philox, Random, stream } from "../../base/random.ts";

Deno.test("philox gives the known answers of its authors' Random123 library", () => {
  const cases: [[number, number, number, number], [number, number], number[]][] = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [
      0x408f276d,
      0x41c83b0e,
      0xa20bc7c6,
      0x6d5451fd,
    ]],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [
      0xd16cfe09,
      0x94fdcceb,
      0x5001e420,
      0x24126ea1,
    ]],
  ];
  for (const [counter, key, words] of cases) assert.deepEqual([...philox(counter, key)], words);
});

Deno.test("forks depend on the label alone, not on what was drawn before", () => {
  const fresh = stream(7).fork("init");
  const used = stream(7);
  used.word();
  assert.deepEqual(used.fork("init").key, fresh.key);
  assert.notDeepEqual(stream(7).fork("batches").key, fresh.key);
  assert.notDeepEqual(stream(8).fork("init").key, fresh.key);
});

Deno.test("a saved state continues in the middle of a block", () => {
  const random = stream(3);
  for (let draw = 0; draw < 6; draw++) random.word();
  const state = random.state;
  const next = [random.word(), random.word(), random.word()];
  const other = new Random(random.key);
  other.state = state;
  assert.deepEqual([other.word(), other.word(), other.word()], next);
});

Deno.test("normal numbers have mean 0 and variance 1, within five standard errors", () => {
  const numbers = stream(1).normals(20_000);
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length;
  assert.ok(Math.abs(mean) < 5 / Math.sqrt(20_000));
  assert.ok(Math.abs(variance - 1) < 5 * Math.sqrt(2 / 20_000));
});

Deno.test("a permutation holds every number once; integers stay below their limit and reach it", () => {
  const order = stream(2).permutation(100);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 100 }, (_, index) => index));
  const random = stream(2), seen = new Set<number>();
  for (let draw = 0; draw < 200; draw++) seen.add(random.integer(3));
  assert.deepEqual([...seen].sort(), [0, 1, 2]);
});

Deno.test("a bad seed or limit is named", () => {
  assert.throws(() => stream(-1), /seed must be an integer/);
  assert.throws(() => stream(1).integer(0), /limit must be/);
});
