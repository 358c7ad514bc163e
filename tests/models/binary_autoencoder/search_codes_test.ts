import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../../base/random.ts";
import { openDevice } from "../../../engine/open.ts";
import { dense, type Network, table1 } from "../../../models/binary_autoencoder/networks.ts";
import { gpuTest } from "../../engine/webgpu/gpu.ts";
import { searchCodes, type SearchProgress } from "../../../models/binary_autoencoder/search_codes.ts";

await tf.setBackend("cpu");

/** Draws each sign as the grey level of one pixel: the best code of an image is known. */
const PLAIN: Network = {
  encoder: {},
  decoder: {},
  rows: [],
  parameters: 0,
  pixels: 48,
  code: [3, 4, 4],
  bits: 48,
  padded: false,
  frame: (images) => images,
  encode: (framed) => tf.sub(framed, 0.5) as tf.Tensor2D,
  decode: (codes) => tf.mul(0.5, tf.add(codes, 1)),
  picture: (drawn) => drawn as tf.Tensor2D,
};

function signs(seed: number, count: number): Int8Array {
  return Int8Array.from(stream(seed).uniforms(count * 48), (value) => value < 0 ? -1 : 1);
}

/** Mean squared error of each code's drawing. */
function errors(network: Network, codes: Int8Array, images: Float32Array): number[] {
  const count = codes.length / network.bits;
  return tf.tidy(() => {
    const drawn = network.picture(
      network.decode(tf.tensor2d(Float32Array.from(codes), [count, network.bits])),
    );
    return Array.from(
      tf.mean(tf.squaredDifference(drawn, tf.tensor2d(images, [count, images.length / count])), 1).dataSync(),
    );
  });
}

Deno.test("a round turns the worst sign of each code that has a wrong one", async () => {
  // Sign k of an image is wrong by a level of its own, so that the order of the turns is known.
  const codes = signs(1, 3), images = Float32Array.from(codes, (sign) => sign < 0 ? 0.1 : 0.9);
  const wrong = [[], [7], [3, 40, 21]], levels = [0.6, 0.7, 0.8];
  wrong.forEach((bits, image) =>
    bits.forEach((bit, at) => {
      const place = image * 48 + bit;
      images[place] = codes[place] < 0 ? levels[at] : 1 - levels[at];
    })
  );
  await using device = await openDevice("wasm", { threads: 1 });
  const turned = async (rounds: number) => {
    const found = await searchCodes(PLAIN, { device, images, codes, rounds });
    return [0, 1, 2].map((image) =>
      Array.from({ length: 48 }, (_, bit) => bit).filter((bit) =>
        found[image * 48 + bit] !== codes[image * 48 + bit]
      )
    );
  };
  assert.deepEqual(await turned(0), [[], [], []]);
  assert.deepEqual(await turned(1), [[], [7], [21]]);
  assert.deepEqual(await turned(2), [[], [7], [21, 40]]);
  assert.deepEqual(await turned(9), [[], [7], [3, 21, 40]]);
});

Deno.test("no image is drawn worse, and the rounds end when nothing helps", async () => {
  const image = { height: 25, width: 25, channels: 1 }, count = 33;
  const codes = signs(3, count), images = stream(4).uniforms(count * 625).map(Math.abs);
  for (
    const network of [
      dense({ architecture: "dense", hidden: 24, dimensions: 3 }, { image, random: stream(2) }),
      table1({ architecture: "table1", width: 0.01, dimensions: 3 }, { image, random: stream(2) }),
    ]
  ) {
    const tensors = tf.memory().numTensors, improved: number[] = [];
    await using device = await openDevice("wasm", { threads: 1 });
    const onProgress = ({ round, ...at }: SearchProgress): Promise<void> => {
      improved[round - 1] = at.improved;
      assert.ok(at.tried <= at.open && at.open === (improved[round - 2] ?? count));
      return Promise.resolve();
    };
    const found = await searchCodes(network, { device, images, codes, rounds: 200, onProgress });
    assert.equal(tf.memory().numTensors, tensors);
    assert.equal(improved.at(-1), 0);
    const before = errors(network, codes, images), after = errors(network, found, images);
    assert.ok(after.every((error, image) => error <= before[image] + 1e-7));
    assert.ok(after.filter((error, image) => error < before[image]).length > 0.9 * count);
  }
});

/** What a device finds for 9 images of noise. */
async function found(kind: "tfjs" | "wasm" | "webgpu"): Promise<Int8Array> {
  const image = { height: 25, width: 25, channels: 1 };
  const network = dense({ architecture: "dense", hidden: 24, dimensions: 3 }, { image, random: stream(2) });
  const images = stream(6).uniforms(9 * 625).map(Math.abs);
  await using device = await openDevice(kind, { threads: 1 });
  return await searchCodes(network, { device, images, codes: signs(5, 9), rounds: 4 });
}

Deno.test("stock tfjs finds the codes that the engine finds", async () => {
  assert.deepEqual(await found("wasm"), await found("tfjs"));
});

gpuTest("webgpu finds the codes that wasm finds", async () => {
  assert.deepEqual(await found("webgpu"), await found("wasm"));
});
