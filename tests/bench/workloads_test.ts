import assert from "node:assert/strict";
import { compile, type InputArrays, type InputSpecs } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import * as flow from "../../models/flow.ts";
import { runnerOf, tfjsStep } from "../../bench/tfjs.ts";
import { batchRows, elements, hashed, mlpTargets, WORKLOADS } from "../../bench/workloads.ts";

Deno.test("the formula's numbers are those of MurmurHash3's finalizer", () => {
  // fmix32(0) = 0 and fmix32(1) = 0x514e28b7, the published values.
  assert.equal(hashed(0, 0), 0);
  assert.equal(hashed(0, 1), 0x514e28 / 0x1000000);
  // Seed 1 starts 2^32 / golden ratio further on.
  assert.equal(hashed(1, 0), hashed(0, 0x9e3779b9));
});

Deno.test("a formula's elements fill its range evenly", () => {
  const data = elements({ shape: [100, 100], seed: 7, low: -2, high: 2 });
  assert.equal(data.length, 10_000);
  assert.ok(data.every((value) => value >= -2 && value < 2));
  // Standard error of the mean: 4 / sqrt(12 * 10000) = 0.012.
  assert.ok(Math.abs(data.reduce((sum, value) => sum + value, 0) / data.length) < 0.05);
});

Deno.test("targets are distributions", () => {
  const targets = mlpTargets();
  for (let row = 0; row < 512; row++) {
    const sum = targets.subarray(row * 8, row * 8 + 8).reduce((total, value) => total + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6);
  }
});

Deno.test("FLOPs are those counted by hand", () => {
  const flops = Object.fromEntries(WORKLOADS.map((workload) => [workload.name, workload.flops]));
  assert.equal(flops["matmul-512"], 2 * 512 * 512 * 512);
  assert.equal(flops.mlp, 2 * 512 * (2 * 120 * 256 + 3 * (256 * 256 + 256 * 8)));
  assert.equal(flops["dense-autoencoder"], 2 * 128 * (2 * 784 * 512 + 3 * (512 * 48 + 48 * 512 + 512 * 784)));
  assert.equal(flops.seq2hist, 2 * 512 * (2 * 135 * 256 + 3 * (256 * 256 + 256 * 8)));
  assert.equal(flops.generate, 2 * 10_000 * 16 * (135 * 256 + 256 * 256 + 256 * 8));
  assert.equal(
    flops["binary-autoencoder"],
    2 * 128 * (2 * 784 * 512 + 3 * (512 * 48 + 48 * 512 + 512 * 512 + 512 * 784)),
  );
  // Taps x in x out, at the places of each layer; the whitening is frozen.
  assert.equal(
    flops["cifar-step"],
    2 * 500 * (31 ** 2 * 12 * 24 +
      3 * (31 ** 2 * 9 * 24 * 64 + 15 ** 2 * 9 * (64 * 64 + 64 * 128) + 7 ** 2 * 9 * 128 * 128 * 2 +
          3 ** 2 * 9 * 128 * 128 + 1280)),
  );
  // The model's own count of convolutions, less the gradients of what goes into the first ones, and the linear layers.
  const config = { model: "flow", ...flow.FLOW, image: [32, 32, 3], classes: 100, seed: 0 } as const;
  assert.equal(
    flops["flow-unet"],
    48 * flow.trainingFlop(config) - 2 * 48 * 3 * (16 ** 2 * 6 ** 2 * 56 + 32 ** 2 * 5 ** 2 * 16) +
      2 * 48 * (2 * 64 * 128 + 3 * 128 * 128 + 3 * 128 * 2 * (3 * 56 + 3 * 64 + 2 * 80) + 3 * 128 * 16),
  );
  const layers = [256 * 3 * 32, 64 * 32 * 64, 16 * 64 * 128]; // sites * in * out; mirrored on the way back
  const [a, b, c] = layers;
  assert.equal(flops["conv-autoencoder"], 2 * 64 * 16 * (2 * a + 3 * b + 3 * c + 3 * c + 3 * b + 3 * a));
});

Deno.test("rows are the formula's, and lie in the table", () => {
  const rows = batchRows(3, { batch: 5, count: 1000 });
  assert.deepEqual(Array.from(rows), [15, 16, 17, 18, 19].map((at) => Math.floor(1000 * hashed(108, at))));
});

// What PyTorch 1.13 gives from the same formulas (bench/peers/peer.py).
const LOSSES = {
  "seq2hist": [4.301548, 3.382933, 3.349226],
  "seq2hist-32": [4.399850, 3.151151, 3.856998],
  "flow-unet": [3.581295, 3.015371],
  "binary-autoencoder": [-2.210937, -2.284103, -2.354475],
};

for (const [workload, losses] of Object.entries(LOSSES)) {
  Deno.test(`${workload}: the model's own step gives PyTorch's losses from the same numbers`, async () => {
    await using device = await openDevice("wasm", { threads: 1 });
    const run = await runnerOf(device, tfjsStep(workload));
    for (const loss of losses) assert.ok(Math.abs(await run(1) - loss) < 1e-4);
  });
}

Deno.test("a step of generate draws 10,000 sequences of tokens", async () => {
  await using device = await openDevice("wasm", { threads: 1 });
  const step = tfjsStep("generate");
  const compiled = await compile(device, step.fn, step.inputs);
  await compiled.run(step.feed(0) as InputArrays<InputSpecs>);
  const { tokens, loss } = await compiled.read();
  assert.equal(tokens.length * step.runs, 16 * 10_000);
  assert.ok(tokens.every((token) => token >= 0 && token < 8));
  const mean = Array.from(tokens).reduce((sum, token) => sum + token, 0) / tokens.length;
  assert.ok(Math.abs(loss[0] - mean) < 1e-4);
});
