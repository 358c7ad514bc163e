import { type Memorization, memorizationOf, rowFinder } from "../metrics/mod.ts";
import type { Session } from "./session.ts";

/** Samples compared between two looks at signals. */
const BLOCK = 20_000;

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
