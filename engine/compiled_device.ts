/** A device that compiles: traces functions, gives their residents storage, and lets an executor run them. */
import * as tf from "@tensorflow/tfjs";
import { assignments, versionOf } from "./assignments.ts";
import type { Compiled, CompileOptions, Device, InputArrays, InputSpecs, InputTensors } from "./device.ts";
import type { Executable, Executor, Storage } from "./executor.ts";
import { type DType, type Graph, type Resident, sizeOf, type TypedArray } from "./graph.ts";
import { inPieces, pauses } from "../base/pauses.ts";
import type { Plan } from "./plan.ts";
import { planning } from "./plan_step.ts";
import type { CreatedVariable } from "./trace/backend.ts";
import { mustAgree } from "./trace/compare.ts";
import { type CompiledRate, rateOf } from "./trace/guard.ts";
import { HIDDEN_COUNTER, type Source } from "./trace/recorder.ts";
import { assign, type Trace, trace } from "./trace/trace.ts";

/** A resident tensor on the device, and how many compiled functions use it. */
interface Held {
  readonly storage: Storage;
  readonly dtype: DType;
  users: number;
  /** Of a variable: its version that the storage follows (`versionOf`). */
  seen?: number;
}

/** Is shown every function as it is compiled: what was traced, what became of it, and how it runs. */
export type Observer = (seen: {
  readonly traced: Graph;
  readonly plan: Plan;
  readonly executable: Executable;
}) => Promise<void>;

/**
 * Compiles for one executor. Variables and captured tensors are uploaded when the first function that uses them is
 * compiled, and shared by all functions of the device. From then on the device owns the variables: what it does to
 * them tfjs sees after `pull`; a variable that is assigned outside is taken over before the next run.
 */
export class CompiledDevice implements Device {
  readonly #executor: Executor;
  readonly #variables = new Map<tf.Variable, Held>();
  /** By data id and type: tfjs may show the same data as several types. */
  readonly #captured = new Map<tf.DataId, Map<DType, Held>>();
  readonly #functions = new Set<{ dispose(): void }>();
  #closed = false;
  /** All assignments up to here have been looked at. */
  #looked = 0;

  readonly #observe: Observer | undefined;

  /** Closing the device closes the executor. */
  constructor(executor: Executor, observe?: Observer) {
    this.#executor = executor;
    this.#observe = observe;
  }

  get kind(): "webgpu" | "wasm" {
    return this.#executor.kind === "webgpu" ? "webgpu" : "wasm";
  }

  get description(): string {
    return this.#executor.description;
  }

  async pull(variables: readonly tf.Variable[]): Promise<void> {
    this.#mustBeOpen("pull variables");
    this.#takeAssigned();
    const held = variables.filter((variable) => this.#variables.has(variable));
    const values = await Promise.all(held.map((variable) => {
      const { storage, dtype } = this.#variables.get(variable)!;
      return this.#executor.read(storage, dtype);
    }));
    held.forEach((variable, index) => {
      if (variable.isDisposed) return;
      assign(variable, values[index]);
      const own = this.#variables.get(variable);
      if (own !== undefined) own.seen = versionOf(variable);
    });
  }

  push(variables: readonly tf.Variable[]): Promise<void> {
    return Promise.try(() => {
      this.#mustBeOpen("push variables");
      for (const variable of variables) {
        const held = this.#variables.get(variable);
        // A variable that no function uses yet is uploaded when one does.
        if (held !== undefined) this.#take(variable, held);
      }
    });
  }

  #take(variable: tf.Variable, held: Held): void {
    this.#executor.write(held.storage, elementsOf(variable.dataId, held.dtype));
    held.seen = versionOf(variable);
  }

  /** Takes over what was assigned outside since the last time. */
  #takeAssigned(): void {
    if (this.#looked === assignments()) return;
    this.#looked = assignments();
    for (const [variable, held] of this.#variables) {
      if (!variable.isDisposed && held.seen !== versionOf(variable)) this.#take(variable, held);
    }
  }

