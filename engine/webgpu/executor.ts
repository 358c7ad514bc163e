/** The WebGPU executor: a device's heaps and queue. */
import type { Executable, Executor, Storage } from "../executor.ts";
import type { TypedArray } from "../graph.ts";
import type { Plan } from "../plan.ts";
import type { Keeping } from "../plan_step.ts";
import { requestAdapter } from "./adapter.ts";
import { prepare, type Shared } from "./executable.ts";
import { Heaps, HeapStorage, largestBuffer } from "./heap.ts";
import { Pipelines } from "./pipelines.ts";
import { Failure, Queue } from "./queue.ts";
import { fetchBytes } from "./readback.ts";
import { Tuning } from "./tuning.ts";

/** Elements that a gradient of a sequence hardly ever needs more than: 32 MiB. */
const MOST_SCRATCH = 2 ** 23;

/**
 * Opens the GPU. Null where there is none, or only a software adapter and `allowFallback` is false. `choices` is a
 * file that keeps what was measured about the GPU (see `Tuning`), where permissions allow. Close it (`await using`).
 */
export async function openWebGpu(
  options: { readonly allowFallback: boolean; readonly choices?: string },
): Promise<Executor | null> {
  const adapter = await requestAdapter();
  if (adapter === null) return null;
  if (adapter.info.isFallbackAdapter && !options.allowFallback) return null;
  const device = await adapter.requestDevice({
    requiredLimits: { ...limitsOf(adapter.limits) },
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
  });
  const { description, device: name, vendor, isFallbackAdapter } = adapter.info;
  const called = description || name || "unnamed adapter", pipelines = new Pipelines(device);
  const tuning = new Tuning(device, pipelines, {
    software: isFallbackAdapter,
    ...options.choices === undefined
      ? {}
      : { file: { path: options.choices, adapter: `${called} ${vendor}` } },
  });
  await tuning.recall();
  return new WebGpuExecutor(device, { description: `webgpu, ${called}`, pipelines, tuning });
}

/** The limits that a device needs for large tensors, and for many. */
type Limits = Pick<
  GPUSupportedLimits,
  "maxBufferSize" | "maxStorageBufferBindingSize" | "maxStorageBuffersPerShaderStage"
>;

/** What to ask a device for, of what its adapter has. */
export function limitsOf(
  { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage }: Limits,
): Limits {
  return {
    // On NVIDIA's GPUs wgpu knows no limit and says 2^64 - 1, which Deno takes to be out of range when asked for it.
    maxBufferSize: Math.min(maxBufferSize, Number.MAX_SAFE_INTEGER),
    maxStorageBufferBindingSize,
    // A plan binds its arena and every heap that holds one of its residents; heaps double, so few are enough.
    maxStorageBuffersPerShaderStage: Math.min(16, maxStorageBuffersPerShaderStage),
  };
}

function storageOf(storage: Storage): HeapStorage {
  if (storage instanceof HeapStorage) return storage;
  throw new TypeError("Cannot use a storage as it must be one that this executor allocated");
}

class WebGpuExecutor implements Executor {
  readonly kind = "webgpu";
  readonly description: string;
  readonly keeping: Keeping;
  readonly #device: GPUDevice;
  readonly #heaps: Heaps;
  readonly #shared: Shared;

  constructor(device: GPUDevice, parts: {
    readonly description: string;
    readonly pipelines: Pipelines;
    readonly tuning: Tuning;
  }) {
    this.description = parts.description;
    this.#device = device;
    this.#heaps = new Heaps(device);
    // The results of a step lie in one buffer, beside what the kernels need for themselves.
    this.keeping = { what: "states", most: largestBuffer(device) - MOST_SCRATCH };
    const failure = new Failure(device);
    this.#shared = {
      device,
      failure,
      queue: new Queue(device, failure),
      pipelines: parts.pipelines,
      tuning: parts.tuning,
    };
  }

  allocate(size: number): Storage {
    return this.#heaps.allocate(size);
  }

  free(storage: Storage): void {
    const own = storageOf(storage);
    // A recorded step may still use it: whoever gets the place next must come after that step.
    this.#shared.queue.submit();
    own.heap.give(own);
  }

  write(storage: Storage, data: TypedArray): void {
    const { heap, offset, size } = storageOf(storage);
    if (data.length !== size) {
      throw new RangeError(
        `Cannot write ${data.length} elements as the storage must be filled: it has ${size}`,
      );
    }
    this.#shared.failure.check();
    this.#shared.queue.submit();
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    if (size > 0) this.#device.queue.writeBuffer(heap.buffer, 4 * offset, bytes);
  }

  async read(storage: Storage, dtype: "float32" | "int32"): Promise<TypedArray> {
    const { heap, offset, size } = storageOf(storage), bytes = 4 * size;
    this.#shared.failure.check();
    const copy = this.#device.createBuffer({
      size: Math.max(4, bytes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.#shared.queue.encoder().copyBufferToBuffer(heap.buffer, 4 * offset, copy, 0, bytes);
    this.#shared.queue.submit();
    const fetched = size === 0
      ? new ArrayBuffer(0)
      : await this.#shared.queue.reading(fetchBytes(copy, bytes));
    copy.destroy();
    this.#shared.failure.checkDevice();
    return dtype === "float32" ? new Float32Array(fetched) : new Int32Array(fetched);
  }

  async prepare(plan: Plan, residents: readonly Storage[]): Promise<Executable> {
    return await prepare(this.#shared, plan, residents.map(storageOf));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#shared.failure.closed) return;
    this.#shared.queue.submit();
    this.#shared.failure.close();
    // Who asked for something before is answered.
    await this.#shared.queue.settled();
    await this.#device.queue.onSubmittedWorkDone();
    this.#device.destroy();
  }
}
