import assert from "node:assert/strict";
import { join } from "node:path";
import { decodePng } from "../../report/png.ts";
import { startRuns } from "../program.ts";

const cwd = await Deno.makeTempDir();

/** Four IDX files of images of 28x28 pixels, two classes: left or right half bright, of some level. */
async function writeImages(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  for (const [name, count] of [["train", 24], ["t10k", 12]] as const) {
    const pixels = new Uint8Array(16 + count * 784), labels = new Uint8Array(8 + count);
    new DataView(pixels.buffer).setUint32(0, 2051);
    [count, 28, 28].forEach((extent, at) => new DataView(pixels.buffer).setUint32(4 + 4 * at, extent));
    new DataView(labels.buffer).setUint32(0, 2049);
    new DataView(labels.buffer).setUint32(4, count);
    for (let image = 0; image < count; image++) {
      labels[8 + image] = image % 2;
      for (let at = 0; at < 784; at++) {
        if (at % 28 < 14 === (image % 2 === 0)) pixels[16 + image * 784 + at] = 100 + 5 * image;
      }
    }
    await Deno.writeFile(join(folder, `${name}-images-idx3-ubyte`), pixels);
    await Deno.writeFile(join(folder, `${name}-labels-idx1-ubyte`), labels);
  }
}

async function start(program: string, ...args: string[]): Promise<void> {
  const flags = [
    "--dataset",
    "idx",
    "--data-dir",
    "images",
    "--steps",
    "3",
    "--device",
    "wasm",
    "--threads",
    "1",
  ];
  const { code, error } = await startRuns(cwd, program, ...flags, ...args);
  assert.equal(code, 0, error);
}

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(cwd, ...path)));
}

Deno.test("autoencoders are compared on one page, and their common features decoded from the same networks", async () => {
  await writeImages(join(cwd, "images"));
  await start("tasks/compare_autoencoders.ts", "--out", "all");
  const { status, metrics } = await readJson("all", "summary.json");
  assert.equal(status, "completed");
  for (const name of ["dense-selu", "conv-selu", "vae", "dense-2", "dense-32-linear", "conv-2", "conv-32"]) {
    const own = (await readJson("all", name, "summary.json")).metrics;
    assert.equal(metrics[`${name.replaceAll("-", "_")}_held_out_l1`], own.held_out_l1);
    assert.ok(own.held_out_mse > 0 && own.held_out_bce > 0, name);
  }
  const page = await Deno.readTextFile(join(cwd, "all", "report.html"));
  for (
    const panel of ["(a) 2 numbers: training loss", "(d) 32 numbers: training loss", "(f) its reconstruction"]
  ) {
    assert.ok(page.includes(panel), panel);
  }

  await start("tasks/common_features.ts", "--out", "common", "--autoencoders", "all");
  const common = (await readJson("common", "summary.json")).metrics;
  assert.ok(common.mean_distance_2 > 0 && common.mean_distance_32 > 0);
  assert.ok(decodePng(await Deno.readFile(join(cwd, "common", "common-features.png"))).width > 0);
});
