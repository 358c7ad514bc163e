/**
 * What the gates of an LSTM and of a GRU can do, measured on cells whose gates are set by hand.
 * Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000); Cho et al. (2014).
 */
import { type Random, stream } from "../base/random.ts";

/** One affine map of the input and of what the cell put out before: W x + U h + b. */
interface Affine {
  /** [units, inputs] */
  readonly input: Float64Array;
  /** [units, units] */
  readonly recurrent: Float64Array;
  readonly bias: number;
}

/** What an LSTM carries from step to step. */
export interface LstmState {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/** The four maps of an LSTM: its input, forget and output gates, and the candidate. */
export type Lstm = Readonly<Record<"i" | "f" | "o" | "g", Affine>>;
/** The three maps of a GRU: its update gate (1: keep the state), its reset gate, and the candidate. */
export type Gru = Readonly<Record<"z" | "r" | "n", Affine>>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function apply({ input, recurrent, bias }: Affine, x: Float64Array, h: Float64Array): Float64Array {
  return h.map((_, row) => {
    let sum = bias;
    x.forEach((value, column) => sum += input[row * x.length + column] * value);
    h.forEach((value, column) => sum += recurrent[row * h.length + column] * value);
    return sum;
  });
}

/** c' = f c + i tanh(g), h' = o tanh(c'). */
export function lstmStep(cell: Lstm, x: Float64Array, { h, c }: LstmState): LstmState {
  const [i, f, o] = [cell.i, cell.f, cell.o].map((gate) => apply(gate, x, h).map(sigmoid));
  const g = apply(cell.g, x, h).map(Math.tanh);
  const next = c.map((value, unit) => f[unit] * value + i[unit] * g[unit]);
  return { c: next, h: next.map((value, unit) => o[unit] * Math.tanh(value)) };
}

/** h' = z h + (1 - z) tanh(W x + U (r h) + b). */
export function gruStep(cell: Gru, x: Float64Array, h: Float64Array): Float64Array {
  const z = apply(cell.z, x, h).map(sigmoid), r = apply(cell.r, x, h).map(sigmoid);
  const n = apply(cell.n, x, h.map((value, unit) => r[unit] * value)).map(Math.tanh);
  return h.map((value, unit) => z[unit] * value + (1 - z[unit]) * n[unit]);
}

const UNITS = 8;
const INPUTS = 4;
const TRIALS = 20_000;
/** As many steps as an image has pixels. */
const STEPS = 784;
/** How far open or closed a gate is pushed by its bias where one stands for "in the limit". */
const FAR = 40;

function affine(
  random: Random,
  { bias, scale = 1 }: { readonly bias: number; readonly scale?: number },
): Affine {
  const draw = (count: number) => Float64Array.from({ length: count }, () => scale * random.normal());
  return { input: draw(UNITS * INPUTS), recurrent: draw(UNITS * UNITS), bias };
}

/** A gate that its bias alone decides. */
function set(bias: number): Affine {
  return {
    input: new Float64Array(UNITS * INPUTS),
    recurrent: new Float64Array(UNITS * UNITS),
    bias,
  };
}

function difference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0);
}

function vector(random: Random, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal());
}

/** The figures of docs/gates.md. */
export interface GateFigures {
  /** How much what is stored at a step depends on the state before it: largest difference between two earlier states. */
  readonly storeInput: {
    /** f = 0, i = 1, o = 1. */
    readonly lstm: number;
    /** The same, with the output gate of the step before closed. */
    readonly lstmOutputClosed: number;
    /** The same with the output gate open, and the candidate's recurrent weights 0. */
    readonly lstmNoRecurrence: number;
    /** z = 0, r = 1. */
    readonly gruResetOpen: number;
    /** z = 0, r = 0. */
    readonly gru: number;
  };
  /** How far the state has moved after 784 random inputs, by the bias that pushes the gates. */
  readonly keepState: readonly { readonly bias: number; readonly lstm: number; readonly gru: number }[];
  /** While an LSTM holds its cell: how far its output is from what it holds, largest over the units. */
  readonly heldOutput: number;
  readonly special: {
    /** What the counter-example's GRU puts out after one step from 0, for the inputs 1 and -1. */
    readonly gru: readonly [number, number];
    /** The largest output of any of 20,000 random LSTM units after one step from 0. */
    readonly largestLstm: number;
    /** tanh(1): what it cannot exceed. */
    readonly bound: number;
    /** The cell of an LSTM with f = i = 1 after 10 equal inputs: what no GRU's state, within -1..1, can be. */
    readonly countedTo: number;
  };
}

