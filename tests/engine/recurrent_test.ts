/** The recurrent operation against the same cells composed of tfjs operations, on every kind of device. */
import * as tf from "@tensorflow/tfjs";
import assert from "node:assert/strict";
import { stream } from "../../base/random.ts";
import { CompiledDevice } from "../../engine/compiled_device.ts";
import { compile, type Device } from "../../engine/device.ts";
import { openDevice } from "../../engine/open.ts";
import { lastState, recurrent, type RecurrentCell, type RecurrentWeights } from "../../engine/recurrent.ts";
import { assertClose } from "./accuracy.ts";
import { deviceTest } from "./devices.ts";
import { gpuTest } from "./webgpu/gpu.ts";

const CELLS: readonly RecurrentCell[] = ["lstm", "gru", "simple"];
const GATES = { lstm: 4, gru: 3, simple: 1 } as const;

interface Case {
  readonly cell: RecurrentCell;
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
  readonly lengths?: readonly number[];
  readonly sequence: boolean;
}

/** Numbers of a variance that keeps rounding errors from growing step by step. */
function tensorOf(shape: number[], name: string): tf.Tensor {
  const random = stream(3).fork(name), scale = name === "recurrentKernel" ? 1 / Math.sqrt(shape[0]) : 0.8;
  const numbers = Array.from(
    { length: tf.util.sizeFromShape(shape) },
    () => scale * (2 * random.uniform() - 1),
  );
  return tf.tensor(numbers, shape);
}

/** Every tensor that a case has a gradient by, as variables. */
function variablesOf({ cell, batch, time, features, units }: Case): Record<string, tf.Variable> {
  const columns = GATES[cell] * units;
  const shapes: Record<string, number[]> = {
    x: [batch, time, features],
    kernel: [features, columns],
    recurrentKernel: [units, columns],
    bias: [columns],
    recurrentBias: [columns],
    hidden: [batch, units],
    ...(cell === "lstm" ? { cell: [batch, units] } : {}),
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, tf.variable(tensorOf(shape, name))]),
  );
}

/** The states of a sequence step by step, in plain tfjs. */
function composed(v: Record<string, tf.Tensor>, of: Case): { states: tf.Tensor; cell?: tf.Tensor } {
  const { cell, units, time } = of, states: tf.Tensor[] = [];
  const lengths = of.lengths === undefined ? undefined : tf.tensor2d([...of.lengths], [of.batch, 1]);
  let hidden = v.hidden, cells = v.cell;
  for (let t = 0; t < time; t++) {
    const x = tf.reshape(tf.slice(v.x, [0, t, 0], [-1, 1, -1]), [of.batch, of.features]);
    const outside = tf.add(tf.matMul(x as tf.Tensor2D, v.kernel as tf.Tensor2D), v.bias);
    const inside = tf.add(
      tf.matMul(hidden as tf.Tensor2D, v.recurrentKernel as tf.Tensor2D),
      v.recurrentBias,
    );
    const part = (sum: tf.Tensor, gate: number) => tf.slice(sum, [0, gate * units], [-1, units]);
    const both = (gate: number) => tf.add(part(outside, gate), part(inside, gate));
    let next: tf.Tensor, nextCells = cells;
    if (cell === "simple") next = tf.tanh(both(0));
    else if (cell === "lstm") {
      const input = tf.mul(tf.sigmoid(both(0)), tf.tanh(both(2)));
      nextCells = tf.add(tf.mul(tf.sigmoid(both(1)), cells), input);
      next = tf.mul(tf.sigmoid(both(3)), tf.tanh(nextCells));
    } else {
      const reset = tf.sigmoid(both(0)), update = tf.sigmoid(both(1));
      const candidate = tf.tanh(tf.add(part(outside, 2), tf.mul(reset, part(inside, 2))));
      next = tf.add(tf.mul(tf.sub(1, update), candidate), tf.mul(update, hidden));
    }
    if (lengths !== undefined) {
      const taken = tf.cast(tf.greater(lengths, t), "float32");
      const mix = (now: tf.Tensor, old: tf.Tensor) =>
        tf.add(tf.mul(now, taken), tf.mul(old, tf.sub(1, taken)));
      next = mix(next, hidden);
      if (cell === "lstm") nextCells = mix(nextCells, cells);
    }
    hidden = next;
    cells = nextCells;
    states.push(hidden);
  }
  return { states: of.sequence ? tf.stack(states, 1) : hidden, cell: cells };
}

/** The same with one operation. */
function whole(v: Record<string, tf.Tensor>, of: Case): { states: tf.Tensor; cell?: tf.Tensor } {
  const lengths = of.lengths === undefined ? undefined : tf.tensor1d([...of.lengths], "int32");
  const { x, hidden, cell, ...weights } = v;
  const options = { cell: of.cell, initial: { hidden, ...(cell === undefined ? {} : { cell }) }, lengths };
  if (!of.sequence) {
    const last = lastState(x as tf.Tensor3D, weights as unknown as RecurrentWeights, options as never);
    return { states: last.hidden, cell: last.cell };
  }
  return recurrent(x as tf.Tensor3D, weights as unknown as RecurrentWeights, options as never);
}

