/** Recurrent layers: how their weights start, and a sequence taken through them. */
import type * as tf from "@tensorflow/tfjs";
import type { Random } from "../base/random.ts";
import { lastState, recurrent, type RecurrentState, type RecurrentWeights } from "../engine/recurrent.ts";
import { extents, type LayerMaker, mustHaveAxes, type Shape, type Values, type WeightSpec } from "./layer.ts";

/** The cells with gates. */
export const GATED_CELLS = ["lstm", "gru"] as const;
export type GatedCell = typeof GATED_CELLS[number];

/** Blocks of columns in a kernel. */
const BLOCKS: Readonly<Record<GatedCell, number>> = { lstm: 4, gru: 3 };
/** The block of the gate that keeps the state: i, f, g, o and r, z, n. */
const KEEPS: Readonly<Record<GatedCell, number>> = { lstm: 1, gru: 1 };

/**
 * How the gate that keeps the state (the LSTM's forget gate, the GRU's update gate) starts in a sequence of T steps:
 *
 * - `uniform` open at shares that are uniform in 1 / T .. 1 - 1 / T (Gu et al. 2020), and by `keep` more in its logit;
 * - `chrono` for memories that are log-uniform in 1 .. T - 1 steps (Tallec and Ollivier 2018); an LSTM's input gate
 *   starts at the opposite;
 * - `zero` half open.
 */
export const GATE_STARTS = ["uniform", "chrono", "zero"] as const;
export type GateStart = typeof GATE_STARTS[number];

/** What may differ in a recurrent layer. */
export interface GatedOptions {
  readonly cell: GatedCell;
  readonly units: number;
  /** All states [T, units], or the last, [units]. */
  readonly output: "sequence" | "last";
  /** Absent: uniform. */
  readonly gates?: GateStart;
  /** What is added to the logits of gates that start `uniform`. Absent: 2. */
  readonly keep?: number;
  /** Each block of the recurrent kernel orthogonal, or uniform in ±1 / sqrt(units) as PyTorch's. Absent: orthogonal. */
  readonly recurrentStart?: "orthogonal" | "uniform";
  /** Standard deviation of the kernel. Absent: 1 / sqrt(inputs). */
  readonly inputDeviation?: number;
}

/**
 * An LSTM or a GRU over [B, T, inputs], from a state of 0: a kernel [inputs, G units], a recurrent kernel
 * [units, G units], biases [G units], and for the GRU the bias inside its reset gate, `recurrent_bias` [3 units], of
 * which the last third alone differs from the bias. Keras's LSTM and GRU (reset_after) but for the starts.
 */
export function gated(name: string, options: GatedOptions): LayerMaker {
  const { cell, units, output } = options;
  return (input) => {
    mustHaveAxes(input, ["time", "inputs"], name);
    const [time, inputs] = input, result: Shape = output === "sequence" ? [time, units] : [units];
    return {
      rows: [{
        type: cell === "lstm" ? "LSTM" : "GRU",
        weight: `${inputs} x ${BLOCKS[cell] * units}, ${units} x ${BLOCKS[cell] * units}`,
        output: extents(result),
      }],
      output: result,
      weights: gatedWeights(name, options, { time, inputs }),
      apply: (weights, x) => {
        const sequence = x as tf.Tensor3D, own = gatedValues(name, weights);
        return output === "sequence"
          ? recurrent(sequence, own, { cell }).states
          : lastState(sequence, own, { cell }).hidden;
      },
    };
  };
}

/**
 * A simple recurrent layer (Elman 1990) over [B, T, inputs], from a state of 0: its last state, [B, units]. A kernel
 * [inputs, units], normal of deviation `inputDeviation`; a recurrent kernel [units, units] that starts as the identity,
 * so that a state is kept until it is learned what to do with it (Le et al. 2015); biases of 0. Keras's SimpleRNN and
 * PyTorch's nn.RNN but for the starts.
 */
export function simpleRecurrent(
  name: string,
  { units, inputDeviation }: { readonly units: number; readonly inputDeviation: number },
): LayerMaker {
  return (input) => {
    mustHaveAxes(input, ["time", "inputs"], name);
    const inputs = input[1];
    return {
      rows: [{
        type: "Simple RNN",
        weight: `${inputs} x ${units}, ${units} x ${units}`,
        output: extents([units]),
      }],
      output: [units],
      weights: {
        [`${name}/kernel`]: {
          shape: [inputs, units],
          start: (random) => random.normals(inputs * units, inputDeviation),
        },
        [`${name}/recurrent_kernel`]: {
          shape: [units, units],
          start: () =>
            Float32Array.from({ length: units * units }, (_, at) => at % (units + 1) === 0 ? 1 : 0),
        },
        [`${name}/bias`]: { shape: [units], start: () => new Float32Array(units) },
      },
      apply: (weights, x) =>
        lastState(x as tf.Tensor3D, gatedValues(name, weights), { cell: "simple" }).hidden,
    };
  };
}

