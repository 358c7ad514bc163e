/**
 * Reads functions out of the kernels' module, so that programs can hold their instructions instead of calling them: V8
 * inlines no call from one module into another, and such a call costs as much as half an exponential.
 */

/** A function of vectors, all of whose locals are vectors, and whose code has neither branches nor calls. */
export interface Body {
  /** Its locals, the parameters, which come first, not included. */
  readonly locals: number;
  /** Code as it is, and in between accesses to locals, the number of which is the caller's to choose. */
  readonly code: readonly (readonly number[] | Access)[];
}

/** local.get, local.set or local.tee. */
export interface Access {
  readonly opcode: number;
  readonly local: number;
}

const V128 = 0x7b, SIMD = 0xfd, EXPORTS = 7, CODE = 10, FUNCTION = 0;
const LOCAL_GET = 0x20, LOCAL_TEE = 0x22, I32_CONST = 0x41, END = 0x0b;

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

/** The exported functions that are such, by name. */
export function readBodies(module: WebAssembly.Module, binary: Uint8Array): ReadonlyMap<string, Body> {
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
  const names = new Map<number, string>(), bodies = new Map<string, Body>();
  const reader = new Reader(binary, 8);
  while (reader.at < binary.length) {
    const section = reader.byte(), size = reader.unsigned(), end = reader.at + size;
    if (section === EXPORTS) {
      for (let count = reader.unsigned(); count > 0; count--) {
        const name = reader.name(), kind = reader.byte(), index = reader.unsigned();
        if (kind === FUNCTION) names.set(index, name);
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
  let locals = 0;
  for (let groups = reader.unsigned(); groups > 0; groups--) {
    locals += reader.unsigned();
    if (reader.byte() !== V128) return undefined;
  }
  const code: (number[] | Access)[] = [];
  for (;;) {
    const start = reader.at, opcode = reader.byte();
    if (opcode === END) return { locals, code };
    if (opcode >= LOCAL_GET && opcode <= LOCAL_TEE) {
      code.push({ opcode, local: reader.unsigned() });
      continue;
    }
    if (opcode === I32_CONST) reader.unsigned();
    else if (opcode !== SIMD || !skipOperands(reader, reader.unsigned())) return undefined;
    code.push([...reader.bytes.subarray(start, reader.at)]);
  }
}

/** Passes over what follows the number of a vector instruction; false where that is none of those known here. */
function skipOperands(reader: Reader, instruction: number): boolean {
  if (instruction <= 0x0b) { // loads and the store: alignment and offset
    reader.unsigned();
    reader.unsigned();
  } else if (instruction <= 0x0d) { // a constant, the lanes of a shuffle
    reader.at += 16;
  } else if (instruction >= 0x15 && instruction <= 0x22) { // a lane
    reader.at += 1;
  } else if (instruction >= 0x54 && instruction <= 0x5d) { // loads and stores of lanes
    return false;
  }
  return true;
}
