/** The slowest executor: interprets a plan with the definitions of `kernels/`. What the others are tested against. */
import type { Executable, Executor, Storage } from "./executor.ts";
import { type DType, type Graph, sizeOf, type TypedArray, type Value } from "./graph.ts";
import { execute } from "./kernels/mod.ts";
import type { Plan } from "./plan.ts";

function arrayOf(dtype: DType, buffer: ArrayBuffer, offset: number, size: number): TypedArray {
  return dtype === "float32"
    ? new Float32Array(buffer, 4 * offset, size)
    : new Int32Array(buffer, 4 * offset, size);
}

function joined(dtype: DType, parts: readonly TypedArray[]): TypedArray {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = arrayOf(dtype, new ArrayBuffer(4 * size), 0, size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What a run of a graph leaves behind. */
export interface Interpretation {
  /** In the order of `graph.outputs`. */
  readonly outputs: TypedArray[];
  /** Every resident after the run, in the order of `graph.residents`. */
  readonly residents: TypedArray[];
}

/**
 * Runs a graph without a plan, every value in memory of its own. `residents[i]` may be absent where resident i is a
 * constant; none of the arrays is changed.
 */
export function interpret(
  graph: Graph,
  inputs: readonly TypedArray[],
  residents: readonly (TypedArray | undefined)[] = [],
): Interpretation {
  const data = new Map<number, TypedArray>();
  const get = (value: Value): TypedArray => {
    const found = data.get(value.id);
    if (found === undefined) {
      throw new RangeError(`Cannot interpret the graph as %${value.id} must be given or computed`);
    }
    return found;
  };
  graph.inputs.forEach(({ value }, i) => data.set(value.id, inputs[i]));
  graph.residents.forEach((resident, i) => {
    const given = resident.data ?? residents[i];
    if (given !== undefined) data.set(resident.value.id, given);
  });
  for (const { op, inputs, outputs } of graph.nodes) {
    for (const { id, dtype, shape } of outputs) {
      const size = sizeOf(shape);
      data.set(id, arrayOf(dtype, new ArrayBuffer(4 * size), 0, size));
    }
    execute(
      op,
      inputs.map((it) => ({ ...it, data: get(it) })),
      outputs.map((it) => ({ ...it, data: get(it) })),
    );
  }
  const after = graph.residents.map(({ value }) => value);
  for (const { resident, value } of graph.updates) after[resident] = value;
  return {
    outputs: graph.outputs.map(({ value }) => get(value).slice()),
    residents: after.map((value) => get(value).slice()),
  };
}

class ReferenceStorage implements Storage {
  readonly buffer: ArrayBuffer;
  constructor(readonly size: number) {
    this.buffer = new ArrayBuffer(4 * size);
  }
}

function memoryOf(storage: Storage): ArrayBuffer {
  if (storage instanceof ReferenceStorage) return storage.buffer;
  throw new TypeError("Cannot use a storage as it must be one that this executor allocated");
}

/** Runs plans in one arena, in the places that the plan names, so that a wrong plan gives wrong numbers. */
export class ReferenceExecutor implements Executor {
  readonly kind = "reference";
  readonly description = "reference";

  allocate(size: number): Storage {
    return new ReferenceStorage(size);
  }

  free(): void {}

  write(storage: Storage, data: TypedArray): void {
    if (data.length !== storage.size) {
      throw new RangeError(
        `Cannot write ${data.length} elements as the storage must be filled: it has ${storage.size}`,
      );
    }
    new Uint8Array(memoryOf(storage)).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  read(storage: Storage, dtype: DType): Promise<TypedArray> {
    return Promise.resolve(arrayOf(dtype, memoryOf(storage).slice(0), 0, storage.size));
  }

  prepare(plan: Plan, residents: readonly Storage[]): Promise<Executable> {
    return Promise.resolve(new ReferenceExecutable(plan, residents.map(memoryOf)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

class ReferenceExecutable implements Executable {
  readonly workspace = 0;
  readonly #plan: Plan;
  readonly #views = new Map<number, TypedArray>();
  /** Of each output, its values since the last read. */
  #results: TypedArray[][];

  constructor(plan: Plan, residents: readonly ArrayBuffer[]) {
    this.#plan = plan;
    this.#results = plan.graph.outputs.map(() => []);
    // Whatever is read before it is written shows as NaN.
    const arena = new ArrayBuffer(4 * plan.arenaSize);
    new Float32Array(arena).fill(NaN);
    const { graph } = plan;
    const values = [
      ...graph.inputs.map(({ value }) => value),
      ...graph.residents.map(({ value }) => value),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ];
    for (const value of values) {
      const place = plan.places.get(value.id);
      if (place === undefined) throw new RangeError(`Cannot run the plan as %${value.id} must have a place`);
      const [buffer, offset] = place.space === "arena" ? [arena, place.offset] : [residents[place.index], 0];
      this.#views.set(value.id, arrayOf(value.dtype, buffer, offset, sizeOf(value.shape)));
    }
  }

  #view(value: Value): TypedArray {
    return this.#views.get(value.id)!;
  }

  #runNode(index: number): void {
    const { op, inputs, outputs } = this.#plan.graph.nodes[index];
    if (op.kind === "reshape") return;
    const tensor = (value: Value) => ({ ...value, data: this.#view(value) });
    execute(op, inputs.map(tensor), outputs.map(tensor));
  }

  run(inputs: readonly TypedArray[]): Promise<void> {
    const { graph } = this.#plan;
    graph.inputs.forEach(({ value }, i) => this.#view(value).set(inputs[i]));
    graph.nodes.forEach((_, index) => this.#runNode(index));
    graph.outputs.forEach(({ value }, i) => this.#results[i].push(this.#view(value).slice()));
    return Promise.resolve();
  }

  read(): Promise<TypedArray[]> {
    const results = this.#results;
    this.#results = results.map(() => []);
    return Promise.resolve(results.map((parts, i) => joined(this.#plan.graph.outputs[i].value.dtype, parts)));
  }

  profile(): Promise<Float64Array> {
    const times = this.#plan.graph.nodes.map((_, index) => {
      const start = performance.now();
      this.#runNode(index);
      return performance.now() - start;
    });
    return Promise.resolve(Float64Array.from(times));
  }

  dispose(): void {
    this.#views.clear();
  }
}
