/** The WebAssembly executor: kernels on all cores over one shared memory. */
import type { Executable, Executor, Storage } from "../executor.ts";
import { sizeOf, type TypedArray, type Value } from "../graph.ts";
import type { Plan } from "../plan.ts";
import { type Body, readBodies } from "./bodies.ts";
import { type Specialization, UNARY_CALLS, writeModule } from "./codegen.ts";
import { encode } from "./encode.ts";
import { Heap } from "./heap.ts";
import { type Instance, instantiate } from "./instance.ts";
import { JOBS, LAYOUT, MAX_PAGES, PAGE } from "./layout.ts";
import type { Start } from "./worker.ts";

/** How to open the device. */
export interface WasmOptions {
  /** Threads in all, the caller's included. Absent: one a core. */
  readonly threads?: number;
  /** Milliseconds without a sign of life after which a thread is taken for dead. Absent: 10,000. */
  readonly patience?: number;
  /** Whether multiply-adds are fused, which changes the last bits. Absent: where the machine can. */
  readonly relaxed?: boolean;
}

const MAX_THREADS = 64;
/** Programs that no plan uses and that are kept all the same: the next may ask for them. */
const MOST_UNUSED = 256;

/** A function whose type is (v128, v128, v128) -> v128 and whose body is one relaxed multiply-add: valid or not. */
// deno-fmt-ignore
const RELAXED_PROBE = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 8, 1, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b, 3, 2, 1, 0,
  10, 13, 1, 11, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfd, 0x85, 0x02, 0x0b,
);

/** Elements of the results of a step that keeps courses: half of the memory. */
const MOST_WITH_COURSES = 2 ** 29;

class WasmStorage implements Storage {
  constructor(readonly owner: WasmExecutor, readonly address: number, readonly size: number) {}
}

class WasmExecutor implements Executor {
  readonly kind = "wasm";
  readonly keeping = { what: "course", most: MOST_WITH_COURSES } as const;
  readonly description: string;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #main: Instance;
  readonly #bodies: ReadonlyMap<string, Body>;
  readonly #workers: readonly Worker[];
  /** By what they do: their places in the threads' tables, and how many plans use them. */
  readonly #programs: Map<string, { readonly place: number; users: number }> = new Map();
  /** Those that no plan uses, the longest unused first. */
  readonly #unused: Set<string> = new Set();
  /** Places of programs that were forgotten. */
  readonly #free: number[] = [];
  #pending: { readonly special: Specialization; readonly place: number }[] = [];
  #places = 1; // the table's first entry is none
  #failure: Error | undefined;

