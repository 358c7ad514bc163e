/** Writes graphs by hand, for tests. */
import type {
  DType,
  Graph,
  Node,
  Op,
  Program,
  Resident,
  Shape,
  TypedArray,
  Value,
  Window,
} from "../../engine/graph.ts";
import { infer } from "../../engine/kernels/mod.ts";
import { validate } from "../../engine/kernels/validate.ts";
import { ELEMENTWISE, type Elementwise } from "../../engine/program.ts";

/** Hands its operand on. */
export const identity: Program = { operands: 1, instructions: [], results: [0] };
/** An epilogue: relu(product + bias), as a layer's. */
export const biased: Program = {
  operands: 2,
  instructions: [
    { op: "add", args: [0, 1], dtype: "float32" },
    { op: "relu", args: [2], dtype: "float32" },
  ],
  results: [3],
};
/** Every tap a step of one, no padding. */
export const plain: Window = { strides: [1, 1], padding: [0, 0], dilation: [1, 1] };
/** Nothing of it is the same along both axes. */
export const skewed: Window = { strides: [2, 3], padding: [1, 0], dilation: [2, 1] };

/** A product of matrices, either of which may be transposed. */
export function matmul(transposeA: boolean, transposeB: boolean, epilogue?: Program): Op {
  return { kind: "matmul", transposeA, transposeB, ...(epilogue === undefined ? {} : { epilogue }) };
}

/** What an elementwise operation of float32 or int32 operands gives when nothing else is said. */
function resultOf(op: Elementwise, operands: readonly DType[]): DType {
  if (/^(is_|not|equal|greater|less|and$|or$|xor|to_int32|to_bool)/.test(op)) return "int32";
  if (op === "to_float32") return "float32";
  return operands.at(-1)!;
}

export class Builder {
  #next = 0;
  readonly #inputs: { name: string; value: Value }[] = [];
  readonly #residents: Resident[] = [];
  readonly #nodes: Node[] = [];
  readonly #updates: { resident: number; value: Value }[] = [];
  readonly #outputs: { name: string; value: Value }[] = [];

  value(shape: Shape, dtype: DType = "float32"): Value {
    return { id: this.#next++, shape, dtype };
  }
  input(name: string, shape: Shape, dtype: DType = "float32"): Value {
    const value = this.value(shape, dtype);
    this.#inputs.push({ name, value });
    return value;
  }
  variable(shape: Shape, name?: string): Value {
    const value = this.value(shape);
    this.#residents.push({ value, kind: "variable", ...(name === undefined ? {} : { name }) });
    return value;
  }
  captured(shape: Shape, dtype: DType = "float32"): Value {
    const value = this.value(shape, dtype);
    this.#residents.push({ value, kind: "captured" });
    return value;
  }
  constant(data: TypedArray | number, shape?: Shape): Value {
    const elements = typeof data === "number" ? Float32Array.of(data) : data;
    const value = this.value(
      shape ?? (typeof data === "number" ? [] : [elements.length]),
      elements instanceof Int32Array ? "int32" : "float32",
    );
    this.#residents.push({ value, kind: "constant", data: elements });
    return value;
  }
  node(op: Op, inputs: readonly Value[], asked?: Shape): Value[] {
    const outputs = infer(op, inputs, asked).map(({ shape, dtype }) => this.value(shape, dtype));
    this.#nodes.push({ op, inputs, outputs });
    return outputs;
  }
  one(op: Op, inputs: readonly Value[], asked?: Shape): Value {
    return this.node(op, inputs, asked)[0];
  }
  map(op: Elementwise, ...inputs: Value[]): Value {
    const dtype = resultOf(op, inputs.map((input) => input.dtype));
    const args = Array.from({ length: ELEMENTWISE[op].arity }, (_, i) => i);
    return this.program({
      operands: args.length,
      instructions: [{ op, args, dtype }],
      results: [args.length],
    }, inputs);
  }
  program(program: Program, inputs: readonly Value[]): Value {
    return this.one({ kind: "map", program }, inputs);
  }
  sum(x: Value, axes: readonly number[]): Value {
    return this.one({ kind: "reduce", reducer: "sum", domain: x.shape, axes, program: identity }, [x]);
  }
  matmul(a: Value, b: Value, transposed: { a?: boolean; b?: boolean } = {}): Value {
    return this.one(matmul(transposed.a ?? false, transposed.b ?? false), [a, b]);
  }
  reshape(x: Value, shape: Shape): Value {
    return this.one({ kind: "reshape" }, [x], shape);
  }
  copy(x: Value, shape: Shape, strides: readonly number[], offset = 0): Value {
    return this.one({ kind: "copy", offset, strides }, [x], shape);
  }
  transpose(x: Value): Value {
    const [rows, columns] = x.shape;
    return this.copy(x, [columns, rows], [1, columns]);
  }
  update(variable: Value, value: Value): void {
    this.#updates.push({ resident: this.#residents.findIndex((it) => it.value.id === variable.id), value });
  }
  output(name: string, value: Value): void {
    this.#outputs.push({ name, value });
  }
  graph(): Graph {
    const graph = {
      inputs: this.#inputs,
      residents: this.#residents,
      nodes: this.#nodes,
      updates: this.#updates,
      outputs: this.#outputs,
    };
    validate(graph);
    return graph;
  }
}