/** Measures all of them. Equal calls give equal figures. */
export function gateFigures(): GateFigures {
  const random = stream(0).fork("gates");
  const x = vector(random, INPUTS), before = [0, 1].map(() => vector(random, UNITS).map(Math.tanh));
  const candidate = affine(random, { bias: 0 });
  const overwrite: Lstm = { f: set(-FAR), i: set(FAR), o: set(FAR), g: candidate };
  // The states that the step before could have left: h is what its output gate showed of c.
  const stored = (cell: Lstm, shown: number) =>
    before.map((c) => lstmStep(cell, x, { c, h: c.map((value) => shown * Math.tanh(value)) }).c);
  const apart = ([a, b]: readonly Float64Array[]): number => difference(a, b);
  const alone: Affine = { ...candidate, recurrent: new Float64Array(UNITS * UNITS) };
  const gru = (reset: number) =>
    before.map((h) => gruStep({ z: set(-FAR), r: set(reset), n: candidate }, x, h));

  const inputs = Array.from({ length: STEPS }, () => vector(random, INPUTS));
  const [held] = before;
  let heldOutput = 0;
  const keepState = [5, 10, 20, FAR].map((bias) => {
    const lstm: Lstm = { f: set(bias), i: set(-bias), o: set(FAR), g: candidate };
    const keeper: Gru = { z: set(bias), r: set(FAR), n: candidate };
    let state: LstmState = { c: held, h: held.map(Math.tanh) };
    let h: Float64Array = held;
    for (const input of inputs) {
      state = lstmStep(lstm, input, state);
      h = gruStep(keeper, input, h);
    }
    heldOutput = difference(state.h, held);
    return { bias, lstm: difference(state.c, held), gru: difference(h, held) };
  });

  const zero = new Float64Array(1);
  const unit = (bias: number, weight = 0): Affine => ({
    input: Float64Array.of(weight),
    recurrent: Float64Array.of(0),
    bias,
  });
  const example: Gru = { z: unit(-FAR), r: unit(-FAR), n: unit(0, Math.atanh(0.9)) };
  let largestLstm = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const draw = (): Affine => unit(4 * random.normal(), 4 * random.normal());
    const { h } = lstmStep({ i: draw(), f: draw(), o: draw(), g: draw() }, Float64Array.of(1), {
      h: zero,
      c: zero,
    });
    largestLstm = Math.max(largestLstm, Math.abs(h[0]));
  }
  const counter: Lstm = { f: unit(FAR), i: unit(FAR), o: unit(FAR), g: unit(0, 1) };
  let count: LstmState = { h: zero, c: zero };
  for (let step = 0; step < 10; step++) count = lstmStep(counter, Float64Array.of(1), count);
  return {
    storeInput: {
      lstm: apart(stored(overwrite, 1)),
      lstmOutputClosed: apart(stored(overwrite, 0)),
      lstmNoRecurrence: apart(stored({ ...overwrite, g: alone }, 1)),
      gruResetOpen: apart(gru(FAR)),
      gru: apart(gru(-FAR)),
    },
    keepState,
    heldOutput,
    special: {
      gru: [gruStep(example, Float64Array.of(1), zero)[0], gruStep(example, Float64Array.of(-1), zero)[0]],
      largestLstm,
      bound: Math.tanh(1),
      countedTo: count.c[0],
    },
  };
}
