/**
 * Recurrent steps, one after the other in one dispatch: a workgroup takes a tile of rows of the batch through all of
 * them. A lane has units of its own, with all their gates, for all rows of the tile, so that a unit's state follows in
 * registers as soon as its sums are there; what every lane needs of the others, the hidden state forwards and the
 * gradients by the sums backwards, goes through workgroup memory. The recurrent kernel lies there too where it fits,
 * else it is read from the buffer, once a tile and step. Every sum is one fused chain in ascending order.
 *
 * Rows beyond the last are the last one again: they compute and store the same.
 */
import type { RecurrentCell, Value } from "../../graph.ts";
import { BIASES, GATES } from "../../kernels/recurrent.ts";
import { aliases, need } from "../functions.ts";
import { type Dispatch, type Operand, Shader } from "../shader.ts";
import type { KernelContext } from "./context.ts";

/** Rows of a tile: those of a vector. */
export const TILE_ROWS = 4;
/** What every GPU has for a workgroup. */
const WORKGROUP_BYTES = 16384, MOST_LANES = 256;
/** Steps along a sum that are written out. */
const UNROLLED = 4;

/** Some rows of a batch, and some of their steps. */
export interface Stretch {
  readonly cell: RecurrentCell;
  readonly units: number;
  /** Steps of the whole sequence. */
  readonly time: number;
  /** Rows of the whole batch that it takes, from `row` on. */
  readonly row: number;
  readonly rows: number;
  readonly step: number;
  readonly steps: number;
}

/** States after every step of the whole sequence, [rows, T, H], of the batch's rows from `row` on. */
export interface History {
  readonly value: Value;
  readonly row: number;
}

/** Where a sequence stands, [B, H] of the whole batch each. Absent forwards: wherever; backwards: 0. */
export interface Standing {
  readonly hidden?: Value;
  readonly cells?: Value;
}

/** A shader of a tile a workgroup. */
class RowTile {
  readonly shader: Shader;
  readonly stretch: Stretch;
  readonly rows: 1 | typeof TILE_ROWS;
  readonly lanes: number;
  /** Units of a lane. */
  readonly slots: number;
  readonly groups: number;
  readonly #firstRow: string;
  readonly #lastRow: string;
  /** WGSL of the number of steps, and of the first. */
  readonly steps: string;
  readonly step: string;

  constructor(context: KernelContext, stretch: Stretch) {
    const { units, row, rows, step, steps } = stretch;
    this.shader = new Shader(context);
    this.stretch = stretch;
    this.rows = rows === 1 ? 1 : TILE_ROWS;
    this.lanes = Math.min(MOST_LANES, 32 * Math.ceil(units / 32));
    this.slots = Math.ceil(units / this.lanes);
    this.groups = Math.ceil(rows / this.rows);
    this.#firstRow = this.shader.word(row);
    this.#lastRow = this.shader.word(row + rows - 1);
    this.step = this.shader.word(step);
    this.steps = this.shader.word(steps);
    this.shader.declare(aliases(this.rows));
    for (const name of ["sigmoid", "tanh_of"]) need(this.shader, name);
  }

  /** Bytes of `count` numbers for each row of the tile. */
  bytes(count: number): number {
    return 4 * this.rows * count;
  }

  /** Names the tile's rows: `row0`, `row1`, ... of the batch. */
  begin(): string[] {
    return Array.from(
      { length: this.rows },
      (_, i) => `let row${i} = min(${this.#firstRow} + group * ${this.rows}u + ${i}u, ${this.#lastRow});`,
    );
  }

  /** A number of each row, as one F. */
  each(read: (row: string) => string, type = "F"): string {
    return `${type}(${Array.from({ length: this.rows }, (_, i) => read(`row${i}`)).join(", ")})`;
  }

  /** Statements that store an F's numbers, each for its row. */
  put(name: string, store: (row: string, text: string) => string): string[] {
    return Array.from(
      { length: this.rows },
      (_, i) => store(`row${i}`, this.rows === 1 ? name : `${name}.${"xyzw"[i]}`),
    );
  }

