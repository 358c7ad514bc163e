/** The codes of a run's images on disk: `codes.safetensors`. */
import { createHash } from "node:crypto";
import { readTensors, writeTensors } from "../base/safetensors.ts";
import { CODE_SHAPE, type CodeShape, codesToSequences } from "../data/sequences.ts";
import type { Run } from "./run.ts";

const FILE = "codes.safetensors";

/** The SHA-256 of codes: what a run that learned them is held to. */
export function codesHash(codes: Int8Array): string {
  return createHash("sha256").update(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength)).digest(
    "hex",
  );
}

/**
 * Writes codes [N, ...shape] of signs, and the tokens [N, sites] that they are; their hash goes into `config.json`.
 *
 * @param shape Absent: [3, 4, 4].
 */
export async function writeCodes(run: Run, codes: Int8Array, shape: CodeShape = CODE_SHAPE): Promise<void> {
  const { tokens, count, length } = codesToSequences(codes, shape);
  await writeTensors(run.path(FILE), {
    codes: { shape: [count, ...shape], data: codes },
    tokens: { shape: [count, length], data: tokens },
  });
  await run.recordHash("codes", codesHash(codes));
}

/** Codes as they are stored. */
export interface StoredCodes {
  /** [N, ...shape] of signs. */
  readonly codes: Int8Array;
  readonly shape: CodeShape;
}

/** What codes that are read must be. */
export interface ExpectedCodes {
  /** How many there must be; absent: any number. */
  readonly count?: number;
  /** The hash that they must have; absent: any. */
  readonly sha256?: string;
}

/**
 * Reads the codes that `writeCodes` wrote into the folder of a run.
 *
 * @throws {Error} naming the file, where it holds no signs, or others than were written.
 */
export async function readShapedCodes(folder: string, expected: ExpectedCodes = {}): Promise<StoredCodes> {
  const path = `${folder}/${FILE}`;
  const { tensors } = await readTensors(path);
  const { shape: extents = [], data } = tensors.get("codes") ?? {}, tokens = tensors.get("tokens")?.data;
  const { count = extents[0], sha256 } = expected;
  const fail = (reason: string): never => {
    throw new Error(`Cannot use ${path} as ${reason}: it is damaged, train the autoencoder again`);
  };
  if (!(data instanceof Int8Array) || extents.length !== 4) return fail("it holds no codes");
  if (extents[0] !== count) fail(`it holds ${extents[0]} codes and should hold ${count}`);
  if (!data.every((sign) => sign === 1 || sign === -1)) fail("it holds codes that are not signs");
  const shape: CodeShape = [extents[1], extents[2], extents[3]];
  const sequences = codesToSequences(data, shape).tokens;
  if (tokens?.length !== sequences.length || !sequences.every((token, index) => token === tokens[index])) {
    fail("its codes are not those of its tokens");
  }
  if (sha256 !== undefined && codesHash(data) !== sha256) fail("its codes are not those that the run made");
  return { codes: data, shape };
}

/** The codes alone. */
export async function readCodes(folder: string, expected: ExpectedCodes = {}): Promise<Int8Array> {
  return (await readShapedCodes(folder, expected)).codes;
}
