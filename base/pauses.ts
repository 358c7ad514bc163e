/** Milliseconds of work without a pause. */
const PAUSE_INTERVAL = 50;

/**
 * To be awaited between the parts of long work: lets signals and timers in, which fire between macrotasks only, where
 * the last time is long ago.
 */
export function pauses(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < PAUSE_INTERVAL) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
