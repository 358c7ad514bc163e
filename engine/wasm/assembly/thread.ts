// What a thread knows of itself, and how threads meet. The addresses below are those of engine/wasm/layout.ts.

const ARRIVED: usize = 64;
const GENERATION: usize = 128;
const SLEEPERS: usize = 192;
const FAILED: usize = 256;
const JOB: usize = 320;
const JOB_SLEEPERS: usize = 384;
const PATIENCE: usize = 448;
const BEATS: usize = 1024;
const SCRATCH_START: usize = 65536;
const SCRATCH_BYTES: usize = 720896;

// Some 100 microseconds. More than a sleeper takes to wake up (25 here): a thread that waits for one must not fall asleep
// itself, as the two would then put each other to sleep and wake each other at every barrier from there on.
const SPINS: i32 = 100_000;
const SLICE: i64 = 20_000_000; // nanoseconds

/** This thread's number, how many there are, and its private memory. */
export let thread: i32 = 0;
export let threads: i32 = 1;
export let scratch: usize = 0;

export function initialize(number: i32, count: i32): void {
  thread = number;
  threads = count;
  scratch = SCRATCH_START + <usize>number * SCRATCH_BYTES;
}

/** A sign of life, for those who wait. */
@inline export function beat(): void {
  const address = BEATS + <usize>thread * 64;
  atomic.store<i32>(address, atomic.load<i32>(address) + 1);
}

function beats(): i32 {
  let sum = 0;
  for (let i = 0; i < threads; i++) sum += atomic.load<i32>(BEATS + <usize>i * 64);
  return sum;
}

/** Returns when all threads are here (true), or when one has failed or shows no sign of life (false). */
export function barrier(): bool {
  if (threads == 1) return true;
  const generation = atomic.load<i32>(GENERATION);
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.add<i32>(GENERATION, 1);
    if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(GENERATION, -1);
    return atomic.load<i32>(FAILED) == 0;
  }
  for (let i = 0; i < SPINS; i++) {
    if (atomic.load<i32>(GENERATION) != generation) return atomic.load<i32>(FAILED) == 0;
  }
  let seen = beats();
  let silent: i64 = 0;
  const patience = <i64>load<i32>(PATIENCE) * 1_000_000;
  atomic.add<i32>(SLEEPERS, 1);
  while (atomic.load<i32>(GENERATION) == generation && atomic.load<i32>(FAILED) == 0) {
    if (atomic.wait<i32>(GENERATION, generation, SLICE) != 2) continue;
    const now = beats();
    silent = now == seen ? silent + SLICE : 0;
    seen = now;
    if (silent >= patience) atomic.store<i32>(FAILED, 1);
  }
  atomic.sub<i32>(SLEEPERS, 1);
  return atomic.load<i32>(FAILED) == 0;
}

/** Waits until there is a job other than the one numbered `last`; returns its number. */
export function nextJob(last: i32): i32 {
  for (let i = 0; i < SPINS; i++) {
    const job = atomic.load<i32>(JOB);
    if (job != last) return job;
  }
  atomic.add<i32>(JOB_SLEEPERS, 1);
  while (atomic.load<i32>(JOB) == last) atomic.wait<i32>(JOB, last, -1);
  atomic.sub<i32>(JOB_SLEEPERS, 1);
  return atomic.load<i32>(JOB);
}

/** Publishes a job whose words are already written. */
export function postJob(): void {
  atomic.add<i32>(JOB, 1);
  if (atomic.load<i32>(JOB_SLEEPERS) != 0) atomic.notify(JOB, -1);
}
