/** Writes the graph: values, nodes, residents and constants, as the traced kernels ask for them. */
import type * as tf from "@tensorflow/tfjs";
import {
  type DType,
  type Node,
  type Op,
  type Resident,
  type Shape,
  sizeOf,
  type TypedArray,
  type Value,
} from "../graph.ts";
import { infer } from "../kernels/mod.ts";
import type { Elementwise } from "../program.ts";
import { type Random, stream } from "../../base/random.ts";

/** tfjs's element types that a graph can hold; a bool is an int32 of 0 and 1. */
export type TracedType = "float32" | "int32" | "bool";

/** A tensor while it is traced: its value in the graph and its type in tfjs. */
export interface Traced {
  readonly value: Value;
  readonly dtype: TracedType;
}

/** What made a node or a constant: tfjs's kernel, and where the user's program was. */
export interface Origin {
  readonly kernel: string;
  /** Whose `stack` names the user's line; absent where the trace does not keep places. */
  readonly place: Error | undefined;
}

/** What a resident stands for: a variable, or a tensor from outside by its data id and type. */
export type Source =
  | { readonly kind: "variable"; readonly variable: tf.Variable }
  | { readonly kind: "captured"; readonly dataId: tf.DataId }
  | { readonly kind: "constant" };

/** The name of the input that counts the runs. */
export const HIDDEN_COUNTER = "number of the run";
/** Normal numbers of which the first within two standard deviations is taken: one in 10^10 has none. */
export const TRIES = 8;

/** The stream of draw number `index` of a function. */
export function drawStream(seed: number, index: number): Random {
  return stream(seed).fork(`draw ${index}`);
}

/** offset + scale * a number of the distribution. */
export interface HiddenDraw {
  readonly kind: "uniform" | "normal";
  readonly offset: number;
  readonly scale: number;
  readonly truncated: boolean;
  readonly random: Random;
}

/** Constants up to this size are compared with the others, so that equal ones are held once. */
const SMALL = 64;

/** The graph's type of a tfjs type. */
export function graphType(dtype: TracedType): DType {
  return dtype === "float32" ? "float32" : "int32";
}

/** The shape that shapes broadcast to, aligned at the last axis. */
export function broadcastShapes(shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[shape.length - rank + axis] ?? 1;
      if (own === 1) continue;
      if (extent !== 1 && extent !== own) {
        throw new RangeError(
          `Cannot broadcast shapes as their axes must agree or be 1: current value is ${
            shapes.map((other) => `[${other}]`).join(", ")
          }`,
        );
      }
      extent = own;
    }
    return extent;
  });
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** One trace's graph as it grows. */
export class Recorder {
  readonly inputs: { readonly name: string; readonly value: Value }[] = [];
  readonly residents: Resident[] = [];
  readonly sources: Source[] = [];
  readonly nodes: Node[] = [];
  /** By node. */
  readonly origins: Origin[] = [];
  /** By resident. */
  readonly residentOrigins: Origin[] = [];
  /** The tfjs kernel that is being traced. */
  kernel = "";
  readonly #places: boolean;
  readonly #seed: number;
  #draws = 0;
  #counter: Traced | undefined;
  #nextId = 0;
  #constants = new Map<string, Traced>();
  #variables = new Map<tf.Variable, Traced>();
  #captured = new Map<tf.DataId, Map<TracedType, Traced>>();
  /** Values that are one number everywhere, with that number as a scalar: maps read the scalar. */
  #uniform = new Map<Value, Value>();

  /** `places`: whether to remember where in the user's program each node was made, which takes as long as the rest. */
  constructor(options: { readonly places: boolean; readonly seed?: number }) {
    this.#places = options.places;
    this.#seed = options.seed ?? 0;
  }

