/**
 * Recurrent sequences and their gradient. A stretch of steps is a few dispatches: a matrix product of all its inputs
 * with the kernel, then the steps themselves in one (`steps.ts`), a workgroup for each tile of rows. The gradient has
 * only the states to go by: for a stretch, from the last to the first, one product gives what all gates are functions
 * of, one dispatch goes back through the steps and leaves the gradients by those sums in their place, and products of
 * them with inputs and states are the gradients by the weights and by x.
 *
 * Gates are computed again and not kept: a product for many steps at once costs little beside the steps, which wait
 * for each other, and an lstm's states are 2 numbers a unit where its course has 5 or 6.
 *
 * How long a stretch is depends on the shapes alone, and so does the order of every sum.
 */
import { type Program, type Shape, sizeOf, type Value } from "../../graph.ts";
import type { OpOf } from "../../kernels/kernel.ts";
import { BIASES, GATES, mustFit, namedInputs, type RecurrentInputs } from "../../kernels/recurrent.ts";
import { type Dispatch, type Location, Shader } from "../shader.ts";
import type { Factor, KernelContext, SequenceLimits } from "./context.ts";
import { matrixFactor, writeProduct } from "./matmul.ts";
import { eachItem, writeCopy } from "./move.ts";
import {
  declareBefore,
  type History,
  type Standing,
  type Stretch,
  TILE_ROWS,
  writeSteps,
  writeStepsBack,
} from "./steps.ts";

/**
 * What a dispatch may take: 16 MiB of sums; operations of which a slow GPU does some hundred milliseconds, as drivers
 * end what takes seconds. And what states may that a gradient computes again: 32 MiB.
 */
export const SEQUENCE_LIMITS: SequenceLimits = { sums: 2 ** 22, flops: 2 ** 31, states: 2 ** 23 };

/** Register 0, the product, plus an operand. */
const PLUS: Program = {
  operands: 2,
  instructions: [{ op: "add", args: [0, 1], dtype: "float32" }],
  results: [2],
};

/** How a sequence is cut: rows that go together, and the steps of a stretch. */
export function cutSequence(
  { cell, batch, time, features, units }: Extents,
  { limits, again }: { readonly limits: SequenceLimits; readonly again: boolean },
): { readonly rows: number; readonly steps: number } {
  const columns = Math.max(BIASES[cell] * units, units + features), histories = cell === "lstm" ? 2 : 1;
  const most = Math.min(limits.sums / columns, again ? limits.states / (histories * time * units) : Infinity);
  const rows = Math.min(batch, Math.max(1, Math.floor(most / TILE_ROWS)) * TILE_ROWS);
  const flops = 2 * rows * units * GATES[cell] * units;
  const longest = Math.max(1, Math.floor(Math.min(limits.sums / (rows * columns), limits.flops / flops)));
  // Of equal length, but for the last.
  return { rows, steps: Math.ceil(time / Math.ceil(time / longest)) };
}

interface Extents extends Pick<OpOf<"recurrent">, "cell"> {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly units: number;
}

/** Everything that the dispatches of a sequence share. */
class Sequence {
  readonly of: RecurrentInputs<Value>;
  readonly extents: Extents;
  readonly limits: SequenceLimits;
  /** Knows the temporary values too. */
  readonly context: KernelContext;
  readonly #places = new Map<number, Location>();
  readonly #given: KernelContext;

  constructor(
    context: KernelContext,
    op: OpOf<"recurrent"> | OpOf<"recurrent_grad">,
    inputs: readonly Value[],
  ) {
    this.of = namedInputs(op, inputs);
    this.extents = { cell: op.cell, ...mustFit(op, inputs) };
    this.limits = context.sequences ?? SEQUENCE_LIMITS;
    // One dispatch follows the other: what the products need for themselves may lie in one place.
    const rooms = new Map<number, Location>();
    this.#given = context;
    this.context = {
      locate: (value) => this.#places.get(value.id) ?? context.locate(value),
      constant: (value) => context.constant(value),
      scratch: (elements) => {
        const room = rooms.get(elements) ?? context.scratch(elements);
        rooms.set(elements, room);
        return room;
      },
      tileOf: (product) => context.tileOf(product),
    };
  }

  /** A value of the node's own; its id is none of the graph's. */
  temporary(shape: Shape, location = this.#given.scratch(sizeOf(shape))): Value {
    const id = -1 - this.#places.size;
    this.#places.set(id, location);
    return { id, shape, dtype: "float32" };
  }

  /** A value's elements under another shape. */
  seen(value: Value, shape: Shape): Value {
    return this.temporary(shape, this.context.locate(value));
  }

