/**
 * Writes programs as WebAssembly: one function a program, one pass over memory however many instructions it has.
 *
 * A function takes (arguments, rows, n); the arguments are, per operand and then per result, a pointer and a row
 * stride in bytes. Along a row an operand is dense, or one element where its mode is "scalar".
 *
 * The kernels' functions are copied into a program where that can be done (bodies.ts), and called for a vector elsewhere.
 */
import type { DType, Program } from "../graph.ts";
import type { Elementwise } from "../program.ts";
import type { Body } from "./bodies.ts";

/** A program as it is called from one place: what its operands are, and how they lie along a row. */
export interface Specialization {
  readonly program: Program;
  readonly dtypes: readonly DType[];
  readonly scalar: readonly boolean[];
}

const I32 = 0x7f, V128 = 0x7b;
const LOAD = 0x00, LOAD_SPLAT = 0x09, STORE = 0x0b, CONST = 0x0c, STORE_LANE = 0x5a;
const NOT = 0x4d, AND = 0x4e, ANDNOT = 0x4f, OR = 0x50, XOR = 0x51, BITSELECT = 0x52;
const TRUNC_SAT = 0xf8, CONVERT = 0xfa;

/** Vector instructions by operation: [float32, int32]. */
const DIRECT: Partial<Record<Elementwise, readonly [number | undefined, number | undefined]>> = {
  neg: [0xe1, 0xa1],
  abs: [0xe0, 0xa0],
  sqrt: [0xe3, undefined],
  ceil: [0x67, undefined],
  floor: [0x68, undefined],
  round: [0x6a, undefined],
  add: [0xe4, 0xae],
  sub: [0xe5, 0xb1],
  mul: [0xe6, 0xb5],
  div: [0xe7, undefined],
  min: [0xe8, 0xb6],
  max: [0xe9, 0xb8],
};
/** Comparisons: [float32, int32]. */
const COMPARE: Partial<Record<Elementwise, readonly [number, number]>> = {
  equal: [0x41, 0x37],
  not_equal: [0x42, 0x38],
  less: [0x43, 0x39],
  greater: [0x44, 0x3b],
  less_equal: [0x45, 0x3d],
  greater_equal: [0x46, 0x3f],
};
/** Functions of the kernels, and the number of their operands. Those whose body is known are not called but copied. */
const CALLS = {
  exp: 1,
  expm1: 1,
  log: 1,
  log1p: 1,
  sigmoid: 1,
  tanh: 1,
  erf: 1,
  elu: 1,
  selu: 1,
  softplus: 1,
  sin: 1,
  cos: 1,
  tan: 1,
  asin: 1,
  acos: 1,
  atan: 1,
  sinh: 1,
  cosh: 1,
  asinh: 1,
  acosh: 1,
  atanh: 1,
  pow: 2,
  atan2: 2,
  mod: 2,
  floor_div: 2,
  int_floor_div: 2,
  int_mod: 2,
  int_div: 2,
  int_pow: 2,
  wrap_int: 1,
} as const;
const CALL_NAMES = Object.keys(CALLS) as (keyof typeof CALLS)[];
/** Functions of the kernels whose bodies `writeModule` can make use of. */
export const UNARY_CALLS: readonly string[] = CALL_NAMES.filter((name) => CALLS[name] === 1);
/**
 * Vectors that a program with copied functions takes at a time. Their chains of instructions are long: it takes several
 * to keep a core busy, and they can share the constants.
 */
const TOGETHER = 4;
/** Whole numbers stay as they are. */
const INTEGER_IDENTITIES: ReadonlySet<Elementwise> = new Set(["floor", "ceil", "round", "to_int32"]);
const INTEGER_CALLS: Partial<Record<Elementwise, keyof typeof CALLS>> = {
  floor_div: "int_floor_div",
  mod: "int_mod",
  div: "int_div",
  pow: "int_pow",
};

function unsigned(value: number): number[] {
  const bytes = [];
  do {
    const byte = value & 0x7f;
    value >>>= 7;
    bytes.push(value ? byte | 0x80 : byte);
  } while (value);
  return bytes;
}

function signed(value: number): number[] {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && (byte & 0x40))) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

function bytesOf(name: string): number[] {
  const bytes = new TextEncoder().encode(name);
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(body.length), ...body];
}

/** One function's code: the locals are pointers, the offset in the row, its ends, and the program's registers. */
class FunctionWriter {
  readonly code: number[] = [];
  readonly #special: Specialization;
  readonly #types: DType[];
  readonly #pointers: number;
  readonly #offset: number;
  readonly #registers: number;
  readonly #bodies: ReadonlyMap<string, Body>;
  /** Vectors of the widest loop. */
  readonly #together: number;
  /** The one of them that is being written. */
  #current = 0;
  /** Locals of copied functions, which come after the registers. */
  #copied = 0;

