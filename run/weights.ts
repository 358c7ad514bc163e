/** Variables on disk: weights and checkpoints as tensors, and back. */
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { readTensors, type StoredTensor, type TensorFile } from "../base/safetensors.ts";

/** The file of a run's weights. */
export const WEIGHTS = "weights.safetensors";

/** Names to variables, in the order in which they are stored. */
export type NamedVariables = Readonly<Record<string, tf.Variable>>;

/** The weights of a run. */
export function readWeights(folder: string): Promise<TensorFile> {
  return readTensors(join(folder, WEIGHTS));
}

/**
 * Gives tfjs's `variables` the values of `tensors`; `path` is for the errors. Push them where a device owns them.
 *
 * @throws {Error} naming the tensor that is missing, unknown, of another shape or type, or not finite.
 */
export function assignVariables(
  variables: NamedVariables,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): void {
  const fail = (reason: string): never => {
    throw new Error(`Cannot use ${path} as ${reason}: it belongs to another model`);
  };
  for (const [name, variable] of Object.entries(variables)) {
    const stored = tensors.get(name) ?? fail(`it lacks "${name}"`);
    if (String(stored.shape) !== String(variable.shape)) {
      fail(`"${name}" has shape [${stored.shape}] and should have [${variable.shape}]`);
    }
    const type = stored.data instanceof Float32Array
      ? "float32"
      : stored.data instanceof Int32Array
      ? "int32"
      : "bytes";
    if (type !== variable.dtype) fail(`"${name}" is of the type ${type} and should be ${variable.dtype}`);
    if (!stored.data.every(Number.isFinite)) {
      throw new RangeError(
        `Cannot use ${path} as "${name}" holds a number that is not finite: it is damaged`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!Object.hasOwn(variables, name)) fail(`it holds "${name}", which the model lacks`);
  }
  for (const [name, variable] of Object.entries(variables)) {
    const { data } = tensors.get(name)!;
    tf.tidy(() => variable.assign(tf.tensor(data as Float32Array, variable.shape, variable.dtype)));
  }
}

/** The values of pulled variables, to be stored. */
export async function storedTensors(variables: NamedVariables): Promise<Record<string, StoredTensor>> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, variable] of Object.entries(variables)) {
    tensors[name] = { shape: variable.shape, data: await variable.data() };
  }
  return tensors;
}
