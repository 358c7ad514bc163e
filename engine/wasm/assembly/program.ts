// Calls of the programs that engine/wasm/codegen.ts writes. A program's arguments are, per operand and then per result,
// a pointer and a row stride in bytes; along a row every operand is dense or one element, as the program was written for.

/** Runs program `fn` over `rows` rows of `n` elements. */
@inline export function runProgram(fn: i32, args: usize, rows: i32, n: i32): void {
  call_indirect<void>(fn, args, rows, n);
}
