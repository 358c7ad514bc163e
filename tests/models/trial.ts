/** What the tests of the models share: a device with a run folder of its own, and the derivative of a loss by differences. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { stream } from "../../base/random.ts";
import type { Device } from "../../engine/device.ts";
import type { Weights } from "../../engine/optimizers.ts";
import { openDevice } from "../../engine/open.ts";
import { openRun } from "../../run/open_run.ts";
import type { Run } from "../../run/run.ts";

const dataset = { name: "trial", split: "train", offset: 0, count: 4, sha256: "00" };

/** A new run in a temporary folder. */
export async function openTrial(device: Device): Promise<Run> {
  return await openRun(join(await Deno.makeTempDir(), "run"), { task: "trial", dataset, device });
}

/** The stock device: the models' own code, and nothing of the engine's. */
export function openStock(): Promise<Device> {
  return openDevice("tfjs");
}

/** Asserts that a seed decides every kernel, and that building leaves no tensor but the weights. */
export async function checkBuild(build: (seed: number) => { readonly weights: Weights }): Promise<void> {
  const before = tf.memory().numTensors;
  const { weights } = build(1);
  assert.equal(tf.memory().numTensors - before, Object.keys(weights).length);
  const same = build(1).weights, other = build(2).weights;
  assert.deepEqual([Object.keys(same), Object.keys(other)], [Object.keys(weights), Object.keys(weights)]);
  for (const [name, weight] of Object.entries(weights)) {
    assert.deepEqual(await same[name].data(), await weight.data(), name);
    if (name.endsWith("/kernel")) assert.notDeepEqual(await other[name].data(), await weight.data(), name);
  }
}

/**
 * Asserts that the gradient of `loss` is what central differences say, in the two entries of each weight where it is
 * largest. All weights are moved by up to 0.05 before, as a unit whose bias and inputs are 0 stands on the kink of its
 * ReLU. tfjs computes in float32: with steps of 1e-3 that leaves an error of about 3e-4.
 */
export async function checkGradients(weights: Weights, loss: () => tf.Scalar): Promise<void> {
  await tf.setBackend("cpu");
  const random = stream(0);
  for (const [name, weight] of Object.entries(weights)) {
    const shift = random.fork(name).uniforms(weight.size, 0.05);
    tf.tidy(() => weight.assign(tf.add(weight, tf.tensor(shift, weight.shape))));
  }
  const { value, grads } = tf.variableGrads(loss, Object.values(weights));
  value.dispose();
  const step = 1e-3;
  for (const [name, weight] of Object.entries(weights)) {
    const gradient = await grads[weight.name].data(), values = await weight.data();
    const largest = Array.from(gradient.keys())
      .sort((a, b) => Math.abs(gradient[b]) - Math.abs(gradient[a]))
      .slice(0, 2);
    for (const entry of largest) {
      const at = (shift: number): number =>
        tf.tidy(() => {
          const moved = values.slice();
          moved[entry] += shift;
          weight.assign(tf.tensor(moved, weight.shape));
          return loss().dataSync()[0];
        });
      const difference = (at(step) - at(-step)) / (2 * step);
      at(0);
      const error = Math.abs(difference - gradient[entry]);
      assert.ok(
        error <= 1e-3 + 2e-2 * Math.abs(difference),
        `${name}[${entry}]: gradient ${gradient[entry]}, differences say ${difference}`,
      );
    }
  }
  tf.dispose(grads);
}

/** The value of a loss. */
export function valueOf(loss: () => tf.Scalar): number {
  return tf.tidy(() => loss().dataSync()[0]);
}

/** Makes a layer's outputs 0, whatever its inputs. */
export function silence(weights: Weights, layer: string): void {
  for (const name of [`${layer}/kernel`, `${layer}/bias`]) {
    tf.tidy(() => weights[name].assign(tf.zeros(weights[name].shape)));
  }
}
