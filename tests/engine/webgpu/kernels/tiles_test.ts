import assert from "node:assert/strict";
import { stream } from "../../../../base/random.ts";
import { type Op, type Shape, sizeOf, type Window } from "../../../../engine/graph.ts";
import { planMemory } from "../../../../engine/plan.ts";
import { prepare } from "../../../../engine/webgpu/executable.ts";
import { CHUNK, TILES } from "../../../../engine/webgpu/kernels/tiles.ts";
import { biased, Builder, matmul, skewed } from "../../builder.ts";
import { closeShared, gpuTest, openShared } from "../gpu.ts";
import type { Tile } from "../../../../engine/webgpu/kernels/context.ts";

const halving: Window = { strides: [2, 2], padding: [1, 1], dilation: [1, 1] };

/** Extents that are, and are not, multiples of four; several tiles; sums cut into pieces; batches; convolutions. */
const CASES: readonly (readonly [op: Op, inputs: readonly Shape[], asked?: Shape])[] = [
  [matmul(false, false, biased), [[130, 20], [20, 132], [132]]],
  [matmul(false, true), [[20, 1000], [24, 1000]]],
  [matmul(true, true), [[3, 34, 17], [1, 66, 34]]],
  [{ kind: "conv2d", window: skewed, epilogue: biased }, [[3, 9, 8, 3], [2, 3, 3, 8], [8]], [3, 4, 2, 8]],
  [{ kind: "conv2d_input_grad", window: halving }, [[2, 6, 5, 8], [4, 4, 4, 8]], [2, 12, 10, 4]],
  [{ kind: "conv2d_input_grad", window: skewed, epilogue: biased }, [[3, 4, 2, 6], [2, 2, 5, 6], [5]], [
    3,
    9,
    8,
    5,
  ]],
  [{ kind: "conv2d_filter_grad", window: halving }, [[6, 12, 10, 4], [6, 6, 5, 8]], [4, 4, 4, 8]],
];

/** The results of all cases with one tile, as bits. */
async function results(tile: Tile): Promise<Uint32Array[]> {
  const shared = await openShared(() => tile), random = stream(11).fork("tiles"), found: Uint32Array[] = [];
  for (const [op, shapes, asked] of CASES) {
    const builder = new Builder();
    const values = shapes.map((shape, i) => builder.input(`${i}`, shape));
    builder.output("product", builder.one(op, values, asked));
    const executable = await prepare(shared, planMemory(builder.graph()), []);
    await executable.run(shapes.map((shape) => random.normals(sizeOf(shape))));
    const [product] = await executable.read();
    found.push(new Uint32Array(product.buffer));
    executable.dispose();
  }
  await closeShared(shared);
  return found;
}

gpuTest("WGSL: every tile gives the same bits", async () => {
  const [first, ...others] = TILES, expected = await results(first);
  assert.ok(expected.every((bits) => bits.length > 0));
  for (const tile of others) {
    (await results(tile)).forEach((bits, i) =>
      assert.deepEqual(bits, expected[i], `${tile.name} and ${first.name}: ${JSON.stringify(CASES[i])}`)
    );
  }
});

Deno.test("tiles have names of their own, and strips that pieces are made of", () => {
  assert.equal(new Set(TILES.map(({ name }) => name)).size, TILES.length);
  for (const { depth } of TILES) assert.ok(depth === undefined || CHUNK % depth === 0);
});
