import assert from "node:assert/strict";
import { classOf, Tuning } from "../../../engine/webgpu/tuning.ts";
import { matrixFactor, usualTile } from "../../../engine/webgpu/kernels/matmul.ts";
import { DIRECT, TILES } from "../../../engine/webgpu/kernels/tiles.ts";
import { closeShared, gpuTest, openShared } from "./gpu.ts";
import type { Product } from "../../../engine/webgpu/kernels/context.ts";

function product(rows: number, inner: number, columns: number): Product {
  const value = (id: number, shape: readonly number[]) => ({ id, shape, dtype: "float32" } as const);
  return {
    kind: "matmul",
    batch: 1,
    rows,
    columns,
    inner,
    left: matrixFactor(value(0, [rows, inner]), { outerLast: false, lead: [] }),
    right: matrixFactor(value(1, [inner, columns]), { outerLast: true, lead: [] }),
    output: value(2, [rows, columns]),
    operands: [],
  };
}

Deno.test("products of like size and layout are of one class", () => {
  const one = classOf(product(512, 512, 512));
  assert.equal(classOf(product(500, 600, 520)), one);
  for (const other of [product(256, 512, 512), product(512, 100, 512), product(512, 511, 512)]) {
    assert.notEqual(classOf(other), one);
  }
  assert.notEqual(classOf({ ...product(512, 512, 512), kind: "conv2d" }), one);
});

gpuTest("WebGPU: a tile is measured once for a class, and kept for the next process", async () => {
  const shared = await openShared(), { device, pipelines } = shared;
  const folder = await Deno.makeTempDir();
  const open = async (adapter: string) => {
    const tuning = new Tuning(device, pipelines, {
      software: false,
      budget: Infinity,
      file: { path: `${folder}/cache/tiles.json`, adapter },
    });
    await tuning.recall();
    return tuning;
  };
  const large = product(256, 128, 256), small = product(16, 16, 16);
  const tuning = await open("this one");
  assert.equal(tuning.tileOf(large), usualTile(large));
  if (device.features.has("timestamp-query")) {
    assert.equal(await tuning.learn([small]), false);
    assert.equal(await tuning.learn([small, large]), true);
    assert.equal(await tuning.learn([large, small]), false);
    const tile = tuning.tileOf(large);
    assert.ok(TILES.includes(tile));
    assert.equal(tuning.tileOf(product(250, 120, 260)), tile);
    assert.equal((await open("this one")).tileOf(large), tile);
    assert.equal((await open("another")).tileOf(large), usualTile(large));
    const hasty = new Tuning(device, pipelines, { software: false, budget: 0 });
    assert.equal(await hasty.learn([large]), false);
  }
  await Deno.mkdir(`${folder}/cache`, { recursive: true });
  await Deno.writeTextFile(`${folder}/cache/tiles.json`, "no JSON");
  assert.equal((await open("this one")).tileOf(large), usualTile(large));
  await Deno.remove(folder, { recursive: true });
  await closeShared(shared);
});

gpuTest("WebGPU: a product that the GPU refuses is not measured, and no error is left", async () => {
  const shared = await openShared(), { device, pipelines } = shared;
  const tuning = new Tuning(device, pipelines, { software: false });
  const broken: Product = {
    ...product(256, 128, 256),
    left: { along: "inner", quads: false, write: () => "this is no WGSL" },
  };
  assert.equal(await tuning.learn([broken]), false);
  assert.equal(tuning.tileOf(broken), usualTile(broken));
  await closeShared(shared);
});

gpuTest("WebGPU: nothing is measured on a software adapter", async () => {
  const shared = await openShared(), { device, pipelines } = shared;
  const tuning = new Tuning(device, pipelines, { software: true });
  assert.equal(await tuning.learn([product(256, 128, 256)]), false);
  assert.equal(tuning.tileOf(product(256, 128, 256)), DIRECT.processor);
  await closeShared(shared);
});
