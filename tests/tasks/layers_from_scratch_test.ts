import assert from "node:assert/strict";
import { join } from "node:path";
import stored from "../../analysis/layers_from_torch.json" with { type: "json" };
import { readTorchFile, type TorchTensor, writeTorchFile } from "../../base/torch_file.ts";
import files from "../base/fixtures/torch_files.json" with { type: "json" };
import { metricsOf, startProgram } from "../program.ts";

const cwd = await Deno.makeTempDir();
const FILE = "tasks/layers_from_scratch.ts";

async function read(...path: string[]): Promise<TorchTensor> {
  return await readTorchFile(join(cwd, ...path)) as TorchTensor;
}

Deno.test("the stored input: one line a layer, files of both sides, no difference beyond rounding", async () => {
  const { code, lines, error } = await startProgram(cwd, FILE);
  assert.equal(code, 0, error);
  assert.equal(lines.filter((line) => /: largest difference \d\.\d\de[+-]\d+$/.test(line)).length, 8);
  const folder = "runs/layers-from-scratch-signal-32-s0";
  for (const [name, difference] of Object.entries(await metricsOf(join(cwd, folder)))) {
    assert.ok(difference <= 5e-7, `${name} is ${difference}`);
  }
  const torch = await read(folder, "torch_convolution_out.pt"),
    mine = await read(folder, "my_convolution_out.pt");
  assert.deepEqual([torch.shape, mine.shape], [[1, 1, 30], [1, 1, 30]]);
  assert.deepEqual(torch.data, Float32Array.from(stored.outputs.convolution));
  assert.ok((await Deno.readTextFile(join(cwd, folder, "report.html"))).includes("<svg"));
});

Deno.test("an input and a filter in PyTorch's files, the older form and int64 among them", async () => {
  const { file, tensor } = files.accepted.find(({ name }) => name === "vector, legacy")!;
  await Deno.writeFile(join(cwd, "input.pt"), Uint8Array.fromBase64(file));
  await writeTorchFile(join(cwd, "filter.pt"), { shape: [3, 1], data: BigInt64Array.of(1n, 0n, -10n) });
  const flags = ["--input", "input.pt", "--filter", "filter.pt", "--out", "own"];
  const { code, error } = await startProgram(cwd, FILE, ...flags);
  assert.equal(code, 0, error);
  const { data } = tensor!, mine = await read("own", "my_convolution_out.pt");
  assert.equal(mine.data[5], Math.fround(data[5] - 10 * data[7]));
});

Deno.test("a file that does not fit is one line that names it", async () => {
  await Deno.writeTextFile(join(cwd, "text.pt"), "no PyTorch file");
  await writeTorchFile(join(cwd, "square.pt"), { shape: [8, 4], data: new Float32Array(32) });
  for (
    const [path, reason] of [["text.pt", "no PyTorch file"], ["square.pt", /must have the shape \[32, 1\]/]]
  ) {
    const { code, error } = await startProgram(cwd, FILE, "--input", path as string, "--out", "none");
    assert.equal(code, 1);
    assert.match(error, new RegExp(`Cannot (read|use) ${path} `));
    assert.match(error, reason instanceof RegExp ? reason : new RegExp(reason));
    assert.equal(error.trimEnd().split("\n").length, 1, error);
  }
});
