/**
 * Which tile a matrix product is cut into: on a GPU the fastest for products of like size, measured once on the GPU
 * itself. All tiles give the same bits, so neither a choice nor its absence changes a result.
 *
 * Times are the GPU's own: the host would learn of the end of some work only at Deno's next poll, 11 ms later. On a
 * software adapter nothing is measured: one tile was three times as fast as the staged ones in every product of the
 * benchmarks, and to compile the others there takes longer than they could win.
 */
import { dirname } from "node:path";
import { isRecord, readJson, writeJson } from "../../base/files.ts";
import { sizeOf, type Value } from "../graph.ts";
import { largestBuffer } from "./heap.ts";
import { flopsOf, usualTile, writeProduct } from "./kernels/matmul.ts";
import { DIRECT, extentOf, STAGED, TILES } from "./kernels/tiles.ts";
import { align, encode, type Pipelines } from "./pipelines.ts";
import { timePasses } from "./readback.ts";
import type { KernelContext, Product, Tile } from "./kernels/context.ts";

/** Milliseconds of a process after which no further measurement begins. */
const BUDGET = 1000;
/** Products of fewer operations are not worth it. */
const LEAST_FLOPS = 2 ** 22;
/** Likewise on a processor: the smaller tile compiles faster. */
const LEAST_SOFTWARE_FLOPS = 2 ** 18;
/** A larger product is measured by a part of it: enough to fill a large GPU for a tenth of a millisecond. */
const MOST_FLOPS = 2 ** 31;
/** Runs of each tile, of which the first is not counted. */
const RUNS = 4;
/** Most elements of the tensors of a product that is measured. */
const MOST_ELEMENTS = 2 ** 26;

/** Names of tiles by class of products. */
type Choices = Record<string, string>;

/** Where choices are kept from one process to the next. */
export interface ChoiceFile {
  readonly path: string;
  /** Choices of one adapter are nothing to another. */
  readonly adapter: string;
}

/** See above. */
export class Tuning {
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #software: boolean;
  readonly #file: ChoiceFile | undefined;
  readonly #known = new Map<string, Tile>();
  readonly #tried = new Set<string>();
  /** Milliseconds that are left. */
  #budget: number;