  #value(shape: Shape, dtype: TracedType): Traced {
    return { value: { id: this.#nextId++, shape: [...shape], dtype: graphType(dtype) }, dtype };
  }

  /** Where the user's program is now. */
  origin(): Origin {
    return { kernel: this.kernel, place: this.#places ? new Error() : undefined };
  }

  #resident(traced: Traced, resident: Omit<Resident, "value">, source: Source, origin: Origin): Traced {
    this.residents.push({ value: traced.value, ...resident });
    this.sources.push(source);
    this.residentOrigins.push(origin);
    return traced;
  }

  /** The number of the run, which draws that the user does not count themselves depend on. */
  counter(): Traced {
    return this.#counter ??= this.input(HIDDEN_COUNTER, [], "int32");
  }

  /** The stream of the next such draw. */
  nextDraw(): Random {
    return drawStream(this.#seed, this.#draws++);
  }

  /** Numbers of the engine's generator, as one of tfjs's would draw them. */
  draw(of: HiddenDraw, shape: Shape, dtype: TracedType): Traced {
    const numbers = (random: Random, distribution: "uniform" | "normal") =>
      this.node({ kind: "random", distribution, key: random.key }, [this.counter()], shape, "float32");
    let drawn: Traced;
    if (of.kind === "uniform") drawn = numbers(of.random, "uniform");
    else if (!of.truncated) drawn = numbers(of.random, "normal");
    else {
      const two = this.scalar(2, "float32");
      const tries = Array.from({ length: TRIES }, (_, i) => numbers(of.random.fork(`try ${i}`), "normal"));
      const last = this.map("max", [
        this.map("min", [tries[TRIES - 1], two], "float32"),
        this.scalar(-2, "float32"),
      ], "float32");
      drawn = tries.slice(0, -1).reduceRight((others, z) => {
        const inside = this.map("less_equal", [this.map("abs", [z], "float32"), two], "bool");
        return this.map("select", [inside, z, others], "float32");
      }, last);
    }
    const scaled = this.map("mul", [drawn, this.scalar(of.scale, "float32")], "float32");
    const moved = this.map("add", [scaled, this.scalar(of.offset, "float32")], "float32");
    if (dtype === "float32") return moved;
    const whole = this.map(
      "to_int32",
      [of.kind === "normal" ? this.map("round", [moved], "float32") : moved],
      "int32",
    );
    // A sum may be rounded to the end, which does not belong to the range.
    const most = this.scalar(Math.ceil(of.offset + of.scale) - 1, "int32");
    const limited = of.kind === "normal" ? whole : this.map("min", [whole, most], "int32");
    return { value: limited.value, dtype };
  }

  /** A declared input. */
  input(name: string, shape: Shape, dtype: DType): Traced {
    const traced = this.#value(shape, dtype);
    this.inputs.push({ name, value: traced.value });
    return traced;
  }

  /** The variable's value before the first node. */
  variable(variable: tf.Variable): Traced {
    const known = this.#variables.get(variable);
    if (known !== undefined) return known;
    const traced = this.#value(variable.shape, variable.dtype as TracedType);
    this.#variables.set(variable, traced);
    return this.#resident(traced, { kind: "variable", name: variable.name }, {
      kind: "variable",
      variable,
    }, this.origin());
  }

