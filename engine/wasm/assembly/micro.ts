// The micro-kernels: tiles of 12 rows over k, from packed panels. Everything that multiplies uses them.
// A splat is a shuffle, which shares ports with multiply-adds, and each load has a bounds check: 4 x 8 sums need the fewest of
// both, and leave registers free (8 sums, two b, one a, one splat). 12 x 4 is for a panel of b that has no neighbour.
import { fma, lane0, lane1, lane2, lane3 } from "./simd";

/** Rows and columns of a tile. */
export const ROWS = 12;
export const COLUMNS = 4;

/**
 * Adds to the tile whose row r starts at rows[r] + offset the product of panel a [k][12] and panel b [k][4];
 * overwrites it where not `accumulate`.
 */
export function micro(k: i32, a: usize, b: usize, rows: usize, offset: usize, accumulate: i32): void {
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0);
  let c4 = f32x4.splat(0);
  let c5 = f32x4.splat(0);
  let c6 = f32x4.splat(0);
  let c7 = f32x4.splat(0);
  let c8 = f32x4.splat(0);
  let c9 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  if (accumulate) {
    c0 = v128.load(<usize>load<u32>(rows, 0) + offset);
    c1 = v128.load(<usize>load<u32>(rows, 4) + offset);
    c2 = v128.load(<usize>load<u32>(rows, 8) + offset);
    c3 = v128.load(<usize>load<u32>(rows, 12) + offset);
    c4 = v128.load(<usize>load<u32>(rows, 16) + offset);
    c5 = v128.load(<usize>load<u32>(rows, 20) + offset);
    c6 = v128.load(<usize>load<u32>(rows, 24) + offset);
    c7 = v128.load(<usize>load<u32>(rows, 28) + offset);
    c8 = v128.load(<usize>load<u32>(rows, 32) + offset);
    c9 = v128.load(<usize>load<u32>(rows, 36) + offset);
    c10 = v128.load(<usize>load<u32>(rows, 40) + offset);
    c11 = v128.load(<usize>load<u32>(rows, 44) + offset);
  }
  for (; k > 0; k--) {
    const v = v128.load(b);
    const a0 = v128.load(a, 0);
    c0 = fma(lane0(a0), v, c0);
    c1 = fma(lane1(a0), v, c1);
    c2 = fma(lane2(a0), v, c2);
    c3 = fma(lane3(a0), v, c3);
    const a1 = v128.load(a, 16);
    c4 = fma(lane0(a1), v, c4);
    c5 = fma(lane1(a1), v, c5);
    c6 = fma(lane2(a1), v, c6);
    c7 = fma(lane3(a1), v, c7);
    const a2 = v128.load(a, 32);
    c8 = fma(lane0(a2), v, c8);
    c9 = fma(lane1(a2), v, c9);
    c10 = fma(lane2(a2), v, c10);
    c11 = fma(lane3(a2), v, c11);
    a += 48;
    b += 16;
  }
  v128.store(<usize>load<u32>(rows, 0) + offset, c0);
  v128.store(<usize>load<u32>(rows, 4) + offset, c1);
  v128.store(<usize>load<u32>(rows, 8) + offset, c2);
  v128.store(<usize>load<u32>(rows, 12) + offset, c3);
  v128.store(<usize>load<u32>(rows, 16) + offset, c4);
  v128.store(<usize>load<u32>(rows, 20) + offset, c5);
  v128.store(<usize>load<u32>(rows, 24) + offset, c6);
  v128.store(<usize>load<u32>(rows, 28) + offset, c7);
  v128.store(<usize>load<u32>(rows, 32) + offset, c8);
  v128.store(<usize>load<u32>(rows, 36) + offset, c9);
  v128.store(<usize>load<u32>(rows, 40) + offset, c10);
  v128.store(<usize>load<u32>(rows, 44) + offset, c11);
}

