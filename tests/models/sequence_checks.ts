/** What must hold for every sequence model, as functions that assert it. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Sequences } from "../../data/sequences.ts";
import type { Device } from "../../engine/device.ts";
import { entropy, memorizedMass } from "../../metrics/mod.ts";
import type { FitOptions } from "../../run/memorize.ts";
import { sequenceSums } from "../../run/sampling.ts";
import { openTrial } from "./trial.ts";

/** Four sequences of 5 tokens, three of them different: one stands twice. */
export const FOUR: Sequences = {
  tokens: Int32Array.of(
    ...[0, 1, 2, 0, 1],
    ...[0, 1, 0, 2, 2],
    ...[2, 2, 1, 1, 0],
    ...[0, 1, 2, 0, 1],
  ),
  count: 4,
  length: 5,
  vocabulary: 3,
};
const DIFFERENT: Sequences = { ...FOUR, tokens: FOUR.tokens.slice(0, 15), count: 3 };
/** Nats of a whole sequence that a model of `FOUR` must pay at least: ln 4 - (ln 2) / 2. */
export const FLOOR: number = entropy([2, 1, 1]);

/** All sequences of three tokens 0 and 1. */
const ALL: Sequences = {
  tokens: Int32Array.from({ length: 24 }, (_, index) => (Math.floor(index / 3) >> (2 - index % 3)) & 1),
  count: 8,
  length: 3,
  vocabulary: 2,
};

type Sampler = (options: { device: Device; count: number; seed: number }) => Promise<Int32Array>;
type Scorer = (options: { device: Device; sequences: Sequences }) => Promise<Float64Array>;

/** Trains on `FOUR`: it must be known by heart, its distribution met, and no tensor left behind. */
export async function checkMemorizes(device: Device, model: {
  readonly fit: (options: FitOptions) => Promise<void>;
  readonly logProbabilities: Scorer;
}): Promise<void> {
  const run = await openTrial(device);
  const before = tf.memory().numTensors;
  await model.fit({ run, device, sequences: FOUR, steps: 200 });
  assert.equal(tf.memory().numTensors, before);
  const logs = sequenceSums(await model.logProbabilities({ device, sequences: DIFFERENT }), 5);
  assert.equal(tf.memory().numTensors, before);
  const mass = memorizedMass(logs), nats = -(2 * logs[0] + logs[1] + logs[2]) / 4;
  assert.ok(mass > 0.97 && mass <= 1, `memorized mass ${mass}`);
  assert.ok(nats > FLOOR - 1e-6 && nats < FLOOR + 0.05, `${nats} nats, the floor is ${FLOOR}`);
}

/** The probabilities of all eight sequences of three bits must sum to 1, and be how often each is drawn. */
export async function checkDistribution(device: Device, model: {
  readonly sample: Sampler;
  readonly logProbabilities: Scorer;
}): Promise<void> {
  const logs = await model.logProbabilities({ device, sequences: ALL });
  assert.equal(logs.length, 24);
  const probabilities = sequenceSums(logs, 3).map(Math.exp);
  const total = probabilities.reduce((sum, probability) => sum + probability, 0);
  assert.ok(Math.abs(total - 1) < 1e-5, `probabilities sum to ${total}`);

  const count = 4000, samples = await model.sample({ device, count, seed: 5 });
  const drawn = new Float64Array(8);
  for (let at = 0; at < samples.length; at += 3) {
    drawn[4 * samples[at] + 2 * samples[at + 1] + samples[at + 2]]++;
  }
  probabilities.forEach((probability, index) => {
    const deviation = Math.sqrt(probability * (1 - probability) / count);
    const error = Math.abs(drawn[index] / count - probability);
    assert.ok(error < 4 * deviation, `sequence ${index}: ${drawn[index]} of ${count}, p = ${probability}`);
  });
}

/** A seed must give the same sequences again, however many are drawn: `sample` draws from a model without opinion. */
export async function checkSampling(device: Device, sample: Sampler): Promise<void> {
  const five = await sample({ device, count: 5, seed: 7 });
  const more = await sample({ device, count: 1200, seed: 7 });
  assert.equal(more.length / five.length, 240);
  assert.deepEqual(more.slice(0, five.length), five);
  assert.notDeepEqual(more.slice(1000 * five.length / 5, 1005 * five.length / 5), five);
  assert.notDeepEqual((await sample({ device, count: 1200, seed: 8 })).slice(0, five.length), five);
}
