import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { openDevice } from "../../engine/open.ts";
import { generation, prefixScorer, sampleSequences, scoredOnce, sequenceSums } from "../../run/sampling.ts";

const device = await openDevice("tfjs");

/** Logits of a model that counts upwards from the last token (0 at first), sure but for 1 in e^30. */
function counting(prefixes: tf.Tensor2D, position: number): tf.Tensor2D {
  const last = position === 0
    ? tf.fill([prefixes.shape[0]], -1, "int32")
    : prefixes.slice([0, position - 1], [-1, 1]).reshape([-1]);
  const next = tf.mod(tf.add(last, tf.scalar(1, "int32")), tf.scalar(3, "int32"));
  return tf.mul(tf.oneHot(next as tf.Tensor1D, 3), 30);
}

Deno.test("a sequence is sampled token by token, each from the ones before", async () => {
  const model = { vocabulary: 3, length: 5, logits: counting };
  const samples = await sampleSequences(model, { device, count: 2, seed: 0 });
  assert.deepEqual([...samples], [0, 1, 2, 0, 1, 0, 1, 2, 0, 1]);
});

Deno.test("what is not there yet is absent, and so is what lies behind the range", async () => {
  const seen: string[] = [];
  const logits = (prefixes: tf.Tensor2D, position: number): tf.Tensor2D => {
    seen.push([...prefixes.dataSync().slice(0, 3)].join(""));
    return counting(prefixes, position);
  };
  await sampleSequences({ vocabulary: 3, length: 4, logits }, { device, count: 1, seed: 0 });
  await sampleSequences({ vocabulary: 3, length: 4, range: 1, logits }, { device, count: 1, seed: 0 });
  assert.deepEqual(seen, ["333", "033", "013", "012", "333", "033", "313", "332"]);
});

Deno.test("windows that few tokens can make are read once each, and the sequences are the same", () => {
  for (const range of [undefined, 2]) {
    const read: number[] = [];
    // Of every token that is seen, by its place.
    const logits = (prefixes: tf.Tensor2D): tf.Tensor2D => {
      read.push(prefixes.shape[0]);
      const sum = tf.sum(tf.mul(prefixes, tf.range(1, 6, 1, "int32")), 1, true);
      return tf.mul(2, tf.sin(tf.mul(sum, tf.tensor2d([1, 2, 3], [1, 3]))));
    };
    const model = { vocabulary: 3, length: 6, range, logits }, rows = 40, counter = tf.scalar(0, "int32");
    const draw = generation(model, { seed: 1, rows });
    const shared = draw({ counter }).tokens.dataSync();
    assert.deepEqual(read, range === 2 ? [1, 3, 9, 9, 9, 9] : [1, 3, 9, 27, 40, 40]);
    assert.deepEqual(shared, draw({ counter, given: tf.zeros([rows, 0], "int32") }).tokens.dataSync());
  }
});

Deno.test("what is longer than the model's length goes on from the window before each token, and from a longer beginning", async () => {
  const seen: string[] = [];
  const logits = (prefixes: tf.Tensor2D, position: number): tf.Tensor2D => {
    if (position === 3) seen.push([...prefixes.dataSync().slice(-3)].join(""));
    return counting(prefixes, position);
  };
  const model = { vocabulary: 3, length: 4, logits };
  const draw = (more: object) => sampleSequences(model, { device, count: 2, seed: 0, extent: 7, ...more });
  assert.deepEqual([...await draw({})], [0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 0, 1, 2, 0]);
  const given = Int32Array.of(1, 1, 1, 1, 1, 2, 2, 2, 2, 2);
  assert.deepEqual([...await draw({ given })], [1, 1, 1, 1, 1, 2, 0, 2, 2, 2, 2, 2, 0, 1]);
  seen.length = 0;
  await sampleSequences({ ...model, range: 2 }, {
    device,
    count: 1,
    seed: 0,
    given: given.subarray(5),
    extent: 7,
  });
  assert.deepEqual(seen, ["322", "320"]);
});

