/** What turns a plan into numbers: the contract of `wasm/` and `webgpu/`. Nothing here knows tfjs. */
import type { TypedArray } from "./graph.ts";
import type { Plan } from "./plan.ts";
import type { Keeping } from "./plan_step.ts";

/** A resident tensor's storage on the device. Opaque: only the executor that made it can use it. */
export interface Storage {
  /** Elements, four bytes each. */
  readonly size: number;
}

/** A device's memory and its way to run plans. */
export interface Executor extends AsyncDisposable {
  readonly kind: "wasm" | "webgpu" | "reference";
  /** For people and `config.json`: "wasm, 2 threads, relaxed SIMD", or the adapter's name. */
  readonly description: string;
  /** What gradients of recurrent sequences are to find again; absent: nothing. */
  readonly keeping?: Keeping;
  /** @throws {RangeError} naming what is asked for and what is free, before anything is allocated. */
  allocate(size: number): Storage;
  free(storage: Storage): void;
  write(storage: Storage, data: TypedArray): void;
  /** Waits for the runs before it. */
  read(storage: Storage, dtype: "float32" | "int32"): Promise<TypedArray>;
  /** `residents[i]` is the storage of `plan.graph.residents[i]`; several executables may share them. */
  prepare(plan: Plan, residents: readonly Storage[]): Promise<Executable>;
}

/** A plan on a device. */
export interface Executable {
  /** Elements that its nodes need for themselves, beside the plan's arena. */
  readonly workspace: number;
  /** Runs once. `inputs` are in the order of `plan.graph.inputs` and are copied; resolves when the queue has room. */
  run(inputs: readonly TypedArray[]): Promise<void>;
  /** For each of `plan.graph.outputs`, its values of all runs since the last read, one after the other. Waits for them. */
  read(): Promise<TypedArray[]>;
  /** Milliseconds of each node in one more run (same inputs as the last), for `explain`. */
  profile(): Promise<Float64Array>;
  dispose(): void;
}
