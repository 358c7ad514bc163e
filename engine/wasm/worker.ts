/** A worker of the WebAssembly executor: does jobs until it is told to close. */
import { instantiate } from "./instance.ts";
import { JOBS, LAYOUT } from "./layout.ts";

/** What the executor sends to a new worker. */
export interface Start {
  readonly binary: Uint8Array<ArrayBuffer>;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
}

/** The part of a worker's global scope that is used here. */
interface Scope {
  onmessage: ((event: MessageEvent<Start>) => void) | null;
  postMessage(message: string): void;
  close(): void;
}
const scope = globalThis as unknown as Scope;

function work(start: Start): void {
  const { memory, thread, threads } = start;
  const module = new WebAssembly.Module(start.binary);
  const { kernels, install } = instantiate({ module, memory, thread, threads });
  scope.postMessage("ready");
  for (let job = 0;;) {
    job = kernels.nextJob(job);
    const words = new Int32Array(memory.buffer, LAYOUT.jobKind, 5);
    if (words[0] === JOBS.close) return scope.close();
    if (words[0] === JOBS.install) {
      const [, address, length, count, places] = words;
      install(
        new Uint8Array(memory.buffer, address >>> 0, length).slice(),
        new Int32Array(memory.buffer, places >>> 0, count).slice(),
      );
      kernels.barrier();
    } else {
      kernels.execute(words[1], words[2]);
    }
  }
}

scope.onmessage = (event) => {
  try {
    work(event.data);
  } catch (error) {
    // Nobody may wait for this thread any more.
    const words = new Int32Array(event.data.memory.buffer);
    Atomics.store(words, LAYOUT.failed / 4, 1);
    Atomics.notify(words, LAYOUT.generation / 4);
    scope.postMessage(`${error}`);
    scope.close();
  }
};
