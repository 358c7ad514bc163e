// What a thread knows of itself, how threads meet, and how they share a command's work. The addresses below are those of
// engine/wasm/layout.ts.
import { ceilDiv, minimum } from "./simd";

const ARRIVED: usize = 64;
const GENERATION: usize = 128;
const SLEEPERS: usize = 192;
const FAILED: usize = 256;
const JOB: usize = 320;
const JOB_SLEEPERS: usize = 384;
const PATIENCE: usize = 448;
const BEATS: usize = 1024;
const CLAIMS: usize = 8192;
const SCRATCH_START: usize = 65536;
const SCRATCH_BYTES: usize = 720896;

// Some 100 microseconds. More than a sleeper takes to wake up (25 here): a thread that waits for one must not fall asleep
// itself, as the two would then put each other to sleep and wake each other at every barrier from there on.
const SPINS: i32 = 100_000;
const SLICE: i64 = 20_000_000; // nanoseconds

// Pieces of a command's work for each thread: what the last one to finish may lag behind is a piece.
const PIECES = 32;

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

// A command's work is cut into pieces, of which every thread has a share to begin with, the same one every time: it finds
// in its core's caches what it left there. A thread that has done its share takes pieces from the ends of the others': cores
// are not equally fast for long, as a laptop has small ones and a server has neighbours. What is left of a share is one
// word: the number of the command, the first piece, and the one after the last.
let commands: u32 = 0;
let pieces: i32 = 0;
let units: i32 = 0;

/** The units that `take` gave to this thread: first ... last. */
export let first: i32 = 0;
export let last: i32 = 0;

function shareOf(other: i32): u64 {
  return (<u64>commands << 32) | (<u64>(pieces * other / threads) << 16) | <u64>(pieces * (other + 1) / threads);
}

/** Begins a command of `count` units, of which `grain` or more go together. All threads do so with the same numbers. */
export function share(count: i32, grain: i32): void {
  commands++;
  units = count;
  pieces = minimum(ceilDiv(count, grain), threads * PIECES);
  const address = CLAIMS + <usize>thread * 64, word = atomic.load<u64>(address);
  // Where this fails, another thread is here already and has taken of this share.
  if (<i32>(<u32>(word >> 32) - commands) < 0) atomic.cmpxchg<u64>(address, word, shareOf(thread));
}

/** Takes units that nobody has: false where none are left. */
export function take(): bool {
  for (let i = 0; i < threads; i++) {
    const other = (thread + i) % threads, address = CLAIMS + <usize>other * 64;
    while (true) {
      const word = atomic.load<u64>(address), age = <i32>(<u32>(word >> 32) - commands);
      let from = <i32>(word >> 16) & 0xffff, to = <i32>word & 0xffff;
      // The other is past this command, or still has some of an earlier one.
      if (age > 0 || (age < 0 && from < to)) break;
      const left = age < 0 ? shareOf(other) : word;
      from = <i32>(left >> 16) & 0xffff;
      to = <i32>left & 0xffff;
      if (from >= to) break;
      const piece = i == 0 ? from : to - 1;
      if (atomic.cmpxchg<u64>(address, word, i == 0 ? left + 0x10000 : left - 1) != word) continue;
      first = <i32>(<i64>units * piece / pieces);
      last = <i32>(<i64>units * (piece + 1) / pieces);
      return true;
    }
  }
  return false;
}