  constructor(options: {
    readonly memory: WebAssembly.Memory;
    readonly main: Instance;
    readonly bodies: ReadonlyMap<string, Body>;
    readonly workers: readonly Worker[];
    readonly relaxed: boolean;
  }) {
    this.#memory = options.memory;
    this.#main = options.main;
    this.#bodies = options.bodies;
    this.#workers = options.workers;
    const threads = options.workers.length + 1;
    this.#heap = new Heap(options.memory, threads);
    this.description = `wasm, ${threads} thread${threads > 1 ? "s" : ""}, ${
      options.relaxed ? "relaxed " : ""
    }SIMD`;
    for (const worker of options.workers) {
      worker.onmessage = (event) => this.#fail(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(event.message);
      };
    }
  }

  allocate(size: number): Storage {
    return new WasmStorage(this, this.#heap.allocate(4 * size), size);
  }

  free(storage: Storage): void {
    const { address, size } = this.#own(storage);
    this.#heap.free(address, 4 * size);
  }

  write(storage: Storage, data: TypedArray): void {
    const { address, size } = this.#own(storage);
    if (data.length !== size) {
      throw new RangeError(`Cannot write ${data.length} elements as the storage holds ${size}`);
    }
    this.set(address, data);
  }

  read(storage: Storage, dtype: "float32" | "int32"): Promise<TypedArray> {
    const { address, size } = this.#own(storage);
    return Promise.resolve(this.get(address, size, dtype));
  }

  // deno-lint-ignore require-await
  async prepare(plan: Plan, residents: readonly Storage[]): Promise<Executable> {
    const own = residents.map((resident) => this.#own(resident));
    const blocks: { address: number; bytes: number }[] = [];
    const allocate = (elements: number): number => {
      const block = { address: this.#heap.allocate(4 * elements), bytes: 4 * elements };
      blocks.push(block);
      return block.address;
    };
    const used = new Set<string>();
    const release = (): void => {
      blocks.forEach(({ address, bytes }) => this.#heap.free(address, bytes));
      this.#letGo(used);
    };
    try {
      const arena = allocate(plan.arenaSize);
      const address = (value: Value): number => {
        const place = plan.places.get(value.id);
        if (!place) throw new Error(`Cannot run the plan as value ${value.id} has no place`);
        return place.space === "arena" ? arena + 4 * place.offset : own[place.index].address;
      };
      let workspace = 0;
      const stream = encode(plan, {
        address,
        workspace: (elements) => {
          workspace += elements;
          return allocate(elements);
        },
        program: (special) => this.#program(special, used),
        threads: this.#workers.length + 1,
      });
      this.#install();
      const at = allocate(stream.size);
      this.set(at, stream.finish(at));
      const times = allocate(2 * plan.graph.nodes.length + 2);
      return new WasmExecutable(this, { plan, workspace, address, stream: at, times, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Runs a stream on all threads. */
  execute(stream: number, times: number): void {
    this.#check();
    this.#job(JOBS.execute, [stream, times]);
    try {
      this.#finish(this.#main.kernels.execute(stream, times));
    } catch (cause) {
      if (cause === this.#failure) throw cause;
      // The other threads must not wait for this one.
      const words = new Int32Array(this.#memory.buffer);
      Atomics.store(words, LAYOUT.failed / 4, 1);
      Atomics.notify(words, LAYOUT.generation / 4);
      throw this.#fail(`${cause}`);
    }
  }

  set(address: number, data: TypedArray): void {
    if (data instanceof Int32Array) new Int32Array(this.#memory.buffer, address, data.length).set(data);
    else new Float32Array(this.#memory.buffer, address, data.length).set(data);
  }

  /** A copy of what lies there. */
  get(
    address: number,
    size: number,
    dtype: "float32" | "int32",
  ): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
    return dtype === "int32"
      ? new Int32Array(new Int32Array(this.#memory.buffer, address, size))
      : new Float32Array(new Float32Array(this.#memory.buffer, address, size));
  }

  /** Milliseconds at `address`, one a node. */
  times(address: number, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(new Float64Array(this.#memory.buffer, address, count));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= new Error("Cannot run as the device is closed");
    this.#job(JOBS.close, []);
    for (const worker of this.#workers) worker.terminate();
    return Promise.resolve();
  }

  #own(storage: Storage): WasmStorage {
    if (!(storage instanceof WasmStorage) || storage.owner !== this) {
      throw new TypeError("Cannot use the storage as another device made it");
    }
    return storage;
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }

  #job(kind: number, words: readonly number[]): void {
    if (this.#workers.length === 0) return;
    const job = new Int32Array(this.#memory.buffer, LAYOUT.jobKind, 5);
    job[0] = kind;
    job.set(words, 1);
    this.#main.kernels.postJob();
  }

  #finish(passed: number): void {
    if (!passed) throw this.#fail("it died or does not answer");
  }

  /** The device is lost: the first reason stays. */
  #fail(reason: string): Error {
    return this.#failure ??= new Error(
      `Cannot go on as a thread of the wasm device failed (${reason}): open the device again and load a checkpoint`,
    );
  }

  /** The place of a program, which is `used` by a plan from now on. */
  #program(special: Specialization, used: Set<string>): number {
    const key = JSON.stringify(special);
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = { place: this.#free.pop() ?? this.#places++, users: 0 };
      this.#programs.set(key, program);
      this.#pending.push({ special, place: program.place });
    }
    if (!used.has(key)) {
      used.add(key);
      program.users++;
      this.#unused.delete(key);
    }
    return program.place;
  }

  /** A plan's programs are kept for others for a while; then their places are used again. */
  #letGo(used: Set<string>): void {
    for (const key of used) {
      if (--this.#programs.get(key)!.users === 0) this.#unused.add(key);
    }
    used.clear();
    for (const key of this.#unused) {
      if (this.#unused.size <= MOST_UNUSED) return;
      this.#unused.delete(key);
      const { place } = this.#programs.get(key)!;
      this.#programs.delete(key);
      this.#pending = this.#pending.filter((one) => one.place !== place);
      this.#free.push(place);
    }
  }

  /** For tests: programs that are kept, and places in the threads' tables. */
  get programs(): { readonly kept: number; readonly places: number } {
    return { kept: this.#programs.size, places: this.#places };
  }

  /** Gives the programs asked for since the last time to all threads. */
  #install(): void {
    if (this.#pending.length === 0) return;
    this.#check();
    const binary = Uint8Array.from(writeModule(this.#pending.map(({ special }) => special), this.#bodies));
    const places = Int32Array.from(this.#pending, ({ place }) => place);
    this.#main.install(binary, places);
    if (this.#workers.length > 0) {
      const address = this.#heap.allocate(binary.length);
      new Uint8Array(this.#memory.buffer, address, binary.length).set(binary);
      const list = this.#heap.allocate(4 * places.length);
      this.set(list, places);
      this.#job(JOBS.install, [address, binary.length, places.length, list]);
      this.#finish(this.#main.kernels.barrier());
      this.#heap.free(address, binary.length);
      this.#heap.free(list, 4 * places.length);
    }
    this.#pending = [];
  }

  /** For benchmarks: what only the kernels know. */
  get kernels(): Instance["kernels"] {
    return this.#main.kernels;
  }
}

class WasmExecutable implements Executable {
  readonly #executor: WasmExecutor;
  readonly workspace: number;
  readonly #plan: Plan;
  readonly #stream: number;
  readonly #times: number;
  readonly #inputs: readonly { readonly name: string; readonly address: number; readonly size: number }[];
  readonly #outputs: readonly {
    readonly address: number;
    readonly size: number;
    readonly dtype: Value["dtype"];
  }[];
  readonly #release: () => void;
  #captured: TypedArray[][];
  #disposed = false;

  constructor(executor: WasmExecutor, options: {
    readonly plan: Plan;
    readonly workspace: number;
    readonly address: (value: Value) => number;
    readonly stream: number;
    readonly times: number;
    readonly release: () => void;
  }) {
    const { graph } = options.plan;
    this.#executor = executor;
    this.#plan = options.plan;
    this.workspace = options.workspace;
    this.#stream = options.stream;
    this.#times = options.times;
    this.#release = options.release;
    this.#inputs = graph.inputs.map(({ name, value }) => ({
      name,
      address: options.address(value),
      size: sizeOf(value.shape),
    }));
    this.#outputs = graph.outputs.map(({ value }) => ({
      address: options.address(value),
      size: sizeOf(value.shape),
      dtype: value.dtype,
    }));
    this.#captured = graph.outputs.map(() => []);
  }

  // deno-lint-ignore require-await
  async run(inputs: readonly TypedArray[]): Promise<void> {
    this.#check();
    this.#inputs.forEach(({ name, address, size }, index) => {
      if (inputs[index]?.length !== size) {
        throw new RangeError(
          `Cannot run as input ${name} must have ${size} elements: it has ${inputs[index]?.length}`,
        );
      }
      this.#executor.set(address, inputs[index]);
    });
    this.#executor.execute(this.#stream, 0);
    this.#outputs.forEach(({ address, size, dtype }, index) => {
      this.#captured[index].push(this.#executor.get(address, size, dtype));
    });
  }

  // deno-lint-ignore require-await
  async read(): Promise<TypedArray[]> {
    this.#check();
    return this.#outputs.map(({ size, dtype }, index) => {
      const runs = this.#captured[index];
      this.#captured[index] = [];
      const all = dtype === "int32"
        ? new Int32Array(runs.length * size)
        : new Float32Array(runs.length * size);
      runs.forEach((run, i) => all.set(run, i * size));
      return all;
    });
  }

  // deno-lint-ignore require-await
  async profile(): Promise<Float64Array> {
    this.#check();
    const count = this.#plan.graph.nodes.length;
    this.#executor.set(this.#times, new Int32Array(2 * count));
    this.#executor.execute(this.#stream, this.#times);
    return this.#executor.times(this.#times, count);
  }

  dispose(): void {
    if (!this.#disposed) this.#release();
    this.#disposed = true;
  }

  #check(): void {
    if (this.#disposed) throw new Error("Cannot run a compiled function as it was disposed");
  }
}

export type { WasmExecutor };

/** Opens the WebAssembly device. Close it: its workers keep the process alive. */
export async function openWasm(options: WasmOptions = {}): Promise<WasmExecutor> {
  const threads = options.threads ?? Math.min(navigator.hardwareConcurrency, MAX_THREADS);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new RangeError(
      `Cannot open the wasm device as threads must be in 1..${MAX_THREADS}: current value is ${threads}`,
    );
  }
  const relaxed = options.relaxed ?? WebAssembly.validate(RELAXED_PROBE);
  const binary = await readKernels(relaxed ? "kernels.wasm" : "kernels-simd.wasm");
  const pages = Math.ceil((LAYOUT.scratchStart + threads * LAYOUT.scratchBytes) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });
  new Int32Array(memory.buffer)[LAYOUT.patience / 4] = options.patience ?? 10_000;
  const module = await WebAssembly.compile(binary),
    bodies = readBodies(module, { binary, unary: UNARY_CALLS });
  const main = instantiate({ module, memory, thread: 0, threads });
  const workers: Worker[] = [];
  try {
    await Promise.all(Array.from({ length: threads - 1 }, (_, index) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      workers.push(worker);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      worker.onmessage = () => resolve();
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`Cannot start a thread of the wasm device: ${event.message}`));
      };
      worker.postMessage({ binary, memory, thread: index + 1, threads } satisfies Start);
      return promise;
    }));
  } catch (error) {
    for (const worker of workers) worker.terminate();
    throw error;
  }
  return new WasmExecutor({ memory, main, bodies, workers, relaxed });
}

async function readKernels(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(new URL(file, import.meta.url));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // A bundle is one file, and leaves it out.
    throw new Deno.errors.NotFound(
      `Cannot open the wasm device as ${file} is not beside this program: copy it there from engine/wasm and give ` +
        "--threads 1, or use --device webgpu",
    );
  }
}
