/** Every model, trained for 20 steps from one seed on each device: the compiled ones must agree with stock tfjs. */
import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { openImages } from "../../data/images.ts";
import type { Sequences } from "../../data/sequences.ts";
import type { Device } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import * as autoencoder from "../../models/binary_autoencoder.ts";
import * as classifier from "../../models/classifier.ts";
import * as dcgan from "../../models/dcgan.ts";
import * as flow from "../../models/flow.ts";
import * as seq2hist from "../../models/seq2hist.ts";
import * as seq2seq from "../../models/seq2seq.ts";
import * as seq2token from "../../models/seq2token.ts";
import { levels } from "../../run/images.ts";
import { readLog } from "../../run/log.ts";
import type { Run } from "../../run/run.ts";
import { gpuTest } from "../engine/webgpu/gpu.ts";
import { openTrial } from "./trial.ts";

const STEPS = 20;
const random = stream(3).fork("tokens");
const sequences: Sequences = {
  tokens: Int32Array.from({ length: 24 * 6 }, () => random.integer(4)),
  count: 24,
  length: 6,
  vocabulary: 4,
};
const images = await openImages({ dataset: "digits", split: "train", count: 24 });
const small = await openImages({ dataset: "digits", split: "train", count: 24, size: 12 });
const COMMON = { vocabulary: 4, length: 6, batch: 16, learningRate: 5e-3, seed: 1 } as const;

interface Context {
  readonly run: Run;
  readonly device: Device;
}

const MODELS: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  classifier: async (context) => {
    const shape = { size: 28, channels: 1, classes: 10, filters: [4, 6], hidden: 12 } as const;
    const rest = { batch: 8, learningRate: 2e-3, seed: 1 };
    const model = classifier.build({ model: "classifier", ...shape, ...rest });
    await classifier.fit(model, { ...context, images, steps: STEPS });
  },
  "binary autoencoder": async (context) => {
    const model = autoencoder.build(autoencoder.configOf(images, { seed: 1, hidden: 24, batch: 8 }));
    await autoencoder.fit(model, { ...context, images: levels(images), steps: STEPS });
  },
  flow: async (context) => {
    const shape = { image: [12, 12, 1], classes: 10, widths: [8, 8, 8], embedding: 8 } as const;
    const model = flow.build({ model: "flow", ...flow.FLOW, ...shape, batch: 4, seed: 1 });
    await flow.fit(model, { ...context, images: small, steps: STEPS });
  },
  dcgan: async (context) => {
    const shape = {
      image: [12, 12, 1],
      classes: 10,
      generator: [6, 5, 4],
      discriminator: [4, 5, 6],
    } as const;
    const model = dcgan.build({ model: "dcgan", ...dcgan.DCGAN, ...shape, batch: 4, seed: 1 });
    await dcgan.fit(model, { ...context, images: small, steps: STEPS });
  },
  seq2token: async (context) => {
    const model = seq2token.build({ model: "seq2token", hidden: 12, ...COMMON });
    await seq2token.fit(model, { ...context, sequences, steps: STEPS });
  },
  "seq2seq, masked": async (context) => {
    const model = seq2seq.build({ model: "seq2seq", architecture: "masked", hidden: 6, ...COMMON });
    await seq2seq.fit(model, { ...context, sequences, steps: STEPS });
  },
  "seq2seq, transformer": async (context) => {
    const size = { architecture: "transformer", layers: 1, width: 8, heads: 2 } as const;
    const model = seq2seq.build({ model: "seq2seq", ...size, ...COMMON });
    await seq2seq.fit(model, { ...context, sequences, steps: STEPS });
  },
  seq2hist: async (context) => {
    const model = seq2hist.build({ model: "seq2hist", hidden: 12, ...COMMON });
    await seq2hist.fit(model, { ...context, sequences, steps: STEPS });
  },
};

/** So many kernels that the software adapter takes half a minute to compile them. */
const LARGE: ReadonlySet<string> = new Set(["flow"]);

/** The mean loss of the steps, as the log has it. */
async function trainedLoss(kind: "tfjs" | "wasm" | "webgpu", name: string): Promise<number> {
  await using device = await openDevice(kind, { threads: 2 });
  const run = await openTrial(device);
  await MODELS[name]({ run, device });
  // A slow device logs in between: each line has the mean of the steps since the one before.
  const log = (await readLog(run.path("log.jsonl"))).map(({ step, loss }) => ({
    step: Number(step),
    loss: Number(loss),
  }));
  return log.reduce((sum, { step, loss }, at) => sum + loss * (step - (log[at - 1]?.step ?? 0)), 0) / STEPS;
}

for (const name of Object.keys(MODELS)) {
  Deno.test(`${name}: 20 steps on wasm have the loss of 20 steps on stock tfjs`, async () => {
    const expected = await trainedLoss("tfjs", name), actual = await trainedLoss("wasm", name);
    assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.abs(expected), `${actual}, not ${expected}`);
  });

  if (LARGE.has(name)) continue;
  gpuTest(`${name}: 20 steps on webgpu have the loss of 20 steps on wasm`, async () => {
    const expected = await trainedLoss("wasm", name), actual = await trainedLoss("webgpu", name);
    assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.abs(expected), `${actual}, not ${expected}`);
  });
}