  /** The stretches of rows `row`, ... in order. */
  stretches(row: number, cut: { readonly rows: number; readonly steps: number }): Stretch[] {
    const { cell, batch, time, units } = this.extents, rows = Math.min(cut.rows, batch - row);
    return Array.from({ length: Math.ceil(time / cut.steps) }, (_, i) => {
      const step = i * cut.steps;
      return { cell, units, time, row, rows, step, steps: Math.min(cut.steps, time - step) };
    });
  }

  /** The first rows of what goes together. */
  firstRows(cut: { readonly rows: number }): number[] {
    return Array.from({ length: Math.ceil(this.extents.batch / cut.rows) }, (_, i) => i * cut.rows);
  }

  /** A place for the state between two stretches, of the whole batch. */
  standing(): Standing {
    const { cell, batch, units } = this.extents;
    return {
      hidden: this.temporary([batch, units]),
      ...(cell === "lstm" ? { cells: this.temporary([batch, units]) } : {}),
    };
  }

  /** Forwards through some rows: leaves what is asked for. */
  forwards(stretches: readonly Stretch[], { sums, between, ...asked }: {
    /** Room for the sums of a stretch. */
    readonly sums: Value;
    readonly between: Standing;
    readonly end: Standing;
    readonly states?: History;
    readonly cellStates?: History;
  }): Dispatch[] {
    const { of, context } = this, { recurrentKernel, bias, lengths } = of, last = stretches.length - 1;
    const start = { hidden: of.hidden, cells: of.cellState };
    return stretches.flatMap((stretch, i) => [
      ...this.#inputSums(stretch, sums),
      writeSteps(context, stretch, {
        ...asked,
        sums,
        recurrentKernel,
        bias,
        lengths,
        start: i === 0 ? start : between,
        end: i === last ? asked.end : between,
      }),
    ]);
  }

