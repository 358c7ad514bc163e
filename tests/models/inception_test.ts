/** Against PyTorch, whose answers are stored: weights and images come of one rule on both sides. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import stored from "../../analysis/inception_from_torch.json" with { type: "json" };
import type { TorchTensor } from "../../base/torch_file.ts";
import { withChannels } from "../../data/picture.ts";
import { resize } from "../../data/resize.ts";
import { compile } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { build, inceptionFeatures, logits, taps } from "../../models/inception.ts";
import { close } from "../layers/check.ts";
import { hashed } from "./hashed.ts";

const { weights: SHAPES, taps: EXPECTED } = stored;

/** All weights of the stored shapes, and those of the normalization after each convolution. */
const STATE = stateByRule();

function stateByRule(): Map<string, TorchTensor> {
  const state = new Map<string, TorchTensor>();
  const put = (name: string, shape: readonly number[], of: (value: number) => number): void => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    state.set(name, { shape, data: hashed(name, size).map(of) });
  };
  for (const [name, shape] of Object.entries(SHAPES)) {
    const [outputs, ...inputs] = shape;
    const scale = Math.sqrt(6 / inputs.reduce((product, extent) => product * extent, 1));
    put(name, shape, (value) => value * scale);
    if (!name.endsWith(".conv.weight")) continue;
    const norm = name.replace(".conv.weight", ".bn");
    for (const part of ["weight", "running_var"]) put(`${norm}.${part}`, [outputs], (value) => 1 + value / 4);
    for (const part of ["bias", "running_mean"]) put(`${norm}.${part}`, [outputs], (value) => value / 10);
  }
  put("fc.bias", [1008], (value) => value / 10);
  return state;
}

Deno.test("all taps and the logits are those of PyTorch", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  for (const [extent, expected] of Object.entries(EXPECTED)) {
    const size = Number(extent), model = build(STATE, { size });
    assert.equal(model.stages.reduce((sum, { parameters }) => sum + parameters, 0), 21_785_568);
    const look = await compile(device, ({ x }) => {
      const found = taps(model, x);
      return { ...Object.fromEntries(found.map((tap, at) => [at, tap])), 4: logits(model, found[3]) };
    }, { x: { shape: [1, size, size, 3] } });
    await look.run({ x: hashed("image", size * size * 3) });
    const found = Object.values(await look.read());
    assert.deepEqual(found.map(({ length }) => length), [64, 192, 768, 2048, 1008]);
    found.forEach((values, at) => {
      const every = Math.floor(values.length / 40);
      let worst = 0;
      expected[at].forEach((value, i) => {
        worst = Math.max(worst, Math.abs(values[i * every] - value));
      });
      assert.ok(worst <= 1e-4, `${size}, tap ${at}: off by ${worst}`);
    });
    look.dispose();
    tf.dispose({ ...model.weights });
  }
});

Deno.test("a file that lacks a weight, or has another network's, is refused", () => {
  const state = new Map(STATE);
  state.set("Conv2d_1a_3x3.bn.running_var", { shape: [3], data: new Float32Array(3) });
  assert.throws(() => build(state), /its Conv2d_1a_3x3.bn.running_var must be float32 \[32\]: it is \[3\]/);
  state.delete("Conv2d_1a_3x3.conv.weight");
  assert.throws(
    () => build(state),
    /its Conv2d_1a_3x3.conv.weight must be float32 \[32, 3, 3, 3\]: it has none/,
  );
});

Deno.test("pictures are looked at in batches, from -1 for black to 1 for white, grey ones in three equal colours", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const size = 75, model = build(STATE, { size }), count = 17;
  const levels = Uint8Array.from(hashed("levels", count * 4), (value) => 127.5 * (value + 1));
  const grey = (index: number) => levels.slice(4 * index, 4 * index + 4);
  const pictures = {
    count,
    picture: (index: number) => {
      const last = index === count - 1, pixels = grey(last ? 0 : index);
      // The last one is the first in colour.
      return Promise.resolve({
        ...{ height: 2, width: 2, channels: last ? 3 : 1 } as const,
        pixels: last ? Uint8Array.from({ length: 12 }, (_, at) => pixels[Math.floor(at / 3)]) : pixels,
      });
    },
  };
  const features = await inceptionFeatures(model, { device, pictures, rule: "pytorch" });
  assert.equal(features.length, count * 2048);
  close(features.subarray(16 * 2048), features.subarray(0, 2048), 1e-5);
  const look = await compile(device, ({ x }) => ({ last: taps(model, x)[3] }), {
    x: { shape: [1, size, size, 3] },
  });
  const picture = await pictures.picture(15), colours = withChannels(picture, 3);
  await look.run({ x: resize(colours, { size, rule: "pytorch" }).map((level) => level / 127.5 - 1) });
  close((await look.read()).last, features.subarray(15 * 2048, 16 * 2048), 1e-5);
});
