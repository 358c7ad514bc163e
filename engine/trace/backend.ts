/** The tfjs backend under which a function is traced: its kernels append nodes instead of computing. */
import * as tf from "@tensorflow/tfjs";
import type { TypedArray } from "../graph.ts";
import { constants } from "./constants.ts";
import { convolution } from "./convolution.ts";
import type { Generator } from "./draws.ts";
import { sumsOfProducts } from "./einsum.ts";
import { elementwise } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import type { TraceKernel } from "./kernel.ts";
import { products } from "./matmul.ts";
import { movement } from "./movement.ts";
import { normalization } from "./normalization.ts";
import { atUserLine } from "./origin.ts";
import { pooling } from "./pooling.ts";
import { randomness } from "./randomness.ts";
import type { Recorder, Traced, TracedType } from "./recorder.ts";
import { recurrence } from "./recurrence.ts";
import { reductions } from "./reductions.ts";
import { resizing } from "./resizing.ts";

/** The backend's name in tfjs. */
export const TRACE_BACKEND = "engram-trace";

/** Every tfjs kernel that can be traced. */
export const TRACE_KERNELS: readonly TraceKernel[] = [
  ...elementwise,
  ...products,
  ...sumsOfProducts,
  ...convolution,
  ...pooling,
  ...reductions,
  ...normalization,
  ...movement,
  ...indexing,
  ...resizing,
  ...constants,
  ...randomness,
  ...recurrence,
];

/** Elements that the traced function made on the host. They become a constant when a kernel first uses them. */
interface Literal {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: TracedType;
}

/** What stands behind a data id of this backend. */
interface Entry {
  readonly recorder: Recorder;
  readonly literal?: Literal;
  /** The kernel that made it, for messages; absent for inputs, variables and literals. */
  readonly kernel?: string;
  /** Called when a kernel first uses the tensor. */
  traced: () => Traced;
  references: number;
}

/** A variable that the function created, with its value at that moment. */
export interface CreatedVariable {
  readonly variable: tf.Variable;
  /** In the graph of the call that created it. */
  readonly initial: Traced;
}

/** Records tfjs's kernels while a recorder is set; a call that tfjs cannot be given an answer to is an error. */
export class TraceBackend extends tf.KernelBackend {
  /** The variables that were created since `begin`. */
  created: CreatedVariable[] = [];
  /** The first thing that went wrong without an exception: asynchronous reads cannot throw into the function. */
  failure: Error | undefined;
  #recorder: Recorder | undefined;
  /** What a generator of tfjs's was asked for, until its numbers become a tensor. */
  #drawing: Generator | undefined;
  #entries = new Map<object, Entry>();
  #known = new Set<string>();

  /** Starts to record. Variables that exist now are not created by the function. */
  begin(recorder: Recorder): void {
    this.#recorder = recorder;
    this.created = [];
    this.failure = undefined;
    this.#drawing = undefined;
    this.#known = new Set(Object.keys(tf.engine().registeredVariables));
  }

  /** Stops recording. */
  end(): void {
    this.#recorder = undefined;
  }

  /** Notes that the next tensor made on the host holds numbers of this generator. */
  drawing(generator: Generator): number {
    this.#drawing = generator;
    return 0;
  }

