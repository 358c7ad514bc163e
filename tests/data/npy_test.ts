import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { levelsOf, numbersOf, parseNpy, parseNpz } from "../../data/npy.ts";
import { npy } from "./made_arrays.ts";

const read = (bytes: Uint8Array) => parseNpy(bytes, { path: "a.npy" });

Deno.test("numbers of every kind are read in either byte order", () => {
  const cases: [string, number[], ArrayLike<number> | ArrayLike<bigint>][] = [
    ["|u1", [0, 255], Uint8Array.of(0, 255)],
    ["|i1", [-128, 127], Int8Array.of(-128, 127)],
    ["|b1", [1, 0], Uint8Array.of(1, 0)],
    ["<u2", [1, 65535], Uint16Array.of(1, 65535)],
    ["<i4", [-5, 70000], Int32Array.of(-5, 70000)],
    ["<i8", [-1, 3], BigInt64Array.of(-1n, 3n)],
    ["<f4", [0.5, -2], Float32Array.of(0.5, -2)],
    ["<f8", [0.1, 1e300], Float64Array.of(0.1, 1e300)],
  ];
  for (const [type, values, data] of cases) {
    const bytes = new Uint8Array((data as Uint8Array).buffer);
    assert.deepEqual([...numbersOf(read(npy(type, [2], bytes)))], values, type);
  }
  assert.deepEqual([...numbersOf(read(npy(">u2", [1], Uint8Array.of(1, 2))))], [258]);
  assert.deepEqual(read(npy("|u1", [1, 2, 3], new Uint8Array(6))).shape, [1, 2, 3]);
});

Deno.test("levels, by hand", () => {
  const levels = (type: string, data: ArrayBufferView) => {
    const bytes = new Uint8Array(data.buffer), count = bytes.length / Number(type.slice(2));
    return [...levelsOf(read(npy(type, [count], bytes)), { path: "a.npy" })];
  };
  assert.deepEqual(levels("<f4", Float32Array.of(0, 0.5, 1)), [0, 128, 255]);
  assert.deepEqual(levels("<f8", Float64Array.of(0, 1.4, 255)), [0, 1, 255]);
  assert.deepEqual(levels("|b1", Uint8Array.of(0, 1)), [0, 255]);
  assert.deepEqual(levels("<i4", Int32Array.of(0, 1, 200)), [0, 1, 200]);
  assert.deepEqual(levels("<u2", Uint16Array.of(0, 257, 65535)), [0, 1, 255]);
  assert.throws(
    () => levels("<f4", Float32Array.of(-1, 1)),
    /in 0\.\.1 or 0\.\.255: they are in -1\.\.1, scale/,
  );
  assert.throws(() => levels("<f4", Float32Array.of(0, NaN)), /one is NaN/);
  assert.throws(() => levels("<f4", Float32Array.of(0, 300)), /they are in 0\.\.300/);
});

Deno.test("an npz holds arrays by name, packed or not", async () => {
  const files = { "x.npy": npy("|u1", [2], Uint8Array.of(1, 2)), "y.npy": npy("|u1", [1], Uint8Array.of(3)) };
  for (const level of [0, 6] as const) {
    const arrays = await parseNpz(zipSync(files, { level }), { path: "a.npz" });
    assert.deepEqual([...arrays.keys()], ["x", "y"]);
    assert.deepEqual([...arrays.get("x")!.data], [1, 2]);
  }
});

Deno.test("what is no array of numbers is told in one sentence", async () => {
  const whole = npy("|u1", [4], new Uint8Array(4));
  const fails = (bytes: Uint8Array, message: RegExp) => assert.throws(() => read(bytes), message);
  fails(
    new TextEncoder().encode("<html>"),
    /a\.npy as it is an HTML page and no NumPy array: save it with numpy/,
  );
  fails(whole.subarray(0, 40), /header is cut off/);
  fails(whole.subarray(0, -1), /announces 4 bytes and 3 follow \(the file is cut off\)/);
  fails(Uint8Array.of(...whole, 0), /5 follow \(the file is too long\)/);
  fails(npy("|O", [1], new Uint8Array(8)), /no plain numbers \('\|O'\): save them as uint8/);
  fails(npy("<c8", [1], new Uint8Array(8)), /no plain numbers/);
  fails(npy("|u1", [2, 2], new Uint8Array(4), { fortran: true }), /numpy\.ascontiguousarray/);
  const zip = zipSync({ "x.npy": whole });
  await assert.rejects(parseNpz(zip.subarray(0, 60), { path: "a.npz" }), /as it is damaged or cut off/);
  await assert.rejects(
    parseNpz(new TextEncoder().encode("hello"), { path: "a.npz" }),
    /as it is something else/,
  );
});
