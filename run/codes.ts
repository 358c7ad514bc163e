/** The codes of a run's images on disk: `codes.safetensors`. */
import { readTensors, writeTensors } from "../base/safetensors.ts";
import { CODE_SHAPE, codesToSequences } from "../data/sequences.ts";
import type { Run } from "./run.ts";

const FILE = "codes.safetensors";

/** Writes codes [N, 3, 4, 4] of signs, and the tokens [N, 16] that they are. */
export async function writeCodes(run: Run, codes: Int8Array): Promise<void> {
  const { tokens, count, length } = codesToSequences(codes);
  await writeTensors(run.path(FILE), {
    codes: { shape: [count, ...CODE_SHAPE], data: codes },
    tokens: { shape: [count, length], data: tokens },
  });
}

/** Reads the codes [N, 3, 4, 4] that `writeCodes` wrote into the folder of a run. */
export async function readCodes(folder: string): Promise<Int8Array> {
  const { tensors } = await readTensors(`${folder}/${FILE}`);
  const codes = tensors.get("codes");
  if (!(codes?.data instanceof Int8Array)) {
    throw new Error(`Cannot read ${folder}/${FILE} as it holds no codes: train the autoencoder again`);
  }
  return codes.data;
}
