import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import { openDevice } from "../../engine/open.ts";
import { dense, type Network } from "../../models/binary_networks.ts";
import { searchCodes } from "../../models/search_codes.ts";

await tf.setBackend("cpu");

/** Draws each sign as the grey level of one pixel: the best code of an image is known. */
const PLAIN: Network = {
  encoder: {},
  decoder: {},
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
  const network = dense({ architecture: "dense", hidden: 24, dimensions: 3 }, {
    image: { height: 8, width: 8, channels: 1 },
    random: stream(2),
  });
  const count = 40, codes = signs(3, count), images = stream(4).uniforms(count * 64).map(Math.abs);
  const tensors = tf.memory().numTensors, found: Int8Array[] = [], improved: number[] = [];
  for (const kind of ["wasm", "tfjs"] as const) {
    await using device = await openDevice(kind, { threads: 1 });
    found.push(
      await searchCodes(network, {
        device,
        images,
        codes,
        rounds: 100,
        onRound: (_, images) => {
          if (kind === "wasm") improved.push(images);
        },
      }),
    );
  }
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual(found[0], found[1]);
  assert.equal(improved.at(-1), 0);
  assert.ok(
    improved.length < 100 && improved.every((images, round) => images <= (improved[round - 1] ?? count)),
  );
  const before = errors(network, codes, images), after = errors(network, found[0], images);
  assert.ok(after.every((error, image) => error <= before[image]));
  // Every image of noise has a better code than a random one.
  assert.ok(after.filter((error, image) => error < before[image]).length > 0.9 * count);
});