Deno.test("long sequences are drawn token by token, whatever their number, and a range hides what is old", async () => {
  const length = 40;
  /** The next of 0, 1, 2, after what is drawn at random first. */
  const logits =
    (range: number) => (prefixes: tf.Tensor2D, position: number, at?: tf.Scalar): tf.Tensor2D => {
      if (at === undefined) throw new Error("one position a run");
      const here = at.dataSync()[0];
      assert.ok(here <= position && position < length);
      const absent = prefixes.arraySync().map((row) =>
        row.map((token, column) => [token === 3, column] as const)
      );
      absent[0].forEach(([none, column]) => assert.equal(none, column >= here || column < here - range));
      if (here === 0) return tf.zeros([prefixes.shape[0], 3]);
      return counting(prefixes, here);
    };
  const draw = (count: number, range?: number) =>
    sampleSequences({ vocabulary: 3, length, range, logits: logits(range ?? length) }, {
      device,
      count,
      seed: 1,
    });
  const five = await draw(5), two = await draw(2, 3);
  for (let at = 0; at < five.length; at++) {
    if (at % length > 0) assert.equal(five[at], (five[at - 1] + 1) % 3);
  }
  assert.deepEqual(two, five.slice(0, 2 * length));
  const firsts = new Set((await draw(20)).filter((_, at) => at % length === 0));
  assert.equal(firsts.size, 3);
});

Deno.test("tokens are drawn as often as their probability says, anew for each sequence", async () => {
  const logits = (prefixes: tf.Tensor2D): tf.Tensor2D =>
    tf.add(tf.zeros([prefixes.shape[0], 3]), tf.log(tf.tensor1d([0.5, 0.3, 0.2])));
  const count = 5000;
  const samples = await sampleSequences({ vocabulary: 3, length: 2, logits }, { device, count, seed: 2 });
  const pairs = new Float64Array(9);
  for (let at = 0; at < samples.length; at += 2) pairs[3 * samples[at] + samples[at + 1]]++;
  pairs.forEach((times, pair) => {
    const p = [0.5, 0.3, 0.2][Math.floor(pair / 3)] * [0.5, 0.3, 0.2][pair % 3];
    assert.ok(Math.abs(times / count - p) < 4 * Math.sqrt(p * (1 - p) / count), `pair ${pair}: ${times}`);
  });
});

Deno.test("log-probabilities are those of the tokens given their prefixes", async () => {
  // After nothing 1/4 and 3/4; after 0 1/2 and 1/2; after 1 (logits 0 and ln 9) 1/10 and 9/10.
  const table = [[0.5, 0.5], [0.1, 0.9], [0.25, 0.75]];
  const logits = (prefixes: tf.Tensor2D): tf.Tensor2D =>
    tf.gather(tf.log(tf.tensor2d(table)), prefixes.reshape([-1]) as tf.Tensor1D);
  const sequences = { tokens: Int32Array.of(0, 1, 1, 0, 1, 1), count: 3, length: 2, vocabulary: 2 };
  const logs = await scoredOnce(prefixScorer(logits, { device, sequences }));
  [0.25, 0.5, 0.75, 0.1, 0.75, 0.9].forEach((probability, index) =>
    assert.ok(Math.abs(Math.exp(logs[index]) - probability) < 1e-6)
  );
  const products = sequenceSums(logs, 2).map(Math.exp);
  [0.125, 0.075, 0.675].forEach((product, index) => assert.ok(Math.abs(products[index] - product) < 1e-6));
});

Deno.test("sequences go on from the tokens that they are given", async () => {
  const model = { vocabulary: 3, length: 4, logits: counting };
  const given = Int32Array.of(2, 1, 0, 0);
  const drawn = await sampleSequences(model, { device, count: 2, seed: 0, given });
  assert.deepEqual([...drawn], [2, 1, 2, 0, 0, 0, 1, 2]);
});

Deno.test("a low temperature draws the most probable, a high one draws alike", async () => {
  const probabilities = [0.5, 0.3, 0.2], count = 2000;
  const logits = (prefixes: tf.Tensor2D): tf.Tensor2D =>
    tf.tile(tf.log(tf.tensor2d([probabilities])), [prefixes.shape[0], 1]);
  const shares = async (temperature?: number): Promise<number[]> => {
    const model = { vocabulary: 3, length: 2, logits };
    const drawn = await sampleSequences(model, { device, count, seed: 1, temperature });
    return [0, 1, 2].map((token) => drawn.filter((one) => one === token).length / drawn.length);
  };
  assert.deepEqual(await shares(0.01), [1, 0, 0]);
  assert.deepEqual(await shares(1), await shares());
  for (const share of await shares(100)) assert.ok(Math.abs(share - 1 / 3) < 0.04, `${share}`);
});
