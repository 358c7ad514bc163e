import type { Kept, RecurrentCell, Shape } from "../graph.ts";
import { bytesOf, type Kernel, must, type OpOf, type Tensor, type Type } from "./kernel.ts";

/** Gates of a cell: blocks of H columns of its kernels. */
export const GATES: { readonly [C in RecurrentCell]: number } = { lstm: 4, gru: 3, simple: 1 };

/** Blocks of H numbers of a cell's bias: the GRU's candidate has two, inside and outside of what is reset. */
export const BIASES: { readonly [C in RecurrentCell]: number } = { lstm: 4, gru: 4, simple: 1 };

/** Numbers a unit and step of a course: gates and cell state, gates and hidden state, hidden state. */
export const COURSE: { readonly [C in RecurrentCell]: number } = { lstm: 5, gru: 5, simple: 1 };

/** The course of a sequence: rows are padded to whole vectors of four. */
export function courseShape(cell: RecurrentCell, [batch, time]: Shape, units: number): Shape {
  return [4 * Math.ceil(batch / 4), time, COURSE[cell] * units];
}

/** The results of a sequence that its gradient finds again, in the order of its inputs. */
export function keptResults(cell: RecurrentCell, kept: Kept): ("states" | "cellStates" | "course")[] {
  if (kept === "course") return ["course"];
  return cell === "lstm" ? ["states", "cellStates"] : ["states"];
}

/** A recurrent op's inputs by name, whatever they are. */
export interface RecurrentInputs<V> {
  readonly x: V;
  readonly kernel: V;
  readonly recurrentKernel: V;
  readonly bias: V;
  readonly hidden: V;
  readonly cellState: V | undefined;
  readonly lengths: V | undefined;
  /** What is left: of a gradient, the given gradients and what was kept. */
  readonly others: readonly V[];
}

/** Gives the inputs of a recurrent op their names. */
export function namedInputs<V>(
  op: { readonly cell: RecurrentCell; readonly lengths: boolean },
  inputs: readonly V[],
): RecurrentInputs<V> {
  const [x, kernel, recurrentKernel, bias, hidden, ...rest] = inputs;
  const cellState = op.cell === "lstm" ? rest.shift() : undefined;
  const lengths = op.lengths ? rest.shift() : undefined;
  return { x, kernel, recurrentKernel, bias, hidden, cellState, lengths, others: rest };
}

/** @throws {RangeError} where the inputs do not fit together. */
export function mustFit(op: OpOf<"recurrent"> | OpOf<"recurrent_grad">, inputs: readonly Type[]): {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
} {
  const of = namedInputs<Type | undefined>(op, inputs);
  const [batch, time, features] = of.x?.shape ?? [], units = of.hidden?.shape[1] ?? NaN;
  const is = (type: Type | undefined, shape: Shape, dtype = "float32"): boolean =>
    type !== undefined && type.dtype === dtype && type.shape.join() === shape.join();
  must(
    is(of.x, [batch, time, features]) && is(of.kernel, [features, GATES[op.cell] * units]) &&
      is(of.recurrentKernel, [units, GATES[op.cell] * units]) && is(of.bias, [BIASES[op.cell] * units]) &&
      is(of.hidden, [batch, units]) && (op.cell !== "lstm" || is(of.cellState, [batch, units])) &&
      (!op.lengths || is(of.lengths, [batch], "int32")) && time > 0 && units > 0,
    op.kind,
    `${op.cell} must have x [B,T,I], kernel [I,${GATES[op.cell]}H], recurrent kernel [H,${
      GATES[op.cell]
    }H], bias [${BIASES[op.cell]}H] and states [B,H], with T and H at least 1`,
    inputs,
  );
  return { batch, time, features, units };
}

/** The shape of a result of a sequence. */
export function resultShape(
  cell: RecurrentCell,
  result: OpOf<"recurrent">["results"][number],
  { batch, time, units }: { readonly batch: number; readonly time: number; readonly units: number },
): Shape {
  if (result === "course") return courseShape(cell, [batch, time], units);
  return result === "states" || result === "cellStates" ? [batch, time, units] : [batch, units];
}

