import assert from "node:assert/strict";
import { join } from "node:path";
import { readTensors, type StoredTensor, writeTensors } from "../../base/safetensors.ts";
import { codesToSequences } from "../../data/sequences.ts";
import { readCodes, writeCodes } from "../../run/codes.ts";
import { openRun } from "../../run/open_run.ts";

const setup = {
  task: "trial",
  dataset: { name: "trial", split: "train", offset: 0, count: 2, sha256: "00" },
  device: { kind: "tfjs", description: "none" },
};

Deno.test("codes come back as they were written, with the tokens that they are", async () => {
  const run = await openRun(join(await Deno.makeTempDir(), "run"), setup);
  // The first image is -1 but for channel 0 of site 1 (bit 4) and channel 2 of site 15 (bit 1); the second is +1.
  const codes = new Int8Array(96).fill(-1, 0, 48).fill(1, 48);
  codes[1] = codes[2 * 16 + 15] = 1;
  await writeCodes(run, codes);
  assert.deepEqual(await readCodes(run.folder), codes);
  const { tensors } = await readTensors(run.path("codes.safetensors"));
  assert.deepEqual([tensors.get("codes")?.shape, tensors.get("tokens")?.shape], [[2, 3, 4, 4], [2, 16]]);
  const tokens = new Int32Array(32).fill(7, 16);
  tokens[1] = 4;
  tokens[15] = 1;
  assert.deepEqual(tensors.get("tokens")?.data, tokens);
});

Deno.test("a folder without codes is named", async () => {
  const folder = await Deno.makeTempDir();
  await assert.rejects(readCodes(folder), new RegExp(folder));
});

Deno.test("codes that are no signs, not those of their tokens, too few, or not those of the run are refused", async () => {
  const run = await openRun(join(await Deno.makeTempDir(), "run"), setup);
  const codes = new Int8Array(96).fill(-1, 0, 48).fill(1, 48);
  await writeCodes(run, codes);
  const sha256 = run.config.hashes?.codes;
  assert.deepEqual(await readCodes(run.folder, { count: 2, sha256 }), codes);
  await assert.rejects(readCodes(run.folder, { count: 3 }), /holds 2 codes and should hold 3/);
  const { tensors } = await readTensors(run.path("codes.safetensors"));
  const tokens = tensors.get("tokens")!, shape = [2, 3, 4, 4];
  const write = (data: Int8Array, rest: Record<string, StoredTensor>): Promise<void> =>
    writeTensors(run.path("codes.safetensors"), { codes: { shape, data }, ...rest });
  await write(new Int8Array(96), { tokens });
  await assert.rejects(readCodes(run.folder), /codes that are not signs/);
  await write(codes.toReversed(), { tokens });
  await assert.rejects(readCodes(run.folder), /not those of its tokens/);
  await write(codes.toReversed(), {
    tokens: { shape: [2, 16], data: codesToSequences(codes.toReversed()).tokens },
  });
  await assert.rejects(readCodes(run.folder, { sha256 }), /not those that the run made/);
});
