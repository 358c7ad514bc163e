/** One plan, prepared: its pipelines, its memory, and the commands of a step. */
import type { Executable } from "../executor.ts";
import { sizeOf, type TypedArray, type Value } from "../graph.ts";
import type { Plan } from "../plan.ts";
import { checkSize, type Heap, type HeapStorage, largestBuffer } from "./heap.ts";
import { writeNode } from "./kernels/mod.ts";
import { align, type Command, encode, type Labelled, type Pipelines, type Program } from "./pipelines.ts";
import type { Failure, Feed, Queue } from "./queue.ts";
import { fetchBytes, timePasses } from "./readback.ts";
import type { Location } from "./shader.ts";
import type { Tuning } from "./tuning.ts";
import type { KernelContext, Product, SequenceLimits, Tile } from "./kernels/context.ts";

/** Most bytes of inputs of the steps of one submit, and of outputs kept between two read-backs. */
const RING_BYTES = 1 << 24;
/** Most steps of one submit. */
const MOST_STEPS = 256;
/** Most steps whose outputs are kept on the GPU: filling one buffer should take longer than reading the other. */
const MOST_KEPT = 4096;

/** What all executables of an executor share. */
export interface Shared {
  readonly device: GPUDevice;
  readonly queue: Queue;
  readonly failure: Failure;
  readonly pipelines: Pipelines;
  readonly tuning: Pick<Tuning, "learn" | "tileOf">;
  /** Absent: as usual. */
  readonly sequences?: SequenceLimits;
}

/** A tensor that a step copies in or out: `bytes` at `offset` of `buffer`, and at `slot` of the ring's slot. */
interface Port {
  readonly value: Value;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly slot: number;
  readonly bytes: number;
}

function bytesOf(value: Value): number {
  return 4 * sizeOf(value.shape);
}

/** The bits of constants of one element, by value id. */
function scalarConstants(plan: Plan): Map<number, number> {
  const bits = new Map<number, number>();
  for (const { value, data } of plan.graph.residents) {
    if (data !== undefined && data.length === 1) {
      bits.set(value.id, new Uint32Array(data.buffer, data.byteOffset, 1)[0]);
    }
  }
  return bits;
}

/** Writes the shaders of all nodes; `scratch` is what the hungriest of them needs besides the plan's arena. */
function writeShaders(
  plan: Plan,
  { locate, tileOf, sequences }: {
    readonly locate: (value: Value) => Location;
    readonly tileOf: (product: Product) => Tile;
    readonly sequences: SequenceLimits | undefined;
  },
): { readonly nodes: Labelled[]; readonly scratch: number } {
  const constants = scalarConstants(plan), start = align(plan.arenaSize, 16);
  let used = 0, scratch = 0;
  const context: KernelContext = {
    locate,
    constant: (value) => constants.get(value.id),
    scratch(elements) {
      const offset = start + used;
      used += align(elements, 16);
      scratch = Math.max(scratch, used);
      return { buffer: 0, offset };
    },
    tileOf,
    ...(sequences === undefined ? {} : { sequences }),
  };
  const nodes = plan.graph.nodes.map((node) => {
    used = 0;
    return { label: node.op.kind, dispatches: writeNode(context, node) };
  });
  return { nodes, scratch };
}

