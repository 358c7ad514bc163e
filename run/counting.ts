import { type Memorization, memorizationOf, rowFinder } from "../metrics/mod.ts";
import type { Session } from "./session.ts";

/** Samples compared between two looks at signals. */
const BLOCK = 20_000;

/**
 * `memorization` of the windows of longer samples, [N, extent], as if each were a sample: all windows of `length` tokens, and
 * training sequences [M, length].
 */
export async function countMemorizedWindows(
  samples: Int32Array,
  training: Int32Array,
  options: { readonly length: number; readonly extent: number; readonly session: Session },
): Promise<Memorization> {
  const { length, extent, session } = options, find = rowFinder(training, length);
  const count = samples.length / extent, each = extent - length + 1;
  const matches = new Int32Array(count * each), windows = new Int32Array(each * length);
  session.follow("comparing", count);
  for (let sample = 0; sample < count; sample++) {
    for (let at = 0; at < each; at++) {
      const from = sample * extent + at;
      windows.set(samples.subarray(from, from + length), at * length);
    }
    matches.set(find.in(windows), sample * each);
    await session.between();
  }
  return memorizationOf(matches, find.distinct);
}

/** `memorization` of samples and training sequences, both [N, length], which a signal may interrupt. */
export async function countMemorized(
  samples: Int32Array,
  training: Int32Array,
  options: { readonly length: number; readonly session: Session },
): Promise<Memorization> {
  const { length, session } = options;
  const find = rowFinder(training, length);
  const matches = new Int32Array(samples.length / length);
  session.follow("comparing", Math.ceil(matches.length / BLOCK));
  for (let from = 0; from < matches.length; from += BLOCK) {
    matches.set(find.in(samples.subarray(from * length, (from + BLOCK) * length)), from);
    await session.between();
  }
  return memorizationOf(matches, find.distinct);
}
