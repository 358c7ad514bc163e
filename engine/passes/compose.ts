/** Writes programs: puts programs together, computes nothing twice, and leaves out what no result needs. */
import type { DType, Program, Value } from "../graph.ts";
import type { Elementwise } from "../program.ts";
import { MAX_INSTRUCTIONS, MAX_OPERANDS, MAX_RESULTS } from "./limits.ts";

/** A number while a program is written: an operand, or what an instruction makes. */
export interface Register {
  readonly key: number;
  readonly dtype: DType;
  /** Absent for instructions and for an epilogue's product. */
  readonly value?: Value;
  readonly op?: Elementwise;
  readonly args?: readonly Register[];
}

/** A program with its operands. */
export interface Bound {
  readonly program: Program;
  readonly inputs: readonly Value[];
}

/** One program as it is written. */
export class Composer {
  readonly #known = new Map<string, Register>();
  #next = 0;

  #register(name: string, content: Omit<Register, "key">): Register {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const register = { ...content, key: this.#next++ };
    this.#known.set(name, register);
    return register;
  }

  /** An element of `value`, broadcast. */
  operand(value: Value): Register {
    return this.#register(`%${value.id}`, { value, dtype: value.dtype });
  }
  /** An epilogue's register 0. */
  product(): Register {
    return this.#register("product", { dtype: "float32" });
  }
  /** The result of an operation. */
  apply(op: Elementwise, args: readonly Register[], dtype: DType): Register {
    return this.#register(`${op}(${args.map(({ key }) => key)}):${dtype}`, { op, args, dtype });
  }
  /** The results of a whole program; `apply` may be asked to write the instructions otherwise. */
  inline(
    program: Program,
    operands: readonly Register[],
    apply = (op: Elementwise, args: readonly Register[], dtype: DType) => this.apply(op, args, dtype),
  ): Register[] {
    const registers = [...operands];
    for (const { op, args, dtype } of program.instructions) {
      registers.push(apply(op, args.map((arg) => registers[arg]), dtype));
    }
    return program.results.map((result) => registers[result]);
  }

  /** The program that gives `results`; with a product, that is its register 0 and stands for no operand. */
  finish(results: readonly Register[], product?: Register): Bound {
    const operands: Register[] = [], instructions: Register[] = [], seen = new Set<Register>();
    const visit = (register: Register): void => {
      if (seen.has(register)) return;
      seen.add(register);
      register.args?.forEach(visit);
      if (register.args !== undefined) instructions.push(register);
      else if (register !== product) operands.push(register);
    };
    results.forEach(visit);
    const given = product === undefined ? operands : [product, ...operands];
    const numbers = new Map([...given, ...instructions].map((register, number) => [register, number]));
    return {
      program: {
        operands: given.length,
        instructions: instructions.map(({ op, args, dtype }) => ({
          op: op!,
          args: args!.map((arg) => numbers.get(arg)!),
          dtype,
        })),
        results: results.map((result) => numbers.get(result)!),
      },
      inputs: operands.map(({ value }) => value!),
    };
  }
}

/** Whether every executor can run a program; `others` counts further operands of its node (a product's factors). */
export function fits(program: Program, others = 0): boolean {
  return program.operands + others <= MAX_OPERANDS && program.instructions.length <= MAX_INSTRUCTIONS &&
    program.results.length <= MAX_RESULTS;
}