  /** x times the kernel, and the bias. */
  #inputSums(stretch: Stretch, sums: Value): Dispatch[] {
    const { of, extents: { cell, features } } = this, { units, rows, steps } = stretch;
    const columns = GATES[cell] * units, quads = features % 4 === 0;
    const left: Factor = {
      along: "inner",
      quads,
      write: (shader) => {
        const x = shader.operand(of.x), index = `(${this.#inputRow(shader, stretch, "outer")} + inner)`;
        return `return ${quads ? x.vector(`(${index} / 4u)`) : x.at(index)};`;
      },
    };
    return writeProduct(this.context, {
      kind: "recurrent",
      batch: 1,
      rows: rows * steps,
      columns,
      inner: features,
      left,
      right: matrixFactor(of.kernel, { outerLast: true, lead: [] }),
      output: this.seen(sums, [rows * steps, columns]),
      epilogue: PLUS,
      operands: [cell === "gru" ? this.seen(of.bias, [columns]) : of.bias],
    });
  }

  #inputRow(shader: Shader, { row, step, steps }: Stretch, index: string): string {
    const { time, features } = this.extents;
    const at = `(${shader.word(row)} + ${index} / ${steps}u) * ${time}u + ${
      shader.word(step)
    } + ${index} % ${steps}u`;
    return `(${at}) * ${features}u`;
  }

  /** [recurrent kernel; kernel; bias; 0], of a gru with the candidate's inner sum apart, to whole fours of rows. */
  joinedWeights(output: Value): Dispatch[] {
    const { of, extents: { cell, features, units } } = this, [height, columns] = output.shape;
    const gates = GATES[cell] * units, apart = cell === "gru";
    const shader = new Shader(this.context), target = shader.operand(output);
    const read = (value: Value, row: string, column: string): string =>
      shader.operand(value).at(`(${row} * ${gates}u + ${column})`);
    const inner = apart ? `select(column, column - ${units}u, column >= ${3 * units}u)` : "column";
    return eachItem(shader, height * columns, [
      `let row = item / ${columns}u;`,
      `let column = item % ${columns}u;`,
      "var weight = 0.0;",
      `if (row < ${units}u) {`,
      apart ? `if (column < ${2 * units}u || column >= ${3 * units}u)` : "",
      `{ weight = ${read(of.recurrentKernel, "row", inner)}; }`,
      `} else if (row < ${units + features}u) {`,
      apart ? `if (column < ${gates}u)` : "",
      `{ weight = ${read(of.kernel, `(row - ${units}u)`, "column")}; }`,
      "}",
      `else if (row == ${units + features}u) { weight = ${shader.operand(of.bias).at("column")}; }`,
      target.store("item", "weight"),
    ]);
  }

  /** [hidden state before, x, 1, 1, ...] of every row and step of a stretch: what those are multiplied with. */
  joinedEntries(
    stretch: Stretch,
    { states, output }: { readonly states: History; readonly output: Value },
  ): Dispatch[] {
    const { of, extents: { time, features } } = this, { units, row, rows, step, steps } = stretch;
    const width = output.shape[1], shader = new Shader(this.context), target = shader.operand(output);
    declareBefore(shader, "hidden", { history: states, first: of.hidden, time, units });
    return eachItem(shader, rows * steps * width, [
      `let column = item % ${width}u;`,
      `let at = item / ${width}u;`,
      `let row = ${shader.word(row)} + at / ${steps}u;`,
      `let step = ${shader.word(step)} + at % ${steps}u;`,
      "var entry = 1.0;",
      `if (column < ${units}u) { entry = hidden_before(row, step, column); }`,
      `else if (column < ${units + features}u) {`,
      `entry = ${shader.operand(of.x).at(`((row * ${time}u + step) * ${features}u + column - ${units}u)`)};`,
      "}",
      target.store("item", "entry"),
    ]);
  }

  /** left [M, K] (or [K, M] where `transposed`) times right [K, N]; added to what `output` holds, where `adds`. */
  product({ left, transposed, right, output, adds }: {
    readonly left: Value;
    readonly transposed: boolean;
    readonly right: Value;
    readonly output: Value;
    readonly adds: boolean;
  }): Dispatch[] {
    const [rows, columns] = output.shape;
    return writeProduct(this.context, {
      kind: "matmul",
      batch: 1,
      rows,
      columns,
      inner: right.shape[0],
      left: matrixFactor(left, { outerLast: transposed, lead: [] }),
      right: matrixFactor(right, { outerLast: true, lead: [] }),
      output,
      ...(adds ? { epilogue: PLUS, operands: [output] } : { operands: [] }),
    });
  }

  /** The gradients by x of a stretch, from those by the sums. */
  inputGradient(
    stretch: Stretch,
    { sums, output }: { readonly sums: Value; readonly output: Value },
  ): Dispatch[] {
    const { of, extents: { cell, time, features } } = this, { units, row, rows, step, steps } = stretch;
    const inner = GATES[cell] * units, columns = BIASES[cell] * units, quads = units % 4 === 0;
    const left: Factor = {
      along: "inner",
      quads,
      write: (shader) => {
        const operand = shader.operand(sums), index = `(outer * ${columns}u + inner)`;
        return `return ${quads ? operand.vector(`(${index} / 4u)`) : operand.at(index)};`;
      },
    };
    return writeProduct(this.context, {
      kind: "recurrent_grad",
      batch: 1,
      rows: rows * steps,
      columns: features,
      inner,
      left,
      right: matrixFactor(of.kernel, { outerLast: false, lead: [] }),
      output,
      place: (shader) => [
        `let place = (${shader.word(row)} + row / ${steps}u) * ${time}u + ${
          shader.word(step)
        } + row % ${steps}u;`,
      ],
      operands: [],
    });
  }
}

/** A sequence. */
export function writeRecurrent(
  context: KernelContext,
  op: OpOf<"recurrent">,
  { inputs, outputs }: { readonly inputs: readonly Value[]; readonly outputs: readonly Value[] },
): Dispatch[] {
  const sequence = new Sequence(context, op, inputs), { batch, time, units } = sequence.extents;
  if (batch === 0) return [];
  const cut = cutSequence(sequence.extents, { limits: sequence.limits, again: false });
  const result = (name: typeof op.results[number]): Value | undefined => outputs[op.results.indexOf(name)];
  const history = (value: Value | undefined): History | undefined => value && { value, row: 0 };
  const sums = sequence.temporary([cut.rows * cut.steps, GATES[op.cell] * units]);
  const between = cut.steps < time ? sequence.standing() : {};
  return sequence.firstRows(cut).flatMap((row) =>
    sequence.forwards(sequence.stretches(row, cut), {
      sums,
      between,
      end: { hidden: result("hidden"), cells: result("cellState") },
      states: history(result("states")),
      cellStates: history(result("cellStates")),
    })
  );
}