/** Four rows by two panels of b. */
function quad(k: i32, a: usize, b0: usize, b1: usize, rows: usize, offset: usize, accumulate: i32): void {
  const r0 = <usize>load<u32>(rows, 0) + offset, r1 = <usize>load<u32>(rows, 4) + offset;
  const r2 = <usize>load<u32>(rows, 8) + offset, r3 = <usize>load<u32>(rows, 12) + offset;
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0, y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  if (accumulate) {
    x0 = v128.load(r0, 0);
    y0 = v128.load(r0, 16);
    x1 = v128.load(r1, 0);
    y1 = v128.load(r1, 16);
    x2 = v128.load(r2, 0);
    y2 = v128.load(r2, 16);
    x3 = v128.load(r3, 0);
    y3 = v128.load(r3, 16);
  }
  for (; k > 0; k--) {
    const v = v128.load(b0), w = v128.load(b1), left = v128.load(a);
    const s0 = lane0(left);
    x0 = fma(s0, v, x0);
    y0 = fma(s0, w, y0);
    const s1 = lane1(left);
    x1 = fma(s1, v, x1);
    y1 = fma(s1, w, y1);
    const s2 = lane2(left);
    x2 = fma(s2, v, x2);
    y2 = fma(s2, w, y2);
    const s3 = lane3(left);
    x3 = fma(s3, v, x3);
    y3 = fma(s3, w, y3);
    a += 48;
    b0 += 16;
    b1 += 16;
  }
  v128.store(r0, x0, 0);
  v128.store(r0, y0, 16);
  v128.store(r1, x1, 0);
  v128.store(r1, y1, 16);
  v128.store(r2, x2, 0);
  v128.store(r2, y2, 16);
  v128.store(r3, x3, 0);
  v128.store(r3, y3, 16);
}

/**
 * `micro` for columns j ... n, as many whole tiles as there are: the panels of b are `step` bytes apart. Returns the first
 * column that is left.
 */
export function microRow(
  k: i32, a: usize, b: usize, step: usize, rows: usize, j: i32, n: i32, accumulate: i32,
): i32 {
  for (; j + 2 * COLUMNS <= n; j += 2 * COLUMNS) {
    const next = b + step, offset = <usize>j << 2;
    quad(k, a, b, next, rows, offset, accumulate);
    quad(k, a + 16, b, next, rows + 16, offset, accumulate);
    quad(k, a + 32, b, next, rows + 32, offset, accumulate);
    b = next + step;
  }
  if (j + COLUMNS > n) return j;
  micro(k, a, b, rows, <usize>j << 2, accumulate);
  return j + COLUMNS;
}

/** `12 * rounds` multiply-adds of four lanes in registers: what the machine can do at most. Call it often, not long. */
export function fma_peak(rounds: i32): f32 {
  let c0 = f32x4.splat(0.5);
  let c1 = f32x4.splat(1.5);
  let c2 = f32x4.splat(2.5);
  let c3 = f32x4.splat(3.5);
  let c4 = f32x4.splat(4.5);
  let c5 = f32x4.splat(5.5);
  let c6 = f32x4.splat(6.5);
  let c7 = f32x4.splat(7.5);
  let c8 = f32x4.splat(8.5);
  let c9 = f32x4.splat(9.5);
  let c10 = f32x4.splat(10.5);
  let c11 = f32x4.splat(11.5);
  const a = f32x4.splat(<f32>rounds), b = f32x4.splat(<f32>rounds * 0.001);
  for (; rounds > 0; rounds--) {
    c0 = fma(a, b, c0);
    c1 = fma(a, b, c1);
    c2 = fma(a, b, c2);
    c3 = fma(a, b, c3);
    c4 = fma(a, b, c4);
    c5 = fma(a, b, c5);
    c6 = fma(a, b, c6);
    c7 = fma(a, b, c7);
    c8 = fma(a, b, c8);
    c9 = fma(a, b, c9);
    c10 = fma(a, b, c10);
    c11 = fma(a, b, c11);
  }
  return f32x4.extract_lane(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(c0, c1), c2), c3), c4), c5), c6), c7), c8), c9), c10), c11), 0);
}
