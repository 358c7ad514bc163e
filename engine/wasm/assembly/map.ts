// Elementwise programs over whole tensors.
import { at, ceilDiv, minimum, word } from "./simd";
import { scratch, thread, threads } from "./thread";
import { runProgram } from "./program";

// The words: program, pointers (operands and results), outer axes, rows, n, the thread that does it alone (or -1), then
// the outer axes' extents, then per pointer: base, byte strides of the outer axes, byte stride of the rows, and of the
// elements in a row.
const PROGRAM = 0, POINTERS = 1, OUTER = 2, ROWS = 3, N = 4, ALONE = 5, EXTENTS = 6;

/** The command: this thread's share of one map. */
export function map(p: usize): void {
  const fn = word(p, PROGRAM), pointers = word(p, POINTERS), outer = word(p, OUTER), rows = word(p, ROWS), n = word(p, N);
  const alone = word(p, ALONE);
  const args = scratch;
  const extents = at(p, EXTENTS), table = at(extents, outer), entry = outer + 3;
  let total = rows;
  for (let axis = 0; axis < outer; axis++) total *= word(extents, axis);
  if (alone >= 0 ? alone % threads != thread : total == 1 && ceilDiv(n, threads) * thread >= n) return;

  let from = 0, to = n, first = 0, last = total;
  if (alone < 0) {
    if (total < threads) {
      const share = (ceilDiv(n, threads) + 15) & ~15;
      from = minimum(n, share * thread);
      to = minimum(n, from + share);
    } else {
      first = <i32>(<i64>total * thread / threads);
      last = <i32>(<i64>total * (thread + 1) / threads);
    }
  }
  if (from >= to) return;
  while (first < last) {
    const index = first / rows, row = first - index * rows, count = minimum(rows - row, last - first);
    for (let i = 0; i < pointers; i++) {
      const entryOf = at(table, i * entry);
      const step = word(entryOf, outer + 1);
      let address = word(entryOf, 0) + row * step + from * word(entryOf, outer + 2);
      let rest = index;
      for (let axis = outer - 1; axis >= 0; axis--) {
        const extent = word(extents, axis), next = rest / extent;
        address += (rest - next * extent) * word(entryOf, 1 + axis);
        rest = next;
      }
      store<i32>(at(args, 2 * i), address);
      store<i32>(at(args, 2 * i + 1), step);
    }
    runProgram(fn, args, count, to - from);
    first += count;
  }
}