  /** `software`: the adapter is a processor. `budget` in milliseconds, absent: 1,000. */
  constructor(device: GPUDevice, pipelines: Pipelines, options: {
    readonly software: boolean;
    readonly file?: ChoiceFile;
    readonly budget?: number;
  }) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#software = options.software;
    this.#file = options.file;
    this.#budget = options.budget ?? BUDGET;
  }

  /** Takes over what the file knows; a file that cannot be read knows nothing. */
  async recall(): Promise<void> {
    const stored = this.#file && (await this.#stored())[this.#file.adapter];
    for (const [key, name] of Object.entries(stored ?? {})) {
      const tile = TILES.find((tile) => tile.name === name);
      if (tile !== undefined) this.#known.set(key, tile);
    }
  }

  /** The tile of a product: what was measured, or what is usual. */
  tileOf(product: Product): Tile {
    return this.#known.get(classOf(product)) ?? this.#usual(product);
  }

  #usual(product: Product): Tile {
    if (!this.#software) return usualTile(product);
    // To compile the larger takes longer than so little can win.
    return flopsOf(product) < LEAST_SOFTWARE_FLOPS ? DIRECT.small : DIRECT.processor;
  }

  /**
   * Measures the classes of `products` that are not known, the largest first, while there is time. Never fails;
   * resolves to whether it has learned anything.
   */
  async learn(products: readonly Product[]): Promise<boolean> {
    if (this.#software || !this.#device.features.has("timestamp-query")) return false;
    const found: Choices = {};
    for (const product of products.toSorted((a, b) => flopsOf(b) - flopsOf(a))) {
      const key = classOf(product);
      if (this.#budget <= 0 || flopsOf(product) < LEAST_FLOPS) break;
      if (this.#known.has(key) || this.#tried.has(key)) continue;
      this.#tried.add(key);
      const tile = await this.#fastest(product).catch(() => undefined);
      if (tile === undefined) continue;
      this.#known.set(key, tile);
      found[key] = tile.name;
    }
    if (Object.keys(found).length === 0) return false;
    await this.#store(found).catch(() => {});
    return true;
  }

  async #fastest(product: Product): Promise<Tile | undefined> {
    const sample = shrunk(product, MOST_FLOPS), usual = usualTile(sample);
    // A tile that is mostly outside computes for nothing.
    const others = [...STAGED, DIRECT.small].filter((tile) => {
      const { rows, columns } = extentOf(tile);
      return tile !== usual && rows <= 2 * sample.rows && columns <= 2 * sample.columns;
    });
    let best: Tile | undefined, least = Infinity, measured = 0;
    for (const tile of [usual, ...others]) {
      if (this.#budget <= 0) break;
      const start = performance.now(), ms = await this.#time(sample, tile);
      this.#budget -= performance.now() - start;
      if (ms === undefined) return undefined;
      measured++;
      if (ms < least) [best, least] = [tile, ms];
    }
    return measured > 1 ? best : undefined;
  }

  /** Milliseconds of a product with a tile; undefined where the GPU refuses. */
  async #time(product: Product, tile: Tile): Promise<number | undefined> {
    const device = this.#device, places = new Map<number, number>();
    let size = 0;
    const take = (elements: number) => {
      const offset = size;
      size += align(elements, 16);
      return { buffer: 0, offset };
    };
    const context: KernelContext = {
      locate: ({ id, shape }: Value) => {
        if (!places.has(id)) places.set(id, take(sizeOf(shape)).offset);
        return { buffer: 0, offset: places.get(id)! };
      },
      constant: () => undefined,
      scratch: take,
      tileOf: () => tile,
    };
    const dispatches = writeProduct(context, product);
    if (size > Math.min(MOST_ELEMENTS, largestBuffer(device))) return undefined;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const memory = device.createBuffer({ size: 4 * size + 64, usage: GPUBufferUsage.STORAGE });
    const program = this.#pipelines.assemble([{ label: tile.name, dispatches }], [memory]);
    const run = (pass: GPUComputePassEncoder) => encode(pass, program, program.commands[0]);
    const encoder = device.createCommandEncoder();
    const timed = timePasses(
      device,
      { encoder: () => encoder, submit: () => device.queue.submit([encoder.finish()]) },
      Array<typeof run>(RUNS).fill(run),
    ).catch(() => undefined);
    const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    try {
      const times = await timed;
      return times && errors.every((error) => error === null) ? Math.min(...times.subarray(1)) : undefined;
    } finally {
      memory.destroy();
      program.tables.destroy();
    }
  }

  /** The choices of all adapters. */
  async #stored(): Promise<Readonly<Record<string, Choices>>> {
    if (this.#file === undefined || !allowed("read", this.#file.path)) return {};
    const stored = await readJson(this.#file.path).catch(() => undefined);
    return isRecord(stored) ? stored as Readonly<Record<string, Choices>> : {};
  }

  async #store(found: Choices): Promise<void> {
    if (this.#file === undefined || !allowed("write", this.#file.path)) return;
    const { path, adapter } = this.#file, stored = await this.#stored();
    await Deno.mkdir(dirname(path), { recursive: true });
    await writeJson(path, { ...stored, [adapter]: { ...stored[adapter], ...found } });
  }
}

/** Products of one class are of one operation and layout, and of like size: powers of two tell them apart. */
export function classOf({ kind, batch, rows, columns, inner, left, right }: Product): string {
  const sizes = [batch, rows, columns, inner].map((size) => Math.round(Math.log2(size)));
  const layouts = [left, right].map(({ along, quads }) => `${along}${quads ? "" : " unaligned"}`);
  return [kind, ...layouts, ...sizes].join(", ");
}

/** A product like the given one of at most about `flops` operations. */
function shrunk(product: Product, flops: number): Product {
  let result = product;
  while (flopsOf(result) > flops) {
    const largest = (["batch", "rows", "columns", "inner"] as const).reduce((a, b) =>
      result[b] > result[a] ? b : a
    );
    const grain = result[largest] % 4 === 0 ? 4 : 1;
    const half = align(result[largest] / 2, grain);
    if (half === result[largest]) break;
    result = { ...result, [largest]: half };
  }
  // An epilogue's operands have the shape of the whole.
  return { ...result, epilogue: undefined, operands: [] };
}

function allowed(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}
