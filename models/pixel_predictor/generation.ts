/** Images drawn pixel by pixel, from their beginnings. */
import type * as tf from "@tensorflow/tfjs";
import type { Random } from "../../base/random.ts";
import { compile, type Device } from "../../engine/device.ts";
import type { StackState } from "../../layers/recurrent.ts";
import { advance, bitNats, firstNats, type PixelPredictor } from "./network.ts";

/** Rows that are drawn at once, at most. */
const BATCH = 1000;

/** What was drawn. */
export interface Continuations {
  /** [rows, steps], 0 or 1. */
  readonly bits: Uint8Array;
  /** [rows, steps]: -ln of the probability of each bit that was drawn, given all before it. */
  readonly nats: Float32Array;
}

/** A stack's state as outputs and inputs of compiled functions: "hidden1", "cell1", ... */
export function namedState(state: StackState): Record<string, tf.Tensor2D> {
  return Object.fromEntries(state.flatMap(({ hidden, cell }, at) => [
    [`hidden${at + 1}`, hidden],
    ...cell === undefined ? [] : [[`cell${at + 1}`, cell] as const],
  ]));
}

/** The stack's state that `namedState` named. */
export function stateOf(values: Readonly<Record<string, tf.Tensor2D>>, layers: number): StackState {
  return Array.from({ length: layers }, (_, at) => ({
    hidden: values[`hidden${at + 1}`],
    ...values[`cell${at + 1}`] === undefined ? {} : { cell: values[`cell${at + 1}`] },
  }));
}

/** The names of a stack's state. */
export function stateNames({ config: { cell, layers } }: PixelPredictor): string[] {
  return Array.from(
    { length: layers },
    (_, at) => cell === "lstm" ? [`hidden${at + 1}`, `cell${at + 1}`] : [`hidden${at + 1}`],
  ).flat();
}

/**
 * Draws `steps` pixels after the first `given` of each row, each from its distribution given all before it, recursively.
 *
 * @param options.bits [rows, given].
 * @param options.random the uniform number of row r at step t is number r of its step t.
 */
export async function continued(
  model: PixelPredictor,
  options: {
    readonly device: Device;
    readonly bits: Uint8Array;
    readonly given: number;
    readonly steps: number;
    readonly random: Random;
  },
): Promise<Continuations> {
  const { device, given, steps, random } = options, { units } = model.config, names = stateNames(model);
  const rows = options.bits.length / given, batch = Math.min(BATCH, rows);
  const read = await compile(device, ({ bits }) => {
    const { logits, end } = advance(model, bits);
    return { logits: logits.slice([0, given - 1], [batch, 1]), ...namedState(end) };
  }, { bits: { shape: [batch, given] } });
  const inputs: Record<string, { shape: readonly [number, number] }> = { bit: { shape: [batch, 1] } };
  for (const name of names) inputs[name] = { shape: [batch, units] };
  const step = await compile(device, ({ bit, ...state }) => {
    const { logits, end } = advance(model, bit, {
      initial: stateOf(state, model.config.layers),
    });
    return { logits, ...namedState(end) };
  }, inputs);
  const bits = new Uint8Array(rows * steps), nats = new Float32Array(rows * steps);
  for (let start = 0; start < rows; start += batch) {
    const row = (at: number): number => start + at < rows ? start + at : start;
    const before = new Float32Array(batch * given);
    for (let at = 0; at < batch; at++) {
      before.set(options.bits.subarray(row(at) * given, (row(at) + 1) * given), at * given);
    }
    await read.run({ bits: before });
    let state: Readonly<Record<string, ArrayLike<number>>> = await read.read();
    for (let t = 0; t < steps; t++) {
      const uniforms = random.at(t), bit = new Float32Array(batch);
      for (let skipped = 0; skipped < start; skipped++) uniforms.uniform();
      for (let at = 0; at < batch; at++) {
        const logit = state.logits[at], ink = 1 / (1 + Math.exp(-logit));
        bit[at] = uniforms.uniform() < ink ? 1 : 0;
        if (start + at >= rows) continue;
        bits[row(at) * steps + t] = bit[at];
        nats[row(at) * steps + t] = natsOf(logit, bit[at]);
      }
      if (t === steps - 1) break;
      const values = Object.fromEntries(names.map((name) => [name, Float32Array.from(state[name])]));
      await step.run({ bit, ...values });
      state = await step.read();
    }
  }
  read.dispose();
  step.dispose();
  return { bits, nats };
}

/** -ln p of a bit whose probability of being 1 is the sigmoid of `logit`. */
export function natsOf(logit: number, bit: number): number {
  return Math.max(logit, 0) - logit * bit + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** Whole images of the model's own, [count, pixels], and ln of the probability of each. */
export async function sampled(
  model: PixelPredictor,
  { device, count, random }: { readonly device: Device; readonly count: number; readonly random: Random },
): Promise<{ readonly bits: Uint8Array; readonly logProbabilities: Float64Array }> {
  const { pixels, firstInk } = model.config, first = random.fork("first");
  const firsts = Uint8Array.from({ length: count }, () => first.uniform() < firstInk ? 1 : 0);
  const rest = await continued(model, {
    ...{ device, bits: firsts, given: 1, steps: pixels - 1 },
    random: random.fork("rest"),
  });
  const bits = new Uint8Array(count * pixels), logs = new Float64Array(count);
  firsts.forEach((bit, image) => {
    bits[image * pixels] = bit;
    bits.set(rest.bits.subarray(image * (pixels - 1), (image + 1) * (pixels - 1)), image * pixels + 1);
    let nats = firstNats(model.config, bit);
    for (let t = 0; t < pixels - 1; t++) nats += rest.nats[image * (pixels - 1) + t];
    logs[image] = -nats;
  });
  return { bits, logProbabilities: logs };
}

/** Nats of each of the `steps` pixels of `bits` [rows, given + steps] after the first `given`: [rows, steps]. */
export async function truthNats(
  model: PixelPredictor,
  options: {
    readonly device: Device;
    readonly bits: Uint8Array;
    readonly given: number;
    readonly steps: number;
  },
): Promise<Float32Array> {
  const { device, given, steps } = options, length = given + steps, rows = options.bits.length / length;
  const compiled = await compile(device, ({ bits }) => {
    const { logits } = advance(model, bits.slice([0, 0], [rows, length - 1]));
    return {
      nats: bitNats(logits.slice([0, given - 1], [rows, steps]), bits.slice([0, given], [rows, steps])),
    };
  }, { bits: { shape: [rows, length] } });
  await compiled.run({ bits: Float32Array.from(options.bits) });
  const { nats } = await compiled.read();
  compiled.dispose();
  return nats as Float32Array;
}
