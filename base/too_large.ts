/** What would not fit into memory, said before it is taken. */

/** Bytes that one thing may take at most: what 32-bit WebAssembly addresses, and what most machines have. */
export const MOST_BYTES = 4e9;

/** What was asked for would not fit into memory. A task's report adds which flags make it smaller. */
export class TooLarge extends RangeError {
  override readonly name = "TooLarge";
}

/** Bytes as people read them: "15.5 GB". */
export function inGigabytes(bytes: number): string {
  return `${(bytes / 1e9).toLocaleString("en-US", { maximumFractionDigits: 1 })} GB`;
}