  async compile<I extends InputSpecs, Output extends string>(
    fn: (inputs: InputTensors<I>) => Readonly<Record<Output, tf.Tensor>>,
    specs: I,
    { seed = 0 }: CompileOptions = {},
  ): Promise<Compiled<I, Output>> {
    this.#mustBeOpen("compile");
    mustSpecify(specs);
    await tf.ready();
    const pause = pauses();
    const first = trace(fn, specs, { seed });
    if (first.created.length > 0) await this.#initialize(first);
    await pause();
    const traced = first.created.length > 0 ? trace(fn, specs, { seed }) : first;
    await pause();
    const again = trace(fn, specs, { places: true, seed });
    for (const { created } of [traced, again]) mustNotCreate(created);
    mustAgree(traced, again);
    this.#sweep();
    this.#takeAssigned();
    const { executable, graph, held } = await this.#prepare(traced.graph, traced.sources);
    const compiled = new CompiledFunction<I, Output>(executable, graph, {
      rates: traced.rates,
      prepare: () => this.#takeAssigned(),
      release: () => {
        this.#functions.delete(compiled);
        this.#release(held);
      },
    });
    if (this.#closed) {
      compiled.dispose();
      this.#mustBeOpen("compile");
    }
    this.#functions.add(compiled);
    return compiled;
  }

