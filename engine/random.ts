/**
 * Random numbers inside compiled functions: tfjs operations of the engine's own, drawn from the counter-based
 * generator of `base/random.ts`. What varies from run to run is `counter`, an int32 scalar that the caller declares
 * as an input: the same counter gives the same numbers on every device. Draws have no gradient.
 */
import * as tf from "@tensorflow/tfjs";
import type { TensorOf } from "./device.ts";
import { type Key, philoxWords, type Random, wordsToNormals, wordToUniform } from "../base/random.ts";

/** Where a draw comes from: a stream, and the step of that stream. */
export interface Draw {
  /** The stream. */
  readonly random: Random;
  /** int32 []: which step of the stream. Two draws of one run need different streams. */
  readonly counter: tf.Scalar;
}

/** Name of the kernel: inputs { counter }, attributes { shape, distribution, key }. */
export const RANDOM_KERNEL = "EngramRandom";
/** Name of the kernel: inputs { logits, counter }, attribute { key }. */
export const CATEGORICAL_KERNEL = "EngramCategorical";

/** Numbers of `shape`, uniform in [0, 1). */
export function uniform<const S extends readonly number[]>(shape: S, draw: Draw): TensorOf<S> {
  return random(shape, draw, "uniform");
}

/** Standard normal numbers of `shape`. */
export function normal<const S extends readonly number[]>(shape: S, draw: Draw): TensorOf<S> {
  return random(shape, draw, "normal");
}

/** 1 with `probability`, else 0, as float32 of `shape`. */
export function bernoulli(shape: readonly number[], probability: number, draw: Draw): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.less(uniform(shape, draw), probability), "float32"));
}

/** @throws {TypeError} where the counter is not what a compiled function can be given. */
function mustCount({ counter }: Draw): void {
  if (counter.dtype === "int32" && counter.shape.length === 0) return;
  throw new TypeError(
    `Cannot draw random numbers as counter must be an int32 scalar: current value is ${counter.dtype} [${counter.shape}]`,
  );
}

function random<S extends readonly number[]>(
  shape: S,
  draw: Draw,
  distribution: "uniform" | "normal",
): TensorOf<S> {
  mustCount(draw);
  return tf.engine().runKernel(
    RANDOM_KERNEL,
    { counter: draw.counter },
    { shape: [...shape], distribution, key: [...draw.random.key] },
  ) as TensorOf<S>;
}

/** Sets each element to 0 with probability `rate` and scales the others by 1 / (1 - rate) (Srivastava et al. 2014). */
export function dropout<T extends tf.Tensor>(x: T, rate: number, draw: Draw): T {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Cannot drop elements as rate must be in 0..1, below 1: current value is ${rate}`);
  }
  return tf.tidy(() => tf.mul(x, tf.mul(bernoulli(x.shape, 1 - rate, draw), 1 / (1 - rate))) as T);
}

/** One draw from softmax(logits) for each row of [B, V], as int32 [B]. */
export function categorical(logits: tf.Tensor2D, draw: Draw): tf.Tensor1D {
  mustCount(draw);
  return tf.engine().runKernel(
    CATEGORICAL_KERNEL,
    { logits, counter: draw.counter },
    { key: [...draw.random.key] },
  ) as tf.Tensor1D;
}

/** The numbers that `EngramRandom` gives: element i is word i % 4 of block i / 4 of step `counter`. */
export function randomNumbers(
  size: number,
  options: { readonly distribution: "uniform" | "normal"; readonly key: Key; readonly counter: number },
): Float32Array {
  const words = philoxWords(options.key, options.counter, 0, Math.ceil(size / 4));
  const numbers = new Float32Array(words.length);
  for (let index = 0; index < words.length; index += 2) {
    if (options.distribution === "uniform") {
      numbers[index] = wordToUniform(words[index]);
      numbers[index + 1] = wordToUniform(words[index + 1]);
    } else {
      [numbers[index], numbers[index + 1]] = wordsToNormals(words[index], words[index + 1]);
    }
  }
  return numbers.subarray(0, size);
}

/** The draws that `EngramCategorical` gives: the definition stands at `categorical` in `graph.ts`. */
export function categoricalDraws(
  logits: Float32Array,
  options: { readonly rows: number; readonly key: Key; readonly counter: number },
): Int32Array {
  const { rows, key, counter } = options;
  const classes = logits.length / rows;
  const uniforms = randomNumbers(rows, { distribution: "uniform", key, counter });
  return Int32Array.from({ length: rows }, (_, row) => {
    let largest = -Infinity, total = 0;
    for (let v = 0; v < classes; v++) largest = Math.max(largest, logits[row * classes + v]);
    for (let v = 0; v < classes; v++) total += Math.exp(logits[row * classes + v] - largest);
    let sum = 0;
    for (let v = 0; v < classes - 1; v++) {
      sum += Math.exp(logits[row * classes + v] - largest);
      if (uniforms[row] * total < sum) return v;
    }
    return classes - 1;
  });
}

// What is drawn does not change with the logits, but for jumps.
tf.registerGradient({
  kernelName: CATEGORICAL_KERNEL,
  inputsToSave: ["logits"],
  gradFunc: (_dy, [logits]) => ({ logits: () => tf.zerosLike(logits) }),
});

// The stock backends compute both on the host. Their kernels see storage, not tensors.
interface HostBackend {
  readSync(id: tf.DataId): Float32Array | Int32Array;
  write(values: Float32Array | Int32Array, shape: number[], dtype: tf.DataType): tf.DataId;
}

for (const backendName of ["cpu", "wasm"]) {
  tf.registerKernel({
    kernelName: RANDOM_KERNEL,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const host = backend as unknown as HostBackend;
      const { shape, distribution, key } = attrs as unknown as {
        shape: number[];
        distribution: "uniform" | "normal";
        key: Key;
      };
      const counter = host.readSync((inputs.counter as tf.TensorInfo).dataId)[0];
      const numbers = randomNumbers(tf.util.sizeFromShape(shape), { distribution, key, counter });
      return { dataId: host.write(numbers, shape, "float32"), shape, dtype: "float32" };
    },
  });
  tf.registerKernel({
    kernelName: CATEGORICAL_KERNEL,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const host = backend as unknown as HostBackend;
      const { key } = attrs as unknown as { key: Key };
      const logits = inputs.logits as tf.TensorInfo;
      const counter = host.readSync((inputs.counter as tf.TensorInfo).dataId)[0];
      const values = host.readSync(logits.dataId) as Float32Array;
      const shape = [logits.shape[0]];
      const draws = categoricalDraws(values, { rows: shape[0], key, counter });
      return { dataId: host.write(draws, shape, "int32"), shape, dtype: "int32" };
    },
  });
}