  get #active(): Recorder {
    if (this.#recorder === undefined) {
      throw new Error(
        `Cannot use the tfjs backend ${TRACE_BACKEND} outside compile: choose another with tf.setBackend`,
      );
    }
    return this.#recorder;
  }

  /** A tensor for tfjs that stands for a traced one. `traced` is called when a kernel first uses it. */
  wrap(shape: readonly number[], dtype: TracedType, traced: () => Traced, kernel?: string): tf.TensorInfo {
    const dataId = {};
    this.#entries.set(dataId, { recorder: this.#active, traced, kernel, references: 1 });
    return { dataId, shape: [...shape], dtype };
  }

  /** What a tensor of tfjs's is in the graph. Tensors of other backends are captured. */
  traced(tensor: tf.TensorInfo): Traced {
    const recorder = this.#active, entry = this.#entries.get(tensor.dataId);
    if (tensor.dtype !== "float32" && tensor.dtype !== "int32" && tensor.dtype !== "bool") {
      throw new TypeError(
        `Cannot trace ${recorder.kernel} as its tensors must be float32, int32 or bool: current value is ${tensor.dtype}`,
      );
    }
    if (entry === undefined) {
      if (!tf.engine().state.tensorInfo.has(tensor.dataId)) {
        throw new Error(
          `Cannot trace ${recorder.kernel} as a tensor that it uses, ${tensor.dtype} [${tensor.shape}], was disposed of: ` +
            `keep it (tf.keep) until the function is compiled, and do not dispose of it inside`,
        );
      }
      return recorder.captured(tensor);
    }
    const { literal } = entry;
    if (entry.recorder !== recorder) {
      if (literal !== undefined) return recorder.constant(literal.data, tensor.shape, tensor.dtype);
      throw new Error(
        `Cannot trace ${recorder.kernel} as it uses a tensor that an earlier call of the function computed: ` +
          `make it a variable, or compute it before compile`,
      );
    }
    const traced = entry.traced();
    entry.traced = () => traced;
    return recorder.reshape(traced, tensor.shape);
  }

  /** Runs a kernel's rule. */
  record(
    { name, rule }: TraceKernel,
    inputs: tf.NamedTensorInfoMap,
    attributes: unknown,
  ): tf.TensorInfo | tf.TensorInfo[] {
    const recorder = this.#active;
    recorder.kernel = name;
    const traced: Record<string, Traced> = {};
    for (const [key, tensor] of Object.entries(inputs)) {
      if (tensor !== undefined && tensor !== null) traced[key] = this.traced(tensor);
    }
    const wrap = (result: Traced) => this.wrap(result.value.shape, result.dtype, () => result, name);
    try {
      const results = rule(recorder, traced, attributes);
      return isList(results) ? results.map(wrap) : wrap(results);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new Error(`${error.message}${atUserLine(error.stack)}`, { cause: error });
    }
  }

  #mustNotRead(entry: Entry | undefined): Error {
    const what = entry?.kernel === undefined
      ? "a tensor's value"
      : `the value of a result of ${entry.kernel}`;
    return new Error(
      `Cannot compile as the function reads ${what}${atUserLine(new Error().stack)}: ` +
        `return the tensor instead, its values come with read()`,
    );
  }

  override readSync(dataId: object): tf.BackendValues {
    const entry = this.#entries.get(dataId);
    if (entry?.literal === undefined) throw this.#mustNotRead(entry);
    return entry.literal.data.slice();
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    const entry = this.#entries.get(dataId);
    if (entry?.literal !== undefined) return Promise.resolve(this.readSync(dataId));
    this.failure ??= this.#mustNotRead(entry);
    // Never settled: the function is over before anything could be awaited, and compile reports the failure.
    return new Promise(() => {});
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.#store(dataId, values, { shape, dtype, references: 1 });
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.#store(dataId, values, { shape, dtype, references });
  }

  #store(
    dataId: object,
    values: tf.BackendValues,
    { shape, dtype, references }: { shape: number[]; dtype: tf.DataType; references: number },
  ): void {
    const recorder = this.#active, origin = recorder.origin(), numbers = values as ArrayLike<number>;
    if (this.#drawing !== undefined) {
      const { min, range, mean, stdDev, truncated = false } = this.#drawing, uniform = range !== undefined;
      this.#drawing = undefined;
      const of = {
        kind: uniform ? "uniform" : "normal",
        offset: (uniform ? min : mean)!,
        scale: (uniform ? range : stdDev)!,
        truncated,
        random: recorder.nextDraw(),
      } as const;
      const traced = () => recorder.draw(of, shape, dtype as TracedType);
      this.#entries.set(dataId, { recorder, traced, kernel: "a random operation", references });
      return;
    }
    // A copy: the function may reuse its array.
    const data = dtype === "float32" ? new Float32Array(numbers) : new Int32Array(numbers);
    const literal = { data, shape, dtype: dtype as TracedType };
    const traced = () => recorder.constant(data, shape, literal.dtype, origin);
    this.#entries.set(dataId, { recorder, literal, traced, references });
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
    const entry = this.#entries.get(dataId);
    if (entry !== undefined) entry.references++;
    // A variable may hold a tensor of another backend's.
    else tf.engine().state.tensorInfo.get(dataId)?.backend.incRef(dataId);
    this.#noteVariables();
  }

  /** tfjs takes a reference when it makes a variable: the one moment that shows its initial value. */
  #noteVariables(): void {
    const variables = tf.engine().registeredVariables;
    for (const name of Object.keys(variables)) {
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      this.created.push({ variable: variables[name], initial: this.traced(variables[name]) });
    }
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

function isList(results: Traced | readonly Traced[]): results is readonly Traced[] {
  return Array.isArray(results);
}

/** The one backend: tfjs keeps kernels and backends by name. */
export const traceBackend = new TraceBackend();

tf.registerBackend(TRACE_BACKEND, () => traceBackend, 0);
for (const kernel of TRACE_KERNELS) {
  tf.registerKernel({
    kernelName: kernel.name,
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs }) => traceBackend.record(kernel, inputs, attrs),
  });
}
