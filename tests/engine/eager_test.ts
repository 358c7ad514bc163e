import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { registerEager } from "../../engine/eager.ts";
import { ReferenceExecutor } from "../../engine/reference.ts";

Deno.test("single operations run as a tfjs backend", async (t) => {
  await using executor = new ReferenceExecutor();
  registerEager("eager-test", executor);
  await tf.setBackend("eager-test");
  try {
    await t.step("values worked out by hand, twice from one plan", async () => {
      for (const factor of [1, 2]) {
        const a = tf.tensor2d([1, 2, 3, 4].map((x) => x * factor), [2, 2]);
        assert.deepEqual([...await tf.matMul(a, a).data()], [7, 10, 15, 22].map((x) => x * factor * factor));
      }
    });
    await t.step("attributes that JSON cannot tell apart are different calls", async () => {
      const x = tf.tensor1d([-1, 3]);
      assert.deepEqual([...await tf.pad(x, [[1, 0]], Infinity).data()], [Infinity, -1, 3]);
      assert.deepEqual([...await tf.pad(x, [[1, 0]], -Infinity).data()], [-Infinity, -1, 3]);
    });
    await t.step("a bool is a bool", async () => {
      const both = tf.greater(tf.tensor1d([1, 5]), 2);
      assert.equal(both.dtype, "bool");
      assert.deepEqual(await both.data(), Uint8Array.of(0, 1));
    });
    await t.step("gradients, and nothing is kept", async () => {
      const before = tf.memory().numTensors, data = tf.engine().backend.numDataIds();
      const gradient = tf.tidy(() => tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, -2])));
      assert.deepEqual([...await gradient.data()], [2, -4]);
      gradient.dispose();
      assert.equal(tf.memory().numTensors, before);
      assert.equal(tf.engine().backend.numDataIds(), data);
    });
    await t.step("waiting for a result is refused", () => {
      assert.throws(() => tf.add(1, tf.tensor1d([2])).dataSync(), /use await data\(\)/);
    });
  } finally {
    await tf.setBackend("cpu");
    tf.removeBackend("eager-test");
  }
});
