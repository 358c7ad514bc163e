/** Writes a plan's nodes as commands of the kernels. */
import {
  type DType,
  type Node,
  type Op,
  type OpKind,
  type Program,
  sizeOf,
  type Value,
  type Window,
} from "../graph.ts";
import { bagOf } from "../kernels/embedding_bag.ts";
import { broadcastStrides, stridesOf } from "../kernels/strides.ts";
import type { Plan } from "../plan.ts";
import { Commands, type Context, DENSE, isIdentity, REDUCERS } from "./commands.ts";
import { Convolutions } from "./convolution.ts";
import { collapse } from "./nest.ts";
import { Recurrences } from "./recurrent.ts";
import type { Stream, Table } from "./stream.ts";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { readonly kind: Kind }>;
/** How a long sum is cut, whatever the number of threads: elements of a row, and least rows of a column. */
const ROW_CHUNK = 8192, COLUMN_CHUNK = 256, COLUMN_CHUNKS = 32;

/** Sums of products of their first two inputs. */
const PRODUCTS: ReadonlySet<OpKind> = new Set([
  "matmul",
  "conv2d",
  "conv2d_input_grad",
  "conv2d_filter_grad",
  "embedding_bag",
  "embedding_bag_grad",
]);

const bits = new DataView(new ArrayBuffer(4));
function bitsOf(value: number, dtype: DType): number {
  if (dtype === "int32") return value | 0;
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

class Encoder {
  readonly #commands: Commands;
  readonly #convolutions: Convolutions;
  readonly #recurrences: Recurrences;

  constructor(context: Context) {
    this.#commands = new Commands(context);
    this.#convolutions = new Convolutions(this.#commands);
    this.#recurrences = new Recurrences(this.#commands);
  }

  encode(plan: Plan): Stream {
    plan.graph.nodes.forEach((node, index) => {
      this.#commands.stream.begin(index, plan.waits[index]);
      if (node.outputs.every((output) => sizeOf(output.shape) === 0)) return;
      this.#node(node);
    });
    return this.#commands.stream;
  }

  #node(node: Node): void {
    const { op, inputs, outputs } = node;
    if (PRODUCTS.has(op.kind) && inputs.slice(0, 2).some((factor) => sizeOf(factor.shape) === 0)) {
      return this.#zeros("epilogue" in op ? op.epilogue : undefined, inputs.slice(2), outputs[0]);
    }
    switch (op.kind) {
      case "reshape":
        return;
      case "map":
        return this.#commands.map(op.program, inputs, outputs);
      case "maps":
        for (let i = 0; i < op.count; i++) {
          const ins = inputs.length / op.count, outs = outputs.length / op.count;
          this.#commands.map(
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
        return this.#commands.copy(
          outputs[0].shape,
          { address: this.#commands.at(inputs[0]) + 4 * op.offset, strides: op.strides },
          { address: this.#commands.at(outputs[0]), strides: stridesOf(outputs[0].shape) },
        );
      case "concat":
        return this.#concat(op, inputs, outputs[0]);
      case "pad":
        return this.#pad(op, inputs[0], outputs[0]);
      case "gather": {
        const [x, indices] = inputs;
        return this.#commands.stream.command("gather", [
          this.#commands.at(x),
          this.#commands.at(indices),
          this.#commands.at(outputs[0]),
          sizeOf(x.shape.slice(0, op.axis)),
          x.shape[op.axis],
          sizeOf(x.shape.slice(op.axis + 1)),
          sizeOf(indices.shape),
        ]);
      }
      case "scatter": {
        const [indices, updates] = inputs, [output] = outputs;
        return this.#commands.stream.command("scatter", [
          this.#commands.at(indices),
          this.#commands.at(updates),
          this.#commands.at(output),
          output.shape[0],
          sizeOf(output.shape.slice(1)),
          sizeOf(indices.shape),
          output.dtype === "int32" ? 1 : 0,
          op.reducer === "last" ? 1 : 0,
        ]);
      }
      case "embedding_bag":
        return this.#embeddingBag(op, inputs, outputs[0]);
      case "embedding_bag_grad": {
        const [tokens, dy] = inputs, [rows, columns] = outputs[0].shape;
        const { batch, places, symbols } = bagOf(tokens, rows);
        return this.#commands.stream.command("embeddingBagGrad", [
          this.#commands.at(tokens),
          this.#commands.at(dy),
          this.#commands.at(outputs[0]),
          batch,
          places,
          columns,
          symbols,
        ]);
      }
      case "softmax": {
        const n = inputs[0].shape.at(-1) ?? 1;
        return this.#commands.stream.command("softmax", [
          sizeOf(inputs[0].shape) / n,
          n,
          this.#commands.at(inputs[0]),
          this.#commands.at(outputs[0]),
          op.log ? 1 : 0,
        ]);
      }
      case "softmax_cross_entropy": {
        const [rows, n] = inputs[0].shape;
        return this.#commands.stream.command("softmaxCrossEntropy", [
          rows,
          n,
          this.#commands.at(inputs[0]),
          this.#commands.at(outputs[0]),
          this.#commands.at(inputs[1]),
          this.#commands.at(outputs[1]),
        ]);
      }
      case "argreduce": {
        const [x] = inputs;
        return this.#commands.stream.command("argreduce", [
          op.reducer === "max" ? 1 : 0,
          sizeOf(x.shape.slice(0, op.axis)),
          x.shape[op.axis],
          sizeOf(x.shape.slice(op.axis + 1)),
          this.#commands.at(x),
          this.#commands.at(outputs[0]),
          x.dtype === "int32" ? 1 : 0,
        ]);
      }
      case "conv2d":
        return this.#convolutions.conv2d(op, inputs, outputs[0]);
      case "conv2d_input_grad":
        return this.#convolutions.inputGrad(op, inputs, outputs[0]);
      case "conv2d_filter_grad":
        return this.#convolutions.filterGrad(op, inputs, outputs[0]);
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
        return this.#commands.stream.command("random", [
          sizeOf(outputs[0].shape),
          this.#commands.at(inputs[0]),
          this.#commands.at(outputs[0]),
          op.key[0],
          op.key[1],
          { uniform: 0, normal: 1, word: 2 }[op.distribution],
        ]);
      case "categorical": {
        const [logits, counter] = inputs;
        return this.#commands.stream.command("categorical", [
          logits.shape[0],
          this.#commands.at(counter),
          this.#commands.at(outputs[0]),
          op.key[0],
          op.key[1],
          logits.shape[1],
          this.#commands.at(logits),
        ]);
      }
      case "recurrent":
        return this.#recurrences.forward(op, inputs, outputs);
      case "recurrent_grad":
        return this.#recurrences.gradient(op, inputs, outputs);
      case "cumulate": {
        const [x] = inputs;
        return this.#commands.stream.command("cumulate", [
          this.#commands.at(x),
          this.#commands.at(outputs[0]),
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
        return this.#commands.stream.command("topk", [
          this.#commands.at(x),
          this.#commands.at(outputs[0]),
          this.#commands.at(outputs[1]),
          sizeOf(x.shape) / width,
          width,
          outputs[0].shape[x.shape.length - 1],
          x.dtype === "int32" ? 1 : 0,
        ]);
      }
    }
  }

  #reduce(op: OpOf<"reduce">, inputs: readonly Value[], output: Value): void {
    const to = this.#commands.at(output), integer = output.dtype === "int32";
    if (sizeOf(op.domain) === 0) {
      const initial = {
        sum: 0,
        prod: 1,
        max: integer ? -(2 ** 31) : -Infinity,
        min: integer ? 2 ** 31 - 1 : Infinity,
      }[op.reducer];
      return this.#commands.stream.command("fill", [to, sizeOf(output.shape), bitsOf(initial, output.dtype)]);
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
    const fn = direct ? -1 : this.#commands.program({ program: op.program, dtypes, scalar });
    const partial = chunks > 1 ? this.#commands.workspace(keptCount * chunks * (inner ? rows : n)) : to;
    const axes = [...kept, ...reduced];
    const reducer = REDUCERS[op.reducer];
    this.#commands.stream.command("reduce", [
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
        this.#commands.at(input),
        ...[...axes, rowsAxis, last].map((axis) => axis === undefined ? 0 : 4 * nest.strides[i][axis]),
      ]),
    ]);
    if (chunks === 1) return;
    this.#commands.stream.wait();
    // [kept * rows, chunks] -> [kept * rows], or [kept, chunks, n] -> [kept, n].
    this.#commands.stream.command("reduce", [
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

  /** Sums over nothing: zeros, which the epilogue reads where it then writes. */
  #zeros(epilogue: Program | undefined, operands: readonly Value[], output: Value): void {
    this.#commands.stream.command("fill", [this.#commands.at(output), sizeOf(output.shape), 0]);
    if (epilogue === undefined) return;
    this.#commands.stream.wait();
    this.#commands.map(epilogue, [{ ...output, dtype: "float32" }, ...operands], [output]);
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
      table = this.#commands.stream.table(words);
    }
    this.#commands.gemm({
      m,
      n,
      k,
      a: {
        kind: DENSE,
        address: this.#commands.at(a),
        row: op.transposeA ? 1 : k,
        column: op.transposeA ? shape[rank - 2] : 1,
      },
      b: { address: this.#commands.at(b), row: op.transposeB ? 1 : n, column: op.transposeB ? k : 1 },
      c: { address: this.#commands.at(output), row: n },
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

  /** Sums of looked-up rows: a product's words, whose left matrix are the tokens, and the symbols. */
  #embeddingBag(op: OpOf<"embedding_bag">, inputs: readonly Value[], output: Value): void {
    const [tokens, kernel, ...operands] = inputs, [rows, columns] = kernel.shape;
    const { batch, places, symbols } = bagOf(tokens, rows);
    this.#commands.stream.command("embeddingBag", [
      ...this.#commands.productWords({
        m: batch,
        n: columns,
        k: places,
        a: { kind: DENSE, address: this.#commands.at(tokens), row: places, column: 1 },
        b: { address: this.#commands.at(kernel), row: columns, column: 1 },
        c: { address: this.#commands.at(output), row: columns },
        batches: 1,
        table: 0,
        grid: 0,
        epilogue: op.epilogue,
        operands: operands.map((value) => {
          const [row, column] = broadcastStrides(value.shape, output.shape);
          return { value, row, column };
        }),
      }),
      symbols,
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
    this.#commands.stream.command(command, [
      ...of.image.shape,
      of.places.shape[1],
      of.places.shape[2],
      ...of.taps,
      ...strides,
      ...padding,
      ...dilation,
      ...of.values.map((value) => this.#commands.at(value)),
      of.option,
      of.values[0].dtype === "int32" ? 1 : 0,
    ]);
  }

  #concat(op: OpOf<"concat">, inputs: readonly Value[], output: Value): void {
    const outer = sizeOf(output.shape.slice(0, op.axis)), width = sizeOf(output.shape.slice(op.axis));
    let at = this.#commands.at(output);
    for (const input of inputs) {
      const inner = sizeOf(input.shape.slice(op.axis));
      if (inner === 0) continue;
      this.#commands.copy([outer, inner], { address: this.#commands.at(input), strides: [inner, 1] }, {
        address: at,
        strides: [width, 1],
      });
      at += 4 * inner;
    }
  }

  #pad(op: OpOf<"pad">, input: Value, output: Value): void {
    this.#commands.stream.command("fill", [
      this.#commands.at(output),
      sizeOf(output.shape),
      bitsOf(op.value, output.dtype),
    ]);
    if (sizeOf(input.shape) === 0) return;
    this.#commands.stream.wait();
    const strides = stridesOf(output.shape);
    const offset = op.before.reduce((sum, before, axis) => sum + before * strides[axis], 0);
    this.#commands.copy(input.shape, { address: this.#commands.at(input), strides: stridesOf(input.shape) }, {
      address: this.#commands.at(output) + 4 * offset,
      strides,
    });
  }
}

/** The plan as commands. */
export function encode(plan: Plan, context: Context): Stream {
  return new Encoder(context).encode(plan);
}
