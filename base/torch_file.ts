/**
 * PyTorch's files (`torch.save`) of one tensor or of a state dict, of float32 and int64: the zip form, which PyTorch
 * writes since 1.6, and the one before it are read, the zip form is written. A file is data here and nothing else:
 * of Python's objects only these are made, and all others are an error that names them.
 */
import { writeAtomically } from "./files.ts";
import { type PickleCall, unpickle } from "./pickle.ts";
import { isZip, readStoredZip, writeStoredZip } from "./stored_zip.ts";

/** A tensor in a file: as many values, row by row, as the product of its shape. */
export interface TorchTensor {
  readonly shape: readonly number[];
  /** float32 and int64. */
  readonly data: Float32Array | BigInt64Array;
}

/** Tensors by name, in the order of the file. */
export type StateDict = ReadonlyMap<string, TorchTensor>;

type Fail = (reason: string) => never;
type Bytes = Uint8Array<ArrayBuffer>;

/** Numbers that tensors are views of. */
interface Storage {
  readonly key: string;
  readonly type: "float32" | "int64";
  readonly count: number;
}

/** A tensor before its storage is read: in the older form that stands after the pickle. */
class View {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    { offset, shape, strides }: {
      readonly offset: number;
      readonly shape: readonly number[];
      readonly strides: readonly number[];
    },
  ) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const ITEM_BYTES = { float32: 4, int64: 8 } as const;
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
/** All views together may hold this many times the file's bytes: tied weights are stored once, but not often. */
const MAX_SHARING = 16;
const REMEDY = "only tensors of float32 and int64 and state dicts of them are read";

/**
 * What the bytes of a PyTorch file hold: one tensor, or a state dict. `path` is for the errors.
 *
 * @throws {SyntaxError} saying what is wrong, where the bytes are cut short, damaged, no PyTorch file, or hold more
 * than tensors of float32 and int64.
 */
export function decodeTorchFile(bytes: Bytes, path: string): TorchTensor | StateDict {
  const fail: Fail = (reason) => {
    throw new SyntaxError(`Cannot read ${path} as ${reason}: ${REMEDY}`);
  };
  const { value, storages } = isZip(bytes) ? readZipForm(bytes, fail) : readLegacyForm(bytes, fail);
  const budget = { left: MAX_SHARING * bytes.length };
  const tensorOf = (view: View): TorchTensor => materialize(view, { storages, budget, fail });
  if (value instanceof View) return tensorOf(value);
  if (!(value instanceof Map)) return fail("it holds neither a tensor nor a state dict");
  const tensors = new Map<string, TorchTensor>();
  for (const [name, entry] of value) {
    if (typeof name !== "string") return fail("a name in its state dict is no text");
    if (!(entry instanceof View)) return fail(`entry ${JSON.stringify(name)} is no tensor`);
    tensors.set(name, tensorOf(entry));
  }
  return tensors;
}

/** Reads a PyTorch file: see `decodeTorchFile`. */
export async function readTorchFile(path: string): Promise<TorchTensor | StateDict> {
  return decodeTorchFile(await Deno.readFile(path), path);
}

/** The bytes of a PyTorch file in the zip form. Equal tensors give equal bytes. */
export function encodeTorchFile(content: TorchTensor | StateDict): Bytes {
  const storages: Uint8Array[] = [];
  const writer = new PickleWriter();
  const put = ({ shape, data }: TorchTensor): void => {
    if (product(shape) !== data.length) {
      throw new RangeError(
        `Cannot store a tensor as its shape [${shape}] must hold ${data.length} values: it holds ${
          product(shape)
        }`,
      );
    }
    const key = String(storages.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) - 1);
    const type = data instanceof Float32Array ? "FloatStorage" : "LongStorage";
    writer.global("torch._utils", "_rebuild_tensor_v2").mark();
    writer.mark().text("storage").global("torch", type).text(key).text("cpu").integer(data.length).tuple();
    writer.persistent().integer(0).integers(shape).integers(rowMajor(shape)).false();
    writer.emptyOrderedDict().tuple().call();
  };
  if (content instanceof Map) {
    writer.emptyOrderedDict().mark();
    for (const [name, tensor] of content as StateDict) {
      writer.text(name);
      put(tensor);
    }
    writer.setItems();
  } else put(content as TorchTensor);
  const entries = new Map<string, Uint8Array>([["archive/data.pkl", writer.finish()]]);
  storages.forEach((data, key) => entries.set(`archive/data/${key}`, data));
  entries.set("archive/version", new TextEncoder().encode("3\n"));
  return writeStoredZip(entries);
}

