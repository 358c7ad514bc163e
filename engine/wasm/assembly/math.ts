// Transcendental functions on four lanes. Bounds in ulp are those that tests/engine/wasm/math_test.ts asserts.
import { fma } from "./simd";

@inline function splat(x: f32): v128 { return f32x4.splat(x); }
/**
 * Number `i` of a table, in all lanes. Read from memory, a polynomial's constants were faster here than as constant
 * vectors.
 */
@inline function term(table: usize, i: i32): v128 { return v128.load_splat<f32>(table + (<usize>i << 2)); }
@inline function select(mask: v128, yes: v128, no: v128): v128 { return v128.bitselect(yes, no, mask); }
@inline function power2(n: v128): v128 { return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23); }

const EXP = memory.data<f32>([
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]);
// 1.5 * 2^23: added to a number below 2^22 it leaves the nearest whole number in the lowest bits. Cheaper than rounding
// and converting, which must mind what does not fit. Then 1 / ln 2, and - ln 2 in two parts; the bounds of exp; 1.
const POWER = memory.data<f32>([12582912, 1.44269504088896341, -0.693359375, 2.12194440e-4, -104, 89, 1]);
/** e^r - 1 - r for |r| <= ln(2)/2 (Cephes expf). */
@inline function expTail(r: v128): v128 {
  let y = fma(term(EXP, 0), r, term(EXP, 1));
  y = fma(y, r, term(EXP, 2));
  y = fma(y, r, term(EXP, 3));
  y = fma(y, r, term(EXP, 4));
  y = fma(y, r, term(EXP, 5));
  return f32x4.mul(y, f32x4.mul(r, r));
}
/** x / ln 2 to the nearest whole number, plus POWER's first. */
@inline function powerOf(x: v128): v128 { return fma(x, term(POWER, 1), term(POWER, 0)); }
/** x - n ln 2. */
@inline function reduceExp(x: v128, n: v128): v128 {
  return fma(n, term(POWER, 3), fma(n, term(POWER, 2), x));
}

@inline function expOf(x: v128): v128 {
  // Beyond these the result is infinite or zero, which the two factors of 2^n still give. NaN passes.
  const bounded = f32x4.pmin(f32x4.pmax(x, term(POWER, 4)), term(POWER, 5));
  const power = powerOf(bounded);
  const r = reduceExp(bounded, f32x4.sub(power, term(POWER, 0)));
  const y = f32x4.add(f32x4.add(expTail(r), r), term(POWER, 6));
  const whole = i32x4.sub(power, term(POWER, 0)), half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(y, power2(half)), power2(i32x4.sub(whole, half)));
}
/** e^x. */
export function exp(x: v128): v128 { return expOf(x); }

@inline function expm1Of(x: v128): v128 {
  const bounded = f32x4.pmin(splat(87), f32x4.pmax(splat(-30), x));
  const power = powerOf(bounded), n = f32x4.sub(power, term(POWER, 0));
  const r = reduceExp(bounded, n);
  const scale = power2(i32x4.sub(power, term(POWER, 0)));
  const tail = f32x4.add(expTail(r), r);
  const result = select(f32x4.eq(n, splat(0)), tail, f32x4.add(f32x4.mul(scale, tail), f32x4.sub(scale, splat(1))));
  const large = select(f32x4.gt(x, splat(87)), expOf(x), result);
  // Keeps -0 and NaN.
  return select(v128.or(f32x4.eq(x, splat(0)), f32x4.ne(x, x)), x, large);
}
/** e^x - 1. */
export function expm1(x: v128): v128 { return expm1Of(x); }

@inline function logOf(x: v128): v128 {
  const small = f32x4.lt(x, splat(1.17549435e-38));
  const scaled = select(small, f32x4.mul(x, splat(8388608)), x);
  // The mantissa in [sqrt(1/2), sqrt(2)) and its exponent.
  const shifted = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  let e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  e = f32x4.sub(e, v128.and(small, splat(23)));
  const m = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(m, splat(1)), z = f32x4.mul(f, f);
  let y = fma(splat(7.0376836292e-2), f, splat(-1.1514610310e-1));
  y = fma(y, f, splat(1.1676998740e-1));
  y = fma(y, f, splat(-1.2420140846e-1));
  y = fma(y, f, splat(1.4249322787e-1));
  y = fma(y, f, splat(-1.6668057665e-1));
  y = fma(y, f, splat(2.0000714765e-1));
  y = fma(y, f, splat(-2.4999993993e-1));
  y = fma(y, f, splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, f), z);
  y = fma(e, splat(-2.12194440e-4), y);
  y = fma(z, splat(-0.5), y);
  let result = f32x4.add(fma(e, splat(0.693359375), y), f);
  result = select(f32x4.eq(x, splat(Infinity)), x, result);
  result = select(f32x4.eq(x, splat(0)), splat(-Infinity), result);
  return select(f32x4.ge(x, splat(0)), result, splat(NaN));
}
/** The natural logarithm. */
export function log(x: v128): v128 { return logOf(x); }

