/** Who has which part of the shared memory. */
import { LAYOUT, MAX_PAGES, PAGE } from "./layout.ts";

const ALIGNMENT = 64;

/** First-fit allocation in the shared memory, which grows as needed. Addresses and sizes are in bytes. */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  /** Free parts by address; the last ends where the memory may end. */
  #free: { address: number; size: number }[];

  constructor(memory: WebAssembly.Memory, threads: number) {
    this.#memory = memory;
    const start = LAYOUT.scratchStart + threads * LAYOUT.scratchBytes;
    this.#free = [{ address: start, size: MAX_PAGES * PAGE - start }];
  }

  /** @throws {RangeError} where no free part is large enough. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const index = this.#free.findIndex((part) => part.size >= size);
    if (index < 0) {
      const free = this.#free.reduce((largest, part) => Math.max(largest, part.size), 0);
      throw new RangeError(
        `Cannot allocate ${bytes} bytes as WebAssembly has ${free} left in one piece: use a smaller batch or model`,
      );
    }
    const part = this.#free[index], address = part.address;
    const missing = address + size - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE));
      } catch (cause) {
        throw new RangeError(
          `Cannot allocate ${bytes} bytes as the system gives WebAssembly no more than ${this.#memory.buffer.byteLength}`,
          { cause },
        );
      }
    }
    part.address += size;
    part.size -= size;
    if (part.size === 0) this.#free.splice(index, 1);
    return address;
  }

  /** Gives back what `allocate(bytes)` gave. */
  free(address: number, bytes: number): void {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    this.#free.push({ address, size });
    this.#free.sort((a, b) => a.address - b.address);
    const merged: { address: number; size: number }[] = [];
    for (const part of this.#free) {
      const last = merged[merged.length - 1];
      if (last && last.address + last.size === part.address) last.size += part.size;
      else merged.push(part);
    }
    this.#free = merged;
  }
}
