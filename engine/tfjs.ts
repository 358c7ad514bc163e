/**
 * The uncompiled device: every run calls the function itself, on the fastest stock tfjs backend that has its kernels.
 * It is the oracle of the compiled devices.
 */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { type Random, wordsToNormals } from "../base/random.ts";
import "./trace/einsum.ts";
import { type Generator, withDraws } from "./trace/draws.ts";
import { drawStream, TRIES } from "./trace/recorder.ts";
import type { Compiled, CompileOptions, Device, InputArrays, InputSpecs, InputTensors } from "./device.ts";
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

/** Calls, reads and disposals one after the other, in the order in which they were asked for. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** `act`, when all that was asked for before is over. */
  next<T>(act: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }
}

class TfjsDevice implements Device {
  readonly kind = "tfjs";
  readonly #turns = new Turns();

  get description(): string {
    return `stock tfjs ${tf.version_core}, ${tf.getBackend()} backend`;
  }

  pull(): Promise<void> {
    return this.#turns.next(() => {});
  }

  push(): Promise<void> {
    return this.#turns.next(() => {});
  }

  compile<I extends InputSpecs, Output extends string>(
    fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
    specs: I,
    { seed = 0 }: CompileOptions = {},
  ): Promise<Compiled<I, Output>> {
    return Promise.resolve(new TfjsFunction(fn, specs, { turns: this.#turns, seed }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.next(() => {});
  }
}

/** True for the error that tfjs throws where a backend has no such kernel. */
function lacksKernel(error: unknown): boolean {
  return error instanceof Error && /^Kernel '.*' not registered for backend/.test(error.message);
}

class TfjsFunction<I extends InputSpecs, Output extends string> implements Compiled<I, Output> {
  readonly #fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>;
  readonly #specs: I;
  readonly #turns: Turns;
  readonly #seed: number;
  runs = 0;
  #outputs: Map<string, TypedArray[]> = new Map();
  #disposed = false;

  constructor(
    fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
    specs: I,
    { turns, seed }: { readonly turns: Turns; readonly seed: number },
  ) {
    this.#fn = fn;
    this.#specs = specs;
    this.#turns = turns;
    this.#seed = seed;
  }

  #mustLive(act: string): void {
    if (this.#disposed) throw new Error(`Cannot ${act} as the function was disposed of: compile it again`);
  }

  run(inputs: InputArrays<I>): Promise<void> {
    return Promise.try(() => {
      this.#mustLive("run");
      const run = this.runs++;
      const given = copied(this.#specs, inputs as Record<string, TypedArray>);
      return this.#turns.next(async () => {
        try {
          await this.#call(given, run);
        } catch (error) {
          if (!lacksKernel(error) || tf.getBackend() === "cpu") throw error;
          // A missing kernel is met before any variable is assigned: gradients come before updates.
          await tf.setBackend("cpu");
          await this.#call(given, run);
        }
      });
    });
  }

  async #call(inputs: Readonly<Record<string, TypedArray>>, run: number): Promise<void> {
    const outputs = tf.tidy(() => {
      const tensors: Record<string, tf.Tensor> = {};
      for (const [name, spec] of Object.entries(this.#specs)) {
        tensors[name] = tf.tensor(inputs[name].slice(), [...spec.shape], spec.dtype ?? "float32");
      }
      return withDraws(drawsOf(this.#seed, run), () => this.#fn(tensors as InputTensors<I>));
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
    return Promise.try(() => {
      this.#mustLive("read");
      return this.#turns.next(() => {
        const all: Record<string, TypedArray> = {};
        for (const [name, parts] of this.#outputs) all[name] = concatenate(parts);
        this.#outputs = new Map(Object.keys(all).map((name) => [name, [all[name].slice(0, 0)]]));
        return all as Record<Output, TypedArray>;
      });
    });
  }

  dispose(): void {
    this.#disposed = true;
    void this.#turns.next(() => void (this.#outputs = new Map()));
  }
}

/** The numbers that a compiled function would draw in its run `run`. */
function drawsOf(seed: number, run: number): (generator: Generator) => number {
  const numbers = new Map<Generator, () => number>();
  return (generator) => {
    let next = numbers.get(generator);
    if (next === undefined) {
      numbers.set(generator, next = sequence(generator, drawStream(seed, numbers.size), run));
    }
    return next();
  };
}

function sequence(
  { min, range, mean, stdDev, truncated }: Generator,
  random: Random,
  run: number,
): () => number {
  if (range !== undefined) {
    const at = random.at(run);
    return () => min! + range * at.uniform();
  }
  const tries = truncated
    ? Array.from({ length: TRIES }, (_, index) => random.fork(`try ${index}`).at(run))
    : [random.at(run)];
  let kept: readonly number[] | undefined;
  return () => {
    // Words come in pairs, and so do the numbers made of them.
    const pairs = kept === undefined ? tries.map((one) => wordsToNormals(one.word(), one.word())) : undefined;
    const drawn = pairs?.map(([first]) => first) ?? kept!;
    kept = pairs?.map(([, second]) => second);
    const z = truncated ? drawn.find((z) => Math.abs(z) <= 2) ?? Math.sign(drawn[TRIES - 1]) * 2 : drawn[0];
    return mean! + stdDev! * z;
  };
}

/** The inputs as they are now. */
function copied(
  specs: InputSpecs,
  inputs: Readonly<Record<string, TypedArray>> = {},
): Readonly<Record<string, TypedArray>> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => {
      const array = inputs[name], size = sizeOf(shape);
      if (array?.length === size) return [name, array.slice()];
      throw new RangeError(
        `Cannot run as input ${name} must hold ${size} numbers: it holds ${array?.length ?? "none"}`,
      );
    }),
  );
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