/** Writes a PyTorch file, atomically. */
export async function writeTorchFile(path: string, content: TorchTensor | StateDict): Promise<void> {
  await writeAtomically(path, encodeTorchFile(content));
}

/** What a file holds before its storages are looked at. */
interface Contents {
  readonly value: unknown;
  readonly storages: ReadonlyMap<string, Bytes>;
}

function readZipForm(bytes: Bytes, fail: Fail): Contents {
  const entries = readStoredZip(bytes, fail);
  const pickles = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1) return fail("its zip archive has no data.pkl, or several");
  const root = pickles[0].slice(0, -"data.pkl".length);
  const order = entries.get(root + "byteorder");
  if (order !== undefined && new TextDecoder().decode(order) !== "little") {
    return fail("it was written on a big-endian machine");
  }
  const wanted = new Map<string, Storage>();
  const pickle = entries.get(pickles[0]) ?? fail("its zip archive has no data.pkl");
  const { value } = unpickle(pickle, 0, pickleContext(wanted, fail));
  const storages = new Map<string, Bytes>();
  for (const { key, type, count } of wanted.values()) {
    const data = entries.get(`${root}data/${key}`) ?? fail(`storage ${JSON.stringify(key)} is missing`);
    if (data.length !== count * ITEM_BYTES[type]) {
      return fail(`storage ${JSON.stringify(key)} has ${data.length} bytes for ${count} numbers of ${type}`);
    }
    storages.set(key, data);
  }
  return { value, storages };
}

/** Magic number, protocol, facts about the machine, the object, the storages' keys; then the storages in that order. */
function readLegacyForm(bytes: Bytes, fail: Fail): Contents {
  // A pickle begins with its protocol; anything else would be blamed on an odd instruction.
  if (bytes[0] !== 0x80) return fail("it is no PyTorch file");
  const wanted = new Map<string, Storage>(), context = pickleContext(wanted, fail);
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, context);
    at = end;
    return value;
  };
  if (next() !== LEGACY_MAGIC || next() !== LEGACY_PROTOCOL) return fail("it is no PyTorch file");
  const machine = next();
  if (!(machine instanceof Map) || machine.get("little_endian") !== true) {
    return fail("it was written on a big-endian machine");
  }
  const value = next(), keys = next(), storages = new Map<string, Bytes>();
  if (!Array.isArray(keys)) return fail("its list of storages is damaged");
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys) {
    const storage = wanted.get(key) ?? fail("its list of storages is damaged");
    if (at + 8 > bytes.length) return fail("its storages are cut short");
    const count = Number(data.getBigInt64(at, true)), size = storage.count * ITEM_BYTES[storage.type];
    if (count !== storage.count) {
      return fail(`storage ${JSON.stringify(key)} has not the size that it should`);
    }
    at += 8;
    if (at + size > bytes.length) return fail("its storages are cut short");
    storages.set(key, bytes.subarray(at, at + size));
    at += size;
  }
  return { value, storages };
}

