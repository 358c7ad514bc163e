/**
 * The uncompiled device: every run calls the function itself, on the fastest stock tfjs backend that has its kernels.
 * It is the oracle of the compiled devices.
 */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import type { Compiled, Device, InputArrays, InputSpecs, InputTensors } from "./device.ts";
import { sizeOf, type TypedArray } from "./graph.ts";

/**
 * Opens the stock backends: WebAssembly on one thread, and plain JavaScript for functions that need a kernel which
 * the former lacks (the gradients of convolutions).
 *
 * @throws {Error} where tfjs cannot start its WebAssembly backend (it needs to read its own .wasm file).
 */
export async function openTfjs(): Promise<Device> {
  // Its threads are Workers made from a source text, which Deno's node:worker_threads refuses.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await tf.setBackend("wasm");
  if (tf.getBackend() !== "wasm") {
    throw new Error(
      "Cannot start tfjs's WebAssembly backend as its .wasm file cannot be read: run with --allow-read",
    );
  }
  return new TfjsDevice();
}

class TfjsDevice implements Device {
  readonly kind = "tfjs";

  get description(): string {
    return `stock tfjs ${tf.version_core}, ${tf.getBackend()} backend`;
  }

  pull(): Promise<void> {
    return Promise.resolve();
  }

  push(): Promise<void> {
    return Promise.resolve();
  }

  compile<I extends InputSpecs, Output extends string>(
    fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
    specs: I,
  ): Promise<Compiled<I, Output>> {
    return Promise.resolve(new TfjsFunction(fn, specs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** True for the error that tfjs throws where a backend has no such kernel. */
function lacksKernel(error: unknown): boolean {
  return error instanceof Error && /^Kernel '.*' not registered for backend/.test(error.message);
}

class TfjsFunction<I extends InputSpecs, Output extends string> implements Compiled<I, Output> {
  readonly #fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>;
  readonly #specs: I;
  #outputs: Map<string, TypedArray[]> = new Map();

  constructor(fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>, specs: I) {
    this.#fn = fn;
    this.#specs = specs;
  }

  async run(inputs: InputArrays<I>): Promise<void> {
    try {
      await this.#call(inputs);
    } catch (error) {
      if (!lacksKernel(error) || tf.getBackend() === "cpu") throw error;
      // A missing kernel is met before any variable is assigned: gradients come before updates.
      await tf.setBackend("cpu");
      await this.#call(inputs);
    }
  }

  async #call(inputs: InputArrays<I>): Promise<void> {
    const outputs = tf.tidy(() => {
      const tensors: Record<string, tf.Tensor> = {};
      for (const [name, spec] of Object.entries(this.#specs)) {
        const array = (inputs as Record<string, TypedArray>)[name];
        if (array?.length !== sizeOf(spec.shape)) {
          throw new RangeError(
            `Cannot run as input ${name} must hold ${sizeOf(spec.shape)} numbers: it holds ${
              array?.length ?? "none"
            }`,
          );
        }
        tensors[name] = tf.tensor(array.slice(), [...spec.shape], spec.dtype ?? "float32");
      }
      return this.#fn(tensors as InputTensors<I>);
    });
    for (const [name, tensor] of Object.entries<tf.Tensor>(outputs)) {
      const data = await tensor.data();
      const kept = this.#outputs.get(name) ?? [];
      kept.push(tensor.dtype === "float32" ? data as Float32Array : Int32Array.from(data));
      this.#outputs.set(name, kept);
      tensor.dispose();
    }
  }

  read(): Promise<Readonly<Record<Output, TypedArray>>> {
    const all: Record<string, TypedArray> = {};
    for (const [name, parts] of this.#outputs) all[name] = concatenate(parts);
    this.#outputs = new Map();
    return Promise.resolve(all as Record<Output, TypedArray>);
  }

  dispose(): void {
    this.#outputs = new Map();
  }
}

function concatenate(parts: readonly TypedArray[]): TypedArray {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = parts[0] instanceof Int32Array ? new Int32Array(length) : new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
