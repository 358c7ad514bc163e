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

/** Does work that is given in pieces without a pause. */
export function atOnce<T>(work: Generator<void, T>): T {
  let piece = work.next();
  while (!piece.done) piece = work.next();
  return piece.value;
}

/** The same, letting signals and timers in between the pieces. */
export async function inPieces<T>(work: Generator<void, T>): Promise<T> {
  const pause = pauses();
  let piece = work.next();
  while (!piece.done) {
    await pause();
    piece = work.next();
  }
  return piece.value;
}