/** The gradient of a sequence. */
export function writeRecurrentGrad(
  context: KernelContext,
  op: OpOf<"recurrent_grad">,
  { inputs, outputs }: { readonly inputs: readonly Value[]; readonly outputs: readonly Value[] },
): Dispatch[] {
  if (op.kept === "course") {
    throw new Error(
      "Cannot go back through a sequence as its states must be kept: current value is its course",
    );
  }
  const sequence = new Sequence(context, op, inputs), { cell } = op;
  const { of, extents: { batch, time, features, units } } = sequence;
  const given = (name: typeof op.given[number]): Value | undefined => of.others[op.given.indexOf(name)];
  const result = (name: typeof op.results[number]): Value | undefined => outputs[op.results.indexOf(name)];
  const [kept, keptCells] = of.others.slice(op.given.length), again = kept === undefined;
  const cut = cutSequence(sequence.extents, { limits: sequence.limits, again });
  const gates = GATES[cell] * units, columns = BIASES[cell] * units;
  const transposed = sequence.temporary([gates, units]);
  // To whole fours: what four neighbours are read of at once.
  const width = 4 * Math.ceil((units + features + 1) / 4), most = cut.rows * cut.steps;
  const sums = sequence.temporary([most, columns]), entries = sequence.temporary([most, width]);
  const weights = sequence.temporary([width, columns]), totals = sequence.temporary([width, columns]);
  const between = cut.steps < time ? sequence.standing() : {};
  const history = (): Value => sequence.temporary([cut.rows, time, units]);
  const states = kept ?? history(), cellStates = cell === "lstm" ? keptCells ?? history() : undefined;
  const start: Standing = { hidden: of.hidden, cells: of.cellState };
  const dx = result("x"), allGiven = given("states");
  const sumsWeights = (["kernel", "recurrentKernel", "bias"] as const).some((name) =>
    result(name) !== undefined
  );
  const dispatches = [
    ...writeCopy(sequence.context, {
      input: of.recurrentKernel,
      output: transposed,
      offset: 0,
      strides: [1, gates],
    }),
    ...(cell === "simple" ? [] : sequence.joinedWeights(weights)),
  ];
  for (const row of sequence.firstRows(cut)) {
    const stretches = sequence.stretches(row, cut), last = stretches.length - 1;
    const own = { value: states, row: again ? row : 0 };
    const ownCells = cellStates && { value: cellStates, row: again ? row : 0 };
    if (again) {
      dispatches.push(
        ...sequence.forwards(stretches, { sums, between, end: {}, states: own, cellStates: ownCells }),
      );
    }
    for (const [i, stretch] of [...stretches.entries()].reverse()) {
      const count = stretch.rows * stretch.steps;
      const here = sequence.seen(sums, [count, columns]), joined = sequence.seen(entries, [count, width]);
      if (cell !== "simple" || sumsWeights) {
        dispatches.push(...sequence.joinedEntries(stretch, { states: own, output: joined }));
      }
      if (cell !== "simple") {
        const product = { left: joined, transposed: false, right: weights, output: here, adds: false };
        dispatches.push(...sequence.product(product));
      }
      dispatches.push(writeStepsBack(sequence.context, stretch, {
        sums,
        transposed,
        lengths: of.lengths,
        start,
        states: own,
        cellStates: ownCells,
        given: allGiven && { value: allGiven, row: 0 },
        enters: i === last ? { hidden: given("hidden"), cells: given("cellState") } : between,
        leaves: i === 0 ? { hidden: result("hidden"), cells: result("cellState") } : between,
      }));
      if (sumsWeights) {
        const adds = row > 0 || i < last;
        dispatches.push(
          ...sequence.product({ left: joined, transposed: true, right: here, output: totals, adds }),
        );
      }
      if (dx !== undefined) dispatches.push(...sequence.inputGradient(stretch, { sums, output: dx }));
    }
  }
  const from = batch === 0 ? undefined : totals, gap = cell === "gru" ? units : 0;
  return [
    ...dispatches,
    ...writeRows(sequence.context, { totals: from, output: result("recurrentKernel"), row: 0, gap }),
    ...writeRows(sequence.context, { totals: from, output: result("kernel"), row: units, gap: 0 }),
    ...writeRows(sequence.context, { totals: from, output: result("bias"), row: units + features, gap: 0 }),
  ];
}

/** Rows of the totals (absent: of zeros) from `row` on, as a result; a gru's third gate comes after a gap. */
function writeRows(context: KernelContext, { totals, output, row, gap }: {
  readonly totals: Value | undefined;
  readonly output: Value | undefined;
  readonly row: number;
  readonly gap: number;
}): Dispatch[] {
  if (output === undefined) return [];
  const shader = new Shader(context), target = shader.operand(output), width = output.shape.at(-1)!;
  if (totals === undefined) return eachItem(shader, sizeOf(output.shape), [target.store("item", "0.0")]);
  const place = gap === 0 ? "column" : `select(column, column + ${gap}u, column >= ${2 * gap}u)`;
  const index = `((${row}u + item / ${width}u) * ${totals.shape[1]}u + ${place})`;
  return eachItem(shader, sizeOf(output.shape), [
    `let column = item % ${width}u;`,
    target.store("item", shader.operand(totals).at(index)),
  ]);
}
