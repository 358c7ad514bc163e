/** docs/engine.md, "Indices" and "NaN": one meaning of indices outside, repeated indices and NaN on every device. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { categorical } from "../../engine/random.ts";
import { stream } from "../../base/random.ts";
import { deviceTest, evaluate, floats, ints, shaped } from "./devices.ts";

const MOST = 2 ** 31 - 1, LEAST = -(2 ** 31);

deviceTest("what is read at an index outside is 0", async (device) => {
  const result = await evaluate(device, {
    x: shaped(floats(1, 2, 3, 4, 5, 6), 2, 3),
    outside: ints(2, -1, 0, MOST, LEAST),
    rows: shaped(ints(0, 3, -1, 2, -3, 1), 2, 3),
    tuples: shaped(ints(0, 3, 1, -1, 2, 0, -1, 5, 1, 1, MOST, MOST), 6, 2),
    single: shaped(ints(1, 2, -1), 3, 1),
  }, ({ x, outside, rows, tuples, single }) => ({
    first: tf.gather(x, outside),
    last: tf.gather(x, outside, 1),
    batches: tf.gather(x, rows, 1, 1),
    nd: tf.gatherND(x, tuples),
    ndRows: tf.gatherND(x, single),
    hot: tf.oneHot(rows, 3),
  }));
  assert.deepEqual(result.first, [0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(result.last, [3, 0, 1, 0, 0, 6, 0, 4, 0, 0]);
  assert.deepEqual(result.batches, [1, 0, 0, 6, 0, 5]);
  // Not element 3 of the table, which [0, 3] would be if rows were counted through.
  assert.deepEqual(result.nd, [0, 0, 0, 0, 5, 0]);
  assert.deepEqual(result.ndRows, [4, 5, 6, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(result.hot, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
});

deviceTest("what is written at an index outside is dropped, with its gradient", async (device) => {
  const result = await evaluate(device, {
    x: floats(1, 2, 3, 4),
    tuples: shaped(ints(0, 3, 1, -1, 1, 1, 2, 0), 4, 2),
    places: ints(-1, 0, 3, LEAST),
    table: shaped(floats(1, 2, 3, 4, 5, 6), 3, 2),
    several: shaped(ints(0, 5, -1, 1, 2, 2), 2, 3),
  }, ({ x, tuples, places, table, several }) => ({
    scattered: tf.scatterND(tuples, x, [2, 3]),
    updated: tf.tensorScatterUpdate(tf.ones([2, 3]), tuples, x),
    dense: tf.sparseToDense(tuples, x, [2, 3], tf.scalar(7)),
    segments: tf.unsortedSegmentSum(x, places as tf.Tensor1D, 3),
    counts: tf.bincount(places as tf.Tensor1D, x as tf.Tensor1D, 3),
    rows: tf.denseBincount(several as tf.Tensor2D, tf.tensor2d([[1, 2, 4], [1, 2, 4]]), 3),
    gradient: tf.grad((table) => tf.sum(tf.gather(table, places)))(table),
  }));
  assert.deepEqual(result, {
    scattered: [0, 0, 0, 0, 3, 0],
    updated: [1, 1, 1, 1, 3, 1],
    dense: [7, 7, 7, 7, 3, 7],
    segments: [2, 0, 0],
    counts: [2, 0, 0],
    rows: [1, 0, 0, 0, 1, 6],
    gradient: [1, 1, 0, 0, 0, 0],
  });
});

deviceTest("of updates of one place the last stays, and sums are sums", async (device) => {
  const operands = {
    x: floats(1, 2, 3),
    at: shaped(ints(1, 1), 2, 1),
    updates: floats(10, 20),
    rows: shaped(ints(2, 0, 2, 2), 4, 1),
    blocks: shaped(floats(1, 2, 3, 4, 5, 6, 7, 8), 4, 2),
    whole: ints(5, 6, 7),
  };
  const fn = ({ x, at, updates, rows, blocks, whole }: Readonly<Record<string, tf.Tensor>>) => ({
    updated: tf.tensorScatterUpdate(x, at, updates),
    blocks: tf.tensorScatterUpdate(tf.zeros([3, 2]), rows, blocks),
    integers: tf.tensorScatterUpdate(whole, at, tf.cast(updates, "int32")),
    dense: tf.sparseToDense(at.reshape([2]), updates, [3], tf.scalar(0)),
    sums: tf.scatterND(at, updates, [3]),
  });
  const result = await evaluate(device, operands, fn);
  assert.deepEqual(result, {
    updated: [1, 20, 3],
    blocks: [3, 4, 0, 0, 7, 8],
    integers: [5, 20, 7],
    dense: [0, 20, 0],
    sums: [0, 30, 0],
  });
});

deviceTest(
  "NaN is the largest for topk, and passed over by argMax and argMin unless it comes first",
  async (device) => {
    const rows = [
      [NaN, 1, 2, 3],
      [1, NaN, 3, NaN],
      [-Infinity, NaN, NaN, Infinity],
      [-0, 0, -1, NaN],
      [NaN, NaN, NaN, NaN],
    ];
    const x = { data: Float32Array.from(rows.flat()), shape: [5, 4] };
    const long = {
      data: Float32Array.from({ length: 900 }, (_, i) => (i % 300 === 7 ? NaN : i % 300)),
      shape: [3, 300],
    };
    const result = await evaluate(device, { x, long }, ({ x, long }) => ({
      values: tf.topk(x, 3).values,
      at: tf.topk(x, 3).indices,
      all: tf.topk(x, 4).indices,
      largest: tf.argMax(x, 1),
      smallest: tf.argMin(x, 1),
      down: tf.argMax(x, 0),
      max: tf.max(x, 1),
      min: tf.min(x, 1),
      long: tf.topk(long, 2).indices,
      longest: tf.argMax(long, 1),
      tops: tf.topk(long, 2).values,
    }));
    assert.deepEqual(result.values, [NaN, 3, 2, NaN, NaN, 3, NaN, NaN, Infinity, NaN, -0, 0, NaN, NaN, NaN]);
    assert.deepEqual(result.at, [0, 3, 2, 1, 3, 2, 1, 2, 3, 3, 0, 1, 0, 1, 2]);
    assert.deepEqual(result.all.slice(8, 12), [1, 2, 3, 0]);
    for (const [name, expected] of [["largest", tf.argMax], ["smallest", tf.argMin]] as const) {
      assert.deepEqual(result[name], [...expected(tf.tensor2d(rows), 1).dataSync()], name);
    }
    assert.deepEqual(result.largest, [0, 2, 3, 0, 0]);
    assert.deepEqual(result.down, [...tf.argMax(tf.tensor2d(rows), 0).dataSync()]);
    assert.deepEqual([result.max, result.min], [rows.map(() => NaN), rows.map(() => NaN)]);
    assert.deepEqual(result.long, [7, 299, 7, 299, 7, 299]);
    assert.deepEqual(result.longest, [299, 299, 299]);
    assert.deepEqual(result.tops, [NaN, 299, NaN, 299, NaN, 299]);
  },
);

deviceTest("NaN in windows, draws and choices is what stock tfjs makes of it", async (device) => {
  const image = {
    data: Float32Array.of(NaN, 1, 2, NaN, NaN, NaN, NaN, NaN, 1, 5, 3, 4, 9, 8, 7, 6),
    shape: [1, 4, 4, 1],
  };
  const fn = ({ image, x, y }: Readonly<Record<string, tf.Tensor>>) => ({
    pooled: tf.maxPool(image as tf.Tensor4D, 2, 2, "valid"),
    mean: tf.avgPool(image as tf.Tensor4D, 2, 2, "valid"),
    maximum: tf.maximum(x, y),
    where: tf.where(tf.greater(x, y), x, y),
    equal: tf.equal(x, y).cast("int32"),
    different: tf.notEqual(x, y).cast("int32"),
    less: tf.lessEqual(x, y).cast("int32"),
    truth: tf.logicalNot(x.cast("bool")).cast("int32"),
    sign: tf.sign(x),
    relu: tf.relu(x),
    clipped: tf.clipByValue(x, -1, 1),
    any: tf.any(x.cast("bool")).cast("int32"),
    softmax: tf.softmax(x),
  });
  const operands = { image, x: floats(NaN, 1, NaN, -2), y: floats(1, NaN, NaN, -2) };
  const result = await evaluate(device, operands, fn);
  const tensors = Object.fromEntries(
    Object.entries(operands).map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]),
  );
  for (const [name, tensor] of Object.entries<tf.Tensor>(fn(tensors))) {
    assert.deepEqual(result[name], [...await tensor.data()], name);
  }
  const key = stream(3).key;
  const drawn = await evaluate(device, {
    logits: shaped(floats(NaN, 0, 0, 0, NaN, 0, -Infinity, -Infinity, 0), 3, 3),
    counter: { data: Int32Array.of(4), shape: [] },
  }, ({ logits, counter }) => ({
    drawn: categorical(
      logits as tf.Tensor2D,
      { random: { key }, counter } as Parameters<typeof categorical>[1],
    ),
  }));
  // No comparison with NaN holds: the last class.
  assert.deepEqual(drawn.drawn, [2, 2, 2]);
});
