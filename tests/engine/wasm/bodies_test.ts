import assert from "node:assert/strict";
import { readBodies } from "../../../engine/wasm/bodies.ts";

/** A module that exports functions f0, f1, ... of a vector: their bodies, locals included. */
function moduleOf(bodies: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, items: readonly (readonly number[])[]) => {
    const body = [items.length, ...items.flat()];
    return [id, body.length, ...body];
  };
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, 1, 0x7b, 1, 0x7b]]),
    ...section(3, bodies.map(() => [0])),
    ...section(7, bodies.map((_, i) => [2, 0x66, 0x30 + i, 0, i])),
    ...section(10, bodies.map((body) => [body.length, ...body])),
  ]);
}

async function read(bodies: readonly (readonly number[])[]) {
  const binary = moduleOf(bodies);
  return readBodies(await WebAssembly.compile(binary), { binary, unary: bodies.map((_, i) => `f${i}`) });
}

Deno.test("a function becomes a list of what it computes", async () => {
  // One local, which is 0 until it is set: ((local = x + local) << 3) * local.
  const bodies = await read([[
    ...[1, 1, 0x7b],
    ...[0x20, 0, 0x20, 1, 0xfd, 0xe4, 0x01, 0x22, 1],
    ...[0x41, 3, 0xfd, 0xab, 0x01, 0x20, 1, 0xfd, 0xe6, 0x01, 0x0b],
  ]]);
  assert.deepEqual(bodies.get("f0"), {
    operations: [
      { args: [], code: [0xfd, 0x0c, ...new Uint8Array(16)] },
      { args: [0, 1], code: [0xfd, 0xe4, 0x01] },
      { args: [2], code: [0x41, 3, 0xfd, 0xab, 0x01] },
      { args: [3, 2], code: [0xfd, 0xe6, 0x01] },
    ],
    result: 4,
  });
});

Deno.test("a function that returns its argument has nothing to compute", async () => {
  assert.deepEqual((await read([[0, 0x20, 0, 0x0b]])).get("f0"), { operations: [], result: 0 });
});

Deno.test("functions with calls, branches, or locals that are no vectors are left out", async () => {
  const bodies = await read([
    [0, 0x20, 0, 0x10, 1, 0x0b],
    [0, 0x02, 0x7b, 0x20, 0, 0x0b, 0x0b],
    [1, 1, 0x7f, 0x20, 0, 0x0b],
    [0, 0x20, 0, 0xfd, 0xe1, 0x01, 0x0b],
  ]);
  assert.deepEqual([...bodies.keys()], ["f3"]);
});

Deno.test("programs can hold those of the kernels' functions that models are made of", async () => {
  const unary = ["exp", "expm1", "log", "log1p", "sigmoid", "tanh", "erf", "softplus", "elu", "selu"];
  for (const file of ["kernels.wasm", "kernels-simd.wasm"]) {
    const binary = await Deno.readFile(new URL(`../../../engine/wasm/${file}`, import.meta.url));
    const bodies = readBodies(await WebAssembly.compile(binary), { binary, unary: [...unary, "sin"] });
    assert.deepEqual([...bodies.keys()].sort(), unary.toSorted(), file);
  }
});
