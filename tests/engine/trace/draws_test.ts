import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { compile, type Device } from "../../../engine/device.ts";
import { openTfjs } from "../../../engine/tfjs.ts";
import { deviceTest } from "../devices.ts";

class Jitter extends tf.layers.Layer {
  static className = "Jitter";
  override computeOutputShape(shape: tf.Shape): tf.Shape {
    return shape;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => {
      const spread = tf.add(tf.randomUniform(x.shape, -1, 3), tf.truncatedNormal(x.shape, 5, 0.5));
      const drawn = tf.multinomial(tf.zeros([x.shape[0]!, 3]) as tf.Tensor2D, 1);
      return tf.add(tf.mul(x, spread), tf.cast(drawn, "float32"));
    });
  }
}

const { layers } = tf;
const LAYERS: Record<string, { shape: number[]; layers: () => tf.layers.Layer[] }> = {
  dropout: { shape: [6], layers: () => [layers.dense({ units: 8 }), layers.dropout({ rate: 0.4 })] },
  "dropout with a seed": {
    shape: [6],
    layers: () => [layers.dense({ units: 8 }), layers.dropout({ rate: 0.4, seed: 3 })],
  },
  "convolution and dropout": {
    shape: [5, 5, 1],
    layers: () => [
      layers.conv2d({ filters: 4, kernelSize: 3 }),
      layers.dropout({ rate: 0.5, noiseShape: [2, 1, 1, 4] }),
      layers.flatten(),
    ],
  },
  gaussianNoise: { shape: [6], layers: () => [layers.gaussianNoise({ stddev: 0.5 })] },
  gaussianDropout: { shape: [6], layers: () => [layers.gaussianDropout({ rate: 0.3 })] },
  alphaDropout: { shape: [6], layers: () => [layers.alphaDropout({ rate: 0.3 })] },
  spatialDropout1d: {
    shape: [3, 6],
    layers: () => [layers.spatialDropout1d({ rate: 0.5 }), layers.flatten()],
  },
  LSTM: { shape: [2, 2], layers: () => [layers.lstm({ units: 2, dropout: 0.3, recurrentDropout: 0.3 })] },
  GRU: { shape: [2, 2], layers: () => [layers.gru({ units: 2, dropout: 0.3, recurrentDropout: 0.3 })] },
  "simple RNN": {
    shape: [2, 2],
    layers: () => [layers.simpleRNN({ units: 2, dropout: 0.3, recurrentDropout: 0.3 })],
  },
  custom: { shape: [6], layers: () => [new Jitter({})] },
};

/** Trains for some steps, and gives what the network gave in each. */
async function train(device: Device, name: string, { from, steps }: { from: number; steps: number }) {
  const { shape, layers: make } = LAYERS[name];
  const model = tf.sequential();
  make().forEach((layer, index) => {
    if (index === 0) model.add(layers.inputLayer({ inputShape: shape }));
    model.add(layer);
  });
  model.add(layers.dense({ units: 1 }));
  model.weights.forEach((weight, index) =>
    weight.write(
      tf.tidy(() =>
        tf.sin(tf.range(0, tf.util.sizeFromShape(weight.shape as number[])).add(index)).reshape(
          weight.shape as number[],
        )
      ),
    )
  );
  const optimizer = tf.train.sgd(0), size = 2 * tf.util.sizeFromShape(shape);
  const loss = (x: tf.Tensor) =>
    tf.mean(tf.square(model.apply(x, { training: true }) as tf.Tensor)) as tf.Scalar;
  const step = await compile(
    device,
    ({ x }) => ({ loss: optimizer.minimize(() => loss(x), true)! }),
    { x: { shape: [2, ...shape] } },
    { seed: 7 },
  );
  step.runs = from;
  for (let run = 0; run < steps; run++) {
    await step.run({ x: Float32Array.from({ length: size }, (_, i) => Math.cos(i)) });
  }
  const { loss: losses } = await step.read();
  assert.equal(step.runs, from + steps);
  step.dispose();
  model.dispose();
  return [...losses];
}

function assertClose(actual: number[], expected: number[], what: string): void {
  actual.forEach((value, i) =>
    assert.ok(
      Math.abs(value - expected[i]) < 2e-4 * (1 + Math.abs(value)),
      `${what}: ${actual} instead of ${expected}`,
    )
  );
}

const expected = new Map<string, number[]>();
for (const name of Object.keys(LAYERS)) {
  deviceTest(
    `a network with ${name} compiles, draws anew in each step, and again after a resume`,
    async (device) => {
      const all = await train(device, name, { from: 0, steps: 4 });
      const distinct = new Set(all.map(String));
      assert.ok(distinct.size >= 3, `${name}: ${all}`);
      assertClose(await train(device, name, { from: 2, steps: 2 }), all.slice(2), name);
      const known = expected.get(name);
      if (known === undefined) expected.set(name, all);
      else assertClose(all, known, `${name} on another device`);
    },
  );
}

Deno.test("the uncompiled device draws what the compiled ones draw", async () => {
  await using device = await openTfjs();
  for (const name of Object.keys(LAYERS)) {
    // tfjs's own multinomial is not the engine's.
    if (name !== "custom") {
      assertClose(await train(device, name, { from: 0, steps: 4 }), expected.get(name)!, name);
    }
  }
});

deviceTest("draws have the range and the moments that are asked for", async (device) => {
  const size = 20000;
  const step = await compile(device, () => ({
    uniform: tf.randomUniform([size], -2, 6),
    whole: tf.randomUniform([size], 3, 7, "int32"),
    normal: tf.randomNormal([size], 4, 2),
    truncated: tf.truncatedNormal([size], 1, 3),
    one: tf.randomUniform([], 5, 6),
    fixed: tf.randomNormal([3], 0, 1, "float32", 11),
  }), {});
  for (let run = 0; run < 2; run++) await step.run({});
  const all = await step.read();
  const mean = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b) / x.length;
  const deviation = (x: ArrayLike<number>) => {
    const center = mean(x);
    return Math.sqrt(mean(Array.from(x, (y) => (y - center) ** 2)));
  };
  assert.ok(
    Math.abs(mean(all.uniform) - 2) < 0.1 && Math.abs(deviation(all.uniform) - 8 / Math.sqrt(12)) < 0.05,
  );
  assert.ok(Math.abs(mean(all.normal) - 4) < 0.06 && Math.abs(deviation(all.normal) - 2) < 0.05);
  // Of a normal distribution cut at two deviations the deviation is 0.8796 of the whole one's.
  assert.ok(
    Math.abs(mean(all.truncated) - 1) < 0.08 && Math.abs(deviation(all.truncated) - 3 * 0.8796) < 0.05,
  );
  assert.ok(all.truncated.every((x) => x >= -5 && x <= 7));
  assert.deepEqual([...new Set(all.whole)].sort(), [3, 4, 5, 6]);
  assert.ok(all.one[0] !== all.one[1] && all.one.every((x) => x >= 5 && x < 6));
  // A seed of its own gives the same numbers in each call, as in stock tfjs.
  const fixed = [...tf.randomNormal([3], 0, 1, "float32", 11).dataSync()];
  assert.deepEqual([...all.fixed], [...fixed, ...fixed]);
});

Deno.test("tfjs draws as it always did outside of compiled functions", () => {
  const draw = () => [...tf.randomUniform([4]).dataSync()];
  assert.notDeepEqual(draw(), draw());
});