/** The states, and the gradients of a loss in which every element counts differently. */
function step(
  variables: Record<string, tf.Variable>,
  of: Case,
  run: typeof whole,
): Record<string, tf.Tensor> {
  const outputs: Record<string, tf.Tensor> = {};
  const { value, grads } = tf.variableGrads(() => {
    const { states, cell } = run(variables, of);
    outputs.states = tf.keep(tf.clone(states));
    const weighted = tf.sum(tf.mul(states, tensorOf(states.shape, "states")));
    if (cell === undefined || of.cell !== "lstm") return weighted.asScalar();
    return tf.add(weighted, tf.sum(tf.mul(cell, tensorOf(cell.shape, "cells")))).asScalar();
  }, Object.values(variables));
  outputs.loss = value;
  for (const [name, variable] of Object.entries(variables)) outputs[name] = grads[variable.name];
  return outputs;
}

async function valuesOf(outputs: Record<string, tf.Tensor>): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(outputs)) values[name] = await tensor.data() as Float32Array;
  return values;
}

const CASES: readonly Omit<Case, "cell">[] = [
  { batch: 1, time: 1, features: 1, units: 1, sequence: false },
  { batch: 1, time: 1, features: 1, units: 1, sequence: true },
  { batch: 5, time: 7, features: 3, units: 13, sequence: true },
  { batch: 3, time: 4, features: 14, units: 5, sequence: false },
  { batch: 6, time: 5, features: 2, units: 9, sequence: true, lengths: [3, 0, 5, 1, 9, -1] },
  {
    batch: 19,
    time: 3,
    features: 1,
    units: 4,
    sequence: false,
    lengths: Array.from({ length: 19 }, (_, i) => i % 5),
  },
];

function describe(of: Case): string {
  const { cell, batch, time, features, units, sequence, lengths } = of;
  return `${cell} B${batch} T${time} I${features} H${units}${sequence ? ", all states" : ""}${
    lengths ? ", lengths" : ""
  }`;
}

Deno.test("the reference equals cells composed of tfjs operations, gradients too", async (t) => {
  await tf.setBackend("cpu");
  for (const cell of CELLS) {
    for (const rest of CASES) {
      const of = { cell, ...rest };
      await t.step(describe(of), async () => {
        const variables = variablesOf(of);
        const expected = await valuesOf(step(variables, of, composed));
        const actual = await valuesOf(step(variables, of, whole));
        for (const name of Object.keys(expected)) {
          assertClose(actual[name], expected[name], {
            tolerance: { absolute: 1e-5, relative: 1e-5 },
            what: `${describe(of)}: ${name}`,
          });
        }
        Object.values(variables).forEach((variable) => variable.dispose());
      });
    }
  }
});

/** Runs a case compiled on a device. */
async function compiled(device: Device, of: Case): Promise<Record<string, Float32Array>> {
  const variables = variablesOf(of);
  const compiled = await compile(device, () => step(variables, of, whole), {});
  await compiled.run({});
  const values = await compiled.read();
  compiled.dispose();
  Object.values(variables).forEach((variable) => variable.dispose());
  return values as Record<string, Float32Array>;
}

gpuTest("WebGPU gives what the reference gives, and the same bits again", async (executor) => {
  await tf.setBackend("cpu");
  await using device = new CompiledDevice(executor);
  const [least, , odd, , long, few] = CASES;
  const cases: readonly Case[] = [
    { cell: "lstm", ...least },
    { cell: "lstm", ...long },
    { cell: "gru", ...odd },
    { cell: "gru", ...few },
    { cell: "simple", ...long },
  ];
  for (const of of cases) {
    const variables = variablesOf(of), expected = await valuesOf(step(variables, of, whole));
    Object.values(variables).forEach((variable) => variable.dispose());
    const actual = await compiled(device, of);
    for (const name of Object.keys(expected)) {
      assertClose(actual[name], expected[name], {
        tolerance: { absolute: 2e-5, relative: 2e-5 },
        what: `${describe(of)}: ${name}`,
      });
    }
    assert.deepEqual(await compiled(device, of), actual);
  }
});

Deno.test("wasm gives what the reference gives, and the same bits on 1, 2 and 3 threads", async (t) => {
  const big: Omit<Case, "cell">[] = [
    { batch: 70, time: 33, features: 13, units: 37, sequence: true },
    {
      batch: 33,
      time: 70,
      features: 1,
      units: 24,
      sequence: false,
      lengths: Array.from({ length: 33 }, (_, i) => 3 * i),
    },
  ];
  for (const cell of CELLS) {
    for (const rest of [...CASES, ...big]) {
      const of = { cell, ...rest };
      await t.step(describe(of), async () => {
        await tf.setBackend("cpu");
        const variables = variablesOf(of);
        const expected = await valuesOf(step(variables, of, whole));
        Object.values(variables).forEach((variable) => variable.dispose());
        let first: Record<string, Float32Array> | undefined;
        for (const threads of [1, 2, 3]) {
          await using device = await openDevice("wasm", { threads });
          const actual = await compiled(device, of);
          for (const name of Object.keys(expected)) {
            assertClose(actual[name], expected[name], {
              tolerance: { absolute: 2e-5, relative: 2e-5 },
              what: `${describe(of)}, ${threads} threads: ${name}`,
            });
            assert.deepEqual(actual[name], first?.[name] ?? actual[name], `${name} on ${threads} threads`);
          }
          first ??= actual;
        }
      });
    }
  }
});

