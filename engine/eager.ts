/**
 * Single operations on an executor, as a tfjs backend: what tfjs's own specs test the engine's kernels through.
 * Each kernel call is traced, optimized and planned as a graph of its own, once for its attributes and shapes.
 *
 * It is slow: every result travels to the host and back. To compute, compile.
 */
import * as tf from "@tensorflow/tfjs";
import type { Executable, Executor, Storage } from "./executor.ts";
import { type Graph, sizeOf, type TypedArray } from "./graph.ts";
import { planStep } from "./plan_step.ts";
import { TRACE_KERNELS } from "./trace/backend.ts";
import type { TraceKernel } from "./trace/kernel.ts";
import { graphType, Recorder, type Traced, type TracedType } from "./trace/recorder.ts";

/** A kernel call as a graph, without its numbers. */
interface Call {
  readonly graph: Graph;
  readonly results: readonly Traced[];
  readonly list: boolean;
  /** Settles when the last of its runs is done. */
  last: Promise<unknown>;
  /** Made when the first call is run. */
  prepared?: Prepared;
}

/** What runs a call. */
interface Prepared {
  readonly executable: Executable;
  readonly inputs: readonly string[];
  readonly storages: readonly Storage[];
}

/** Most executables that are kept unused, as each holds buffers for many runs. */
const MOST_IDLE = 64;
/** Most calls that run at a time, for the same reason. */
const MOST_RUNNING = 32;

/** What stands behind a data id. */
interface Entry {
  /** Absent until the executor is done. */
  values: tf.BackendValues | undefined;
  readonly pending: Promise<tf.BackendValues>;
  references: number;
}

