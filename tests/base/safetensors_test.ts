import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeTensors, encodeTensors, readTensors, writeTensors } from "../../base/safetensors.ts";

/** A file made by hand from its header and its data. */
function file(header: string, data: readonly number[]): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

Deno.test("the bytes are those of the format, written out by hand", () => {
  const header = '{"__metadata__":{"a":"x","b":"y"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
    '"b":{"dtype":"I8","shape":[2],"data_offsets":[4,6]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
  const encoded = encodeTensors(
    { b: { shape: [2], data: Int8Array.of(-1, 1) }, w: { shape: [1], data: Float32Array.of(1.5) } },
    { b: "y", a: "x" },
  );
  assert.deepEqual(encoded, file(padded, [0, 0, 0xc0, 0x3f, 0xff, 1]));
});

Deno.test("every type, odd sizes, odd names and metadata come back", () => {
  const tensors = {
    "10": { shape: [3], data: Uint8Array.of(0, 1, 255) },
    "2": { shape: [], data: Int32Array.of(-(2 ** 31)) },
    "größe/kernel": { shape: [2, 1], data: Float32Array.of(NaN, -Infinity) },
    empty: { shape: [0, 4], data: new Float32Array(0) },
    signs: { shape: [1, 3], data: Int8Array.of(-128, 0, 127) },
  };
  const decoded = decodeTensors(encodeTensors(tensors, { note: 'a "quoted" line\n' }), "x");
  assert.deepEqual(Object.fromEntries(decoded.tensors), tensors);
  assert.deepEqual(decoded.metadata, { note: 'a "quoted" line\n' });
});

Deno.test("the order in which tensors are given does not matter", () => {
  const a = { shape: [1], data: Float32Array.of(1) }, b = { shape: [1], data: Float32Array.of(2) };
  assert.deepEqual(encodeTensors({ a, b }), encodeTensors({ b, a }));
});

Deno.test("a view into a larger buffer is stored alone, and unaligned bytes are read", () => {
  const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  const bytes = encodeTensors({ a: { shape: [2], data } });
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  assert.deepEqual(decodeTensors(shifted.subarray(1), "x").tensors.get("a")?.data, Float32Array.of(1, 2));
});

Deno.test("a file cut anywhere is refused with a sentence", () => {
  const whole = encodeTensors({ a: { shape: [3], data: Int32Array.of(1, 2, 3) } });
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => decodeTensors(whole.subarray(0, length), "w.safetensors"),
      /^SyntaxError: Cannot read w\./,
    );
  }
});

Deno.test("damaged headers are refused", () => {
  const one = (fields: string) => `{"a":{${fields}}}`;
  const bad: readonly [RegExp, string, number[]][] = [
    [/no JSON/, "[1]", []],
    [/no JSON/, "{nonsense", []],
    [/is no object/, '{"a":1}', []],
    [/has type F16/, one('"dtype":"F16","shape":[1],"data_offsets":[0,2]'), [0, 0]],
    [/has no type/, one('"shape":[1],"data_offsets":[0,1]'), [0]],
    [/no valid shape/, one('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), [0]],
    [/no valid offsets/, one('"dtype":"U8","shape":[1],"data_offsets":[0]'), [0]],
    [/does not fill/, one('"dtype":"U8","shape":[2],"data_offsets":[0,1]'), [0]],
    [/does not fill/, one('"dtype":"U8","shape":[1],"data_offsets":[1,0]'), [0]],
    [/starts at byte 1/, one('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), [0, 0]],
    [/should have 1 bytes and 2/, one('"dtype":"U8","shape":[1],"data_offsets":[0,1]'), [0, 0]],
    [/is no string/, '{"__metadata__":{"a":1}}', []],
  ];
  for (const [message, header, data] of bad) {
    assert.throws(() => decodeTensors(file(header, data), "x"), message);
  }
});

Deno.test("a shape that does not fit its values is refused when writing", () => {
  assert.throws(() => encodeTensors({ a: { shape: [2], data: Float32Array.of(1) } }), RangeError);
});

Deno.test("a written file holds its own hash, and no byte of it changes unseen", async () => {
  const path = join(await Deno.makeTempDir(), "a.safetensors");
  const tensors = { a: { shape: [2], data: Float32Array.of(1, 2) } }, metadata = { note: "x" };
  await writeTensors(path, tensors, metadata);
  const read = await readTensors(path, { sealed: true });
  assert.deepEqual([Object.fromEntries(read.tensors), read.metadata], [tensors, metadata]);
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1] ^= 1;
  await Deno.writeFile(path, bytes);
  await assert.rejects(readTensors(path), /its content does not fit its hash: it is damaged/);
  // Files of other tools have none.
  await Deno.writeFile(path, encodeTensors(tensors, metadata));
  assert.deepEqual((await readTensors(path)).metadata, metadata);
  await assert.rejects(readTensors(path, { sealed: true }), /has no hash/);
});