  /** What each lane does for each of its units, `unit`; `slot` tells them apart. */
  eachUnit(lines: readonly string[]): string[] {
    const { lanes, slots, stretch: { units } } = this;
    return [
      `for (var slot = 0u; slot < ${slots}u; slot++) {`,
      `let unit = slot * ${lanes}u + lane;`,
      `if (unit < ${units}u) {`,
      ...lines,
      "}",
      "}",
    ];
  }

  /** What a [B, H] of the whole batch has for `unit`, as an F; 0 where it is absent. */
  read(value: Value | undefined): string {
    if (value === undefined) return "F(0.0)";
    const operand = this.shader.operand(value);
    return this.each((row) => operand.at(`(${row} * ${this.stretch.units}u + unit)`));
  }

  /** Statements that store an F there, if anywhere. */
  write(name: string, value: Value | undefined): string[] {
    if (value === undefined) return [];
    const operand = this.shader.operand(value);
    return this.put(name, (row, text) => operand.store(`(${row} * ${this.stretch.units}u + unit)`, text));
  }

  /** Where a number of `unit` after step `t` of the stretch lies in a history. */
  historyAt({ row }: History): (row: string) => string {
    const { time, units } = this.stretch, first = this.shader.word(row);
    return (own) => `(((${own} - ${first}) * ${time}u + ${this.step} + t) * ${units}u + unit)`;
  }

  /** The same in sums [rows, steps, blocks of H]: by block. */
  sumAt(blocks: number): (block: number) => (row: string) => string {
    const { units } = this.stretch;
    return (block) => (row) =>
      `(((${row} - ${this.#firstRow}) * ${this.steps} + t) * ${blocks * units}u + ${block * units}u + unit)`;
  }

  /** Lines that find `taken`, the rows that take step `t`, and how a row's number is chosen by it. */
  taken(lengths: Value | undefined): {
    readonly once: readonly string[];
    readonly lines: readonly string[];
    readonly choose: (stays: string, goes: string) => string;
  } {
    if (lengths === undefined) return { once: [], lines: [], choose: (_, goes) => goes };
    const operand = this.shader.operand(lengths);
    return {
      once: [`let lengths = ${this.each((row) => operand.at(row), "I")};`],
      lines: [`let taken = lengths > I(i32(${this.step} + t));`],
      choose: (stays, goes) => `select(${stays}, ${goes}, taken)`,
    };
  }

  finish(lines: readonly string[]): Dispatch {
    return this.shader.finish(lines.join("\n"), { size: this.lanes, groups: this.groups });
  }
}

/** Numbers of a tile that its lanes exchange: in workgroup memory, or in the buffer. */
interface Exchange {
  /** An F. */
  at(index: string): string;
  store(index: string, name: string): string[];
  readonly barrier: readonly string[];
}

function localExchange(tile: RowTile, count: number): Exchange {
  tile.shader.declare(`var<workgroup> exchange: array<F, ${count}>;`);
  return {
    at: (index) => `exchange[${index}]`,
    store: (index, name) => [`exchange[${index}] = ${name};`],
    barrier: ["workgroupBarrier();"],
  };
}

const STORAGE_BARRIER = ["storageBarrier();", "workgroupBarrier();"];

function bufferExchange(tile: RowTile, context: KernelContext, count: number): Exchange {
  const { rows, groups } = tile, room = context.scratch(groups * count * rows);
  const operand = tile.shader.located(room, "float32");
  const place = (index: string, i: number) => `((group * ${count}u + ${index}) * ${rows}u + ${i}u)`;
  return {
    at: (index) => `F(${Array.from({ length: rows }, (_, i) => operand.at(place(index, i))).join(", ")})`,
    store: (index, name) => {
      let i = 0;
      return tile.put(name, (_, text) => operand.store(place(index, i++), text));
    },
    barrier: STORAGE_BARRIER,
  };
}

/** A matrix [rows, columns]: copied into workgroup memory where `room` bytes are left, else read where it is. */
function matrix(
  tile: RowTile,
  of: Operand,
  { size, room }: { readonly size: number; readonly room: number },
): {
  readonly at: (index: string) => string;
  readonly copy: readonly string[];
} {
  if (4 * size > room) return { at: (index) => of.at(index), copy: [] };
  tile.shader.declare(`var<workgroup> weights: array<f32, ${size}>;`);
  return {
    at: (index) => `weights[${index}]`,
    copy: [`for (var i = lane; i < ${size}u; i += ${tile.lanes}u) { weights[i] = ${of.at("i")}; }`],
  };
}

