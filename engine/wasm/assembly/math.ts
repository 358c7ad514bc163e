// Transcendental functions on four lanes. Bounds in ulp are those that tests/engine/wasm/math_test.ts asserts.
import { fma } from "./simd";

@inline function splat(x: f32): v128 { return f32x4.splat(x); }
/**
 * Number `i` of a table, in all lanes. V8 makes a constant vector of three instructions each time, of a number in memory,
 * at an address that it knows, of one.
 */
@inline function term(table: usize, i: i32): v128 { return v128.load_splat<f32>(table + (<usize>i << 2)); }
/** By lanes: the mask's have all bits set or none. */
@inline function select(mask: v128, yes: v128, no: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_laneselect<i32>(yes, no, mask);
  return v128.bitselect(yes, no, mask);
}

const EXP = memory.data<f32>([
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]);
// 1.5 * 2^23: added to a number below 2^22 it leaves the nearest whole number in the lowest bits. Cheaper than rounding
// and converting, which must mind what does not fit. Then 1 / ln 2, and - ln 2 in two parts; the bounds of exp; 1.
const POWER = memory.data<f32>([12582912, 1.44269504088896341, -0.693359375, 2.12194440e-4, -104, 89, 1]);
/** 2^n: the bits of 1 with n added to the exponent. */
@inline function power2(n: v128): v128 { return i32x4.add(i32x4.shl(n, 23), term(POWER, 6)); }
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

/** e^x for x up to the upper bound. */
@inline export function expBelow(x: v128): v128 {
  // Beyond the bounds the result is infinite or zero, which the two factors of 2^n still give. NaN passes.
  const bounded = f32x4.pmax(x, term(POWER, 4));
  const power = powerOf(bounded);
  const r = reduceExp(bounded, f32x4.sub(power, term(POWER, 0)));
  const y = f32x4.add(f32x4.add(expTail(r), r), term(POWER, 6));
  const whole = i32x4.sub(power, term(POWER, 0)), half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(y, power2(half)), power2(i32x4.sub(whole, half)));
}
@inline function expOf(x: v128): v128 { return expBelow(f32x4.pmin(x, term(POWER, 5))); }
/** e^x. */
export function exp(x: v128): v128 { return expOf(x); }

// The bounds of expm1, below which it is -1 and above which 2^n needs two factors; the bound of tanh; -0; 2.
const BOUND = memory.data<f32>([-30, 87, 10, -0.0, 2]);
/** e^x - 1 between the bounds, of NaN NaN, of -0 0. */
@inline function expm1Bounded(x: v128): v128 {
  const power = powerOf(x), r = reduceExp(x, f32x4.sub(power, term(POWER, 0)));
  const scale = power2(i32x4.sub(power, term(POWER, 0)));
  return f32x4.add(f32x4.mul(scale, f32x4.add(expTail(r), r)), f32x4.sub(scale, term(POWER, 6)));
}
/** e^x - 1. */
export function expm1(x: v128): v128 {
  const result = expm1Bounded(f32x4.pmin(f32x4.pmax(x, term(BOUND, 0)), term(BOUND, 1)));
  return select(f32x4.eq(x, splat(0)), x, select(f32x4.gt(x, term(BOUND, 1)), expOf(x), result));
}

// The smallest normal number, and 2^23, by which those below are multiplied; 23; infinity; -1; ln 2 in two parts; -1/2; and
// the coefficients of the polynomial.
const LOG = memory.data<f32>([
  1.17549435e-38, 8388608, 23, Infinity, -1, -2.12194440e-4, 0.693359375, -0.5,
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]);
// The bits of sqrt(1/2), and those of a mantissa.
const BITS = memory.data<i32>([0x3f3504f3, 0x007fffff]);
/** log(x / 2^fewer) of a normal number (Cephes logf). */
@inline function logNormal(x: v128, fewer: v128): v128 {
  // The mantissa in [sqrt(1/2), sqrt(2)) and its exponent.
  const shifted = i32x4.sub(x, term(BITS, 0));
  const e = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23)), fewer);
  const m = i32x4.add(v128.and(shifted, term(BITS, 1)), term(BITS, 0));
  const f = f32x4.sub(m, term(POWER, 6)), z = f32x4.mul(f, f);
  let y = fma(term(LOG, 8), f, term(LOG, 9));
  y = fma(y, f, term(LOG, 10));
  y = fma(y, f, term(LOG, 11));
  y = fma(y, f, term(LOG, 12));
  y = fma(y, f, term(LOG, 13));
  y = fma(y, f, term(LOG, 14));
  y = fma(y, f, term(LOG, 15));
  y = fma(y, f, term(LOG, 16));
  y = f32x4.mul(f32x4.mul(y, f), z);
  y = fma(e, term(LOG, 5), y);
  y = fma(z, term(LOG, 7), y);
  return f32x4.add(fma(e, term(LOG, 6), y), f);
}
@inline function logOf(x: v128): v128 {
  const small = f32x4.lt(x, term(LOG, 0)), infinity = term(LOG, 3);
  const result = logNormal(select(small, f32x4.mul(x, term(LOG, 1)), x), v128.and(small, term(LOG, 2)));
  // Infinity stays, 0 gives -Infinity. A mask with all bits set is NaN: of what is below 0, and of NaN.
  const beyond = f32x4.sub(v128.and(f32x4.eq(x, infinity), infinity), v128.and(f32x4.eq(x, splat(0)), infinity));
  return v128.or(f32x4.add(result, beyond), v128.not(f32x4.ge(x, splat(0))));
}
/** The natural logarithm. */
export function log(x: v128): v128 { return logOf(x); }

