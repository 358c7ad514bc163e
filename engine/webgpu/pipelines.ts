/** From shaders to what a GPU can be asked to run: pipelines, tables, bind groups. */
import type { Dispatch } from "./shader.ts";

/** Most workgroups along an axis of a dispatch: every GPU has that many, and hardly any has more. */
const MOST_GROUPS = 65535;

/** Pipelines that no program uses and that are kept all the same. */
const MOST_UNUSED = 1024;

/** A dispatch as a GPU takes it. */
export interface Command {
  readonly pipeline: GPUComputePipeline;
  /** The dynamic offset of the table, as `setBindGroup` takes it without allocation. */
  readonly table: Uint32Array<ArrayBuffer>;
  readonly columns: number;
  readonly rows: number;
}

/** Lists of commands that share their memory. */
export interface Program {
  readonly commands: readonly (readonly Command[])[];
  readonly group: GPUBindGroup;
  /** The caller destroys it. */
  readonly tables: GPUBuffer;
  /** What `release` needs. */
  readonly keys: ReadonlySet<string>;
}

/** Dispatches that belong together. The label is for the GPU's error messages. */
export interface Labelled {
  readonly label: string;
  readonly dispatches: readonly Dispatch[];
}

interface Layout {
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/** Records some of a program's commands. */
export function encode(
  pass: GPUComputePassEncoder,
  { group }: Pick<Program, "group">,
  commands: readonly Command[],
): void {
  for (const { pipeline, table, columns, rows } of commands) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group, table, 0, 1);
    pass.dispatchWorkgroups(columns, rows);
  }
}

/** The pipelines of a device, each compiled once. */
export class Pipelines {
  readonly #device: GPUDevice;
  /** By the number of buffers, then by WGSL text. */
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<number, Layout>();
  /** How many programs use a pipeline. */
  readonly #users = new Map<string, number>();
  /** Those that none uses, the longest unused first. */
  readonly #unused = new Set<string>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** @throws {RangeError} where the GPU cannot bind as many buffers to one shader. */
  checkBuffers(count: number): void {
    const most = this.#device.limits.maxStorageBuffersPerShaderStage;
    if (count > most) {
      throw new RangeError(
        `Cannot prepare a plan as its residents lie in ${count - 1} buffers and this GPU binds ${
          most - 1
        }: use a smaller model or data set, or --device wasm`,
      );
    }
  }

  /** Makes commands of dispatches, in whose shaders memory i is `buffers[i]`. */
  assemble(lists: readonly Labelled[], buffers: readonly GPUBuffer[]): Program {
    const layout = this.#layoutFor(buffers.length);
    const { tables, offsets, window } = this.#makeTables(lists.flatMap(({ dispatches }) => dispatches));
    const group = this.#device.createBindGroup({
      layout: layout.group,
      entries: [
        { binding: 0, resource: { buffer: tables, size: window } },
        ...buffers.map((buffer, i) => ({ binding: i + 1, resource: { buffer } })),
      ],
    });
    let next = 0;
    const keys = new Set<string>();
    const commands = lists.map(({ label, dispatches }) =>
      dispatches.map(({ code, groups }): Command => {
        // Rows of equal length, so that hardly any workgroup is started for nothing.
        const rows = Math.ceil(groups / MOST_GROUPS);
        return {
          pipeline: this.#pipelineFor(code, { buffers: buffers.length, label, keys }),
          table: Uint32Array.of(offsets[next++]),
          columns: Math.ceil(groups / rows),
          rows,
        };
      })
    );
    for (const key of keys) {
      this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
      this.#unused.delete(key);
    }
    return { commands, group, tables, keys };
  }

  /** A program's pipelines are kept for others for a while, and then forgotten. */
  release({ keys }: Program): void {
    for (const key of keys) {
      const users = this.#users.get(key)! - 1;
      this.#users.set(key, users);
      if (users === 0) this.#unused.add(key);
    }
    for (const key of this.#unused) {
      if (this.#unused.size <= MOST_UNUSED) return;
      this.#unused.delete(key);
      this.#users.delete(key);
      this.#pipelines.delete(key);
    }
  }

  /** How many pipelines are kept. */
  get kept(): number {
    return this.#pipelines.size;
  }

  #layoutFor(buffers: number): Layout {
    const known = this.#layouts.get(buffers);
    if (known !== undefined) return known;
    const storage = Array.from({ length: buffers }, (_, i): GPUBindGroupLayoutEntry => ({
      binding: i + 1,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: "storage" },
    }));
    const group = this.#device.createBindGroupLayout({
      entries: [
        {
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: "uniform", hasDynamicOffset: true },
        },
        ...storage,
      ],
    });
    const made = { group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(buffers, made);
    return made;
  }

  #pipelineFor(
    code: string,
    { buffers, label, keys }: {
      readonly buffers: number;
      readonly label: string;
      readonly keys: Set<string>;
    },
  ): GPUComputePipeline {
    const key = `${buffers} ${code}`, known = this.#pipelines.get(key);
    keys.add(key);
    if (known !== undefined) return known;
    const module = this.#device.createShaderModule({ label, code });
    const pipeline = this.#device.createComputePipeline({
      label,
      layout: this.#layoutFor(buffers).pipeline,
      compute: { module, entryPoint: "main" },
    });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  /** All tables in one buffer. A binding sees `window` bytes from a dynamic offset on. */
  #makeTables(
    dispatches: readonly Dispatch[],
  ): { readonly tables: GPUBuffer; readonly offsets: number[]; readonly window: number } {
    const alignment = this.#device.limits.minUniformBufferOffsetAlignment;
    const bytes = dispatches.map(({ table }) => align(Math.max(1, table.length), 4) * 4);
    const window = Math.max(16, ...bytes), offsets: number[] = [];
    let size = 0;
    for (const own of bytes) {
      offsets.push(size);
      size += align(own, alignment);
    }
    const words = new Uint32Array((size + window) / 4);
    dispatches.forEach(({ table }, i) => words.set(table, offsets[i] / 4));
    const tables = this.#device.createBuffer({
      label: "tables",
      size: 4 * words.length,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#device.queue.writeBuffer(tables, 0, words);
    return { tables, offsets, window };
  }
}

/** The next multiple of `to`. */
export function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