/** A loop over `k` below `count`. */
function sumLoop(count: number, term: (k: string) => readonly string[]): string[] {
  const whole = count - count % UNROLLED;
  const terms = (first: string, length: number) =>
    Array.from({ length }, (_, i) => ["{", ...term(`(${first} + ${i}u)`), "}"]).flat();
  return [
    ...(whole === 0 ? [] : [
      `for (var k = 0u; k < ${whole}u; k += ${UNROLLED}u) {`,
      ...terms("k", UNROLLED),
      "}",
    ]),
    ...terms(`${whole}u`, count - whole),
  ];
}

/**
 * The steps of a stretch, from its inputs' part of the sums, [rows, steps, gates of H]. Leaves the states after each in
 * histories and the last in `end`, where they are asked for.
 */
export function writeSteps(
  context: KernelContext,
  stretch: Stretch,
  { sums, recurrentKernel, bias, lengths, start, end, states, cellStates }: {
    readonly sums: Value;
    readonly recurrentKernel: Value;
    readonly bias: Value;
    readonly lengths?: Value;
    readonly start: Standing;
    readonly end: Standing;
    readonly states?: History;
    readonly cellStates?: History;
  },
): Dispatch {
  const { cell, units } = stretch, gates = GATES[cell], columns = gates * units;
  const tile = new RowTile(context, stretch), { shader } = tile;
  const numbers = 2 * units, room = WORKGROUP_BYTES - tile.bytes(numbers);
  const hidden = room >= 0 ? localExchange(tile, numbers) : bufferExchange(tile, context, numbers);
  const weights = matrix(tile, shader.operand(recurrentKernel), { size: units * columns, room });
  const sum = shader.operand(sums), sumAt = tile.sumAt(gates);
  const taken = tile.taken(lengths);
  const record = (name: string, history: History | undefined): string[] => {
    if (history === undefined) return [];
    const target = shader.operand(history.value), at = tile.historyAt(history);
    return tile.put(name, (row, text) => target.store(at(row), text));
  };
  const each = Array.from({ length: gates }, (_, gate) => gate);
  return tile.finish([
    ...tile.begin(),
    ...taken.once,
    `var cells: array<F, ${tile.slots}>;`,
    ...tile.eachUnit([
      ...(cell === "lstm" ? [`cells[slot] = ${tile.read(start.cells)};`] : []),
      `let first = ${tile.read(start.hidden)};`,
      ...hidden.store("unit", "first"),
    ]),
    ...weights.copy,
    ...hidden.barrier,
    `for (var t = 0u; t < ${tile.steps}; t++) {`,
    `let now = (t & 1u) * ${units}u;`,
    `let next = ${units}u - now;`,
    ...taken.lines,
    ...tile.eachUnit([
      ...each.flatMap((gate) => [
        `let given${gate} = ${tile.each((row) => sum.at(sumAt(gate)(row)))};`,
        `var sum${gate} = F(0.0);`,
      ]),
      ...sumLoop(units, (k) => [
        `let h = ${hidden.at(`(now + ${k})`)};`,
        ...each.map((gate) =>
          `sum${gate} = fma(F(${
            weights.at(`(${k} * ${columns}u + ${gate * units}u + unit)`)
          }), h, sum${gate});`
        ),
      ]),
      `let before = ${hidden.at("(now + unit)")};`,
      ...cellLines(cell, () => shader.operand(bias).at(`(${3 * units}u + unit)`)),
      ...(cell === "lstm" ? [`cells[slot] = ${taken.choose("cells[slot]", "state")};`] : []),
      `let after = ${taken.choose("before", "reached")};`,
      ...hidden.store("(next + unit)", "after"),
      ...record("after", states),
      ...(cell === "lstm" ? record("cells[slot]", cellStates) : []),
    ]),
    ...hidden.barrier,
    "}",
    ...tile.eachUnit([
      `let last = ${hidden.at(`((${tile.steps} & 1u) * ${units}u + unit)`)};`,
      ...tile.write("last", end.hidden),
      ...(cell === "lstm" ? tile.write("cells[slot]", end.cells) : []),
    ]),
  ]);
}

