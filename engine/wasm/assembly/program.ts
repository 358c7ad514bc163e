// Calls of the programs that engine/wasm/codegen.ts writes. A program's arguments are, per operand and then per result,
// a pointer and a row stride in bytes; along a row every operand is dense or one element, as the program was written for.

import { at, word } from "./simd";

/**
 * Writes the arguments at `args`: `count` operands from row `row` and element `element` of outer index `outer` on. At
 * `extents` are the extents of the outer axes, then per operand: base, byte strides of the outer axes, byte stride of the
 * rows, and of the elements in a row.
 */
export function pointTo(
  extents: usize, axes: i32, count: i32, outer: i32, row: i32, element: i32, args: usize,
): void {
  const table = at(extents, axes);
  for (let i = 0; i < count; i++) {
    const entry = at(table, i * (axes + 3)), step = word(entry, axes + 1);
    let address = word(entry, 0) + row * step + element * word(entry, axes + 2);
    let rest = outer;
    for (let axis = axes - 1; axis >= 0; axis--) {
      const extent = word(extents, axis), next = rest / extent;
      address += (rest - next * extent) * word(entry, 1 + axis);
      rest = next;
    }
    store<i32>(at(args, 2 * i), address);
    store<i32>(at(args, 2 * i + 1), step);
  }
}

/** Runs program `fn` over `rows` rows of `n` elements. */
@inline export function runProgram(fn: i32, args: usize, rows: i32, n: i32): void {
  call_indirect<void>(fn, args, rows, n);
}
