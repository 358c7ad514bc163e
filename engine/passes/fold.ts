import { type DType, type Graph, type Node, type Program, sizeOf } from "../graph.ts";
import { cost, execute } from "../kernels/mod.ts";
import type { Elementwise } from "../program.ts";
import { Composer, type Register } from "./compose.ts";
import { type Rewrite, rewrite } from "./rewrite.ts";

/** Nodes that cost more are left to the device. */
const MAX_FLOPS = 1e8;

/** Computes what depends on constants alone, and simplifies arithmetic with constant scalars where that is exact. */
export function fold(graph: Graph): Graph {
  return rewrite(graph, (node, to) => foldNode(node, to) || foldProgram(node, to));
}

/** Constants do not grow: a broadcast is left to those who read it. */
function foldNode({ op, inputs, outputs }: Node, to: Rewrite): boolean {
  const data = inputs.map((input) => to.constantOf(input));
  const largest = Math.max(...inputs.map(({ shape }) => sizeOf(shape)));
  if (data.length === 0 || data.includes(undefined) || op.kind === "random" || op.kind === "categorical") {
    return false;
  }
  if (
    outputs.some(({ shape }) => sizeOf(shape) > largest) ||
    cost({ op, inputs, outputs }).flops > MAX_FLOPS
  ) {
    return false;
  }
  const results = outputs.map((output) => {
    const size = sizeOf(output.shape);
    return { ...output, data: output.dtype === "float32" ? new Float32Array(size) : new Int32Array(size) };
  });
  execute(op, inputs.map((input, i) => ({ ...input, data: data[i]! })), results);
  outputs.forEach((output, i) => to.replace(output, to.constant(results[i].data, output.shape)));
  return true;
}

function foldProgram(node: Node, to: Rewrite): boolean {
  const { op, inputs, outputs } = node;
  if (op.kind !== "map" && op.kind !== "reduce") return false;
  const composer = new Composer(), algebra = new Algebra(composer, to);
  const results = composer.inline(
    op.program,
    inputs.map((input) => composer.operand(input)),
    (name, args, dtype) => algebra.apply(name, args, dtype),
  );
  const bound = composer.finish(results);
  if (algebra.rules === 0 && isAsShort(bound.program, op.program)) return false;
  to.put({ op: { ...op, program: bound.program }, inputs: bound.inputs, outputs });
  return true;
}

function isAsShort(a: Program, b: Program): boolean {
  return a.operands >= b.operands && a.instructions.length >= b.instructions.length;
}

const isPowerOfTwo = (x: number): boolean => {
  const exponent = Math.log2(Math.abs(x));
  return Number.isInteger(exponent) && Math.abs(exponent) <= 126;
};

/** Instructions with fewer or cheaper ones in their place; every rule gives the same bits. */
class Algebra {
  /** How many rules were applied. */
  rules = 0;
  readonly #composer: Composer;
  readonly #to: Rewrite;

  constructor(composer: Composer, to: Rewrite) {
    this.#composer = composer;
    this.#to = to;
  }

  apply(op: Elementwise, args: readonly Register[], dtype: DType): Register {
    const simple = this.#simplify(op, args, dtype);
    if (simple === undefined || simple.dtype !== dtype) return this.#composer.apply(op, args, dtype);
    this.rules++;
    return simple;
  }

  /** The number that a register is everywhere. */
  #number({ value }: Register): number | undefined {
    const data = value && this.#to.constantOf(value);
    return data?.length === 1 ? data[0] : undefined;
  }

  #constant(number: number, dtype: DType): Register {
    const data = dtype === "float32" ? Float32Array.of(number) : Int32Array.of(number);
    return this.#composer.operand(this.#to.constant(data, []));
  }

  #simplify(op: Elementwise, args: readonly Register[], dtype: DType): Register | undefined {
    const [x, y, z] = args;
    const a = this.#number(x), b = y && this.#number(y);
    switch (op) {
      case "mul":
        if (b === 1) return x;
        if (a === 1) return y;
        if (b === -1 && dtype === "float32") return this.apply("neg", [x], dtype);
        if (a === -1 && dtype === "float32") return this.apply("neg", [y], dtype);
        return undefined;
      case "add":
        // x + 0 is not x where x is -0; x + -0 is. Integers have one zero.
        if (b === 0 && (Object.is(b, -0) || dtype === "int32")) return x;
        if (a === 0 && (Object.is(a, -0) || dtype === "int32")) return y;
        return undefined;
      case "sub":
        if (b === 0 && (Object.is(b, 0) || dtype === "int32")) return x;
        return undefined;
      case "div":
        if (b === 1) return x;
        if (b !== undefined && dtype === "float32" && isPowerOfTwo(b)) {
          return this.apply("mul", [x, this.#constant(1 / b, dtype)], dtype);
        }
        return undefined;
      case "pow":
        if (b === 1) return x;
        if (b === 2) return this.apply("square", [x], dtype);
        return undefined;
      case "neg":
        return x.op === "neg" ? x.args![0] : undefined;
      case "select":
        if (a !== undefined) return a !== 0 ? y : z;
        return y === z ? y : undefined;
      // Of another dtype than x they are conversions: see `apply`.
      case "to_float32":
      case "to_int32":
        return x;
      case "to_bool":
        return x.op !== undefined && TRUTHS.has(x.op) ? x : undefined;
      default:
        return undefined;
    }
  }
}

/** Operations that give 0 or 1. */
const TRUTHS: ReadonlySet<Elementwise> = new Set([
  "is_nan",
  "is_inf",
  "is_finite",
  "not",
  "to_bool",
  "equal",
  "not_equal",
  "greater",
  "greater_equal",
  "less",
  "less_equal",
  "and",
  "or",
  "xor",
]);
