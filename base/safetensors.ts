/**
 * Files of named tensors in the safetensors format, which other tools read, too.
 * https://github.com/huggingface/safetensors#format: eight bytes with the length of the header (little-endian), the
 * header as JSON, padded with spaces, and the tensors' bytes (little-endian, row by row, without a gap).
 */
import { createHash } from "node:crypto";
import { isRecord, writeAtomically } from "./files.ts";

/** The values of a tensor; the type of the array says the type of the tensor. */
export type TensorValues = Float32Array | Int32Array | Int8Array | Uint8Array;

/** A tensor in a file: as many values as the product of its shape. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: TensorValues;
}

/** What a safetensors file holds. */
export interface TensorFile {
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

type TypeName = "F32" | "I32" | "I8" | "U8";

const BYTES: Readonly<Record<TypeName, number>> = { F32: 4, I32: 4, I8: 1, U8: 1 };
const METADATA = "__metadata__";
/** The format's own limit: a longer header is a corrupt length. */
const MAX_HEADER = 100_000_000;

/** The bytes of a safetensors file. Equal tensors and metadata give equal bytes, in whatever order they come. */
export function encodeTensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Wider types first keeps every tensor aligned; then by name.
  const entries = Object.entries(tensors).sort(([nameA, a], [nameB, b]) =>
    b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (nameA < nameB ? -1 : 1)
  );
  const fields: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) {
    fields.push([METADATA, Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1))]);
  }
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    if (name === METADATA) throw new RangeError(`Cannot store a tensor as ${METADATA} is a reserved name`);
    if (product(shape) !== data.length) {
      throw new RangeError(
        `Cannot store tensor "${name}" as its shape [${shape}] must hold ${data.length} values: it holds ${
          product(shape)
        }`,
      );
    }
    const begin = end;
    end += data.byteLength;
    fields.push([name, { dtype: typeName(data), shape, data_offsets: [begin, end] }]);
  }
  // Written field by field as an object would move names like "0" to its front.
  const json = `{${
    fields.map(([name, field]) => `${JSON.stringify(name)}:${JSON.stringify(field)}`).join(",")
  }}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The tensors in the bytes of a safetensors file; they are copies. `path` is for the errors.
 *
 * @throws {SyntaxError} saying what is wrong, where the bytes are cut short or no safetensors file.
 */
export function decodeTensors(bytes: Uint8Array, path: string): TensorFile {
  const fail = (reason: string): never => {
    throw new SyntaxError(`Cannot read ${path} as ${reason}: it is damaged or not a safetensors file`);
  };
  if (bytes.length < 8) fail(`a file of ${bytes.length} bytes has no header`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER || length > bytes.length - 8) {
    fail(`its header should have ${length} bytes and ${bytes.length - 8} are there`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + length)) ?? fail("its header is no JSON object");
  const body = bytes.subarray(8 + length);
  const metadata: Record<string, string> = {};
  const spans: { name: string; type: TypeName; shape: number[]; begin: number; end: number }[] = [];
  for (const [name, field] of Object.entries(header)) {
    if (!isRecord(field)) return fail(`"${name}" in its header is no object`);
    if (name === METADATA) {
      for (const [key, value] of Object.entries(field)) {
        metadata[key] = typeof value === "string" ? value : fail(`"${key}" in its metadata is no string`);
      }
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = field;
    if (typeof dtype !== "string") return fail(`tensor "${name}" has no type`);
    if (!isTypeName(dtype)) {
      return fail(`tensor "${name}" has type ${dtype}, which is none of F32, I32, I8, U8`);
    }
    if (!isSizes(shape)) return fail(`tensor "${name}" has no valid shape`);
    if (!isSizes(offsets) || offsets.length !== 2) return fail(`tensor "${name}" has no valid offsets`);
    const [begin, end] = offsets;
    if (end - begin !== product(shape) * BYTES[dtype]) {
      fail(`tensor "${name}" of shape [${shape}] does not fill its ${end - begin} bytes`);
    }
    spans.push({ name, type: dtype, shape, begin, end });
  }
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of spans) {
    if (begin !== at) fail(`tensor "${name}" starts at byte ${begin} of its data and not at ${at}`);
    at = end;
  }
  if (at !== body.length) fail(`its tensors should have ${at} bytes and ${body.length} are there`);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, type, shape, begin, end } of spans) {
    tensors.set(name, { shape, data: valuesOf(type, body.slice(begin, end)) });
  }
  return { tensors, metadata };
}

/** Where a file's own hash stands in its metadata. */
const SEAL = "sha256";

/** Writes a safetensors file, atomically; its metadata hold the SHA-256 of what the file would be without it. */
export async function writeTensors(
  path: string,
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const seal = sha256(encodeTensors(tensors, metadata));
  await writeAtomically(path, encodeTensors(tensors, { ...metadata, [SEAL]: seal }));
}

/**
 * Reads a safetensors file: see `decodeTensors`. The hash that `writeTensors` put into it is compared and taken out.
 *
 * @param options.sealed Whether it must have one; absent: false, for files that other tools wrote.
 * @throws {SyntaxError} where the file is not what was written.
 */
export async function readTensors(
  path: string,
  options: { readonly sealed?: boolean } = {},
): Promise<TensorFile> {
  const { tensors, metadata: { [SEAL]: seal, ...metadata } } = decodeTensors(await Deno.readFile(path), path);
  if (
    seal === undefined
      ? options.sealed
      : seal !== sha256(encodeTensors(Object.fromEntries(tensors), metadata))
  ) {
    throw new SyntaxError(
      `Cannot read ${path} as its content ${
        seal === undefined ? "has no hash" : "does not fit its hash"
      }: it is damaged`,
    );
  }
  return { tensors, metadata };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isRecord(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isTypeName(name: string): name is TypeName {
  return Object.hasOwn(BYTES, name);
}

function typeName(data: TensorValues): TypeName {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Int32Array) return "I32";
  return data instanceof Int8Array ? "I8" : "U8";
}

function valuesOf(type: TypeName, bytes: Uint8Array<ArrayBuffer>): TensorValues {
  switch (type) {
    case "F32":
      return new Float32Array(bytes.buffer);
    case "I32":
      return new Int32Array(bytes.buffer);
    case "I8":
      return new Int8Array(bytes.buffer);
    case "U8":
      return bytes;
  }
}
