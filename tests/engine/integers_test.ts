/** docs/engine.md, "Integers": exact modulo 2^32 on every device. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { deviceTest, evaluate, floats, ints, shaped } from "./devices.ts";

const MOST = 2 ** 31 - 1, LEAST = -(2 ** 31);

deviceTest("int32 arithmetic is exact modulo 2^32", async (device) => {
  const x = [5, 3, 7, -2, 10, 2, 0, 1, -1, 65537, MOST, LEAST],
    y = [2, 21, 13, 31, 9, -1, -1, -3, -3, 2, 2, 1];
  const result = await evaluate(device, { x: ints(...x), y: ints(...y) }, ({ x, y }) => ({
    pow: tf.pow(x, y),
    mul: tf.mul(x, y),
    square: tf.square(x),
    difference: tf.squaredDifference(x, y),
    add: tf.add(x, x),
    sub: tf.sub(y, x),
    neg: tf.neg(x),
    abs: tf.abs(x),
    floorDiv: tf.floorDiv(x, y),
    div: tf.div(x, y),
    mod: tf.mod(x, y),
    two: tf.pow(x, tf.scalar(2, "int32")),
  }));
  const wrap = (x: bigint) => Number(BigInt.asIntN(32, x));
  const big = (f: (x: bigint, y: bigint) => bigint) => x.map((one, i) => wrap(f(BigInt(one), BigInt(y[i]))));
  // Of exponents below 0 the integer part.
  assert.deepEqual(result.pow.slice(0, 5), [25, wrap(3n ** 21n), wrap(7n ** 13n), LEAST, 1e9]);
  assert.deepEqual(result.pow.slice(5), [0, 0, 1, -1, wrap(65537n ** 2n), 1, LEAST]);
  assert.deepEqual(result.mul, big((x, y) => x * y));
  assert.deepEqual(result.square, big((x) => x * x));
  assert.deepEqual(result.two, result.square);
  assert.deepEqual(result.difference, big((x, y) => BigInt(wrap(x - y)) ** 2n));
  assert.deepEqual(result.add, big((x) => 2n * x));
  assert.deepEqual(result.sub, big((x, y) => y - x));
  assert.deepEqual(result.neg, big((x) => -x));
  assert.deepEqual(result.abs, big((x) => (x < 0n ? -x : x)));
  const floor = (x: bigint, y: bigint) => x / y - (x % y !== 0n && (x < 0n) !== (y < 0n) ? 1n : 0n);
  assert.deepEqual(result.floorDiv, big(floor));
  assert.deepEqual(result.div, big(floor));
  assert.deepEqual(result.mod, big((x, y) => x - y * floor(x, y)));
});

deviceTest("division of an int32 by zero gives 0, and so does the remainder", async (device) => {
  const result = await evaluate(
    device,
    { x: ints(7, -7, 0, LEAST, LEAST), y: ints(0, 0, 0, 0, -1) },
    ({ x, y }) => ({
      floorDiv: tf.floorDiv(x, y),
      mod: tf.mod(x, y),
      noNan: tf.divNoNan(x, y),
    }),
  );
  assert.deepEqual(result, {
    floorDiv: [0, 0, 0, 0, LEAST],
    mod: [0, 0, 0, 0, 0],
    noNan: [0, 0, 0, 0, LEAST],
  });
});

deviceTest("products of int32 matrices are exact in every form", async (device) => {
  const result = await evaluate(device, {
    one: shaped(ints(4097), 1, 1),
    a: shaped(ints(1, 2, 3, 4, 5, 16777217), 2, 3),
    b: shaped(ints(100003, -1, 2, MOST, 3, 7), 3, 2),
    v: ints(16777217, 2, 3),
    batch: shaped(ints(1, 2, 3, 4, 65537, 65539, 7, 8), 2, 2, 2),
  }, ({ one, a, b, v, batch }) => ({
    one: tf.matMul(one, one),
    product: tf.matMul(a, b),
    turned: tf.matMul(a.transpose(), b.transpose(), true, true),
    dot: tf.dot(v, v),
    vector: tf.dot(a, v),
    outer: tf.outerProduct(v as tf.Tensor1D, v as tf.Tensor1D),
    batches: tf.matMul(batch, batch, false, true),
    spread: tf.matMul(batch, batch.slice([0, 0, 0], [1, 2, 2]).reshape([2, 2])),
  }));
  assert.deepEqual(result.one, [16785409]);
  const rows = [[1n, 2n, 3n], [4n, 5n, 16777217n]], columns = [[100003n, 2n, 3n], [-1n, BigInt(MOST), 7n]];
  const wrap = (x: bigint) => Number(BigInt.asIntN(32, x));
  const product = rows.flatMap((row) =>
    columns.map((column) => wrap(row.reduce((sum, x, i) => sum + x * column[i], 0n)))
  );
  assert.deepEqual(result.product, product);
  assert.deepEqual(result.dot, [wrap(16777217n ** 2n + 13n)]);
  assert.deepEqual(result.vector, [16777217 + 4 + 9, wrap(4n * 16777217n + 10n + 3n * 16777217n)]);
  assert.deepEqual(result.outer[0], wrap(16777217n ** 2n));
  assert.deepEqual(result.batches.slice(4), [
    wrap(65537n ** 2n + 65539n ** 2n),
    wrap(65537n * 7n + 65539n * 8n),
    wrap(65537n * 7n + 65539n * 8n),
    49 + 64,
  ]);
  assert.deepEqual(result.spread, [7, 10, 15, 22, 65537 + 3 * 65539, 2 * 65537 + 4 * 65539, 31, 46]);
  assert.deepEqual(result.turned, product);
});

deviceTest("reductions and running totals of int32 are exact modulo 2^32", async (device) => {
  const numbers = [16777217, MOST, 3, 5, -7, 65537, 65539];
  const result = await evaluate(device, {
    x: ints(...numbers),
    long: ints(...Array.from({ length: 40000 }, (_, i) => 16777217 + i)),
    same: ints(0, 1, 0, 1, 0, 1, 2),
  }, ({ x, long, same }) => ({
    sum: tf.sum(x),
    long: tf.sum(long),
    prod: tf.prod(x),
    max: tf.max(x),
    min: tf.min(x),
    cumsum: tf.cumsum(x),
    cumprod: tf.cumprod(x),
    segments: tf.unsortedSegmentSum(x, same as tf.Tensor1D, 3),
    scattered: tf.scatterND(same.reshape([7, 1]), x, [3]),
    counted: tf.bincount(same as tf.Tensor1D, x as tf.Tensor1D, 3),
    sums: tf.addN([x, x, x]),
    top: tf.topk(x, 2).values,
    at: tf.topk(x, 2).indices,
    largest: tf.argMax(x),
  }));
  const wrap = (x: bigint) => Number(BigInt.asIntN(32, x)), bigs = numbers.map(BigInt);
  const running = (join: (x: bigint, y: bigint) => bigint) =>
    bigs.map((_, i) => wrap(bigs.slice(0, i + 1).reduce(join)));
  const segment = (s: number) =>
    wrap(bigs.filter((_, i) => [0, 1, 0, 1, 0, 1, 2][i] === s).reduce((a, b) => a + b));
  assert.deepEqual(result.cumsum, running((a, b) => a + b));
  assert.deepEqual(result.cumprod, running((a, b) => a * b));
  assert.deepEqual(result.sum, result.cumsum.slice(-1));
  assert.deepEqual(result.prod, result.cumprod.slice(-1));
  assert.deepEqual(result.long, [wrap(40000n * 16777217n + 40000n * 39999n / 2n)]);
  for (const name of ["segments", "scattered", "counted"]) {
    assert.deepEqual(result[name], [0, 1, 2].map(segment), name);
  }
  assert.deepEqual(result.sums, bigs.map((x) => wrap(3n * x)));
  assert.deepEqual([result.max, result.min], [[MOST], [-7]]);
  assert.deepEqual([result.top, result.at, result.largest], [[MOST, 16777217], [1, 0], [1]]);
});

deviceTest(
  "int32 beyond 2^24 stay whole where they are compared, chosen, limited and moved",
  async (device) => {
    const result = await evaluate(device, {
      x: ints(16777217, 16777216, LEAST, MOST),
      y: ints(16777216, 16777217, MOST, MOST),
    }, ({ x, y }) => ({
      equal: tf.equal(x, y).cast("int32"),
      less: tf.less(x, y).cast("int32"),
      max: tf.maximum(x, y),
      where: tf.where(tf.greater(x, y), x, y),
      clip: tf.clipByValue(x, -Infinity, Infinity),
      above: tf.clipByValue(x, 0, 3e9),
      relu: tf.relu(x),
      moved: tf.concat([x, y]).reverse(),
      padded: tf.pad(x, [[1, 0]], 16777217),
    }));
    assert.deepEqual(result, {
      equal: [0, 0, 0, 1],
      less: [0, 1, 1, 0],
      max: [16777217, 16777217, MOST, MOST],
      where: [16777217, 16777217, MOST, MOST],
      clip: [16777217, 16777216, LEAST, MOST],
      above: [16777217, 16777216, 0, MOST],
      relu: [16777217, 16777216, 0, MOST],
      moved: [MOST, MOST, 16777217, 16777216, MOST, LEAST, 16777216, 16777217],
      padded: [16777217, 16777217, 16777216, LEAST, MOST],
    });
  },
);

deviceTest(
  "a float is cast to int32 as stock tfjs does: towards 0 and modulo 2^32, NaN and infinities to 0",
  async (device) => {
    const numbers = [
      1.9,
      -1.9,
      0.5,
      NaN,
      Infinity,
      -Infinity,
      2 ** 31,
      -(2 ** 31),
      3e9,
      -3e9,
      2 ** 32 + 512,
      1e20,
      -1e38,
      2147483520,
    ];
    const expected = [...await tf.tensor1d(numbers).cast("int32").data()];
    assert.deepEqual(expected.slice(0, 9), [1, -1, 0, 0, 0, 0, LEAST, LEAST, 3e9 - 2 ** 32]);
    const result = await evaluate(device, {
      x: floats(...numbers),
      y: floats(...numbers.map(() => 0)),
    }, ({ x, y }) => ({
      cast: x.cast("int32"),
      bool: x.cast("bool").cast("int32"),
      // Joined with what is computed before and after.
      joined: tf.add(tf.add(x, y).cast("int32"), tf.scalar(0, "int32")),
      floorDiv: tf.floorDiv(x, tf.onesLike(x)),
      back: x.cast("int32").cast("float32"),
    }));
    assert.deepEqual(result.cast, expected);
    assert.deepEqual(result.joined, expected);
    assert.deepEqual(result.bool, numbers.map(() => 1));
    assert.deepEqual(result.back, expected.map(Math.fround));
    assert.deepEqual(result.floorDiv, [...await tf.floorDiv(tf.tensor1d(numbers), tf.scalar(1)).data()]);
  },
);

Deno.test("constants are cast and multiplied as the devices do it", async () => {
  const { CompiledDevice } = await import("../../engine/compiled_device.ts");
  const { ReferenceExecutor } = await import("../../engine/reference.ts");
  await using device = new CompiledDevice(new ReferenceExecutor());
  const result = await evaluate(device, { x: ints(3) }, ({ x }) => ({
    cast: tf.add(x, tf.tensor1d([3e9]).cast("int32")),
    pow: tf.add(x, tf.pow(tf.scalar(3, "int32"), tf.scalar(40, "int32"))),
    product: tf.add(x, tf.prod(tf.tensor1d([MOST, MOST, MOST], "int32"))),
  }));
  const wrap = (x: bigint) => Number(BigInt.asIntN(32, x));
  assert.deepEqual(result, {
    cast: [wrap(3000000003n)],
    pow: [wrap(3n ** 40n + 3n)],
    product: [wrap(BigInt(MOST) ** 3n + 3n)],
  });
});