/** log(1 + x). */
export function log1p(x: v128): v128 {
  // Kahan: the rounding of 1 + x is undone by the quotient.
  const u = f32x4.add(term(POWER, 6), x), d = f32x4.sub(u, term(POWER, 6));
  const corrected = f32x4.mul(logOf(u), f32x4.div(x, d)), infinity = term(LOG, 3);
  const plain = v128.or(f32x4.eq(d, splat(0)), f32x4.eq(x, infinity));
  return select(plain, x, select(f32x4.eq(x, term(LOG, 4)), f32x4.neg(infinity), corrected));
}

/** e^-|x|. */
@inline function expOfMinus(x: v128): v128 { return expBelow(v128.or(x, term(BOUND, 3))); }
/** 1 / (1 + e^-x). */
@inline export function sigmoidOf(x: v128): v128 {
  const e = expOfMinus(x), one = term(POWER, 6);
  return f32x4.div(select(f32x4.ge(x, splat(0)), one, e), f32x4.add(one, e));
}
export function sigmoid(x: v128): v128 { return sigmoidOf(x); }
/** The hyperbolic tangent. */
@inline export function tanhOf(x: v128): v128 {
  const size = f32x4.abs(x), bounded = f32x4.pmin(size, term(BOUND, 2));
  const t = expm1Bounded(f32x4.add(bounded, bounded));
  return v128.or(f32x4.div(t, f32x4.add(t, term(BOUND, 4))), v128.xor(x, size));
}
export function tanh(x: v128): v128 { return tanhOf(x); }
/** max(x, 0) + log(1 + e^-|x|). */
export function softplus(x: v128): v128 {
  // As log1p does it, without what cannot be here.
  const e = expOfMinus(x), u = f32x4.add(term(POWER, 6), e), d = f32x4.sub(u, term(POWER, 6));
  const corrected = f32x4.mul(logNormal(u, splat(0)), f32x4.div(e, d));
  return f32x4.add(f32x4.max(x, splat(0)), select(f32x4.eq(d, splat(0)), e, corrected));
}
/** e^x - 1 for x < 0, and of NaN NaN. */
@inline function expm1Below(x: v128): v128 { return expm1Bounded(f32x4.pmax(x, term(BOUND, 0))); }
/** x where x >= 0, else e^x - 1. */
export function elu(x: v128): v128 { return select(f32x4.ge(x, splat(0)), x, expm1Below(x)); }
// Of selu: alpha and lambda.
const SELU = memory.data<f32>([1.6732632423543772, 1.0507009873554805]);
/** elu, scaled so that networks normalise themselves. */
export function selu(x: v128): v128 {
  const y = select(f32x4.ge(x, splat(0)), x, f32x4.mul(term(SELU, 0), expm1Below(x)));
  return f32x4.mul(term(SELU, 1), y);
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
  let result = 1;
  for (let base = x, rest = y; rest > 0; rest >>= 1) {
    if (rest & 1) result *= base;
    base *= base;
  }
  return result;
}
export function int_pow(x: v128, y: v128): v128 {
  let z = i32x4.splat(int_powOf(i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0)));
  z = i32x4.replace_lane(z, 1, int_powOf(i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1)));
  z = i32x4.replace_lane(z, 2, int_powOf(i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2)));
  z = i32x4.replace_lane(z, 3, int_powOf(i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3)));
  return z;
}
/**
 * A number beyond int32 less the multiple of 2^32 that brings it inside, which is exact; others as they are. Of an
 * infinity NaN, which the instruction that truncates turns into 0.
 */
export function wrap_int(x: v128): v128 {
  const whole = f32x4.splat(4294967296), limit = f32x4.splat(2147483648);
  const turns = f32x4.floor(f32x4.mul(x, f32x4.splat(2.3283064365386963e-10)));
  const rest = f32x4.sub(x, f32x4.mul(turns, whole));
  const inside = f32x4.sub(rest, v128.and(f32x4.ge(rest, limit), whole));
  return select(f32x4.ge(f32x4.abs(x), limit), inside, x);
}