  /** A tensor from outside; tfjs may show the same data under several shapes and types. */
  captured(tensor: tf.TensorInfo): Traced {
    const dtype = tensor.dtype as TracedType, types = this.#captured.get(tensor.dataId) ?? new Map();
    this.#captured.set(tensor.dataId, types);
    const known: Traced | undefined = types.get(dtype);
    if (known !== undefined) return this.reshape(known, tensor.shape);
    const traced = this.#value(tensor.shape, dtype);
    types.set(dtype, traced);
    return this.#resident(traced, { kind: "captured" }, {
      kind: "captured",
      dataId: tensor.dataId,
    }, this.origin());
  }

  /** A tensor whose elements are known now. One that is the same number everywhere is held as that number. */
  constant(data: ArrayLike<number>, shape: Shape, dtype: TracedType, origin = this.origin()): Traced {
    const size = sizeOf(shape);
    if (size > 1) {
      let same = true;
      for (let i = 1; same && i < size; i++) same = Object.is(data[i], data[0]);
      if (same) return this.fill(data[0], shape, dtype, origin);
    }
    const key = size > SMALL ? undefined : `${dtype}[${shape}]${Array.from(data, show)}`;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const elements: TypedArray = dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data);
    const traced = this.#value(shape, dtype);
    if (key !== undefined) this.#constants.set(key, traced);
    return this.#resident(traced, { kind: "constant", data: elements }, { kind: "constant" }, origin);
  }

  /** One number. */
  scalar(number: number, dtype: TracedType, origin?: Origin): Traced {
    return this.constant([number], [], dtype, origin);
  }

  /** One number everywhere. */
  fill(number: number, shape: Shape, dtype: TracedType, origin?: Origin): Traced {
    const key = `fill ${dtype}[${shape}]${show(number)}`, known = this.#constants.get(key);
    if (known !== undefined) return known;
    const scalar = this.scalar(number, dtype, origin);
    if (shape.length === 0) return scalar;
    const traced = this.copy(scalar, shape, { offset: 0, strides: shape.map(() => 0) });
    this.#uniform.set(traced.value, scalar.value);
    this.#constants.set(key, traced);
    return traced;
  }

  /** The elements of a constant; absent for what is computed or comes from outside. */
  elements(traced: Traced): TypedArray | undefined {
    const scalar = this.#uniform.get(traced.value);
    const data = this.residents.find(({ value }) => value === (scalar ?? traced.value))?.data;
    if (data === undefined || scalar === undefined) return data;
    const size = sizeOf(traced.value.shape);
    return (data instanceof Float32Array ? new Float32Array(size) : new Int32Array(size)).fill(data[0]);
  }

  /**
   * Appends a node with several outputs.
   *
   * @throws {RangeError} where the inputs do not suit the op.
   */
  nodeOf(op: Op, inputs: readonly Traced[], outputs: readonly (readonly [Shape, TracedType])[]): Traced[] {
    const values = inputs.map((input) => input.value);
    infer(op, values, outputs[0][0]);
    const traced = outputs.map(([shape, dtype]) => this.#value(shape, dtype));
    this.nodes.push({ op, inputs: values, outputs: traced.map((output) => output.value) });
    this.origins.push(this.origin());
    return traced;
  }

  /** Appends a node. */
  node(op: Op, inputs: readonly Traced[], shape: Shape, dtype: TracedType): Traced {
    return this.nodeOf(op, inputs, [[shape, dtype]])[0];
  }

  /** One elementwise operation, broadcast. Chains of them are for the passes to fuse. */
  map(op: Elementwise, inputs: readonly Traced[], dtype: TracedType): Traced {
    const program = {
      operands: inputs.length,
      instructions: [{ op, args: inputs.map((_, index) => index), dtype: graphType(dtype) }],
      results: [inputs.length],
    };
    const operands = inputs.map((input) => {
      const scalar = this.#uniform.get(input.value);
      return scalar === undefined ? input : { value: scalar, dtype: input.dtype };
    });
    const shape = broadcastShapes(inputs.map((input) => input.value.shape));
    return this.node({ kind: "map", program }, operands, shape, dtype);
  }

  /** The same elements under another type, as tfjs casts them. */
  cast(x: Traced, dtype: TracedType): Traced {
    if (x.dtype === dtype) return x;
    if (dtype === "float32") return this.map("to_float32", [x], dtype);
    if (dtype === "bool") return this.map("to_bool", [x], dtype);
    return x.dtype === "bool" ? { value: x.value, dtype } : this.map("to_int32", [x], dtype);
  }

  /** The same elements in the same order under another shape. */
  reshape(x: Traced, shape: Shape): Traced {
    const own = x.value.shape;
    if (own.length === shape.length && own.every((extent, axis) => extent === shape[axis])) return x;
    const scalar = this.#uniform.get(x.value), traced = this.node({ kind: "reshape" }, [x], shape, x.dtype);
    if (scalar !== undefined) this.#uniform.set(traced.value, scalar);
    return traced;
  }

  /** Any element of x by strides: see the graph's `copy`. */
  copy(
    x: Traced,
    shape: Shape,
    from: { readonly offset: number; readonly strides: readonly number[] },
  ): Traced {
    return this.node({ kind: "copy", ...from }, [x], shape, x.dtype);
  }

  /** Repeats along axes of extent 1 (or absent) until x has `shape`. */
  broadcast(x: Traced, shape: Shape): Traced {
    const own = x.value.shape, from = stridesOf(own), missing = shape.length - own.length;
    if (missing === 0 && own.every((extent, axis) => extent === shape[axis])) return x;
    const strides = shape.map((_, axis) => (own[axis - missing] ?? 1) === 1 ? 0 : from[axis - missing]);
    return this.copy(x, shape, { offset: 0, strides });
  }

  /** Axis `axis` of the result is axis `order[axis]` of x. */
  transpose(x: Traced, order: readonly number[]): Traced {
    if (order.every((from, axis) => from === axis)) return x;
    const strides = stridesOf(x.value.shape);
    return this.copy(x, order.map((axis) => x.value.shape[axis]), {
      offset: 0,
      strides: order.map((axis) => strides[axis]),
    });
  }

  /** The block of `size` at `begin`. */
  slice(x: Traced, begin: readonly number[], size: Shape): Traced {
    if (size.every((extent, axis) => extent === x.value.shape[axis])) return x;
    const strides = stridesOf(x.value.shape);
    return this.copy(x, size, {
      offset: begin.reduce((offset, at, axis) => offset + at * strides[axis], 0),
      strides,
    });
  }

  /** Joins along an axis. */
  concat(parts: readonly Traced[], axis: number): Traced {
    const op: Op = { kind: "concat", axis };
    // Looks at all shapes, before the empty parts are left out.
    const [{ shape }] = infer(op, parts.map((part) => part.value));
    const full = parts.filter((part) => sizeOf(part.value.shape) > 0);
    if (full.length === 1) return full[0];
    if (full.length === 0) return this.constant([], shape, parts[0].dtype);
    return this.node(op, full, shape, full[0].dtype);
  }

  /** Reduces over `axes`, which leave the shape, or stay in it with extent 1. */
  reduce(
    reducer: "sum" | "prod" | "max" | "min",
    x: Traced,
    over: { readonly axes: readonly number[]; readonly keepDims: boolean },
  ): Traced {
    const axes = [...over.axes].sort((a, b) => a - b), domain = x.value.shape;
    const kept = domain.map((extent, axis) => axes.includes(axis) ? 1 : extent);
    const shape = domain.filter((_, axis) => !axes.includes(axis));
    const program = { operands: 1, instructions: [], results: [0] };
    const reduced = axes.length === 0
      ? x
      : this.node({ kind: "reduce", reducer, domain, axes, program }, [x], shape, x.dtype);
    return this.reshape(reduced, over.keepDims ? kept : shape);
  }
}

/** A number as text that tells -0 from 0. */
function show(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}