/** Lines from the sums to `reached`, the hidden state after the step, and `state`, an lstm's cell state. */
function cellLines(cell: RecurrentCell, innerBias: () => string): string[] {
  switch (cell) {
    case "lstm":
      return [
        "let candidate = tanh_of(given2 + sum2);",
        "let state = fma(sigmoid(given1 + sum1), cells[slot], sigmoid(given0 + sum0) * candidate);",
        "let reached = sigmoid(given3 + sum3) * tanh_of(state);",
      ];
    case "gru":
      return [
        "let update = sigmoid(given1 + sum1);",
        `let inner = sum2 + F(${innerBias()});`,
        "let candidate = tanh_of(fma(sigmoid(given0 + sum0), inner, given2));",
        "let reached = fma(update, before - candidate, candidate);",
      ];
    case "simple":
      return ["let reached = tanh_of(given0 + sum0);"];
  }
}

/**
 * The gradient of a stretch, from its last step to its first. `sums` [rows, steps, blocks of H] holds what the gates are
 * functions of (of a simple cell nothing; of a gru the candidate's inner sum apart, last) and afterwards the gradients
 * by them; `start` is the state before the whole sequence, and `gradient` what enters from the steps after this
 * stretch and what leaves to those before.
 */
export function writeStepsBack(
  context: KernelContext,
  stretch: Stretch,
  { sums, transposed, lengths, start, states, cellStates, given, enters, leaves }: {
    readonly sums: Value;
    /** The recurrent kernel's transpose [gates of H, H]. */
    readonly transposed: Value;
    readonly lengths?: Value;
    readonly start: Standing;
    readonly states: History;
    readonly cellStates?: History;
    /** The gradients by the states after each step. */
    readonly given?: History;
    readonly enters: Standing;
    readonly leaves: Standing;
  },
): Dispatch {
  const { cell, units } = stretch, gates = GATES[cell], blocks = BIASES[cell], columns = gates * units;
  const tile = new RowTile(context, stretch), { shader } = tile;
  const room = WORKGROUP_BYTES - tile.bytes(columns);
  const sum = shader.operand(sums), sumAt = tile.sumAt(blocks);
  // The blocks that the recurrent kernel multiplied.
  const inner = Array.from({ length: gates }, (_, gate) => cell === "gru" && gate === 2 ? 3 : gate);
  const exchange = room >= 0 ? localExchange(tile, columns) : undefined;
  const weights = matrix(tile, shader.operand(transposed), { size: columns * units, room });
  const barrier = exchange?.barrier ?? STORAGE_BARRIER;
  const taken = tile.taken(lengths);
  const after = (history: History): string => {
    const operand = shader.operand(history.value), at = tile.historyAt(history);
    return tile.each((row) => operand.at(at(row)));
  };
  const before = (name: string, history: History, first: Value): string => {
    declareBefore(shader, name, { history, first, time: stretch.time, units });
    return tile.each((row) => `${name}_before(${row}, ${tile.step} + t, unit)`);
  };
  const store = (block: number, name: string): string[] => {
    const at = sumAt(block), place = inner.indexOf(block);
    return [
      ...tile.put(name, (row, text) => sum.store(at(row), text)),
      ...(place < 0 || exchange === undefined ? [] : exchange.store(`(${place * units}u + unit)`, name)),
    ];
  };
  const gradient = (block: number): string => `let d${block} = ${taken.choose("F(0.0)", `slope${block}`)};`;
  return tile.finish([
    ...tile.begin(),
    ...taken.once,
    `var hidden: array<F, ${tile.slots}>;`,
    ...(cell === "lstm" ? [`var cells: array<F, ${tile.slots}>;`] : []),
    ...tile.eachUnit([
      `hidden[slot] = ${tile.read(enters.hidden)};`,
      ...(cell === "lstm" ? [`cells[slot] = ${tile.read(enters.cells)};`] : []),
    ]),
    ...weights.copy,
    ...barrier,
    `for (var left = ${tile.steps}; left > 0u; left--) {`,
    "let t = left - 1u;",
    ...taken.lines,
    ...tile.eachUnit([
      `let through = hidden[slot]${given === undefined ? "" : ` + ${after(given)}`};`,
      ...(cell === "simple" ? [] : Array.from(
        { length: blocks },
        (_, block) => `let sum${block} = ${tile.each((row) => sum.at(sumAt(block)(row)))};`,
      )),
      ...slopeLines(cell, {
        hidden: () => after(states),
        cells: () => after(cellStates!),
        hiddenBefore: () => before("hidden", states, start.hidden!),
        cellsBefore: () => before("cells", cellStates!, start.cells!),
      }),
      ...Array.from({ length: blocks }, (_, block) => [gradient(block), ...store(block, `d${block}`)]).flat(),
      ...(cell === "lstm" ? [`cells[slot] = ${taken.choose("cells[slot]", "through_cell")};`] : []),
      `hidden[slot] = ${taken.choose("through", cell === "gru" ? "through * update" : "F(0.0)")};`,
    ]),
    ...barrier,
    ...tile.eachUnit([
      "var sum = hidden[slot];",
      ...inner.flatMap((block, gate) =>
        sumLoop(units, (k) => {
          const d = exchange?.at(`(${gate * units}u + ${k})`) ??
            tile.each((row) => sum.at(`(${sumAt(block)(row)} - unit + ${k})`));
          return [
            `sum = fma(F(${weights.at(`((${gate * units}u + ${k}) * ${units}u + unit)`)}), ${d}, sum);`,
          ];
        })
      ),
      "hidden[slot] = sum;",
    ]),
    ...barrier,
    "}",
    ...tile.eachUnit([
      ...tile.write("hidden[slot]", leaves.hidden),
      ...(cell === "lstm" ? tile.write("cells[slot]", leaves.cells) : []),
    ]),
  ]);
}

