// Elementwise programs over whole tensors.
import { at, ceilDiv, maximum, minimum, word } from "./simd";
import { first, last, scratch, share, take, threads } from "./thread";
import { pointTo, runProgram } from "./program";

// The words: program, pointers (operands and results), outer axes, rows, n, the outer axes' extents, then per pointer:
// base, byte strides of the outer axes, byte stride of the rows, and of the elements in a row.
const PROGRAM = 0, POINTERS = 1, OUTER = 2, ROWS = 3, N = 4, EXTENTS = 5;
/** Elements that are worth sharing out. */
const LEAST = 2048;

/** The command: one map. */
export function map(p: usize): void {
  const fn = word(p, PROGRAM), pointers = word(p, POINTERS), outer = word(p, OUTER), rows = word(p, ROWS), n = word(p, N);
  const args = scratch;
  const extents = at(p, EXTENTS);
  let total = rows;
  for (let axis = 0; axis < outer; axis++) total *= word(extents, axis);
  // Few long rows are cut.
  const cuts = total < 8 * threads ? ceilDiv(n, LEAST) : 1, wide = (ceilDiv(n, cuts) + 15) & ~15;
  share(total * cuts, maximum(1, LEAST / wide));
  while (take()) {
    for (let unit = first; unit < last;) {
      const at0 = unit / cuts, from = (unit - at0 * cuts) * wide, to = minimum(n, from + wide);
      const index = at0 / rows, row = at0 - index * rows, count = cuts > 1 ? 1 : minimum(rows - row, last - unit);
      unit += count;
      if (from >= to) continue;
      pointTo(extents, outer, pointers, index, row, from, args);
      runProgram(fn, args, count, to - from);
    }
  }
}
