/** The public contract of the engine: devices, and compiled functions on them. */
import type * as tf from "@tensorflow/tfjs-core";
import type { TypedArray } from "./graph.ts";

/** What `--device` can name. */
export type DeviceChoice = "auto" | "webgpu" | "wasm" | "tfjs";

/** What a compiled function is given at each run; dtype is float32 unless said. */
export interface InputSpec {
  /** Extents; [] is a single number. */
  readonly shape: readonly number[];
  /** Absent: float32. */
  readonly dtype?: "float32" | "int32";
}
/** All inputs of a compiled function, by name. */
export type InputSpecs = Readonly<Record<string, InputSpec>>;

/** The tensor of a declared shape: `[batch, 784]` is a Tensor2D. Where the number of axes is not known, any tensor. */
export type TensorOf<S extends readonly number[]> = S extends readonly [] ? tf.Scalar
  : S extends readonly [number] ? tf.Tensor1D
  : S extends readonly [number, number] ? tf.Tensor2D
  : S extends readonly [number, number, number] ? tf.Tensor3D
  : S extends readonly [number, number, number, number] ? tf.Tensor4D
  : S extends readonly [number, number, number, number, number] ? tf.Tensor5D
  : tf.Tensor;

/** The tensors that the function sees: one an input, of the declared shape and dtype. */
export type InputTensors<I extends InputSpecs> = { readonly [Name in keyof I]: TensorOf<I[Name]["shape"]> };
/** What `run` takes: one typed array an input. */
export type InputArrays<I extends InputSpecs> = {
  readonly [Name in keyof I]: I[Name]["dtype"] extends "int32" ? Int32Array : Float32Array;
};

/** How to compile. */
export interface CompileOptions {
  /** Of what tfjs's own random operations draw; absent: 0. */
  readonly seed?: number;
}

/** A function that was compiled for a device. */
export interface Compiled<I extends InputSpecs, Output extends string> {
  /**
   * How many runs there have been. What layers that draw (dropout, noise) draw depends on it: set it to go on where
   * another process stopped.
   */
  runs: number;
  /** Runs the function once. Inputs are copied. Resolves when the queue has room: not when the run is done. */
  run(inputs: InputArrays<I>): Promise<void>;
  /**
   * Every output of all runs since the last read, as one array each: [runs, ...shape of the output].
   * Waits for the device.
   */
  read(): Promise<Readonly<Record<Output, TypedArray>>>;
  /** Gives the device memory of this function back; variables and captured tensors stay. */
  dispose(): void;
}

/** A place to compute. Close it (`await using`): an idle worker keeps the process alive. */
export interface Device extends AsyncDisposable {
  /** Where it computes. */
  readonly kind: "webgpu" | "wasm" | "tfjs";
  /** For people and `config.json`: "wasm, 2 threads", or the adapter's name. */
  readonly description: string;
  /** Copies the device's values of `variables` into tfjs, which sees them from then on. */
  pull(variables: readonly tf.Variable[]): Promise<void>;
  /** The other way: the device takes the values that tfjs holds. */
  push(variables: readonly tf.Variable[]): Promise<void>;
  /** See `compile`, which is how it is called. */
  compile<I extends InputSpecs, Output extends string>(
    fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
    inputs: I,
    options?: CompileOptions,
  ): Promise<Compiled<I, Output>>;
}

/**
 * Records one call of `fn`, ordinary tfjs code, and prepares it to be run many times on `device`. What changes from
 * run to run is an input; everything else that `fn` sees is fixed. Variables that `fn` assigns are updated at each run.
 *
 * @throws {Error} naming the operation, where `fn` uses one that the device lacks, reads a tensor's value, or depends
 * on something that differs between calls.
 */
export function compile<const I extends InputSpecs, Output extends string>(
  device: Device,
  fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
  inputs: I,
  options: CompileOptions = {},
): Promise<Compiled<I, Output>> {
  return device.compile(fn, inputs, options);
}
