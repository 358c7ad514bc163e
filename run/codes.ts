/** The codes of a run's images on disk: `codes.safetensors`. */
import { createHash } from "node:crypto";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import { CODE_SHAPE, codesToSequences } from "../data/sequences.ts";
import type { Run } from "./run.ts";

const FILE = "codes.safetensors";

/** The SHA-256 of codes: what a run that learned them is held to. */
export function codesHash(codes: Int8Array): string {
  return createHash("sha256").update(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength)).digest(
    "hex",
  );
}

/** Writes codes [N, 3, 4, 4] of signs, and the tokens [N, 16] that they are; their hash goes into `config.json`. */
export async function writeCodes(run: Run, codes: Int8Array): Promise<void> {
  const { tokens, count, length } = codesToSequences(codes);
  await writeTensors(run.path(FILE), {
    codes: { shape: [count, ...CODE_SHAPE], data: codes },
    tokens: { shape: [count, length], data: tokens },
  });
  await run.recordHash("codes", codesHash(codes));
}

/**
 * Reads the codes [N, 3, 4, 4] that `writeCodes` wrote into the folder of a run.
 *
 * @param options.count How many there must be; absent: any number.
 * @param options.sha256 The hash that they must have; absent: any.
 * @throws {Error} naming the file, where it holds no signs, or others than were written.
 */
export async function readCodes(
  folder: string,
  options: { readonly count?: number; readonly sha256?: string } = {},
): Promise<Int8Array> {
  const path = `${folder}/${FILE}`;
  const { tensors } = await readTensors(path);
  const { shape = [], data } = tensors.get("codes") ?? {}, tokens = tensors.get("tokens")?.data;
  const { count = shape[0], sha256 } = options;
  const fail = (reason: string): never => {
    throw new Error(`Cannot use ${path} as ${reason}: it is damaged, train the autoencoder again`);
  };
  if (!(data instanceof Int8Array)) return fail("it holds no codes");
  if (shape[0] !== count) fail(`it holds ${shape[0]} codes and should hold ${count}`);
  if (!data.every((sign) => sign === 1 || sign === -1)) fail("it holds codes that are not signs");
  const sequences = codesToSequences(data).tokens;
  if (tokens?.length !== sequences.length || !sequences.every((token, index) => token === tokens[index])) {
    fail("its codes are not those of its tokens");
  }
  if (sha256 !== undefined && codesHash(data) !== sha256) fail("its codes are not those that the run made");
  return data;
}
