/** One thread's instance of the kernels, and its table of programs. */

/** What the kernels export to JavaScript. */
export interface Kernels {
  initialize(thread: number, threads: number): void;
  execute(stream: number, times: number): number;
  barrier(): number;
  nextJob(last: number): number;
  postJob(): void;
  /** Begins a command of `count` units, of which `grain` or more go together. */
  share(count: number, grain: number): void;
  /** Takes units that no thread has: those from `first` to before `last`; 0 where none are left. */
  take(): number;
  readonly first: WebAssembly.Global;
  readonly last: WebAssembly.Global;
  fma_peak(rounds: number): number;
}

/** A thread's kernels with the means to add programs. */
export interface Instance {
  readonly kernels: Kernels;
  /** Puts the functions of a module that `codegen.ts` wrote at these places of the table, in order. */
  install(binary: Uint8Array<ArrayBuffer>, places: ArrayLike<number>): void;
}

/** Instantiates the kernels over the shared memory as thread `thread` of `threads`. */
export function instantiate(
  options: {
    readonly module: WebAssembly.Module;
    readonly memory: WebAssembly.Memory;
    readonly thread: number;
    readonly threads: number;
  },
): Instance {
  const { memory } = options;
  const table = new WebAssembly.Table({ initial: 1, element: "anyfunc" });
  const { exports } = new WebAssembly.Instance(options.module, {
    env: { memory, table, now: () => performance.now() },
  });
  const kernels = exports as unknown as Kernels;
  kernels.initialize(options.thread, options.threads);
  return {
    kernels,
    install(binary, places) {
      const added = new WebAssembly.Instance(new WebAssembly.Module(binary), {
        env: { memory },
        kernels: exports as WebAssembly.ModuleImports,
      });
      const missing = Math.max(...Array.from(places)) + 1 - table.length;
      if (missing > 0) table.grow(missing);
      for (let i = 0; i < places.length; i++) table.set(places[i], added.exports[`${i}`] as () => void);
    },
  };
}
