/**
 * NumPy's arrays: `.npy`, and `.npz`, which is a zip file of them. Numbers and truth values of any width are read;
 * Python objects are not, as reading them would run what the file says.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { contentOf } from "./file_kind.ts";

/** An array as it is stored, row-major. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** Kind and bytes a number: "u1", "f4", "b1". */
  readonly type: string;
  readonly littleEndian: boolean;
  readonly data: Uint8Array;
}

/** Bytes of an unpacked `.npz` array above which it is refused. */
const MOST_BYTES = 2 ** 32 - 1;
/** Kinds of numbers and the widths that each has. */
const TYPES = new Set(["b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"]);

/** Reads the content of an `.npy` file; `path` only names it in errors. */
export function parseNpy(bytes: Uint8Array, { path }: { readonly path: string }): NpyArray {
  const fail = (reason: string, remedy: string): never => {
    throw new SyntaxError(`Cannot read ${path} as ${reason}: ${remedy}`);
  };
  if (bytes[0] !== 0x93 || new TextDecoder().decode(bytes.subarray(1, 6)) !== "NUMPY") {
    fail(`it is ${contentOf(bytes)} and no NumPy array`, "save it with numpy.save");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2, start = wide ? 12 : 10;
  if (bytes.length < start) fail("its header is cut off", "copy the file again");
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (bytes.length < end) fail("its header is cut off", "copy the file again");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, end));
  const type = /'descr':\s*'([<>|=])(\w+)'/.exec(header);
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(header);
  if (shape === null) return fail("its header has no shape", "save it with numpy.save");
  if (type === null || !TYPES.has(type[2])) {
    return fail(
      `its items are no plain numbers (${/'descr':\s*('[^']*'|[^,]*)/.exec(header)?.[1] ?? "no type"})`,
      "save them as uint8",
    );
  }
  if (/'fortran_order':\s*True/.test(header)) {
    fail("its columns are stored one after the other", "save numpy.ascontiguousarray of it");
  }
  const extents = shape[1].split(",").map((part) => part.replace("L", "").trim()).filter((part) =>
    part !== ""
  )
    .map(Number);
  const expected = extents.reduce((product, extent) => product * extent, Number(type[2].slice(1)));
  const found = bytes.length - end;
  if (found !== expected) {
    fail(
      `its header announces ${expected} bytes and ${found} follow (the file is ${
        found < expected ? "cut off" : "too long"
      })`,
      "copy or save it again",
    );
  }
  return { shape: extents, type: type[2], littleEndian: type[1] !== ">", data: bytes.subarray(end) };
}

/** Reads the arrays of an `.npz` file by their names, without ".npy". */
export async function parseNpz(
  bytes: Uint8Array,
  { path }: { readonly path: string },
): Promise<ReadonlyMap<string, NpyArray>> {
  const { unzipSync } = await import("fflate");
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (originalSize > MOST_BYTES) throw new RangeError(`${name} is larger than 4 GB`);
        return name.endsWith(".npy");
      },
    });
  } catch (cause) {
    const reason = cause instanceof RangeError
      ? cause.message
      : `it is ${bytes[0] === 0x50 && bytes[1] === 0x4b ? "damaged or cut off" : contentOf(bytes)}`;
    throw new SyntaxError(`Cannot read ${path} as ${reason}: save it with numpy.savez`, { cause });
  }
  return new Map(
    Object.entries(files).map(([name, content]) => [
      name.replace(/\.npy$/, ""),
      parseNpy(content, { path: `${name} of ${path}` }),
    ]),
  );
}

/** The numbers of an array, one after the other. */
export function* numbersOf({ type, littleEndian: little, data }: NpyArray): Generator<number> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength), bytes = Number(type.slice(1));
  const read = {
    b1: (at: number) => view.getUint8(at),
    u1: (at: number) => view.getUint8(at),
    u2: (at: number) => view.getUint16(at, little),
    u4: (at: number) => view.getUint32(at, little),
    u8: (at: number) => Number(view.getBigUint64(at, little)),
    i1: (at: number) => view.getInt8(at),
    i2: (at: number) => view.getInt16(at, little),
    i4: (at: number) => view.getInt32(at, little),
    i8: (at: number) => Number(view.getBigInt64(at, little)),
    f4: (at: number) => view.getFloat32(at, little),
    f8: (at: number) => view.getFloat64(at, little),
  }[type]!;
  for (let at = 0; at < data.length; at += bytes) yield read(at);
}

/** The numbers of an array as float32. */
export function floatsOf(array: NpyArray): Float32Array<ArrayBuffer> {
  return filled(new Float32Array(countOf(array)), array);
}

/** The numbers of an array as whole numbers. */
export function integersOf(array: NpyArray): Int32Array<ArrayBuffer> {
  return filled(new Int32Array(countOf(array)), array);
}

function countOf({ data, type }: NpyArray): number {
  return data.length / Number(type.slice(1));
}

/** `from` of a typed array would gather the numbers in a list first, of several times the size. */
function filled<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  values: T,
  array: NpyArray,
): T {
  let at = 0;
  for (const value of numbersOf(array)) values[at++] = value;
  return values;
}

/**
 * Levels 0..255 of an array: bytes as they are; truth values as 0 and 255; numbers in 0..1 that are not whole, times
 * 255; others in 0..255 rounded; whole numbers up to 65,535 divided by 257.
 *
 * @throws {RangeError} where there are others.
 */
export function levelsOf(array: NpyArray, { path }: { readonly path: string }): Uint8Array<ArrayBuffer> {
  const { type, data } = array;
  if (type === "u1") return new Uint8Array(data);
  const count = countOf(array), float = type[0] === "f";
  let low = Infinity, high = -Infinity;
  for (const value of numbersOf(array)) {
    if (Number.isNaN(value)) {
      throw new RangeError(`Cannot use ${path} as levels must be numbers: one is NaN, fill it in`);
    }
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = type === "b1" || float && high <= 1
    ? 255
    : high <= 255
    ? 1
    : float || high > 65_535
    ? NaN
    : 1 / 257;
  if (count > 0 && (low < 0 || Number.isNaN(scale))) {
    throw new RangeError(
      `Cannot use ${path} as levels must be in 0..1 or 0..255: they are in ${low}..${high}, scale them`,
    );
  }
  const levels = new Uint8Array(count);
  let at = 0;
  for (const value of numbersOf(array)) levels[at++] = Math.round(value * scale);
  return levels;
}
