import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { sequential } from "../../layers/layer.ts";
import { flatten, reshape } from "../../layers/reshape.ts";

Deno.test("numbers stay as they lie", () => {
  const network = sequential([2, 2, 3], [flatten, reshape([4, 3])]),
    x = tf.range(0, 24).reshape([2, 2, 2, 3]);
  assert.deepEqual(network.rows.map(({ output }) => output), ["N x 3 x 2 x 2", "N x 12", "N x 4 x 3"]);
  assert.deepEqual(network.apply({}, x).arraySync(), x.reshape([2, 4, 3]).arraySync());
  assert.throws(() => sequential([5], [reshape([2, 2])]), /as both must hold as many numbers/);
});
