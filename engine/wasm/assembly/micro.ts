// The one micro-kernel: a tile of 12 x 4 sums over k, from packed panels. Everything that multiplies uses it.
// 12 x 4 is what fits 16 vector registers (12 sums, one b, one a, one splat) with few loads: each load has a bounds check.
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