/** A whole sequence through an LSTM, a GRU or a simple recurrent cell. */
export const recurrent: Kernel<"recurrent"> = {
  infer(op, inputs) {
    const extents = mustFit(op, inputs);
    return op.results.map((result) => ({ shape: resultShape(op.cell, result, extents), dtype: "float32" }));
  },
  cost(op, inputs, outputs) {
    const { batch, time, features, units } = mustFit(op, inputs);
    const flops = batch * time * units * (2 * (features + units) * GATES[op.cell] + 10);
    return { flops, bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  // The course is between the nodes of one executor: this one writes none.
  run(op, inputs, outputs) {
    const sequence = sequenceOf(op, inputs), { batch, time, units } = sequence;
    const put = (name: typeof op.results[number], row: number, values: Float64Array): void => {
      const output = outputs[op.results.indexOf(name)];
      output?.data.set(values, row * values.length);
    };
    for (let row = 0; row < batch; row++) {
      const { hidden, cells } = forward(sequence, row), end = time * units;
      put("states", row, hidden.subarray(units));
      put("hidden", row, hidden.subarray(end));
      put("cellStates", row, cells.subarray(units));
      put("cellState", row, cells.subarray(end));
    }
  },
};

/** The numbers that a sequence is computed from. */
export interface Sequence {
  readonly cell: RecurrentCell;
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
  readonly x: ArrayLike<number>;
  readonly kernel: ArrayLike<number>;
  readonly recurrentKernel: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly hidden: ArrayLike<number>;
  readonly cellState?: ArrayLike<number>;
  readonly lengths?: ArrayLike<number>;
}

/** An op's inputs as a sequence. */
export function sequenceOf(
  op: OpOf<"recurrent"> | OpOf<"recurrent_grad">,
  inputs: readonly Tensor[],
): Sequence {
  const of = namedInputs(op, inputs);
  return {
    cell: op.cell,
    ...mustFit(op, inputs),
    x: of.x.data,
    kernel: of.kernel.data,
    recurrentKernel: of.recurrentKernel.data,
    bias: of.bias.data,
    hidden: of.hidden.data,
    cellState: of.cellState?.data,
    lengths: of.lengths?.data,
  };
}

/** Steps that a row takes: its length, between 0 and T. */
export function stepsOf({ lengths, time }: Sequence, row: number): number {
  return lengths === undefined ? time : Math.min(time, Math.max(0, lengths[row]));
}

/** What one row goes through, step by step. */
export interface Course {
  /** [T + 1, H]: before the first step and after each. */
  readonly hidden: Float64Array;
  /** [T + 1, H], likewise; of cells without a cell state, zeros. */
  readonly cells: Float64Array;
  /** [T, G + 1, H]: the gates after their functions; of the GRU, last, what its candidate has of the hidden state. */
  readonly gates: Float64Array;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** to[j] += sum over k of x[k] * matrix[k, j]. */
function addProduct(
  to: Float64Array,
  x: ArrayLike<number>,
  from: number,
  of: { readonly matrix: ArrayLike<number>; readonly rows: number },
): void {
  const columns = to.length;
  for (let k = 0; k < of.rows; k++) {
    const factor = x[from + k];
    for (let j = 0, at = k * columns; j < columns; j++, at++) to[j] += factor * of.matrix[at];
  }
}

/** Takes one row of a sequence through its steps, in float64. */
export function forward(sequence: Sequence, row: number): Course {
  const { cell, time, features, units, x, kernel, recurrentKernel, bias } = sequence;
  const hidden = new Float64Array((time + 1) * units), cells = new Float64Array((time + 1) * units);
  const blocks = GATES[cell] + 1, gates = new Float64Array(time * blocks * units);
  for (let u = 0; u < units; u++) {
    hidden[u] = sequence.hidden[row * units + u];
    cells[u] = sequence.cellState?.[row * units + u] ?? 0;
  }
  const steps = stepsOf(sequence, row);
  const outside = new Float64Array(GATES[cell] * units), inside = new Float64Array(GATES[cell] * units);
  for (let t = 0; t < time; t++) {
    const before = t * units, after = before + units;
    if (t >= steps) {
      hidden.copyWithin(after, before, after);
      cells.copyWithin(after, before, after);
      continue;
    }
    for (let j = 0; j < outside.length; j++) outside[j] = bias[j];
    inside.fill(0);
    addProduct(outside, x, (row * time + t) * features, { matrix: kernel, rows: features });
    addProduct(inside, hidden, before, { matrix: recurrentKernel, rows: units });
    for (let u = 0; u < units; u++) {
      const at = t * blocks * units + u;
      const sum = (gate: number): number => outside[gate * units + u] + inside[gate * units + u];
      if (cell === "simple") {
        gates[at] = hidden[after + u] = Math.tanh(sum(0));
      } else if (cell === "lstm") {
        const input = gates[at] = sigmoid(sum(0)), forget = gates[at + units] = sigmoid(sum(1));
        const candidate = gates[at + 2 * units] = Math.tanh(sum(2));
        const output = gates[at + 3 * units] = sigmoid(sum(3));
        cells[after + u] = forget * cells[before + u] + input * candidate;
        hidden[after + u] = output * Math.tanh(cells[after + u]);
      } else {
        const reset = gates[at] = sigmoid(sum(0)), update = gates[at + units] = sigmoid(sum(1));
        const own = gates[at + 3 * units] = inside[2 * units + u] + bias[3 * units + u];
        const candidate = gates[at + 2 * units] = Math.tanh(outside[2 * units + u] + reset * own);
        hidden[after + u] = (1 - update) * candidate + update * hidden[before + u];
      }
    }
  }
  return { hidden, cells, gates };
}
