// Small vector helpers. `@inline` matters: V8 does not inline calls between wasm functions.

/** a * b + c, fused where the machine and the build have it. */
@inline export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

@inline export function lane0(v: v128): v128 { return v128.shuffle<i32>(v, v, 0, 0, 0, 0); }
@inline export function lane1(v: v128): v128 { return v128.shuffle<i32>(v, v, 1, 1, 1, 1); }
@inline export function lane2(v: v128): v128 { return v128.shuffle<i32>(v, v, 2, 2, 2, 2); }
@inline export function lane3(v: v128): v128 { return v128.shuffle<i32>(v, v, 3, 3, 3, 3); }

/** Bytes of a vector register. */
export const VECTOR: usize = 16;

@inline export function at(base: usize, index: i32): usize { return base + ((<usize>index) << 2); }
@inline export function word(base: usize, index: i32): i32 { return load<i32>(base + ((<usize>index) << 2)); }
@inline export function minimum(a: i32, b: i32): i32 { return a < b ? a : b; }
@inline export function maximum(a: i32, b: i32): i32 { return a > b ? a : b; }
@inline export function ceilDiv(a: i32, b: i32): i32 { return (a + b - 1) / b; }