/**
 * Lines from the sums, and from `through`, the gradient by the hidden state after the step, to `slope<block>`, the
 * gradients by the sums, and `through_cell`, that by an lstm's cell state before the step.
 */
function slopeLines(
  cell: RecurrentCell,
  of: {
    readonly hidden: () => string;
    readonly cells: () => string;
    readonly hiddenBefore: () => string;
    readonly cellsBefore: () => string;
  },
): string[] {
  switch (cell) {
    case "lstm":
      return [
        "let into = sigmoid(sum0);",
        "let forget = sigmoid(sum1);",
        "let candidate = tanh_of(sum2);",
        "let outward = sigmoid(sum3);",
        `let state = tanh_of(${of.cells()});`,
        "let total = fma(through * outward, F(1.0) - state * state, cells[slot]);",
        "let slope0 = total * candidate * (into - into * into);",
        `let slope1 = total * ${of.cellsBefore()} * (forget - forget * forget);`,
        "let slope2 = total * into * (F(1.0) - candidate * candidate);",
        "let slope3 = through * state * (outward - outward * outward);",
        "let through_cell = total * forget;",
      ];
    case "gru":
      return [
        "let reset = sigmoid(sum0);",
        "let update = sigmoid(sum1);",
        "let candidate = tanh_of(fma(reset, sum3, sum2));",
        "let slope2 = through * (F(1.0) - update) * (F(1.0) - candidate * candidate);",
        "let slope0 = slope2 * sum3 * (reset - reset * reset);",
        `let slope1 = through * (${of.hiddenBefore()} - candidate) * (update - update * update);`,
        "let slope3 = slope2 * reset;",
      ];
    case "simple":
      return [`let reached = ${of.hidden()};`, "let slope0 = through * (F(1.0) - reached * reached);"];
  }
}

/** Declares `<name>_before(row, step, unit)`, the state of a row of the batch before a step of the whole sequence. */
export function declareBefore(
  shader: Shader,
  name: string,
  { history, first, time, units }: {
    readonly history: History;
    readonly first: Value;
    readonly time: number;
    readonly units: number;
  },
): void {
  const states = shader.operand(history.value), start = shader.operand(first);
  shader.declare(`fn ${name}_before(row: u32, step: u32, unit: u32) -> f32 {
if (step == 0u) { return ${start.at(`(row * ${units}u + unit)`)}; }
return ${states.at(`(((row - ${shader.word(history.row)}) * ${time}u + step - 1u) * ${units}u + unit)`)};
}`);
}