/** Buffers that hold the outputs of many steps until they are read: one is filled while another is read. */
class Outlet {
  readonly slotBytes: number;
  readonly capacity: number;
  readonly #device: GPUDevice;
  readonly #queue: Queue;
  /** The one that is being filled. */
  #current: GPUBuffer | undefined;
  /** A second one, while it is not being read. */
  #spare: GPUBuffer | undefined;
  #steps = 0;
  /** Whole buffers on their way to the host, oldest first. */
  #drained: Promise<{ readonly steps: number; readonly bytes: ArrayBuffer }>[] = [];
  /** Settles when the buffer that was drained last has been read. */
  #lastRead: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(device: GPUDevice, queue: Queue, slotBytes: number) {
    this.#device = device;
    this.#queue = queue;
    this.slotBytes = slotBytes;
    this.capacity = Math.max(1, Math.min(MOST_KEPT, Math.floor(RING_BYTES / Math.max(1, slotBytes))));
    if (slotBytes > 0) this.#current = this.#create();
  }

  #create(): GPUBuffer {
    return this.#device.createBuffer({
      label: "outputs",
      size: this.capacity * this.slotBytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** Where the next step's outputs go. */
  next(): { readonly buffer: GPUBuffer; readonly offset: number } {
    return { buffer: this.#current!, offset: this.#steps++ * this.slotBytes };
  }

  get full(): boolean {
    return this.#steps === this.capacity;
  }

  /** Begins to read the current buffer, whose steps must have been submitted. Waits until the one before has been read. */
  async drain(): Promise<void> {
    const steps = this.#steps, buffer = this.#current;
    if (steps === 0 || buffer === undefined) return;
    this.#steps = 0;
    // Who does not wait for runs may fill a buffer before the other has been read.
    this.#current = this.#spare ?? this.#create();
    this.#spare = undefined;
    const before = this.#lastRead;
    const fetched = this.#queue.reading(
      fetchBytes(buffer, steps * this.slotBytes).then((bytes) => ({ steps, bytes })),
    );
    const settled = fetched.then(() => this.#giveBack(buffer), () => this.#giveBack(buffer));
    this.#drained.push(fetched);
    this.#lastRead = settled;
    await before;
  }

  #giveBack(buffer: GPUBuffer): void {
    if (this.#disposed || this.#spare !== undefined) buffer.destroy();
    else this.#spare = buffer;
  }

  /** Everything up to now, whatever is run or asked for meanwhile: waits for the GPU. */
  take(): Promise<readonly { readonly steps: number; readonly bytes: ArrayBuffer }[]> {
    void this.drain();
    const drained = this.#drained;
    this.#drained = [];
    return Promise.all(drained);
  }

  /** What is on its way arrives. */
  dispose(): void {
    this.#disposed = true;
    this.#current?.destroy();
    this.#spare?.destroy();
  }
}

/** See `Executable`. Made by `prepare`. */
export class WebGpuExecutable implements Executable, Feed {
  readonly workspace: number;
  readonly #shared: Shared;
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #buffers: readonly GPUBuffer[];
  readonly #inputs: readonly Port[];
  readonly #outputs: readonly Port[];
  readonly #outlet: Outlet;
  /** Inputs of the steps recorded since the last submit, slot after slot, here and on the GPU. */
  readonly #staging: Uint8Array<ArrayBuffer>;
  readonly #ring: GPUBuffer;
  readonly #slotBytes: number;
  readonly #slots: number;
  #pending = 0;
  #lastSlot = 0;
  #disposed = false;
  #reading: Promise<void> = Promise.resolve();