/** A case of fixtures/recurrent.json, which fixtures/recurrent.py writes. */
interface Stored {
  readonly cell: RecurrentCell;
  readonly lengths: readonly number[] | null;
  readonly states: readonly number[];
  readonly last: readonly number[];
  readonly share: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly x: readonly number[];
  readonly hidden: readonly number[];
  readonly state?: readonly number[];
  readonly kernel: readonly number[];
  readonly recurrentKernel: readonly number[];
  readonly bias: readonly number[];
  readonly recurrentBias: readonly number[];
}

deviceTest("PyTorch's LSTM, GRU and RNN give the same states and gradients", async (device) => {
  const path = new URL("./fixtures/recurrent.json", import.meta.url);
  const { sizes: [batch, time, features, units], cases } = JSON.parse(await Deno.readTextFile(path)) as {
    sizes: number[];
    cases: readonly Stored[];
  };
  for (const stored of cases) {
    const { cell, lengths } = stored;
    const of: Case = {
      cell,
      batch,
      time,
      features,
      units,
      sequence: true,
      ...(lengths ? { lengths } : {}),
    };
    const variables = variablesOf(of);
    for (const [name, variable] of Object.entries(variables)) {
      const numbers = name === "cell" ? stored.state : stored[name as keyof Stored];
      variable.assign(tf.tensor([...numbers as readonly number[]], variable.shape));
    }
    const run = await compile(device, () => {
      const outputs: Record<string, tf.Tensor> = {};
      const { value, grads } = tf.variableGrads(() => {
        const { states } = whole(variables, of);
        outputs.states = tf.keep(tf.clone(states));
        return tf.sum(tf.mul(states, tf.tensor([...stored.share], states.shape))).asScalar();
      }, Object.values(variables));
      outputs.loss = value;
      for (const [name, variable] of Object.entries(variables)) outputs[name] = grads[variable.name];
      return outputs;
    }, {});
    await run.run({});
    const actual = await run.read() as Record<string, Float32Array>;
    const near = (name: string, expected: readonly number[], got: Float32Array) =>
      assertClose(got, Float32Array.from(expected), {
        tolerance: { absolute: 2e-6, relative: 2e-5 },
        what: `${cell}${lengths ? ", packed" : ""}: ${name}`,
      });
    for (const [name, expected] of Object.entries(stored.gradients)) near(name, expected, actual[name]);
    // PyTorch pads with zeros where a state is kept here.
    const taken = actual.states.map((state, i) => {
      const step = Math.floor(i / units) % time, row = Math.floor(i / units / time);
      return step < (lengths?.[row] ?? time) ? state : 0;
    });
    near("states", stored.states, taken);
    const end = Float32Array.from({ length: batch * units }, (_, i) => {
      const row = Math.floor(i / units);
      return actual.states[(row * time + time - 1) * units + i % units];
    });
    near("last", stored.last, end);
    Object.values(variables).forEach((variable) => variable.dispose());
    run.dispose();
  }
});

Deno.test("gradients equal central differences", async () => {
  await tf.setBackend("cpu");
  for (const cell of CELLS) {
    const of: Case = { cell, batch: 2, time: 3, features: 2, units: 3, sequence: true, lengths: [3, 2] };
    const variables = variablesOf(of), outputs = await valuesOf(step(variables, of, whole));
    const lossWith = (name: string, place: number, change: number): number =>
      tf.tidy(() => {
        const data = variables[name].dataSync().slice();
        data[place] += change;
        const changed = { ...variables, [name]: tf.tensor(data, variables[name].shape) };
        const { states, cell: last } = whole(changed as Record<string, tf.Tensor>, of);
        const sum = (x: tf.Tensor, label: string) =>
          tf.sum(tf.mul(x, tensorOf(x.shape, label))).dataSync()[0];
        return sum(states, "states") + (cell === "lstm" && last ? sum(last, "cells") : 0);
      });
    for (const [name, variable] of Object.entries(variables)) {
      for (let place = 0; place < variable.size; place++) {
        const h = 1 / 64, slope = (lossWith(name, place, h) - lossWith(name, place, -h)) / (2 * h);
        const difference = Math.abs(slope - outputs[name][place]);
        assert.ok(
          difference < 2e-4,
          `${cell}: ${name}[${place}] is ${outputs[name][place]}, must be ${slope}`,
        );
      }
      variable.dispose();
    }
  }
});
