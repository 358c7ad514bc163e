/**
 * Zip archives whose entries are stored, not compressed, as PyTorch writes them. After PKWARE's APPNOTE 6.3.10,
 * without encryption, several disks and the 64-bit form.
 */
import { crc32 } from "node:zlib";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50;
const LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22;
/** A comment after the end record may have as many bytes as its 16-bit length says. */
const MAX_COMMENT = 0xffff;
const IN_64_BIT_FORM = 0xffffffff;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1980-01-01, the earliest date that the format knows: equal contents give equal bytes. */
const DATE = 0x0021;
/** Where an entry's data start: PyTorch maps them into memory. */
const ALIGNMENT = 64;
/** An extra field that readers skip, as PyTorch pads with it. */
const PADDING_FIELD = 0x4246;

/** Whether `bytes` begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && view(bytes).getUint32(0, true) === LOCAL;
}

/**
 * The entries of a zip archive by name, as views of `bytes`. `fail` throws; it is given what is wrong, as a clause.
 */
export function readStoredZip(
  bytes: Uint8Array<ArrayBuffer>,
  fail: (reason: string) => never,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const data = view(bytes), end = findEnd(data);
  if (end === undefined) return fail("its zip archive has no end: the file is cut short");
  const count = data.getUint16(end + 10, true), start = data.getUint32(end + 16, true);
  const entries = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = start, entry = 0; entry < count; entry++) {
    if (at + CENTRAL_BYTES > end || data.getUint32(at, true) !== CENTRAL) {
      return fail("the list of contents of its zip archive is damaged");
    }
    const method = data.getUint16(at + 10, true), sum = data.getUint32(at + 16, true);
    const packed = data.getUint32(at + 20, true), size = data.getUint32(at + 24, true);
    const nameBytes = data.getUint16(at + 28, true), local = data.getUint32(at + 42, true);
    const next = at + CENTRAL_BYTES + nameBytes + data.getUint16(at + 30, true) +
      data.getUint16(at + 32, true);
    if (next > end) return fail("the list of contents of its zip archive is damaged");
    const name = new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes));
    if (method !== 0 || packed !== size) return fail(`entry "${name}" of its zip archive is compressed`);
    if (size === IN_64_BIT_FORM || local === IN_64_BIT_FORM) {
      return fail(`entry "${name}" of its zip archive is in the 64-bit form`);
    }
    if (local + LOCAL_BYTES > start || data.getUint32(local, true) !== LOCAL) {
      return fail(`entry "${name}" of its zip archive does not begin where it should`);
    }
    const from = local + LOCAL_BYTES + data.getUint16(local + 26, true) + data.getUint16(local + 28, true);
    if (from + size > start) return fail(`entry "${name}" of its zip archive is cut short`);
    const content = bytes.subarray(from, from + size);
    if (crc32(content) !== sum) return fail(`entry "${name}" of its zip archive does not match its checksum`);
    if (entries.has(name)) return fail(`its zip archive holds "${name}" twice`);
    entries.set(name, content);
    at = next;
  }
  return entries;
}

/** A zip archive of `entries` in their order; the data of each start at a multiple of 64 bytes. */
export function writeStoredZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [], contents: Uint8Array[] = [];
  let at = 0;
  for (const [text, content] of entries) {
    const name = new TextEncoder().encode(text), sum = crc32(content);
    const unpadded = at + LOCAL_BYTES + name.length + 4;
    const padding = 4 + (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    const header = new Uint8Array(LOCAL_BYTES + name.length + padding).fill(
      0x5a,
      LOCAL_BYTES + name.length + 4,
    );
    const local = view(header);
    local.setUint32(0, LOCAL, true);
    describe(local, 4, { name, content, sum, extra: padding });
    header.set(name, LOCAL_BYTES);
    local.setUint16(LOCAL_BYTES + name.length, PADDING_FIELD, true);
    local.setUint16(LOCAL_BYTES + name.length + 2, padding - 4, true);
    parts.push(header, content);

    const listed = new Uint8Array(CENTRAL_BYTES + name.length), central = view(listed);
    central.setUint32(0, CENTRAL, true);
    describe(central, 6, { name, content, sum, extra: 0 });
    central.setUint32(42, at, true);
    listed.set(name, CENTRAL_BYTES);
    contents.push(listed);
    at += header.length + content.length;
  }
  const tail = new Uint8Array(END_BYTES), record = view(tail);
  record.setUint32(0, END, true);
  record.setUint16(8, entries.size, true);
  record.setUint16(10, entries.size, true);
  record.setUint32(12, total(contents), true);
  record.setUint32(16, at, true);
  return joined([...parts, ...contents, tail]);
}

/** The fields that a local header and an entry of the list of contents share, from their "version needed" on. */
function describe(header: DataView, at: number, entry: {
  readonly name: Uint8Array;
  readonly content: Uint8Array;
  readonly sum: number;
  readonly extra: number;
}): void {
  header.setUint16(at + 2, FLAGS, true);
  header.setUint16(at + 8, DATE, true);
  header.setUint32(at + 10, entry.sum, true);
  header.setUint32(at + 14, entry.content.length, true);
  header.setUint32(at + 18, entry.content.length, true);
  header.setUint16(at + 22, entry.name.length, true);
  header.setUint16(at + 24, entry.extra, true);
}

/** Where the end record stands: the last place where one ends the file together with its comment. */
function findEnd(data: DataView): number | undefined {
  const last = data.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (
      data.getUint32(at, true) === END && at + END_BYTES + data.getUint16(at + 20, true) === data.byteLength
    ) {
      return at;
    }
  }
  return undefined;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function total(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(total(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
