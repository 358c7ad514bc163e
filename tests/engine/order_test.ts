/** docs/engine.md, "Order": calls take effect in the order in which they are made, awaited or not. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../engine/device.ts";
import { openTfjs } from "../../engine/tfjs.ts";
import { deviceTest } from "./devices.ts";

const X = { x: { shape: [2] } } as const;

function tests(name: string, over: (name: string, test: (device: Device) => Promise<void>) => void): void {
  over(
    `${name}: of two reads at once the first has all runs, the second none, in that order`,
    async (device) => {
      using step = await compiled(device);
      for (const x of [1, 2]) await step.run({ x: Float32Array.of(x, -x) });
      const answered: number[] = [];
      const reads = [0, 1, 2].map(async (read) => {
        const { double } = await step.read();
        answered.push(read);
        return [...double];
      });
      assert.deepEqual(await Promise.all(reads), [[2, -2, 4, -4], [], []]);
      assert.deepEqual(answered, [0, 1, 2]);
    },
  );

  over(`${name}: runs, reads and pulls that nobody waits for keep their order`, async (device) => {
    const total = tf.variable(tf.zeros([2]));
    using step = await compiled(device, total);
    const x = Float32Array.of(1, 2);
    const first = step.run({ x });
    // Inputs are copied when run is called.
    x.fill(100);
    const one = step.read();
    const second = step.run({ x: Float32Array.of(3, 4) });
    const pulled = device.pull([total]);
    const two = step.read();
    await Promise.all([first, second, pulled]);
    assert.deepEqual([[...(await one).double], [...(await two).double]], [[2, 4], [6, 8]]);
    assert.deepEqual([...await total.data()], [4, 6]);
    total.dispose();
  });

  over(`${name}: a read that is pending at dispose is answered`, async (device) => {
    const step = await compiled(device);
    await step.run({ x: Float32Array.of(1, 2) });
    const read = step.read();
    step.dispose();
    assert.deepEqual([...(await read).double], [2, 4]);
    await assert.rejects(step.read(), /Cannot read as .*disposed of/);
    await assert.rejects(step.run({ x: new Float32Array(2) }), /Cannot run as .*disposed of/);
  });

  over(`${name}: a read and a pull that are pending when the device closes are answered`, async (device) => {
    const total = tf.variable(tf.zeros([2]));
    const step = await compiled(device, total);
    await step.run({ x: Float32Array.of(1, 2) });
    const read = step.read(), pulled = device.pull([total]);
    await device[Symbol.asyncDispose]();
    assert.deepEqual([...(await read).double], [2, 4]);
    await pulled;
    assert.deepEqual([...await total.data()], [1, 2]);
    total.dispose();
  });
}

/** Doubles its input, and adds it up. */
async function compiled(device: Device, total?: tf.Variable) {
  const step = await compile(device, ({ x }) => {
    total?.assign(tf.add(total, x));
    return { double: tf.mul(x, 2) };
  }, X);
  return Object.assign(step, { [Symbol.dispose]: () => step.dispose() });
}

tests("compiled", deviceTest);
tests("uncompiled", (name, test) =>
  Deno.test(name, async () => {
    await using device = await openTfjs();
    await test(device);
  }));

deviceTest("more runs than any buffer holds, none waited for, are read in order", async (device) => {
  const size = 1 << 18;
  const step = await compile(device, ({ x }) => ({ double: tf.mul(x, 2) }), { x: { shape: [size] } });
  const runs = Array.from({ length: 40 }, (_, run) => step.run({ x: new Float32Array(size).fill(run) }));
  const { double } = await step.read();
  await Promise.all(runs);
  assert.equal(double.length, 40 * size);
  for (let run = 0; run < 40; run++) {
    assert.deepEqual([double[run * size], double[(run + 1) * size - 1]], [2 * run, 2 * run]);
  }
  step.dispose();
});
