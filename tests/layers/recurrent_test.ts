import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { sequential } from "../../layers/layer.ts";
import { gated, orthogonalBlocks, simpleRecurrent, throughStack } from "../../layers/recurrent.ts";
import "../../engine/open.ts";

const UNITS = 4, TIME = 7;

Deno.test("blocks of a recurrent kernel are orthogonal", () => {
  const blocks = 3, kernel = orthogonalBlocks(stream(0), { units: UNITS, blocks });
  for (let block = 0; block < blocks; block++) {
    for (let a = 0; a < UNITS; a++) {
      for (let b = 0; b < UNITS; b++) {
        let product = 0;
        for (let i = 0; i < UNITS; i++) {
          const at = (row: number): number => kernel[row * blocks * UNITS + block * UNITS + i];
          product += at(a) * at(b);
        }
        assert.ok(Math.abs(product - (a === b ? 1 : 0)) < 1e-6, `${block}: ${a}, ${b}`);
      }
    }
  }
});

Deno.test("gates start where their rule says: the LSTM's second block, the GRU's second", async () => {
  await tf.setBackend("cpu");
  for (const [cell, blocks] of [["lstm", 4], ["gru", 3]] as const) {
    for (const gates of ["uniform", "chrono", "zero"] as const) {
      const network = sequential([TIME, 1], [gated("cell", { cell, units: UNITS, output: "last", gates })]);
      const bias = await network.init(stream(1))["cell/bias"].data();
      assert.equal(bias.length, blocks * UNITS);
      const kept = bias.subarray(UNITS, 2 * UNITS);
      const low = { uniform: Math.log(1 / (TIME - 1)) + 2, chrono: 0, zero: 0 }[gates];
      const high = { uniform: Math.log(TIME - 1) + 2, chrono: Math.log(TIME - 1), zero: 0 }[gates];
      assert.ok(
        kept.every((value) => value >= low - 1e-5 && value <= high + 1e-5),
        `${cell} ${gates}: ${kept}`,
      );
      assert.ok(bias.subarray(2 * UNITS).every((value) => value === 0));
      const opposite = cell === "lstm" && gates === "chrono";
      kept.forEach((value, unit) => assert.ok(bias[unit] === (opposite ? -value : 0)));
    }
  }
});

Deno.test("a stack taken in two stretches ends where it ends in one, and rows of other lengths keep their states", async () => {
  await tf.setBackend("cpu");
  for (const cell of ["lstm", "gru"] as const) {
    const names = ["a", "b"];
    const network = sequential(
      [TIME, 1],
      names.map((name) => gated(name, { cell, units: UNITS, output: "sequence" })),
    );
    const weights = network.init(stream(2)), x = tf.tensor3d(stream(3).uniforms(2 * TIME), [2, TIME, 1]);
    const whole = throughStack(x, weights, { names, cell });
    assert.deepEqual(await network.apply(weights, x).array(), await whole.states.array());
    const first = throughStack(tf.slice(x, [0, 0, 0], [2, 3, 1]), weights, { names, cell });
    const second = throughStack(tf.slice(x, [0, 3, 0], [2, 4, 1]), weights, {
      names,
      cell,
      initial: first.end,
    });
    const lengths = tf.tensor1d([3, TIME], "int32"), own = throughStack(x, weights, { names, cell, lengths });
    for (const layer of [0, 1]) {
      const close = async (a: tf.Tensor2D, b: tf.Tensor2D, row: number) => {
        const [left, right] = [(await a.array())[row], (await b.array())[row]];
        left.forEach((value, i) => assert.ok(Math.abs(value - right[i]) < 1e-6));
      };
      for (const part of cell === "lstm" ? ["hidden", "cell"] as const : ["hidden"] as const) {
        for (const row of [0, 1]) await close(second.end[layer][part]!, whole.end[layer][part]!, row);
        await close(own.end[layer][part]!, first.end[layer][part]!, 0);
        await close(own.end[layer][part]!, whole.end[layer][part]!, 1);
      }
    }
  }
});

Deno.test("a simple recurrent layer starts as the identity: without input its state stays", async () => {
  await tf.setBackend("cpu");
  const network = sequential([3, 2], [simpleRecurrent("cell", { units: 4, inputDeviation: 0.03 })]);
  assert.equal(network.parameters, 2 * 4 + 4 * 4 + 4);
  const weights = network.init(stream(4)), kernel = await weights["cell/kernel"].array() as number[][];
  assert.deepEqual(await weights["cell/recurrent_kernel"].array(), await tf.eye(4).array());
  const x = tf.tensor3d([1, 2, 0, 0, 0, 0], [1, 3, 2]), state = await network.apply(weights, x).data();
  kernel[0].forEach((weight, unit) => {
    const first = Math.tanh(weight + 2 * kernel[1][unit]);
    assert.ok(Math.abs(state[unit] - Math.tanh(Math.tanh(first))) < 1e-6);
  });
});