  constructor(special: Specialization, bodies: ReadonlyMap<string, Body>) {
    this.#special = special;
    this.#bodies = bodies;
    this.#types = [
      ...special.dtypes,
      ...special.program.instructions.map((instruction) => instruction.dtype),
    ];
    this.#pointers = special.program.operands + special.program.results.length;
    this.#offset = 3 + this.#pointers;
    this.#registers = this.#offset + 2;
    this.#together = special.program.instructions.some(({ op }) => bodies.has(op)) ? TOGETHER : 1;
  }

  write(): number[] {
    const { program, scalar } = this.#special;
    for (let i = 0; i < this.#pointers; i++) this.#push(0x20, 0, 0x28, 2, ...unsigned(8 * i), 0x21, 3 + i);
    this.#push(0x02, 0x40, 0x03, 0x40); // block loop: rows
    this.#push(0x20, 1, 0x45, 0x0d, 1);
    for (let i = 0; i < program.operands; i++) {
      if (!scalar[i]) continue;
      this.#push(0x20, 3 + i, 0xfd, LOAD_SPLAT, 2, 0);
      this.#set(i);
    }
    this.#push(0x41, 0, 0x21, this.#offset);
    if (this.#together > 1) this.#elements(16, this.#together);
    this.#elements(16, 1);
    this.#elements(4, 1);
    for (let i = 0; i < this.#pointers; i++) {
      this.#push(0x20, 3 + i, 0x20, 0, 0x28, 2, ...unsigned(8 * i + 4), 0x6a, 0x21, 3 + i);
    }
    this.#push(0x20, 1, 0x41, 1, 0x6b, 0x21, 1, 0x0c, 0, 0x0b, 0x0b);
    const locals = [
      ...unsigned(2),
      ...unsigned(this.#pointers + 2),
      I32,
      ...unsigned(this.#together * this.#types.length + this.#copied),
      V128,
    ];
    const body = [...locals, ...this.code, 0x0b];
    return [...unsigned(body.length), ...body];
  }

  /** The loop over what is left of a row, as far as it holds `together` vectors (16 bytes) or single elements (4). */
  #elements(bytes: 4 | 16, together: number): void {
    const { program, scalar } = this.#special;
    const step = bytes * together, end = this.#offset + 1;
    this.#push(0x20, 2, 0x41, ...signed(-step / 4), 0x71, 0x41, 2, 0x74, 0x21, end);
    this.#push(0x02, 0x40, 0x03, 0x40);
    this.#push(0x20, this.#offset, 0x20, end, 0x4f, 0x0d, 1);
    const loaded = new Set<number>();
    const need = (register: number): void => {
      if (register >= program.operands || scalar[register] || loaded.has(register)) return;
      loaded.add(register);
      this.#each(together, () => {
        this.#push(0x20, 3 + register, 0x20, this.#offset, 0x6a, 0xfd, bytes === 16 ? LOAD : LOAD_SPLAT, 2);
        this.#push(...unsigned(16 * this.#current));
        this.#set(register);
      });
    };
    program.instructions.forEach(({ op, args, dtype }, index) => {
      args.forEach(need);
      const register = program.operands + index, body = this.#bodies.get(op);
      if (body) {
        this.#copy(body, { together, arg: args[0], register });
      } else {
        this.#each(together, () => {
          this.#instruction(op, args, dtype);
          this.#set(register);
        });
      }
    });
    program.results.forEach(need);
    program.results.forEach((register, index) =>
      this.#each(together, () => {
        this.#push(0x20, 3 + program.operands + index, 0x20, this.#offset, 0x6a);
        this.#get(register);
        if (bytes === 16) this.#push(0xfd, STORE, 2, ...unsigned(16 * this.#current));
        else this.#push(0xfd, STORE_LANE, 2, 0, 0);
      })
    );
    this.#push(0x20, this.#offset, 0x41, ...signed(step), 0x6a, 0x21, this.#offset, 0x0c, 0, 0x0b, 0x0b);
  }

  /** Writes a function of a register to another, for several vectors operation by operation. */
  #copy(
    { operations, result }: Body,
    { together, arg, register }: {
      readonly together: number;
      readonly arg: number;
      readonly register: number;
    },
  ): void {
    const count = operations.length + 1, first = this.#registers + this.#together * this.#types.length;
    this.#copied = Math.max(this.#copied, together * count);
    // What does not depend on the argument is the same for all.
    const varies = [true];
    const local = (value: number): number[] =>
      unsigned(first + (varies[value] ? this.#current * count : 0) + value);
    this.#each(together, () => {
      this.#as(arg, "float32");
      this.#push(0x21, ...local(0));
    });
    for (const { args, code } of operations) {
      const value = varies.push(args.some((arg) => varies[arg])) - 1;
      this.#each(varies[value] ? together : 1, () => {
        for (const arg of args) this.#push(0x20, ...local(arg));
        this.#push(...code, 0x21, ...local(value));
      });
    }
    this.#each(together, () => {
      this.#push(0x20, ...local(result));
      if (this.#types[register] === "int32") this.#truncate();
      this.#set(register);
    });
  }

  /** Writes for each of the vectors that go together. */
  #each(together: number, write: () => void): void {
    for (this.#current = 0; this.#current < together; this.#current++) write();
    this.#current = 0;
  }

  #push(...bytes: number[]): void {
    this.code.push(...bytes);
  }
  #vector(opcode: number): void {
    this.#push(0xfd, ...unsigned(opcode));
  }
  /** Every vector has registers of its own, but for what is the same along a row. */
  #local(register: number): number {
    const vector = this.#special.scalar[register] ? 0 : this.#current;
    return this.#registers + vector * this.#types.length + register;
  }
  #get(register: number): void {
    this.#push(0x20, ...unsigned(this.#local(register)));
  }
  #set(register: number): void {
    this.#push(0x21, ...unsigned(this.#local(register)));
  }
  #splatFloat(value: number): void {
    const bytes = new Uint8Array(Float32Array.of(value, value, value, value).buffer);
    this.#push(0xfd, CONST, ...bytes);
  }
  #splatInt(value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value, value, value, value).buffer);
    this.#push(0xfd, CONST, ...bytes);
  }
  #splat(value: number, dtype: DType): void {
    if (dtype === "int32") this.#splatInt(value);
    else this.#splatFloat(value);
  }
  /** Pushes a register as `dtype`. */
  #as(register: number, dtype: DType): void {
    this.#get(register);
    if (this.#types[register] === dtype) return;
    if (dtype === "int32") this.#truncate();
    else this.#vector(CONVERT);
  }
  /** Turns the floats on the stack into whole numbers, modulo 2^32; NaN and the infinities into 0. */
  #truncate(): void {
    this.#call("wrap_int");
    this.#vector(TRUNC_SAT);
  }
  /** Pushes the mask of register != 0. */
  #truth(register: number): void {
    const dtype = this.#types[register];
    this.#get(register);
    this.#splat(0, dtype);
    this.#vector(COMPARE.not_equal![dtype === "int32" ? 1 : 0]);
  }
  /** Turns the mask on the stack into 0 and 1. */
  #fromMask(dtype: DType): void {
    this.#splat(1, dtype);
    this.#vector(AND);
  }
  #call(name: keyof typeof CALLS): void {
    this.#push(0x10, ...unsigned(CALL_NAMES.indexOf(name)));
  }

  #instruction(op: Elementwise, args: readonly number[], dtype: DType): void {
    const integer = dtype === "int32";
    const [x, y, z] = args;
    const both = args.some((arg) => this.#types[arg] === "float32") ? "float32" : "int32";
    const compare = COMPARE[op];
    if (compare) {
      this.#as(x, both);
      this.#as(y, both);
      this.#vector(compare[both === "int32" ? 1 : 0]);
      return this.#fromMask(dtype);
    }
    switch (op) {
      case "and":
      case "or":
      case "xor":
        this.#truth(x);
        this.#truth(y);
        this.#vector({ and: AND, or: OR, xor: XOR }[op]);
        return this.#fromMask(dtype);
      case "not":
        this.#truth(x);
        this.#vector(NOT);
        return this.#fromMask(dtype);
      case "to_bool":
        this.#truth(x);
        return this.#fromMask(dtype);
      case "is_nan":
        this.#as(x, "float32");
        this.#as(x, "float32");
        this.#vector(COMPARE.not_equal![0]);
        return this.#fromMask(dtype);
      case "is_inf":
      case "is_finite":
        this.#as(x, "float32");
        this.#vector(DIRECT.abs![0]!);
        this.#splatFloat(Infinity);
        this.#vector(COMPARE[op === "is_inf" ? "equal" : "less"]![0]);
        return this.#fromMask(dtype);
      case "select":
        this.#as(y, dtype);
        this.#as(z, dtype);
        this.#truth(x);
        return this.#vector(BITSELECT);
      case "to_int32":
      case "to_float32":
        return this.#as(x, dtype);
    }
    if (integer && INTEGER_IDENTITIES.has(op)) return this.#as(x, "int32");
    const direct = DIRECT[op]?.[integer ? 1 : 0];
    if (direct !== undefined) {
      for (const arg of args) this.#as(arg, dtype);
      return this.#vector(direct);
    }
    if (integer && INTEGER_CALLS[op]) {
      for (const arg of args) this.#as(arg, "int32");
      return this.#call(INTEGER_CALLS[op]);
    }
    switch (op) {
      case "square":
        this.#as(x, dtype);
        this.#as(x, dtype);
        return this.#vector(DIRECT.mul![integer ? 1 : 0]!);
      case "squared_difference":
        for (let i = 0; i < 2; i++) {
          this.#as(x, dtype);
          this.#as(y, dtype);
          this.#vector(DIRECT.sub![integer ? 1 : 0]!);
        }
        return this.#vector(DIRECT.mul![integer ? 1 : 0]!);
      case "sign":
        this.#compareZero(x, "greater", dtype);
        this.#fromMask(dtype);
        this.#compareZero(x, "less", dtype);
        this.#splat(-1, dtype);
        this.#vector(AND);
        return this.#vector(OR);
      case "step":
        this.#compareZero(x, "greater", dtype);
        this.#fromMask(dtype);
        if (integer) return;
        // The mask of NaN has all bits set, which is NaN.
        this.#as(x, dtype);
        this.#as(x, dtype);
        this.#vector(COMPARE.not_equal![0]);
        return this.#vector(OR);
      case "relu":
        this.#as(x, dtype);
        this.#compareZero(x, "less", dtype);
        return this.#vector(ANDNOT);
      case "relu6":
        this.#splat(6, dtype);
        this.#as(x, dtype);
        this.#compareZero(x, "less", dtype);
        this.#vector(ANDNOT);
        this.#as(x, dtype);
        this.#splat(6, dtype);
        this.#vector(COMPARE.greater![integer ? 1 : 0]);
        return this.#vector(BITSELECT);
      case "prelu":
        this.#as(y, dtype);
        this.#as(x, dtype);
        this.#vector(DIRECT.mul![integer ? 1 : 0]!);
        this.#as(x, dtype);
        this.#compareZero(x, "less", dtype);
        return this.#vector(BITSELECT);
    }
    // The rest are functions of real numbers.
    switch (op) {
      case "reciprocal":
        this.#splatFloat(1);
        this.#as(x, "float32");
        this.#vector(DIRECT.div![0]!);
        break;
      case "rsqrt":
        this.#splatFloat(1);
        this.#as(x, "float32");
        this.#vector(DIRECT.sqrt![0]!);
        this.#vector(DIRECT.div![0]!);
        break;
      case "sqrt":
        this.#as(x, "float32");
        this.#vector(DIRECT.sqrt![0]!);
        break;
      default:
        if (!(op in CALLS)) throw new TypeError(`Cannot compile the program as the wasm device lacks ${op}`);
        for (const arg of args) this.#as(arg, "float32");
        this.#call(op as keyof typeof CALLS);
    }
    if (integer) this.#truncate();
  }

  #compareZero(register: number, op: "less" | "greater", dtype: DType): void {
    this.#as(register, dtype);
    this.#splat(0, dtype);
    this.#vector(COMPARE[op]![dtype === "int32" ? 1 : 0]);
  }
}

/**
 * A module that imports `env.memory` and the kernels (`kernels.*`) and exports function i under the name `${i}`. `bodies`
 * are those of the kernels' functions that it may hold copies of.
 */
export function writeModule(
  functions: readonly Specialization[],
  bodies: ReadonlyMap<string, Body>,
): Uint8Array {
  const types = [
    [0x60, 3, I32, I32, I32, 0],
    [0x60, 1, V128, 1, V128],
    [0x60, 2, V128, V128, 1, V128],
  ];
  const imports = [
    [...bytesOf("env"), ...bytesOf("memory"), 2, 3, ...unsigned(1), ...unsigned(65536)],
    ...CALL_NAMES.map((name) => [...bytesOf("kernels"), ...bytesOf(name), 0, CALLS[name]]),
  ];
  const exports = functions.map((_, index) => [
    ...bytesOf(`${index}`),
    0,
    ...unsigned(CALL_NAMES.length + index),
  ]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, imports),
    ...section(3, functions.map(() => [0])),
    ...section(7, exports),
    ...section(10, functions.map((special) => new FunctionWriter(special, bodies).write())),
  ]);
}