/** What a file of tensors may name; storages that it names are entered into `wanted`. */
function pickleContext(wanted: Map<string, Storage>, fail: Fail): Parameters<typeof unpickle>[2] {
  const orderedDict: PickleCall = (args) =>
    args.length === 0 ? new Map() : fail("its dictionary has a start");
  const tensor: PickleCall = ([storage, offset, shape, strides]) => {
    if (!isStorage(storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
      return fail("one of its tensors is described in a way that is not read");
    }
    if (shape.length !== strides.length) return fail("one of its tensors has not one stride an axis");
    return new View(storage, { offset, shape, strides });
  };
  const parameter: PickleCall = ([view]) =>
    view instanceof View ? view : fail("one of its parameters is no tensor");
  return {
    globals: new Map<string, unknown>([
      ["collections.OrderedDict", orderedDict],
      ["torch._utils._rebuild_tensor_v2", tensor],
      ["torch._utils._rebuild_parameter", parameter],
      ["torch.FloatStorage", "float32"],
      ["torch.LongStorage", "int64"],
    ]),
    load: (id) => {
      const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
      if (
        kind !== "storage" || (type !== "float32" && type !== "int64") || typeof key !== "string" ||
        !isSize(count) || (view ?? null) !== null
      ) return fail("one of its storages is described in a way that is not read");
      const known = wanted.get(key);
      if (known !== undefined && (known.type !== type || known.count !== count)) {
        return fail(`storage ${JSON.stringify(key)} is described in two ways`);
      }
      const storage = known ?? { key, type, count };
      wanted.set(key, storage);
      return storage;
    },
    fail,
  };
}

/** The values of a view, row by row, as a copy. */
function materialize(view: View, { storages, budget, fail }: {
  readonly storages: ReadonlyMap<string, Bytes>;
  readonly budget: { left: number };
  readonly fail: Fail;
}): TorchTensor {
  const { storage, offset, shape, strides } = view;
  const count = product(shape), size = ITEM_BYTES[storage.type];
  if (!Number.isSafeInteger(count)) return fail("one of its tensors has an impossible shape");
  const last = shape.reduce((at, extent, axis) => at + (extent - 1) * strides[axis], offset);
  if (count > 0 && !(last < storage.count)) return fail("one of its tensors reaches beyond its storage");
  if (count > storage.count) {
    return fail("one of its tensors repeats its numbers (call .contiguous() before)");
  }
  budget.left -= count * size;
  if (budget.left < 0) return fail(`its tensors are more than ${MAX_SHARING} times as large as the file`);
  const bytes = storages.get(storage.key) ?? fail(`storage ${JSON.stringify(storage.key)} is missing`);
  if (count === 0 || rowMajor(shape).every((stride, axis) => stride === strides[axis] || shape[axis] === 1)) {
    return tensorOf(storage.type, shape, bytes.slice(offset * size, (offset + count) * size));
  }
  const gathered = new Uint8Array(count * size), index = shape.map(() => 0);
  for (let to = 0, from = offset; to < count; to++) {
    gathered.set(bytes.subarray(from * size, (from + 1) * size), to * size);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return tensorOf(storage.type, shape, gathered);
}

/** `bytes` are a copy, so that they begin where their buffer does. */
function tensorOf(type: Storage["type"], shape: readonly number[], bytes: Bytes): TorchTensor {
  return {
    shape,
    data: type === "float32" ? new Float32Array(bytes.buffer) : new BigInt64Array(bytes.buffer),
  };
}

/** Writes the few instructions of pickle's protocol 2 that a file of tensors needs. */
class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];

  #instruction(code: string, ...operand: number[]): this {
    this.#bytes.push(code.charCodeAt(0), ...operand);
    return this;
  }
  mark(): this {
    return this.#instruction("(");
  }
  tuple(): this {
    return this.#instruction("t");
  }
  call(): this {
    return this.#instruction("R");
  }
  persistent(): this {
    return this.#instruction("Q");
  }
  setItems(): this {
    return this.#instruction("u");
  }
  false(): this {
    return this.#instruction("\x89");
  }
  emptyOrderedDict(): this {
    return this.global("collections", "OrderedDict").#instruction(")").call();
  }
  global(module: string, name: string): this {
    return this.#instruction("c", ...new TextEncoder().encode(`${module}\n${name}\n`));
  }
  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.#instruction("X", ...littleEndian(bytes.length, 4), ...bytes);
  }
  /** 0 <= value < 2^53. */
  integer(value: number): this {
    return value < 2 ** 31
      ? this.#instruction("J", ...littleEndian(value, 4))
      : this.#instruction("\x8a", 8, ...littleEndian(value, 8));
  }
  integers(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tuple();
  }
  finish(): Uint8Array {
    return Uint8Array.from(this.#instruction(".").#bytes);
  }
}

function littleEndian(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(value / 256 ** index) % 256);
}

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => product(shape.slice(axis + 1)));
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

function isStorage(value: unknown): value is Storage {
  return typeof value === "object" && value !== null && "key" in value && "type" in value && "count" in value;
}