  /** Use `prepare`. */
  constructor(shared: Shared, plan: Plan, parts: {
    readonly program: Program;
    readonly arena: GPUBuffer;
    /** Elements of the arena beyond the plan's. */
    readonly scratch: number;
    readonly bufferOf: (value: Value) => { readonly buffer: GPUBuffer; readonly offset: number };
  }) {
    this.#shared = shared;
    this.#plan = plan;
    this.#program = parts.program;
    this.workspace = parts.scratch;
    const ports = (list: readonly { readonly value: Value }[]) => {
      let slot = 0;
      const result = list.map(({ value }): Port => {
        const bytes = bytesOf(value), port = { value, ...parts.bufferOf(value), slot, bytes };
        slot += bytes;
        return port;
      });
      return { ports: result, bytes: slot };
    };
    const inputs = ports(plan.graph.inputs), outputs = ports(plan.graph.outputs);
    this.#inputs = inputs.ports;
    this.#outputs = outputs.ports;
    this.#outlet = new Outlet(shared.device, shared.queue, outputs.bytes);
    this.#slotBytes = inputs.bytes;
    this.#slots = Math.max(1, Math.min(MOST_STEPS, Math.floor(RING_BYTES / Math.max(1, inputs.bytes))));
    this.#staging = new Uint8Array(this.#slots * inputs.bytes);
    this.#ring = shared.device.createBuffer({
      label: "inputs",
      size: Math.max(4, this.#slots * inputs.bytes),
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#buffers = [parts.arena, parts.program.tables, this.#ring];
  }

  async run(inputs: readonly TypedArray[]): Promise<void> {
    this.#check();
    this.#inputs.forEach(({ value }, i) => {
      const size = sizeOf(value.shape);
      if (inputs[i]?.length !== size) {
        throw new RangeError(
          `Cannot run as input ${
            this.#plan.graph.inputs[i].name
          } must have ${size} elements: current value has ${inputs[i]?.length}`,
        );
      }
    });
    const slot = this.#pending++;
    this.#lastSlot = slot;
    this.#inputs.forEach(({ slot: at, bytes }, i) => {
      const { buffer, byteOffset } = inputs[i];
      this.#staging.set(new Uint8Array(buffer, byteOffset, bytes), slot * this.#slotBytes + at);
    });
    const encoder = this.#shared.queue.encoder(this);
    this.#encodeInputs(encoder, slot);
    const pass = encoder.beginComputePass();
    for (const commands of this.#program.commands) encode(pass, this.#program, commands);
    pass.end();
    if (this.#outputs.length > 0) {
      const target = this.#outlet.next();
      for (const { buffer, offset, slot: at, bytes } of this.#outputs) {
        if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset, target.buffer, target.offset + at, bytes);
      }
    }
    const full = this.#outlet.slotBytes > 0 && this.#outlet.full;
    const room = this.#shared.queue.stepped(full || this.#pending === this.#slots);
    if (full) await this.#outlet.drain();
    await room;
  }

  #check(): void {
    if (this.#disposed) throw new Error("Cannot run an executable as it was disposed");
    this.#shared.failure.check();
  }

  #encodeInputs(encoder: GPUCommandEncoder, step: number): void {
    for (const { buffer, offset, slot, bytes } of this.#inputs) {
      if (bytes > 0) {
        encoder.copyBufferToBuffer(this.#ring, step * this.#slotBytes + slot, buffer, offset, bytes);
      }
    }
  }

  /** Sends the collected inputs: see `Feed`. */
  flush(): void {
    const bytes = this.#pending * this.#slotBytes;
    if (bytes > 0) this.#shared.device.queue.writeBuffer(this.#ring, 0, this.#staging, 0, bytes);
    this.#pending = 0;
  }

  read(): Promise<TypedArray[]> {
    return Promise.try(() => {
      this.#check();
      this.#shared.queue.submit();
      // Answers come in the order of the questions.
      const before = this.#reading, taken = this.#outlet.take();
      const read = before.then(() => taken).then((chunks) => this.#join(chunks));
      this.#reading = read.then(() => {}, () => {});
      return read;
    });
  }

  #join(chunks: readonly { readonly steps: number; readonly bytes: ArrayBuffer }[]): TypedArray[] {
    this.#shared.failure.checkDevice();
    const runs = chunks.reduce((sum, { steps }) => sum + steps, 0), { slotBytes } = this.#outlet;
    return this.#outputs.map(({ value, slot, bytes }) => {
      const joined = new Uint8Array(runs * bytes);
      let at = 0;
      for (const chunk of chunks) {
        for (let step = 0; step < chunk.steps; step++, at += bytes) {
          joined.set(new Uint8Array(chunk.bytes, step * slotBytes + slot, bytes), at);
        }
      }
      return value.dtype === "float32" ? new Float32Array(joined.buffer) : new Int32Array(joined.buffer);
    });
  }

  async profile(): Promise<Float64Array> {
    this.#check();
    const { device, queue } = this.#shared;
    queue.submit();
    this.#encodeInputs(queue.encoder(), this.#lastSlot);
    const passes = this.#program.commands.map(
      (commands: readonly Command[]) => (pass: GPUComputePassEncoder) =>
        encode(pass, this.#program, commands),
    );
    const times = device.features.has("timestamp-query")
      ? await timePasses(device, queue, passes)
      : await this.#waitAndMeasure(passes);
    this.#shared.failure.check();
    return times;
  }

  /** The same by the host's clock: includes the wait for each node. */
  async #waitAndMeasure(passes: readonly ((pass: GPUComputePassEncoder) => void)[]): Promise<Float64Array> {
    const { device, queue } = this.#shared, times = new Float64Array(passes.length);
    for (const [node, record] of passes.entries()) {
      const pass = queue.encoder().beginComputePass();
      record(pass);
      pass.end();
      const start = performance.now();
      queue.submit();
      await device.queue.onSubmittedWorkDone();
      times[node] = performance.now() - start;
    }
    return times;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // Steps that were recorded still change the variables.
    if (!this.#shared.failure.closed) this.#shared.queue.submit();
    this.#outlet.dispose();
    this.#shared.pipelines.release(this.#program);
    for (const buffer of this.#buffers) buffer.destroy();
  }

  /** The number of dispatches of a step. */
  get dispatches(): number {
    return this.#program.commands.reduce((sum, commands) => sum + commands.length, 0);
  }
}