/** Runs kernel calls on an executor when their inputs are there, and keeps their graphs. */
class Calls {
  readonly #executor: Executor;
  readonly #known = new Map<string, Call>();
  /** The calls that have an executable and are not being run, the longest unused first. */
  readonly #idle = new Set<Call>();
  #running = 0;
  /** Lets the calls go on that wait until fewer run. */
  readonly #waiting: (() => void)[] = [];

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** The graph of a kernel call. Shapes and types of its results are known at once. */
  trace(kernel: TraceKernel, inputs: tf.NamedTensorInfoMap, attributes: unknown): Call {
    const given = Object.entries(inputs).flatMap(([name, tensor]) => tensor ? [[name, tensor] as const] : []);
    const shapes = given.map(([name, { shape, dtype }]) => `${name}:${dtype}[${shape}]`);
    const key = `${kernel.name}(${shapes})${JSON.stringify(attributes, exact)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const recorder = new Recorder({ places: false }), traced: Record<string, Traced> = {};
    recorder.kernel = kernel.name;
    for (const [name, { shape, dtype }] of given) {
      const type = mustBeTraced(kernel.name, dtype);
      traced[name] = { ...recorder.input(name, shape, graphType(type)), dtype: type };
    }
    const result = kernel.rule(recorder, traced, attributes), list = Array.isArray(result);
    const results = (list ? result : [result]) as readonly Traced[];
    const outputs = results.map(({ value }, index) => ({ name: String(index), value }));
    const graph = {
      inputs: recorder.inputs,
      residents: recorder.residents,
      nodes: recorder.nodes,
      updates: [],
      outputs,
    };
    const call: Call = { graph, results, list, last: Promise.resolve() };
    this.#known.set(key, call);
    return call;
  }

  /** Runs a call when its inputs are there. Other calls run meanwhile: to wait for a GPU takes long. */
  run(call: Call, inputs: Readonly<Record<string, Promise<tf.BackendValues>>>): Promise<TypedArray[]> {
    const done = call.last.then(() => this.#run(call, inputs));
    call.last = done.catch(() => {});
    return done;
  }

  async #run(call: Call, inputs: Readonly<Record<string, Promise<tf.BackendValues>>>): Promise<TypedArray[]> {
    if (call.results.every(({ value }) => sizeOf(value.shape) === 0)) {
      return call.results.map(({ value }) => arrayOf([], value.dtype));
    }
    const given: Record<string, TypedArray> = {};
    for (const { name, value } of call.graph.inputs) {
      given[name] = arrayOf(await inputs[name] as ArrayLike<number>, value.dtype);
    }
    if (this.#running === MOST_RUNNING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    this.#idle.delete(call);
    try {
      call.prepared ??= await this.#prepare(call.graph);
      const { executable, inputs: names } = call.prepared;
      await executable.run(names.map((name) => given[name]));
      return await executable.read();
    } finally {
      if (call.prepared !== undefined) this.#idle.add(call);
      this.#makeRoom();
      const next = this.#waiting.shift();
      // Who waits takes the place.
      if (next !== undefined) next();
      else this.#running--;
    }
  }

  #makeRoom(): void {
    for (const call of this.#idle) {
      if (this.#idle.size <= MOST_IDLE) return;
      this.#idle.delete(call);
      call.prepared!.executable.dispose();
      for (const storage of call.prepared!.storages) this.#executor.free(storage);
      call.prepared = undefined;
    }
  }

  async #prepare(recorded: Graph): Promise<Prepared> {
    const plan = planStep(recorded, this.#executor.keeping);
    const storages = plan.graph.residents.map(({ value, data }) => {
      const storage = this.#executor.allocate(sizeOf(value.shape));
      if (data !== undefined) this.#executor.write(storage, data);
      return storage;
    });
    const executable = await this.#executor.prepare(plan, storages);
    return { executable, inputs: plan.graph.inputs.map(({ name }) => name), storages };
  }
}

/** A tfjs backend whose kernels run on an executor; results can be read asynchronously only. */
class EagerBackend extends tf.KernelBackend {
  readonly #calls: Calls;
  readonly #entries = new Map<object, Entry>();

  constructor(calls: Calls) {
    super();
    this.#calls = calls;
  }

  /** Calls a kernel. */
  run(
    kernel: TraceKernel,
    inputs: tf.NamedTensorInfoMap,
    attributes: unknown,
  ): tf.TensorInfo | tf.TensorInfo[] {
    const call = this.#calls.trace(kernel, inputs, attributes);
    const given: Record<string, Promise<tf.BackendValues>> = {};
    for (const { name } of call.graph.inputs) given[name] = this.#entry(inputs[name]!.dataId).pending;
    const done = this.#calls.run(call, given);
    const infos = call.results.map(({ value, dtype }, index) => {
      const same = call.graph.inputs.find((input) => input.value === value);
      if (same !== undefined && inputs[same.name]!.dtype === dtype) {
        // tfjs keeps clones of tensors for gradients, and counts the data that it does not expect.
        const { dataId } = inputs[same.name]!;
        this.incRef(dataId);
        return { dataId, shape: [...value.shape], dtype };
      }
      const pending = done.then((results) =>
        dtype === "bool" ? Uint8Array.from(results[index]) : results[index].slice()
      );
      const dataId = {}, entry: Entry = { values: undefined, pending, references: 1 };
      // Who reads the tensor is told of a failure; one that nobody reads is nobody's.
      pending.then((values) => entry.values = values, () => {});
      this.#entries.set(dataId, entry);
      return { dataId, shape: [...value.shape], dtype };
    });
    return call.list ? infos : infos[0];
  }

  #entry(dataId: object): Entry {
    const entry = this.#entries.get(dataId);
    if (entry === undefined) {
      throw new Error("Cannot use a tensor of another backend: create it under this one");
    }
    return entry;
  }

  override write(values: tf.BackendValues): tf.DataId {
    const dataId = {};
    this.move(dataId, values);
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    _shape?: number[],
    _dtype?: tf.DataType,
    references = 1,
  ): void {
    this.#entries.set(dataId, { values, pending: Promise.resolve(values), references });
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    return this.#entry(dataId).pending;
  }

  override readSync(dataId: object): tf.BackendValues {
    const { values } = this.#entry(dataId);
    if (values === undefined) {
      throw new Error("Cannot wait for a result as dataSync() would have to: use await data()");
    }
    return values;
  }

  override disposeData(dataId: object, force = false): boolean {
    const entry = this.#entries.get(dataId);
    if (entry === undefined) return true;
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.#entries.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return this.#entries.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: object): void {
    this.#entry(dataId).references++;
  }

  override numDataIds(): number {
    return this.#entries.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override dispose(): void {}
}

/** Registers the tfjs backend `name`, which computes on `executor`; the caller closes the executor. */
export function registerEager(name: string, executor: Executor): void {
  const calls = new Calls(executor);
  tf.registerBackend(name, () => new EagerBackend(calls));
  for (const kernel of TRACE_KERNELS) {
    // Its draws depend on the number of a run, which single operations do not have.
    if (kernel.name === "Multinomial") continue;
    tf.registerKernel({
      kernelName: kernel.name,
      backendName: name,
      kernelFunc: ({ inputs, attrs, backend }) => (backend as EagerBackend).run(kernel, inputs, attrs),
    });
  }
}

/** JSON has no NaN, no infinity and no -0. */
function exact(_key: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : Object.is(value, -0)
    ? "-0"
    : String(value);
}

function arrayOf(values: ArrayLike<number>, dtype: "float32" | "int32"): TypedArray {
  return dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values);
}

function mustBeTraced(kernel: string, dtype: tf.DataType): TracedType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new TypeError(
    `Cannot run ${kernel} as its tensors must be float32, int32 or bool: current value is ${dtype}`,
  );
}
