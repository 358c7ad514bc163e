/** Writes a plan's nodes as commands of the kernels. */
import {
  type DType,
  type Node,
  type Op,
  type Program,
  type Shape,
  sizeOf,
  type Value,
  type Window,
} from "../graph.ts";
import { broadcastStrides, stridesOf } from "../kernels/strides.ts";
import type { Plan } from "../plan.ts";
import type { Specialization } from "./codegen.ts";
import { Stream, Table } from "./stream.ts";
import { collapse } from "./nest.ts";

/** What encoding asks of the executor. */
export interface Context {
  /** Where a value lies, in bytes. */
  address(value: Value): number;
  /** Place for `size` elements that lives as long as the plan, in bytes. */
  workspace(size: number): number;
  /** The number of a program in the threads' tables. */
  program(special: Specialization): number;
}

type OpOf<Kind extends Op["kind"]> = Extract<Op, { readonly kind: Kind }>;
const REDUCERS = { sum: 0, prod: 1, max: 2, min: 3 } as const;
/** What one thread does alone: smaller maps are not worth sharing out. */
const ALONE = 2048;
/** How a long sum is cut, whatever the number of threads: elements of a row, and least rows of a column. */
const ROW_CHUNK = 8192, COLUMN_CHUNK = 256, COLUMN_CHUNKS = 32;

/** How the places of a filter's gradient are cut: the most runs, and the least places of one. */
const MOST_RUNS = 16, LEAST_RUN = 512;
/** Channels that are worth copying tap by tap: an image's edge costs less so. */
const MANY_CHANNELS = 8;
/** Channels too few to repay packing dy once a tap, and how many times dy's size its windows may take instead. */
const NARROW = 16, WINDOWS_PER_DY = 4;
/** Where the kernels' gemm finds its left matrix. */
const DENSE = 0, PIXELS = 1, PATCHES = 2;

/** Places of one axis of dx that the same taps reach: every stride-th from `base`. */
interface Phase {
  readonly base: number;
  readonly places: number;
  readonly taps: readonly { readonly tap: number; readonly offset: number }[];
}

