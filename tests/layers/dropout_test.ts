import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { dropout } from "../../layers/dropout.ts";
import { sequential } from "../../layers/layer.ts";

Deno.test("it drops a share while it learns, another by step and by name, and nothing in evaluation", async () => {
  await tf.setBackend("cpu");
  const x = tf.ones([1, 4000]);
  const dropped = (name: string, step: number): Float32Array => {
    const training = { random: stream(1), counter: tf.scalar(step, "int32") };
    return sequential([4000], [dropout(name, 0.25)]).apply({}, x, training).dataSync() as Float32Array;
  };
  const one = dropped("a", 0), kept = one.filter((value) => value > 0);
  assert.ok(kept.every((value) => Math.abs(value - 4 / 3) < 1e-6));
  // Four deviations of 4,000 draws.
  assert.ok(Math.abs(kept.length - 3000) < 4 * Math.sqrt(4000 * 0.25 * 0.75), `${kept.length}`);
  assert.deepEqual(dropped("a", 0), one);
  assert.notDeepEqual(dropped("a", 1), one);
  assert.notDeepEqual(dropped("b", 0), one);
  assert.deepEqual(sequential([4000], [dropout("a", 0.25)]).apply({}, x).dataSync(), x.dataSync());
});