/** Those of `weights` that belong to the layer `name`, as the engine takes them. */
export function gatedValues(name: string, weights: Values): RecurrentWeights {
  const recurrentBias = weights[`${name}/recurrent_bias`];
  return {
    kernel: weights[`${name}/kernel`],
    recurrentKernel: weights[`${name}/recurrent_kernel`],
    bias: weights[`${name}/bias`],
    ...recurrentBias === undefined ? {} : { recurrentBias },
  };
}

/** Where a stack of layers stands between two steps. */
export type StackState = readonly RecurrentState[];

/**
 * Takes x [B, T, inputs] through layers of the same cell, one on the other: the states of the last one [B, T, units],
 * and where each stands at the end.
 *
 * @param options.initial where they stood; absent: 0.
 * @param options.lengths int32 [B]: steps that each row takes; its state stays after them.
 */
export function throughStack(
  x: tf.Tensor3D,
  weights: Values,
  options: {
    readonly names: readonly string[];
    readonly cell: GatedCell;
    readonly initial?: StackState;
    readonly lengths?: tf.Tensor1D;
  },
): { readonly states: tf.Tensor3D; readonly end: StackState } {
  const { names, cell, initial, lengths } = options;
  const end: RecurrentState[] = [];
  let states = x;
  names.forEach((name, at) => {
    const { states: own, ...state } = recurrent(states, gatedValues(name, weights), {
      cell,
      lengths,
      initial: initial?.[at],
    });
    states = own;
    end.push(state);
  });
  return { states, end };
}

function gatedWeights(
  name: string,
  options: GatedOptions,
  { time, inputs }: { readonly time: number; readonly inputs: number },
): Record<string, WeightSpec> {
  const { cell, units, gates = "uniform", keep = 2, recurrentStart = "orthogonal" } = options;
  const columns = BLOCKS[cell] * units, deviation = options.inputDeviation ?? 1 / Math.sqrt(inputs);
  return {
    [`${name}/kernel`]: {
      shape: [inputs, columns],
      start: (random) => random.normals(inputs * columns, deviation),
    },
    [`${name}/recurrent_kernel`]: {
      shape: [units, columns],
      start: (random) =>
        recurrentStart === "uniform"
          ? random.uniforms(units * columns, 1 / Math.sqrt(units))
          : orthogonalBlocks(random, { units, blocks: BLOCKS[cell] }),
    },
    [`${name}/bias`]: {
      shape: [columns],
      start: (random) => gateBiases(random, { cell, units, gates, keep, time }),
    },
    ...cell === "gru"
      ? { [`${name}/recurrent_bias`]: { shape: [columns], start: () => new Float32Array(columns) } }
      : {},
  };
}

/** [units, blocks * units], each square block orthogonal: the orthonormal basis of a random normal matrix. */
export function orthogonalBlocks(
  random: Random,
  { units, blocks }: { readonly units: number; readonly blocks: number },
): Float32Array {
  const kernel = new Float32Array(units * blocks * units);
  for (let block = 0; block < blocks; block++) {
    const rows = Array.from({ length: units }, () => Float64Array.from(random.normals(units)));
    rows.forEach((row, at) => {
      // Gram and Schmidt, twice: once loses too many digits.
      for (let pass = 0; pass < 2; pass++) {
        for (const before of rows.slice(0, at)) {
          const along = row.reduce((sum, value, i) => sum + value * before[i], 0);
          before.forEach((value, i) => row[i] -= along * value);
        }
      }
      const norm = Math.hypot(...row);
      row.forEach((value, i) => {
        row[i] = value / norm;
        kernel[at * blocks * units + block * units + i] = row[i];
      });
    });
  }
  return kernel;
}

function gateBiases(
  random: Random,
  { cell, units, gates, keep, time }: {
    readonly cell: GatedCell;
    readonly units: number;
    readonly gates: GateStart;
    readonly keep: number;
    readonly time: number;
  },
): Float32Array {
  const biases = new Float32Array(BLOCKS[cell] * units), at = KEEPS[cell] * units;
  if (gates === "zero") return biases;
  const edge = 1 / Math.max(time, 3);
  for (let unit = 0; unit < units; unit++) {
    const share = edge + random.uniform() * (1 - 2 * edge);
    if (gates === "uniform") biases[at + unit] = Math.log(share / (1 - share)) + keep;
    else {
      biases[at + unit] = Math.log(1 + share * Math.max(time - 2, 1));
      if (cell === "lstm") biases[unit] = -biases[at + unit];
    }
  }
  return biases;
}
