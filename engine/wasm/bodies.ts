/**
 * Reads functions out of the kernels' module, so that programs can hold their instructions instead of calling them: V8
 * inlines no call from one module into another, and such a call costs as much as half an exponential.
 */

/** A function of one vector whose code has neither branches nor calls, as what it computes one after the other. */
export interface Body {
  readonly operations: readonly Operation[];
  /** The number of the value that it returns. */
  readonly result: number;
}

/** Value i + 1 of the function, for operation i; value 0 is the parameter. */
export interface Operation {
  /** Values on the stack. */
  readonly args: readonly number[];
  /** What makes the value of them: bytes of WebAssembly. */
  readonly code: readonly number[];
}

const SIMD = 0xfd, V128 = 0x7b, EXPORTS = 7, CODE = 10, FUNCTION = 0;
const LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22, I32_CONST = 0x41, END = 0x0b;
const LAST_LOAD = 0x0a, CONST = 0x0c;
/** How many operands vector instructions have: those that codegen.ts writes, pmin, pmax, shifts and the relaxed ones. */
const OPERANDS: ReadonlyMap<number, number> = new Map([
  [1, [0x4d, 0x67, 0x68, 0x69, 0x6a, 0xa0, 0xa1, 0xe0, 0xe1, 0xe3, 0xf8, 0xfa]] as const,
  [2, [
    ...[0x37, 0x38, 0x39, 0x3b, 0x3d, 0x3f, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x4e, 0x4f, 0x50, 0x51],
    ...[0xab, 0xac, 0xad, 0xae, 0xb1, 0xb5, 0xb6, 0xb8, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb],
  ]] as const,
  [3, [0x52, 0x105, 0x10b]] as const,
].flatMap(([count, instructions]) => instructions.map((instruction) => [instruction, count] as const)));

class Reader {
  at: number;
  constructor(readonly bytes: Uint8Array, start: number) {
    this.at = start;
  }
  byte(): number {
    return this.bytes[this.at++];
  }
  unsigned(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
  name(): string {
    const length = this.unsigned();
    return new TextDecoder().decode(this.bytes.subarray(this.at, this.at += length));
  }
}

/** Those of the exported functions `unary`, functions of one vector, that have such code, by name. */
export function readBodies(
  module: WebAssembly.Module,
  { binary, unary }: { readonly binary: Uint8Array; readonly unary: readonly string[] },
): ReadonlyMap<string, Body> {
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
  const names = new Map<number, string>(), bodies = new Map<string, Body>();
  const reader = new Reader(binary, 8);
  while (reader.at < binary.length) {
    const section = reader.byte(), size = reader.unsigned(), end = reader.at + size;
    if (section === EXPORTS) {
      for (let count = reader.unsigned(); count > 0; count--) {
        const name = reader.name(), kind = reader.byte(), index = reader.unsigned();
        if (kind === FUNCTION && unary.includes(name)) names.set(index, name);
      }
    } else if (section === CODE) {
      const count = reader.unsigned();
      for (let index = imported; index < imported + count; index++) {
        const size = reader.unsigned(), after = reader.at + size, name = names.get(index);
        const body = name === undefined ? undefined : readBody(reader);
        if (body) bodies.set(name!, body);
        reader.at = after;
      }
    }
    reader.at = end;
  }
  return bodies;
}

function readBody(reader: Reader): Body | undefined {
  for (let groups = reader.unsigned(); groups > 0; groups--) {
    reader.unsigned();
    if (reader.byte() !== V128) return undefined;
  }
  const operations: Operation[] = [], locals = new Map([[0, 0]]);
  // The code of a number that is no vector; otherwise the vector.
  const stack: (readonly number[] | number)[] = [];
  const push = (operation: Operation): void => void stack.push(operations.push(operation));
  for (;;) {
    const start = reader.at, opcode = reader.byte();
    const bytes = (): number[] => [...reader.bytes.subarray(start, reader.at)];
    const [top] = stack.slice(-1);
    if (opcode === END) return typeof top === "number" ? { operations, result: top } : undefined;
    if (opcode >= LOCAL_GET && opcode <= LOCAL_TEE) {
      const local = reader.unsigned(), value = locals.get(local);
      if (opcode === LOCAL_GET && value !== undefined) stack.push(value);
      else if (opcode === LOCAL_GET) push({ args: [], code: [SIMD, CONST, ...new Uint8Array(16)] });
      else if (typeof top === "number") locals.set(local, top);
      if (opcode === LOCAL_SET) stack.pop();
    } else if (opcode === I32_CONST) {
      reader.unsigned();
      stack.push(bytes());
    } else if (opcode === SIMD) {
      const instruction = reader.unsigned();
      let count = OPERANDS.get(instruction);
      if (instruction <= LAST_LOAD) {
        reader.unsigned();
        reader.unsigned();
        count = 1;
      } else if (instruction === CONST) {
        reader.at += 16;
        count = 0;
      }
      if (count === undefined) return undefined;
      // A number that is no vector, an address or a shift, is the last operand: its code goes before the instruction's.
      const taken = stack.splice(stack.length - count, count);
      push({
        args: taken.filter((value) => typeof value === "number"),
        code: [...taken.flatMap((value) => typeof value === "number" ? [] : value), ...bytes()],
      });
    } else {
      return undefined;
    }
  }
}