const bits = new DataView(new ArrayBuffer(4));
function bitsOf(value: number, dtype: DType): number {
  if (dtype === "int32") return value | 0;
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Whether a program hands its first operand on. */
function isIdentity(program: Program): boolean {
  return program.instructions.length === 0 && program.results.length === 1 && program.results[0] === 0;
}

class Encoder {
  readonly stream = new Stream();
  readonly #context: Context;
  #maps = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  encode(plan: Plan): Stream {
    plan.graph.nodes.forEach((node, index) => {
      this.stream.begin(index, plan.waits[index]);
      if (node.outputs.every((output) => sizeOf(output.shape) === 0)) return;
      this.#node(node);
    });
    return this.stream;
  }

  #node(node: Node): void {
    const { op, inputs, outputs } = node;
    switch (op.kind) {
      case "reshape":
        return;
      case "map":
        return this.#map(op.program, inputs, outputs);
      case "maps":
        for (let i = 0; i < op.count; i++) {
          const ins = inputs.length / op.count, outs = outputs.length / op.count;
          this.#map(
            op.program,
            inputs.slice(i * ins, (i + 1) * ins),
            outputs.slice(i * outs, (i + 1) * outs),
          );
        }
        return;
      case "reduce":
        return this.#reduce(op, inputs, outputs[0]);
      case "matmul":
        return this.#matmul(op, inputs, outputs[0]);
      case "copy":
        return this.#copy(
          outputs[0].shape,
          { address: this.#at(inputs[0]) + 4 * op.offset, strides: op.strides },
          { address: this.#at(outputs[0]), strides: stridesOf(outputs[0].shape) },
        );
      case "concat":
        return this.#concat(op, inputs, outputs[0]);
      case "pad":
        return this.#pad(op, inputs[0], outputs[0]);
      case "gather": {
        const [x, indices] = inputs;
        return this.stream.command("gather", [
          this.#at(x),
          this.#at(indices),
          this.#at(outputs[0]),
          sizeOf(x.shape.slice(0, op.axis)),
          x.shape[op.axis],
          sizeOf(x.shape.slice(op.axis + 1)),
          sizeOf(indices.shape),
        ]);
      }
      case "scatter_add": {
        const [indices, updates] = inputs, [output] = outputs;
        return this.stream.command("scatterAdd", [
          this.#at(indices),
          this.#at(updates),
          this.#at(output),
          output.shape[0],
          sizeOf(output.shape.slice(1)),
          sizeOf(indices.shape),
          output.dtype === "int32" ? 1 : 0,
        ]);
      }
      case "softmax": {
        const n = inputs[0].shape.at(-1) ?? 1;
        return this.stream.command("softmax", [
          sizeOf(inputs[0].shape) / n,
          n,
          this.#at(inputs[0]),
          this.#at(outputs[0]),
          op.log ? 1 : 0,
        ]);
      }
      case "softmax_cross_entropy": {
        const [rows, n] = inputs[0].shape;
        return this.stream.command("softmaxCrossEntropy", [
          rows,
          n,
          this.#at(inputs[0]),
          this.#at(outputs[0]),
          this.#at(inputs[1]),
          this.#at(outputs[1]),
        ]);
      }
      case "argreduce": {
        const [x] = inputs;
        return this.stream.command("argreduce", [
          op.reducer === "max" ? 1 : 0,
          sizeOf(x.shape.slice(0, op.axis)),
          x.shape[op.axis],
          sizeOf(x.shape.slice(op.axis + 1)),
          this.#at(x),
          this.#at(outputs[0]),
          x.dtype === "int32" ? 1 : 0,
        ]);
      }
      case "conv2d":
        return this.#conv2d(op, inputs, outputs[0]);
      case "conv2d_input_grad":
        return this.#conv2dInputGrad(op, inputs, outputs[0]);
      case "conv2d_filter_grad":
        return this.#conv2dFilterGrad(op, inputs, outputs[0]);
      case "depthwise_conv2d":
        return this.#windows("depthwise", {
          window: op.window,
          image: inputs[0],
          places: outputs[0],
          taps: [inputs[1].shape[0], inputs[1].shape[1]],
          values: [inputs[0], inputs[1], outputs[0]],
          option: inputs[1].shape[3],
        });
      case "depthwise_conv2d_input_grad":
        return this.#windows("depthwiseInputGrad", {
          window: op.window,
          image: outputs[0],
          places: inputs[0],
          taps: [inputs[1].shape[0], inputs[1].shape[1]],
          values: [inputs[0], inputs[1], outputs[0]],
          option: inputs[1].shape[3],
        });
      case "depthwise_conv2d_filter_grad":
        return this.#windows("depthwiseFilterGrad", {
          window: op.window,
          image: inputs[0],
          places: inputs[1],
          taps: [outputs[0].shape[0], outputs[0].shape[1]],
          values: [inputs[0], inputs[1], outputs[0]],
          option: outputs[0].shape[3],
        });
      case "pool":
        if (op.reducer === "mean" && inputs[0].dtype === "int32") {
          throw new TypeError("Cannot run the graph on the wasm device as it lacks the mean pool of int32");
        }
        return this.#windows("pool", {
          window: op.window,
          image: inputs[0],
          places: outputs[0],
          taps: op.size,
          values: [inputs[0], inputs[0], outputs[0]],
          option: op.reducer === "max" ? 1 : 0,
        });
      case "pool_grad":
        return this.#windows("poolGrad", {
          window: op.window,
          image: outputs[0],
          places: inputs[0],
          taps: op.size,
          values: [inputs[0], inputs[1] ?? inputs[0], outputs[0]],
          option: op.reducer === "max" ? 1 : 0,
        });
      case "random":
        return this.stream.command("random", [
          sizeOf(outputs[0].shape),
          this.#at(inputs[0]),
          this.#at(outputs[0]),
          op.key[0],
          op.key[1],
          { uniform: 0, normal: 1, word: 2 }[op.distribution],
        ]);
      case "categorical": {
        const [logits, counter] = inputs;
        return this.stream.command("categorical", [
          logits.shape[0],
          this.#at(counter),
          this.#at(outputs[0]),
          op.key[0],
          op.key[1],
          logits.shape[1],
          this.#at(logits),
        ]);
      }
      case "cumulate": {
        const [x] = inputs;
        return this.stream.command("cumulate", [
          this.#at(x),
          this.#at(outputs[0]),
          sizeOf(x.shape.slice(0, op.axis)),
          x.shape[op.axis],
          sizeOf(x.shape.slice(op.axis + 1)),
          op.reducer === "prod" ? 1 : 0,
          op.exclusive ? 1 : 0,
          op.reverse ? 1 : 0,
          x.dtype === "int32" ? 1 : 0,
        ]);
      }
      case "topk": {
        const [x] = inputs, width = x.shape[x.shape.length - 1];
        return this.stream.command("topk", [
          this.#at(x),
          this.#at(outputs[0]),
          this.#at(outputs[1]),
          sizeOf(x.shape) / width,
          width,
          outputs[0].shape[x.shape.length - 1],
          x.dtype === "int32" ? 1 : 0,
        ]);
      }
    }
  }

  #at(value: Value): number {
    return this.#context.address(value);
  }

  #map(program: Program, inputs: readonly Value[], outputs: readonly Value[]): void {
    const shape = outputs[0].shape, size = sizeOf(shape);
    if (size === 0) return;
    const operands = [
      ...inputs.map((input) => broadcastStrides(input.shape, shape)),
      ...outputs.map(() => stridesOf(shape)),
    ];
    const nest = collapse(shape, operands);
    while (nest.extents.length < 2) {
      nest.extents.unshift(1);
      nest.strides.forEach((strides) => strides.unshift(0));
    }
    const rank = nest.extents.length, n = nest.extents[rank - 1];
    const scalar = inputs.map((_, i) => nest.strides[i][rank - 1] === 0 && n > 1);
    const fn = this.#context.program({ program, dtypes: inputs.map((input) => input.dtype), scalar });
    const places = [...inputs, ...outputs];
    this.stream.command("map", [
      fn,
      places.length,
      rank - 2,
      nest.extents[rank - 2],
      n,
      size < ALONE ? this.#maps++ : -1,
      ...nest.extents.slice(0, rank - 2),
      ...places.flatMap((value, i) => [this.#at(value), ...nest.strides[i].map((stride) => 4 * stride)]),
    ]);
  }

  #reduce(op: OpOf<"reduce">, inputs: readonly Value[], output: Value): void {
    const to = this.#at(output), integer = output.dtype === "int32";
    if (sizeOf(op.domain) === 0) {
      const initial = {
        sum: 0,
        prod: 1,
        max: integer ? -(2 ** 31) : -Infinity,
        min: integer ? 2 ** 31 - 1 : Infinity,
      }[op.reducer];
      return this.stream.command("fill", [to, sizeOf(output.shape), bitsOf(initial, output.dtype)]);
    }
    const nest = collapse(
      op.domain,
      inputs.map((input) => broadcastStrides(input.shape, op.domain)),
      op.domain.map((_, axis) => op.axes.includes(axis) ? 1 : 0),
    );
    if (nest.extents.length === 0) {
      nest.extents.push(1);
      nest.labels.push(1);
      nest.strides.forEach((strides) => strides.push(0));
    }
    const last = nest.extents.length - 1;
    const inner = nest.labels[last] === 1;
    const kept: number[] = [], reduced: number[] = [];
    for (let axis = 0; axis < last; axis++) (nest.labels[axis] ? reduced : kept).push(axis);
    // The rows: kept axis beside a reduced row where nothing else is reduced, a reduced axis over a kept row.
    const rowsAxis = inner ? (reduced.length ? undefined : kept.pop()) : reduced.pop();
    const rows = rowsAxis === undefined ? 1 : nest.extents[rowsAxis], n = nest.extents[last];
    const keptCount = kept.reduce((count, axis) => count * nest.extents[axis], 1);
    const chunk = inner
      ? (keptCount * rows < 8 && n > 2 * ROW_CHUNK ? ROW_CHUNK : n)
      : keptCount < 8 && rows > 2 * COLUMN_CHUNK
      ? Math.max(COLUMN_CHUNK, Math.ceil(rows / COLUMN_CHUNKS))
      : rows;
    const chunks = Math.ceil((inner ? n : rows) / chunk);
    const dtypes = inputs.map((input) => input.dtype);
    const direct = isIdentity(op.program) && nest.strides[0][last] === 1 && inputs[0].dtype === output.dtype;
    const scalar = nest.strides.map((strides) => strides[last] === 0);
    const fn = direct ? -1 : this.#context.program({ program: op.program, dtypes, scalar });
    const partial = chunks > 1 ? this.#context.workspace(keptCount * chunks * (inner ? rows : n)) : to;
    const axes = [...kept, ...reduced];
    const reducer = REDUCERS[op.reducer];
    this.stream.command("reduce", [
      reducer,
      inner ? 1 : 0,
      fn,
      inputs.length,
      kept.length,
      reduced.length,
      rows,
      n,
      chunk,
      partial,
      integer ? 1 : 0,
      ...axes.map((axis) => nest.extents[axis]),
      ...inputs.flatMap((input, i) => [
        this.#at(input),
        ...[...axes, rowsAxis, last].map((axis) => axis === undefined ? 0 : 4 * nest.strides[i][axis]),
      ]),
    ]);
    if (chunks === 1) return;
    this.stream.wait();
    // [kept * rows, chunks] -> [kept * rows], or [kept, chunks, n] -> [kept, n].
    this.stream.command("reduce", [
      reducer,
      inner ? 1 : 0,
      -1,
      1,
      inner ? 0 : 1,
      0,
      inner ? keptCount * rows : chunks,
      inner ? chunks : n,
      chunks,
      to,
      integer ? 1 : 0,
      ...(inner ? [] : [keptCount]),
      partial,
      ...(inner ? [] : [4 * chunks * n]),
      4 * (inner ? chunks : n),
      4,
    ]);
  }

  #matmul(op: OpOf<"matmul">, inputs: readonly Value[], output: Value): void {
    const [a, b] = inputs, shape = output.shape, rank = shape.length;
    const n = shape[rank - 1], lead = shape.slice(0, -2);
    let m = shape[rank - 2];
    const k = a.shape[a.shape.length - (op.transposeA ? 2 : 1)];
    const matrix = (value: Value): number => sizeOf(value.shape.slice(-2));
    const leadStrides = (value: Value): number[] =>
      broadcastStrides(value.shape.slice(0, -2), lead).map((stride) => stride * matrix(value));
    const operands = inputs.slice(2);
    const epilogueStrides = operands.map((operand) => broadcastStrides(operand.shape, shape));
    if (k === 0) {
      throw new RangeError(`Cannot multiply [${a.shape}] and [${b.shape}] as there is nothing to sum over`);
    }
    // Axes of the batch; the row of the matrix joins them where b is one matrix and everything else lies row on row.
    let nest = collapse(lead, [
      leadStrides(a),
      leadStrides(b),
      lead.map((_, axis) => sizeOf(shape.slice(axis + 1))),
      ...epilogueStrides.map((strides) => strides.slice(0, -2)),
    ]);
    const rowStrides = epilogueStrides.map((strides) => strides[rank - 2]);
    if (!op.transposeA && nest.extents.length === 1 && nest.strides[1][0] === 0) {
      const rowsMerge = nest.strides[0][0] === m * k &&
        rowStrides.every((stride, i) => nest.strides[3 + i][0] === stride * m);
      if (rowsMerge) {
        m *= nest.extents[0];
        nest = collapse([], nest.strides.map(() => []));
      }
    }
    const batches = sizeOf(nest.extents);
    let table: number | Table = 0;
    if (batches > 1) {
      const words: number[] = [];
      for (let batch = 0; batch < batches; batch++) {
        const offsets = nest.strides.map(() => 0);
        for (let axis = nest.extents.length - 1, rest = batch; axis >= 0; axis--) {
          const index = rest % nest.extents[axis];
          rest = (rest - index) / nest.extents[axis];
          nest.strides.forEach((strides, i) => offsets[i] += index * strides[axis]);
        }
        words.push(...offsets);
      }
      table = this.stream.table(words);
    }
    this.#gemm({
      m,
      n,
      k,
      a: {
        kind: DENSE,
        address: this.#at(a),
        row: op.transposeA ? 1 : k,
        column: op.transposeA ? shape[rank - 2] : 1,
      },
      b: { address: this.#at(b), row: op.transposeB ? 1 : n, column: op.transposeB ? k : 1 },
      c: { address: this.#at(output), row: n },
      batches,
      table,
      grid: 0,
      epilogue: op.epilogue,
      operands: operands.map((operand, i) => ({
        value: operand,
        row: rowStrides[i],
        column: epilogueStrides[i][rank - 1],
      })),
    });
  }

  #gemm(product: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly a: {
      readonly kind: number;
      readonly address: number;
      readonly row: number;
      readonly column: number;
    };
    readonly b: { readonly address: number; readonly row: number; readonly column: number };
    readonly c: { readonly address: number; readonly row: number };
    readonly batches: number;
    readonly table: number | Table;
    readonly grid: number | Table;
    readonly epilogue?: Program;
    readonly operands: readonly { readonly value: Value; readonly row: number; readonly column: number }[];
  }): void {
    const { a, b, c, operands, epilogue } = product;
    const fn = !epilogue || isIdentity(epilogue) ? -1 : this.#context.program({
      program: epilogue,
      dtypes: ["float32", ...operands.map(({ value }) => value.dtype)],
      scalar: [false, ...operands.map(({ column }) => column === 0 && product.n > 1)],
    });
    this.stream.command("gemm", [
      product.m,
      product.n,
      product.k,
      a.kind,
      a.address,
      a.row,
      a.column,
      b.address,
      b.row,
      b.column,
      c.address,
      c.row,
      product.batches,
      product.table,
      fn,
      operands.length,
      this.stream.table(operands.flatMap(({ value, row, column }) => [this.#at(value), row, column])),
      product.grid,
    ]);
  }

  /** The kernels over windows, which share the geometry's words. */
  #windows(command: "pool" | "poolGrad" | "depthwise" | "depthwiseInputGrad" | "depthwiseFilterGrad", of: {
    readonly window: Window;
    readonly image: Value;
    /** What has an element a window. */
    readonly places: Value;
    readonly taps: readonly [number, number];
    readonly values: readonly [Value, Value, Value];
    readonly option: number;
  }): void {
    const { strides, padding, dilation } = of.window;
    this.stream.command(command, [
      ...of.image.shape,
      of.places.shape[1],
      of.places.shape[2],
      ...of.taps,
      ...strides,
      ...padding,
      ...dilation,
      ...of.values.map((value) => this.#at(value)),
      of.option,
      of.values[0].dtype === "int32" ? 1 : 0,
    ]);
  }

  /** The grid of a convolution for the kernels' gemm. `taps` are offsets from place times stride in the source. */
  #grid(grid: {
    readonly places: readonly [number, number];
    readonly source: Shape;
    readonly strides: readonly [number, number];
    readonly taps: readonly (readonly [number, number])[];
    /** Where place (y, x) goes in the output; absent: row after row. */
    readonly out?: {
      readonly plane: readonly [number, number];
      readonly steps: readonly [number, number];
      readonly base: readonly [number, number];
    };
  }): Table {
    const { places, source, strides, taps, out } = grid;
    // With few channels, neighbours along a row are taken together, as far as all rows of taps have as many of them.
    let run = taps.findIndex(([y, x], i) => i > 0 && (y !== taps[i - 1][0] || x !== taps[i - 1][1] + 1));
    if (run < 0) run = taps.length;
    const regular = taps.length % run === 0 &&
      taps.every(([y, x], i) => i % run === 0 || (y === taps[i - 1][0] && x === taps[i - 1][1] + 1));
    if (!regular || source[3] >= MANY_CHANNELS) run = 1;
    return this.stream.table([
      ...places,
      source[1],
      source[2],
      source[3],
      ...strides,
      taps.length,
      ...(out ? [...out.plane, ...out.steps, ...out.base] : [0, 0, 0, 0, 0, 0]),
      source[0] * places[0] * places[1],
      run,
      ...taps.filter((_, i) => i % run === 0).flat(),
    ]);
  }

  /**
   * An epilogue over rows of channels: its operands where each has one stride from row to row, else a map of its own
   * to be run after the product.
   */
  #channelEpilogue(epilogue: Program | undefined, operands: readonly Value[], output: Value): {
    readonly epilogue?: Program;
    readonly operands: { readonly value: Value; readonly row: number; readonly column: number }[];
    readonly after?: () => void;
  } {
    if (!epilogue || isIdentity(epilogue)) return { operands: [] };
    const nests = operands.map((operand) => {
      const strides = broadcastStrides(operand.shape, output.shape);
      return { column: strides[3], rows: collapse(output.shape.slice(0, 3), [strides.slice(0, 3)]) };
    });
    if (nests.every(({ rows }) => rows.extents.length <= 1)) {
      return {
        epilogue,
        operands: nests.map(({ column, rows }, i) => ({
          value: operands[i],
          column,
          row: rows.strides[0][0] ?? 0,
        })),
      };
    }
    return {
      operands: [],
      after: () => {
        this.stream.wait();
        this.#map(epilogue, [output, ...operands], [output]);
      },
    };
  }

  #conv2d(op: OpOf<"conv2d">, inputs: readonly Value[], output: Value): void {
    const [x, filter] = inputs, [kh, kw, channels, n] = filter.shape;
    const { strides, padding, dilation } = op.window, [, height, width] = output.shape;
    const { after, ...epilogue } = this.#channelEpilogue(op.epilogue, inputs.slice(2), output);
    this.#gemm({
      m: sizeOf(output.shape.slice(0, 3)),
      n,
      k: kh * kw * channels,
      a: { kind: PIXELS, address: this.#at(x), row: 0, column: 0 },
      b: { address: this.#at(filter), row: n, column: 1 },
      c: { address: this.#at(output), row: n },
      batches: 1,
      table: 0,
      grid: this.#grid({
        places: [height, width],
        source: x.shape,
        strides,
        taps: range(kh).flatMap((ty) =>
          range(kw).map((tx) => [ty * dilation[0] - padding[0], tx * dilation[1] - padding[1]] as const)
        ),
      }),
      ...epilogue,
    });
    after?.();
  }

  /** One product for all windows, then added where they overlap: dy is packed once rather than once a tap. */
  #foldedInputGrad(op: OpOf<"conv2d_input_grad">, inputs: readonly Value[], output: Value): void {
    const [dy, filter, ...operands] = inputs, [kh, kw, channels, depth] = filter.shape;
    const m = sizeOf(dy.shape.slice(0, 3)), n = kh * kw * channels, windows = this.#context.workspace(m * n);
    const { strides, padding, dilation } = op.window;
    this.#gemm({
      m,
      n,
      k: depth,
      a: { kind: DENSE, address: this.#at(dy), row: depth, column: 1 },
      b: { address: this.#at(filter), row: 1, column: depth },
      c: { address: windows, row: n },
      batches: 1,
      table: 0,
      grid: 0,
      operands: [],
    });
    this.stream.wait();
    this.stream.command("fold", [
      ...output.shape,
      dy.shape[1],
      dy.shape[2],
      kh,
      kw,
      ...strides,
      ...padding,
      ...dilation,
      windows,
      0,
      this.#at(output),
    ]);
    if (!op.epilogue || isIdentity(op.epilogue)) return;
    this.stream.wait();
    this.#map(op.epilogue, [output, ...operands], [output]);
  }

  /** One product for each phase of the stride: the places of dx that the same taps reach. */
  #conv2dInputGrad(op: OpOf<"conv2d_input_grad">, inputs: readonly Value[], output: Value): void {
    const [dy, filter] = inputs, [kh, kw, channels, depth] = filter.shape;
    const { strides, padding, dilation } = op.window, [, height, width] = output.shape;
    const isNarrow = channels < NARROW && kh * kw * channels <= WINDOWS_PER_DY * depth;
    if (isNarrow && dilation[1] === 1) return this.#foldedInputGrad(op, inputs, output);
    const { after, ...epilogue } = this.#channelEpilogue(op.epilogue, inputs.slice(2), output);
    // Per axis and phase: the taps that reach it, and the offset of the dy that they take.
    const phasesOf = (axis: 0 | 1, extent: number, taps: number): Phase[] =>
      range(Math.min(strides[axis], extent)).map((base) => ({
        base,
        places: Math.ceil((extent - base) / strides[axis]),
        // Last first, so that the offsets ascend.
        taps: range(taps).reverse().flatMap((tap) => {
          const offset = base + padding[axis] - tap * dilation[axis];
          return offset % strides[axis] === 0 ? [{ tap, offset: offset / strides[axis] }] : [];
        }),
      }));
    const rows = phasesOf(0, height, kh), columns = phasesOf(1, width, kw);
    const products: (() => void)[] = [];
    for (const row of rows) {
      for (const column of columns) {
        const taps = row.taps.flatMap((y) =>
          column.taps.map((x) => ({ index: y.tap * kw + x.tap, offset: [y.offset, x.offset] as const }))
        );
        // A phase that nothing reaches is 0: one tap that lies outside everywhere.
        if (taps.length === 0) taps.push({ index: 0, offset: [-dy.shape[1] - row.places, 0] });
        // The taps' weights, turned to [tap, depth, channels].
        const weights = this.#context.workspace(taps.length * depth * channels);
        taps.forEach(({ index }, i) =>
          this.#copy([depth, channels], {
            address: this.#at(filter) + 4 * index * channels * depth,
            strides: [1, depth],
          }, { address: weights + 4 * i * depth * channels, strides: [channels, 1] })
        );
        products.push(() =>
          this.#gemm({
            m: output.shape[0] * row.places * column.places,
            n: channels,
            k: taps.length * depth,
            a: { kind: PIXELS, address: this.#at(dy), row: 0, column: 0 },
            b: { address: weights, row: channels, column: 1 },
            c: { address: this.#at(output), row: channels },
            batches: 1,
            table: 0,
            grid: this.#grid({
              places: [row.places, column.places],
              source: dy.shape,
              strides: [1, 1],
              taps: taps.map(({ offset }) => offset),
              out: { plane: [height, width], steps: strides, base: [row.base, column.base] },
            }),
            ...epilogue,
          })
        );
      }
    }
    this.stream.wait();
    products.forEach((product) => product());
    after?.();
  }

  #conv2dFilterGrad(op: OpOf<"conv2d_filter_grad">, inputs: readonly Value[], output: Value): void {
    const [x, dy] = inputs, [kh, kw, channels, n] = output.shape;
    const { strides, padding, dilation } = op.window, places = sizeOf(dy.shape.slice(0, 3));
    const m = kh * kw * channels;
    // Small filters leave little to share out but the places: these are cut into runs, summed afterwards.
    const tiles = Math.ceil(m / 12) * Math.ceil(n / 16);
    const runs = Math.min(MOST_RUNS, Math.ceil(places / LEAST_RUN), Math.ceil(MOST_RUNS * 4 / tiles));
    const run = Math.ceil(places / runs), count = Math.ceil(places / run);
    const to = count > 1 ? this.#context.workspace(count * m * n) : this.#at(output);
    this.#gemm({
      m,
      n,
      k: run,
      a: { kind: PATCHES, address: this.#at(x), row: 0, column: 0 },
      b: { address: this.#at(dy), row: n, column: 1 },
      c: { address: to, row: n },
      batches: count,
      table: this.stream.table(range(count).flatMap((i) => [i * run, i * run * n, i * m * n])),
      grid: this.#grid({
        places: [dy.shape[1], dy.shape[2]],
        source: x.shape,
        strides,
        taps: range(kh).flatMap((ty) =>
          range(kw).map((tx) => [ty * dilation[0] - padding[0], tx * dilation[1] - padding[1]] as const)
        ),
      }),
      operands: [],
    });
    if (count === 1) return;
    this.stream.wait();
    this.#sumRows(to, count, m * n, this.#at(output));
  }

  /** [rows, n] -> [n]. */
  #sumRows(from: number, rows: number, n: number, to: number): void {
    this.stream.command("reduce", [REDUCERS.sum, 0, -1, 1, 0, 0, rows, n, rows, to, 0, from, 4 * n, 4]);
  }

  /** Copies `shape` elements from one strided place to another, whose last axis is dense. */
  #copy(
    shape: Shape,
    from: { readonly address: number; readonly strides: readonly number[] },
    to: { readonly address: number; readonly strides: readonly number[] },
  ): void {
    const nest = collapse(shape, [from.strides, to.strides]);
    const axes = nest.extents.map((extent, axis) => [extent, nest.strides[0][axis], nest.strides[1][axis]]);
    if (axes.length === 0 || axes[axes.length - 1][2] !== 1) axes.push([1, 1, 1]);
    // A transposition is done in squares: of the outer axes the one that is dense in `from` goes last.
    const dense = axes.findIndex(([, stride], axis) => stride === 1 && axis < axes.length - 1);
    if (dense >= 0 && axes[axes.length - 1][1] !== 1) {
      axes.splice(axes.length - 2, 0, ...axes.splice(dense, 1));
    }
    this.stream.command("copy", [from.address, to.address, axes.length, ...axes.flat()]);
  }

  #concat(op: OpOf<"concat">, inputs: readonly Value[], output: Value): void {
    const outer = sizeOf(output.shape.slice(0, op.axis)), width = sizeOf(output.shape.slice(op.axis));
    let at = this.#at(output);
    for (const input of inputs) {
      const inner = sizeOf(input.shape.slice(op.axis));
      if (inner === 0) continue;
      this.#copy([outer, inner], { address: this.#at(input), strides: [inner, 1] }, {
        address: at,
        strides: [width, 1],
      });
      at += 4 * inner;
    }
  }

  #pad(op: OpOf<"pad">, input: Value, output: Value): void {
    this.stream.command("fill", [this.#at(output), sizeOf(output.shape), bitsOf(op.value, output.dtype)]);
    if (sizeOf(input.shape) === 0) return;
    this.stream.wait();
    const strides = stridesOf(output.shape);
    const offset = op.before.reduce((sum, before, axis) => sum + before * strides[axis], 0);
    this.#copy(input.shape, { address: this.#at(input), strides: stridesOf(input.shape) }, {
      address: this.#at(output) + 4 * offset,
      strides,
    });
  }
}

/** The plan as commands. */
export function encode(plan: Plan, context: Context): Stream {
  return new Encoder(context).encode(plan);
}