/** Compiles a plan. */
export async function prepare(
  shared: Shared,
  plan: Plan,
  residents: readonly HeapStorage[],
): Promise<WebGpuExecutable> {
  const { device } = shared;
  shared.failure.check();
  const heaps: Heap[] = [...new Set(residents.map((storage) => storage.heap))];
  const locate = (value: Value): Location => {
    const place = plan.places.get(value.id);
    if (place === undefined) {
      throw new RangeError(`Cannot prepare a plan as value ${value.id} has no place in it`);
    }
    if (place.space === "arena") return { buffer: 0, offset: place.offset };
    const { heap, offset } = residents[place.index];
    return { buffer: 1 + heaps.indexOf(heap), offset };
  };
  const { tuning, sequences } = shared, products: Product[] = [];
  const note = (product: Product) => {
    products.push(product);
    return tuning.tileOf(product);
  };
  let { nodes, scratch } = writeShaders(plan, { locate, tileOf: note, sequences });
  if (await tuning.learn(products)) {
    shared.failure.check();
    ({ nodes, scratch } = writeShaders(plan, {
      locate,
      tileOf: (product) => tuning.tileOf(product),
      sequences,
    }));
  }
  const arenaSize = align(plan.arenaSize, 16) + scratch + 16;
  checkSize(arenaSize, largestBuffer(device), "the intermediate results, together");
  shared.pipelines.checkBuffers(1 + heaps.length);

  // What throws here must do so before: the scopes would stay open.
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const arena = device.createBuffer({
    label: "arena",
    size: 4 * arenaSize,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const buffers = [arena, ...heaps.map((heap) => heap.buffer)];
  const executable = new WebGpuExecutable(shared, plan, {
    program: shared.pipelines.assemble(nodes, buffers),
    arena,
    scratch,
    bufferOf: (value) => {
      const { buffer, offset } = locate(value);
      return { buffer: buffers[buffer], offset: 4 * offset };
    },
  });
  // Both are taken at once: another plan may open its own scopes while this one waits.
  const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  const error = errors.find((found) => found !== null);
  if (error) {
    executable.dispose();
    throw new Error(`Cannot prepare a plan as the GPU refused it: ${error.message}`);
  }
  return executable;
}