  /** Optimizes and plans a graph, and finds or makes the storage of its residents. */
  async #prepare(
    recorded: Graph,
    sources: readonly Source[],
  ): Promise<{ executable: Executable; graph: Graph; held: readonly Held[] }> {
    const sourceOf = new Map(recorded.residents.map(({ value }, index) => [value.id, sources[index]]));
    const plan = await inPieces(planning(recorded, this.#executor.keeping)), { graph } = plan;
    const held: Held[] = [];
    try {
      for (const resident of graph.residents) {
        held.push(this.#hold(resident, sourceOf.get(resident.value.id)));
      }
      const storages = held.map(({ storage }) => storage);
      const executable = await this.#executor.prepare(plan, storages);
      await this.#observe?.({ traced: recorded, plan, executable });
      return { executable, graph, held };
    } catch (error) {
      this.#release(held);
      throw error;
    }
  }

  /**
   * The storage of a resident, with what it holds uploaded if it is new. Synchronous, so that functions which are
   * compiled at the same time find each other's.
   */
  #hold({ kind, value, data }: Resident, source: Source | undefined): Held {
    const { dtype } = value, size = sizeOf(value.shape);
    // Passes make constants of their own, which have no source.
    if (kind === "constant" || source === undefined || source.kind === "constant") {
      const held = { storage: this.#executor.allocate(size), dtype, users: 1 };
      this.#executor.write(held.storage, data!);
      return held;
    }
    const known = source.kind === "variable"
      ? this.#variables.get(source.variable)
      : this.#captured.get(source.dataId)?.get(dtype);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const dataId = source.kind === "variable" ? source.variable.dataId : source.dataId;
    const values = elementsOf(dataId, dtype);
    const held = { storage: this.#executor.allocate(size), dtype, users: 1 };
    this.#executor.write(held.storage, values);
    if (source.kind === "variable") {
      this.#variables.set(source.variable, { ...held, seen: versionOf(source.variable) });
      return this.#variables.get(source.variable)!;
    }
    {
      const types = this.#captured.get(source.dataId) ?? new Map<DType, Held>();
      this.#captured.set(source.dataId, types.set(dtype, held));
    }
    return held;
  }

  /** Lets go of storages: constants are freed, shared tensors stay until nothing can use them any more. */
  #release(held: readonly Held[]): void {
    const shared = new Set([...this.#variables.values(), ...[...this.#captured.values()].flatMap(typesOf)]);
    for (const one of held) {
      one.users--;
      if (!shared.has(one)) this.#executor.free(one.storage);
    }
    this.#sweep();
  }

  /** Frees shared tensors that no function uses and that tfjs has disposed of: no function will use them again. */
  #sweep(): void {
    for (const [variable, held] of this.#variables) {
      if (held.users > 0 || !variable.isDisposed) continue;
      this.#executor.free(held.storage);
      this.#variables.delete(variable);
    }
    for (const [dataId, types] of this.#captured) {
      const used = typesOf(types).some(({ users }) => users > 0);
      if (used || tf.engine().state.tensorInfo.has(dataId)) continue;
      for (const { storage } of types.values()) this.#executor.free(storage);
      this.#captured.delete(dataId);
    }
  }

  /** Gives variables that the first call created the values that they were created with. */
  async #initialize({ graph, sources, created, elements }: Trace): Promise<void> {
    const computed: CreatedVariable[] = [];
    for (const one of created) {
      const data = elements(one.initial);
      if (data === undefined) computed.push(one);
      else assign(one.variable, data);
    }
    if (computed.length === 0) return;
    mustNotDependOnInputs(graph, computed);
    const outputs = computed.map(({ variable, initial }) => ({ name: variable.name, value: initial.value }));
    const prepared = await this.#prepare({ ...graph, updates: [], outputs }, sources);
    try {
      await prepared.executable.run(
        prepared.graph.inputs.map(({ value }) => convert(zeros(value.shape), value.dtype)),
      );
      const values = await prepared.executable.read();
      computed.forEach(({ variable }, index) => assign(variable, values[index]));
    } finally {
      prepared.executable.dispose();
      this.#release(prepared.held);
    }
  }

  #mustBeOpen(act: string): void {
    if (this.#closed) throw new Error(`Cannot ${act} as the device is closed: open another with openDevice`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const compiled of [...this.#functions]) compiled.dispose();
    this.#variables.clear();
    this.#captured.clear();
    await this.#executor[Symbol.asyncDispose]();
  }
}

/** A compiled function on an executor. */
class CompiledFunction<I extends InputSpecs, Output extends string> implements Compiled<I, Output> {
  readonly #executable: Executable;
  readonly #graph: Graph;
  readonly #rates: readonly CompiledRate[];
  readonly #prepare: () => void;
  readonly #release: () => void;
  #disposed = false;
  #runs = 0;

  constructor(executable: Executable, graph: Graph, of: {
    readonly rates: readonly CompiledRate[];
    readonly prepare: () => void;
    readonly release: () => void;
  }) {
    this.#executable = executable;
    this.#graph = graph;
    this.#rates = of.rates;
    this.#prepare = of.prepare;
    this.#release = of.release;
  }

  get runs(): number {
    return this.#runs;
  }

  set runs(runs: number) {
    if (!(Number.isInteger(runs) && runs >= 0 && runs < 2 ** 31)) {
      throw new RangeError(
        `Cannot set the number of runs as it must be a whole number from 0: current value is ${runs}`,
      );
    }
    this.#runs = runs;
  }

  #mustLive(act: string): void {
    if (this.#disposed) {
      throw new Error(
        `Cannot ${act} as the compiled function was disposed of, or its device closed: compile it again`,
      );
    }
  }

  async run(inputs: InputArrays<I>): Promise<void> {
    this.#mustLive("run");
    for (const { optimizer, rate } of this.#rates) {
      if (rateOf(optimizer) === rate) continue;
      throw new Error(
        `Cannot run as the learning rate of ${optimizer.getClassName()} was compiled as ${rate} and is ${
          rateOf(optimizer)
        } now: compile again, or use an optimizer of engine/optimizers.ts, whose rate is an input`,
      );
    }
    const given = (inputs ?? {}) as Readonly<Record<string, TypedArray>>;
    for (const name of Object.keys(given)) {
      if (!this.#graph.inputs.some((input) => input.name === name)) {
        const names = this.#graph.inputs.map((input) => input.name).join(", ");
        throw new TypeError(
          `Cannot run as inputs must be the declared ones, ${names}: current value has ${name}`,
        );
      }
    }
    const arrays = this.#graph.inputs.map(({ name, value }) => {
      if (name === HIDDEN_COUNTER) return Int32Array.of(this.#runs);
      const array = given[name], size = sizeOf(value.shape);
      const kind = value.dtype === "float32" ? Float32Array : Int32Array;
      if (array instanceof kind && array.length === size) return array;
      throw new TypeError(
        `Cannot run as input ${name} must be a ${kind.name} of ${size} elements: current value is ` +
          (array === undefined || array === null
            ? "absent"
            : `a ${array.constructor.name} of ${array.length}`),
      );
    });
    this.#prepare();
    this.#runs++;
    await this.#executable.run(arrays);
  }

  async read(): Promise<Readonly<Record<Output, TypedArray>>> {
    this.#mustLive("read");
    const values = await this.#executable.read();
    const named = this.#graph.outputs.map(({ name }, index) => [name, values[index]] as const);
    return Object.fromEntries(named) as Record<Output, TypedArray>;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#executable.dispose();
    this.#release();
  }
}