@inline function log1pOf(x: v128): v128 {
  // Kahan: the rounding of 1 + x is undone by the quotient.
  const u = f32x4.add(splat(1), x), d = f32x4.sub(u, splat(1));
  const corrected = f32x4.mul(logOf(u), f32x4.div(x, d));
  const plain = v128.or(f32x4.eq(d, splat(0)), f32x4.eq(x, splat(Infinity)));
  return select(plain, x, select(f32x4.eq(x, splat(-1)), splat(-Infinity), corrected));
}
/** log(1 + x). */
export function log1p(x: v128): v128 { return log1pOf(x); }

/** 1 / (1 + e^-x). */
export function sigmoid(x: v128): v128 {
  const e = expOf(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(select(f32x4.ge(x, splat(0)), splat(1), e), f32x4.add(splat(1), e));
}
/** The hyperbolic tangent. */
export function tanh(x: v128): v128 {
  const size = f32x4.pmin(splat(10), f32x4.abs(x));
  const t = expm1Of(f32x4.add(size, size));
  const y = f32x4.div(t, f32x4.add(t, splat(2)));
  return select(f32x4.ne(x, x), x, v128.or(y, v128.and(x, splat(-0.0))));
}
/** max(x, 0) + log(1 + e^-|x|). */
export function softplus(x: v128): v128 {
  return f32x4.add(f32x4.max(x, splat(0)), log1pOf(expOf(f32x4.neg(f32x4.abs(x)))));
}
/** x where x >= 0, else e^x - 1. */
export function elu(x: v128): v128 { return select(f32x4.ge(x, splat(0)), x, expm1Of(x)); }
/** elu, scaled so that networks normalise themselves. */
export function selu(x: v128): v128 {
  const y = select(f32x4.ge(x, splat(0)), x, f32x4.mul(splat(1.6732632423543772), expm1Of(x)));
  return f32x4.mul(splat(1.0507009873554805), y);
}
// The coefficients of p below, then those of the polynomial near 0, and where that ends.
const ERF = memory.data<f32>([
  0.000500346184708178, -0.0034889124799519777, 0.01519758254289627, -0.026115618646144867, 0.06271649152040482,
  0.05975355952978134, 0.1539229452610016, 0.9976257085800171,
  -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1, 0.927734375, 4,
]);
/**
 * The error function. Near 0 a minimax polynomial after N. Juffa; beyond, 1 - 1 / p(|x|)^8 with p of degree 7, which
 * needs no exponential. From 4 on it is 1.
 */
export function erf(x: v128): v128 {
  const size = f32x4.abs(x), t = f32x4.pmin(term(ERF, 15), size), s = f32x4.mul(x, x), one = term(POWER, 6);
  let p = fma(term(ERF, 0), t, term(ERF, 1));
  p = fma(p, t, term(ERF, 2));
  p = fma(p, t, term(ERF, 3));
  p = fma(p, t, term(ERF, 4));
  p = fma(p, t, term(ERF, 5));
  p = fma(p, t, term(ERF, 6));
  p = fma(p, t, term(ERF, 7));
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  const far = v128.or(f32x4.sub(one, f32x4.div(one, p)), v128.xor(x, size));
  let q = fma(term(ERF, 8), s, term(ERF, 9));
  q = fma(q, s, term(ERF, 10));
  q = fma(q, s, term(ERF, 11));
  q = fma(q, s, term(ERF, 12));
  q = fma(q, s, term(ERF, 13));
  const near = fma(q, x, x);
  // NaN is not greater than anything, and stays NaN in `near`.
  return select(f32x4.gt(size, term(ERF, 14)), far, near);
}

// The rare ones, lane by lane in float64.
export function sin(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.sin(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function cos(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.cos(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function tan(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.tan(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function asin(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.asin(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.asin(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.asin(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.asin(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function acos(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.acos(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.acos(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.acos(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.acos(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function atan(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.atan(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.atan(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.atan(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.atan(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function sinh(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.sinh(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.sinh(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.sinh(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.sinh(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function cosh(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.cosh(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.cosh(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.cosh(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.cosh(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function asinh(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.asinh(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.asinh(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.asinh(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.asinh(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function acosh(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.acosh(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.acosh(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.acosh(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.acosh(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function atanh(x: v128): v128 {
  let y = f32x4.splat(<f32>NativeMath.atanh(<f64>f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.atanh(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.atanh(<f64>f32x4.extract_lane(x, 2)));
  y = f32x4.replace_lane(y, 3, <f32>NativeMath.atanh(<f64>f32x4.extract_lane(x, 3)));
  return y;
}
export function pow(x: v128, y: v128): v128 {
  let z = f32x4.splat(<f32>NativeMath.pow(<f64>f32x4.extract_lane(x, 0), <f64>f32x4.extract_lane(y, 0)));
  z = f32x4.replace_lane(z, 1, <f32>NativeMath.pow(<f64>f32x4.extract_lane(x, 1), <f64>f32x4.extract_lane(y, 1)));
  z = f32x4.replace_lane(z, 2, <f32>NativeMath.pow(<f64>f32x4.extract_lane(x, 2), <f64>f32x4.extract_lane(y, 2)));
  z = f32x4.replace_lane(z, 3, <f32>NativeMath.pow(<f64>f32x4.extract_lane(x, 3), <f64>f32x4.extract_lane(y, 3)));
  return z;
}
export function atan2(x: v128, y: v128): v128 {
  let z = f32x4.splat(<f32>NativeMath.atan2(<f64>f32x4.extract_lane(x, 0), <f64>f32x4.extract_lane(y, 0)));
  z = f32x4.replace_lane(z, 1, <f32>NativeMath.atan2(<f64>f32x4.extract_lane(x, 1), <f64>f32x4.extract_lane(y, 1)));
  z = f32x4.replace_lane(z, 2, <f32>NativeMath.atan2(<f64>f32x4.extract_lane(x, 2), <f64>f32x4.extract_lane(y, 2)));
  z = f32x4.replace_lane(z, 3, <f32>NativeMath.atan2(<f64>f32x4.extract_lane(x, 3), <f64>f32x4.extract_lane(y, 3)));
  return z;
}
export function mod(x: v128, y: v128): v128 {
  let z = f32x4.splat(modOf(f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0)));
  z = f32x4.replace_lane(z, 1, modOf(f32x4.extract_lane(x, 1), f32x4.extract_lane(y, 1)));
  z = f32x4.replace_lane(z, 2, modOf(f32x4.extract_lane(x, 2), f32x4.extract_lane(y, 2)));
  z = f32x4.replace_lane(z, 3, modOf(f32x4.extract_lane(x, 3), f32x4.extract_lane(y, 3)));
  return z;
}
export function floor_div(x: v128, y: v128): v128 {
  let z = f32x4.splat(floorDivOf(f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0)));
  z = f32x4.replace_lane(z, 1, floorDivOf(f32x4.extract_lane(x, 1), f32x4.extract_lane(y, 1)));
  z = f32x4.replace_lane(z, 2, floorDivOf(f32x4.extract_lane(x, 2), f32x4.extract_lane(y, 2)));
  z = f32x4.replace_lane(z, 3, floorDivOf(f32x4.extract_lane(x, 3), f32x4.extract_lane(y, 3)));
  return z;
}
function floorDivOf(x: f32, y: f32): f32 {
  return <f32>NativeMath.floor(<f64>x / <f64>y);
}
function modOf(x: f32, y: f32): f32 {
  const r = x % y;
  return r != 0 && (x < 0) != (y < 0) ? r + y : r;
}

// int32, as JavaScript's |0 of the float64 result: division by zero gives 0.
function int_floor_divOf(x: i32, y: i32): i32 {
  if (y == 0) return 0;
  const quotient = <f64>x / <f64>y;
  return <i32><i64>Math.floor(quotient);
}
export function int_floor_div(x: v128, y: v128): v128 {
  let z = i32x4.splat(int_floor_divOf(i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0)));
  z = i32x4.replace_lane(z, 1, int_floor_divOf(i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1)));
  z = i32x4.replace_lane(z, 2, int_floor_divOf(i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2)));
  z = i32x4.replace_lane(z, 3, int_floor_divOf(i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3)));
  return z;
}
function int_modOf(x: i32, y: i32): i32 {
  if (y == 0) return 0;
  const r = <i32>(<i64>x % <i64>y);
  return r != 0 && (x < 0) != (y < 0) ? r + y : r;
}
export function int_mod(x: v128, y: v128): v128 {
  let z = i32x4.splat(int_modOf(i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0)));
  z = i32x4.replace_lane(z, 1, int_modOf(i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1)));
  z = i32x4.replace_lane(z, 2, int_modOf(i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2)));
  z = i32x4.replace_lane(z, 3, int_modOf(i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3)));
  return z;
}
function int_divOf(x: i32, y: i32): i32 {
  return y == 0 ? 0 : <i32>(<i64>x / <i64>y);
}
export function int_div(x: v128, y: v128): v128 {
  let z = i32x4.splat(int_divOf(i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0)));
  z = i32x4.replace_lane(z, 1, int_divOf(i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1)));
  z = i32x4.replace_lane(z, 2, int_divOf(i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2)));
  z = i32x4.replace_lane(z, 3, int_divOf(i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3)));
  return z;
}
function int_powOf(x: i32, y: i32): i32 {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
  return <i32>toInt32(NativeMath.pow(<f64>x, <f64>y));
}
export function int_pow(x: v128, y: v128): v128 {
  let z = i32x4.splat(int_powOf(i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0)));
  z = i32x4.replace_lane(z, 1, int_powOf(i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1)));
  z = i32x4.replace_lane(z, 2, int_powOf(i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2)));
  z = i32x4.replace_lane(z, 3, int_powOf(i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3)));
  return z;
}
/** JavaScript's ToInt32 of a whole number. */
function toInt32(x: f64): i32 {
  if (x - x != 0) return 0;
  const rest = x - NativeMath.floor(x / 4294967296.0) * 4294967296.0;
  return <i32><u32>rest;
}
