/** Device memory for tensors that stay: a few large buffers, cut by first fit. */
import type { Storage } from "../executor.ts";

/** Places are multiples of 16 elements, so that vectors of four are aligned and may run over a tensor's end. */
const GRAIN = 16;
/** Elements of the first heap; each further one is twice as large as the last. */
const FIRST_HEAP = 1 << 20;

/** A storage of this executor: elements `offset` ... `offset + size - 1` of a heap. */
export class HeapStorage implements Storage {
  constructor(readonly heap: Heap, readonly offset: number, readonly size: number) {}
}

/** One buffer and what is free in it. */
export class Heap {
  readonly buffer: GPUBuffer;
  readonly size: number;
  /** Free ranges, ascending, never adjacent. */
  #free: { offset: number; size: number }[];

  constructor(device: GPUDevice, size: number) {
    this.size = size;
    this.buffer = device.createBuffer({
      label: "residents",
      size: 4 * size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#free = [{ offset: 0, size }];
  }

  /** Undefined where no free range is long enough. */
  take(size: number): HeapStorage | undefined {
    const needed = roomFor(size);
    const index = this.#free.findIndex((range) => range.size >= needed);
    if (index < 0) return undefined;
    const range = this.#free[index], storage = new HeapStorage(this, range.offset, size);
    range.offset += needed;
    range.size -= needed;
    if (range.size === 0) this.#free.splice(index, 1);
    return storage;
  }

  give(storage: HeapStorage): void {
    const size = roomFor(storage.size), at = this.#free.findIndex((range) => range.offset > storage.offset);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { offset: storage.offset, size });
    const joined: { offset: number; size: number }[] = [];
    for (const range of this.#free) {
      const last = joined.at(-1);
      if (last !== undefined && last.offset + last.size === range.offset) last.size += range.size;
      else joined.push(range);
    }
    this.#free = joined;
  }
}

function roomFor(size: number): number {
  return Math.ceil(Math.max(size, 1) / GRAIN) * GRAIN;
}

/** All heaps of an executor. */
export class Heaps {
  readonly #device: GPUDevice;
  readonly #heaps: Heap[] = [];
  /** Most elements of one buffer. */
  readonly #largest: number;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#largest = largestBuffer(device);
  }

  /** @throws {RangeError} where one buffer cannot hold that many elements. */
  allocate(size: number): HeapStorage {
    for (const heap of this.#heaps) {
      const storage = heap.take(size);
      if (storage !== undefined) return storage;
    }
    checkSize(size, this.#largest, "a tensor");
    const preferred = Math.min(FIRST_HEAP * 2 ** this.#heaps.length, this.#largest);
    const heap = new Heap(this.#device, Math.max(preferred, roomFor(size)));
    this.#heaps.push(heap);
    return heap.take(size)!;
  }
}

/** The most elements that one buffer of the device can hold, as a multiple of the grain. */
export function largestBuffer(device: GPUDevice): number {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4 / GRAIN) * GRAIN;
}

/** @throws {RangeError} naming both numbers, where `size` elements are too many for one buffer. */
export function checkSize(size: number, largest: number, what: string): void {
  if (size <= largest) return;
  const mebibytes = (elements: number) => `${(elements / 2 ** 18).toFixed(1)} MiB`;
  throw new RangeError(
    `Cannot allocate ${what} of ${mebibytes(size)} as one buffer of this GPU holds ${
      mebibytes(largest)
    }: use a smaller batch or model, or --device wasm`,
  );
}