/** @throws {TypeError} naming the input whose declaration is none. */
function mustSpecify(specs: unknown): void {
  if (typeof specs !== "object" || specs === null) {
    throw new TypeError(
      `Cannot compile as the inputs must be declared, {} where there are none: current value is ${specs}`,
    );
  }
  for (
    const [name, spec] of Object.entries(specs as Record<string, { shape?: unknown; dtype?: unknown } | null>)
  ) {
    const shape = spec?.shape, dtype = spec?.dtype ?? "float32";
    if (!Array.isArray(shape) || !shape.every((extent) => Number.isInteger(extent) && extent >= 0)) {
      throw new TypeError(
        `Cannot compile as input ${name} must have a shape of whole numbers, as in { shape: [128, 4] }: current value is ${
          JSON.stringify(shape)
        }; the batch must be a number, too`,
      );
    }
    if (dtype !== "float32" && dtype !== "int32") {
      throw new TypeError(
        `Cannot compile as dtype of input ${name} must be float32 or int32: current value is ${dtype}`,
      );
    }
  }
}

function typesOf(types: ReadonlyMap<DType, Held>): Held[] {
  return [...types.values()];
}

function zeros(shape: readonly number[]): Float32Array {
  return new Float32Array(sizeOf(shape));
}

function convert(data: ArrayLike<number>, dtype: DType): TypedArray {
  return dtype === "float32" ? Float32Array.from(data) : Int32Array.from(data);
}

/** What tfjs holds. */
function elementsOf(dataId: tf.DataId, dtype: DType): TypedArray {
  return convert(tf.engine().readSync(dataId) as ArrayLike<number>, dtype);
}

/** @throws {Error} where a call after the first still makes variables. */
function mustNotCreate(created: readonly CreatedVariable[]): void {
  if (created.length === 0) return;
  const names = created.map(({ variable }) => variable.name).join(", ");
  for (const { variable } of created) variable.dispose();
  throw new Error(
    `Cannot compile as the function must create its variables in the first call only: every call creates ${names}`,
  );
}

/** @throws {Error} where a created variable's initial value needs an input, which has no value yet. */
function mustNotDependOnInputs(graph: Graph, created: readonly CreatedVariable[]): void {
  const dependent = new Set(
    graph.inputs.filter(({ name }) => name !== HIDDEN_COUNTER).map(({ value }) => value.id),
  );
  for (const { inputs, outputs } of graph.nodes) {
    if (!inputs.some(({ id }) => dependent.has(id))) continue;
    for (const { id } of outputs) dependent.add(id);
  }
  const wrong = created.find(({ initial }) => dependent.has(initial.value.id));
  if (wrong === undefined) return;
  for (const { variable } of created) variable.dispose();
  throw new Error(
    `Cannot compile as the variable ${wrong.variable.name} is created from an input, which has no value yet: ` +
      `create it before compile`,
  );
}
