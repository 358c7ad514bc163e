/** Programs on numbers: the definition of what `map`, `maps`, `reduce` prologues and epilogues compute. */
import type { DType, Program, Shape } from "../graph.ts";
import { ELEMENTWISE, type Elementwise, type Instruction } from "../program.ts";
import type { Tensor, Type } from "./kernel.ts";
import { broadcastStrides, strided } from "./strides.ts";

/** Rounds to the nearest float32, or wraps to int32. */
export function round(value: number, dtype: DType): number {
  return dtype === "float32" ? Math.fround(value) : value | 0;
}

/** What can need more than the 53 bits of a number before it wraps. */
const INTEGER: Partial<Record<Elementwise, (x: number, y: number) => number>> = {
  mul: Math.imul,
  square: (x) => Math.imul(x, x),
  squared_difference: (x, y) => Math.imul(x - y, x - y),
  prelu: (x, slope) => (x < 0 ? Math.imul(slope, x) : x),
  pow: integerPower,
};

/** x^y modulo 2^32 by squaring; of an exponent below 0 the integer part, which of 0 is 0. */
function integerPower(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y & 1 ? -1 : 1) : 0;
  let result = 1;
  for (let base = x, rest = y; rest > 0; rest >>= 1) {
    if (rest & 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}

/** Joins two parts of a sum or a product: of int32 exactly, modulo 2^32. */
export function accumulate(reducer: "sum" | "prod", dtype: DType): (total: number, value: number) => number {
  if (reducer === "sum") return dtype === "int32" ? (x, y) => (x + y) | 0 : (x, y) => x + y;
  return dtype === "int32" ? Math.imul : (x, y) => x * y;
}

/** One instruction on numbers, rounded to its dtype. */
export function applyInstruction(instruction: Instruction, x: number, y: number, z: number): number {
  if (instruction.dtype === "int32") {
    const exact = INTEGER[instruction.op];
    if (exact !== undefined) return exact(x | 0, y | 0);
  }
  const apply: (x: number, y: number, z: number) => number = ELEMENTWISE[instruction.op].apply;
  return round(apply(x, y, z), instruction.dtype);
}

/** The dtype of each of a program's results, given its operands' dtypes. */
export function resultTypes(program: Program, operands: readonly DType[]): DType[] {
  return program.results.map((register) =>
    register < program.operands ? operands[register] : program.instructions[register - program.operands].dtype
  );
}

/** @throws {RangeError} where a program reads a register before it is written, or names an operand it lacks. */
export function checkProgram(program: Program, operands: number): void {
  if (program.operands !== operands) {
    throw new RangeError(
      `Cannot run a program as it must have ${operands} operands: current value is ${program.operands}`,
    );
  }
  program.instructions.forEach((instruction, index) => {
    const written = program.operands + index, { arity } = ELEMENTWISE[instruction.op];
    if (instruction.args.length !== arity || !instruction.args.every((arg) => arg >= 0 && arg < written)) {
      throw new RangeError(
        `Cannot run a program as ${instruction.op} must read ${arity} registers below ${written}: current value is [${instruction.args}]`,
      );
    }
  });
  const registers = program.operands + program.instructions.length;
  if (program.results.length === 0 || !program.results.every((result) => result >= 0 && result < registers)) {
    throw new RangeError(
      `Cannot run a program as its results must be registers below ${registers}: current value is [${program.results}]`,
    );
  }
}

/** A program bound to operands that are broadcast to `domain`. */
export class Evaluation {
  readonly #program: Program;
  readonly #operands: readonly { readonly data: Tensor["data"]; readonly at: (index: number) => number }[];
  readonly #registers: Float64Array;
  /** The number of registers that the caller fills (1: an epilogue's product). */
  readonly #given: number;

  constructor(program: Program, operands: readonly Tensor[], domain: Shape) {
    this.#program = program;
    this.#given = program.operands - operands.length;
    this.#registers = new Float64Array(program.operands + program.instructions.length);
    this.#operands = operands.map(({ data, shape }) => ({
      data,
      at: strided(domain, broadcastStrides(shape, domain)),
    }));
  }

  /** All registers for element `index` of the domain; `product` is register 0 of an epilogue. Valid until the next call. */
  at(index: number, product = 0): Float64Array {
    const registers = this.#registers;
    if (this.#given === 1) registers[0] = product;
    let next = this.#given;
    for (const operand of this.#operands) registers[next++] = operand.data[operand.at(index)];
    for (const instruction of this.#program.instructions) {
      const [a, b, c] = instruction.args;
      registers[next++] = applyInstruction(instruction, registers[a], registers[b], registers[c]);
    }
    return registers;
  }
}

/** Runs an epilogue (or stores the product where there is none): `product(index)` for every element of `output`. */
export function store(
  output: Tensor,
  product: (index: number) => number,
  epilogue: { readonly program: Program | undefined; readonly operands: readonly Tensor[] },
): void {
  const { program, operands } = epilogue;
  if (program === undefined) {
    for (let index = 0; index < output.data.length; index++) output.data[index] = product(index);
    return;
  }
  const evaluation = new Evaluation(program, operands, output.shape);
  for (let index = 0; index < output.data.length; index++) {
    output.data[index] = evaluation.at(index, Math.fround(product(index)))[program.results[0]];
  }
}

/** The type of a product after its epilogue. */
export function epilogueType(product: Type, program: Program | undefined, operands: readonly Type[]): Type {
  if (program === undefined) return product;
  checkProgram(program, operands.length + 1);
  const [dtype] = resultTypes(program, [product.dtype, ...operands.map((operand) => operand.dtype)]);
  return { shape: product.shape, dtype };
}
