/** Where things lie in the shared memory, in bytes: what `assembly/thread.ts` knows too. */
export const LAYOUT = {
  arrived: 64,
  generation: 128,
  failed: 256,
  job: 320,
  /** Milliseconds without a sign of life after which a thread is taken for dead. */
  patience: 448,
  /** What the job is, and its words. */
  jobKind: 512,
  jobWords: 516,
  scratchStart: 65536,
  scratchBytes: 720896,
} as const;

/** What `jobKind` can be. */
export const JOBS = { execute: 1, install: 2, close: 3 } as const;
export const PAGE = 65536;
export const MAX_PAGES = 65536;
