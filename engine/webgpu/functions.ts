/**
 * Mathematical functions in WGSL. The text is the same for one element and for four: it is written in the aliases F,
 * I, U and B (float, int, unsigned, bool), which a shader declares as scalars or as vectors.
 *
 * WGSL lets a compiler assume that there is no NaN and no infinity, so both are recognised by their bits and made
 * from bits. Where the accuracy that WGSL asks of a built-in is too weak (exp may be off by 3 + 2 |x| ulp, log near 1
 * and sin and cos beyond one turn by anything; tanh, asin; a division that should give an integer), the function is
 * written out here. Bounds in ulp are those that tests/engine/webgpu/functions_test.ts asserts.
 *
 * "Cephes" is S. L. Moshier's mathematical library in single precision, https://www.netlib.org/cephes/.
 */
import type { Shader } from "./shader.ts";

/** The aliases for `width` elements at a time. */
export function aliases(width: 1 | 4): string {
  return ([["F", "f32"], ["I", "i32"], ["U", "u32"], ["B", "bool"]] as const).map(([alias, type]) =>
    `alias ${alias} = ${width === 1 ? type : `vec4<${type}>`};`
  ).join("\n");
}

/** Functions of WGSL, each with the functions that it calls. */
const FUNCTIONS: Readonly<Record<string, { readonly needs?: readonly string[]; readonly text: string }>> = {
  is_nan: {
    text: `fn is_nan(x: F) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }`,
  },
  is_inf: {
    text: `fn is_inf(x: F) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) == U(0x7f800000u); }`,
  },
  // Through a variable: a constant expression that is not a number is an error.
  not_a_number: { text: `fn not_a_number() -> F { var bits = U(0x7fc00000u); return bitcast<F>(bits); }` },
  infinity: { text: `fn infinity() -> F { var bits = U(0x7f800000u); return bitcast<F>(bits); }` },
  minimum: {
    needs: ["is_nan"],
    text: `fn minimum(x: F, y: F) -> F { return select(min(x, y), x + y, is_nan(x) | is_nan(y)); }`,
  },
  maximum: {
    needs: ["is_nan"],
    text: `fn maximum(x: F, y: F) -> F { return select(max(x, y), x + y, is_nan(x) | is_nan(y)); }`,
  },
  sign_of: {
    needs: ["is_nan"],
    text: `fn sign_of(x: F) -> F { return select(sign(x), F(0.0), is_nan(x)); }`,
  },
  step_of: {
    needs: ["is_nan"],
    text: `fn step_of(x: F) -> F { return select(select(F(0.0), F(1.0), x > F(0.0)), x, is_nan(x)); }`,
  },
  // Cephes expf. Two factors of 2^n, as one cannot hold every n. n ln 2 = n 355 / 512 - n 2.1e-4 in two steps, the
  // first in whole numbers: Mesa's compiler joins two products of one factor, and then they round.
  exponential: {
    needs: ["is_nan", "infinity"],
    text: `fn exponential(x: F) -> F {
  let bounded = clamp(x, F(-104.0), F(89.0));
  let n = round(bounded * F(1.442695));
  let whole = I(n);
  let r = fma(n, F(2.12194440e-4), bounded - F(whole * I(355)) * F(0.001953125));
  var y = fma(F(1.9875691500e-4), r, F(1.3981999507e-3));
  y = fma(y, r, F(8.3334519073e-3));
  y = fma(y, r, F(4.1665795894e-2));
  y = fma(y, r, F(1.6666665459e-1));
  y = fma(y, r, F(5.0000001201e-1));
  y = fma(y, r * r, r) + F(1.0);
  let half = whole >> U(1u);
  y = y * bitcast<F>((half + I(127)) << U(23u)) * bitcast<F>((whole - half + I(127)) << U(23u));
  return select(select(y, infinity(), x > F(88.72283)), x, is_nan(x));
}`,
  },
  // Cephes logf: the mantissa in [sqrt(1/2), sqrt(2)) and its exponent.
  logarithm: {
    needs: ["not_a_number", "infinity", "is_nan"],
    text: `fn logarithm(x: F) -> F {
  let small = x < F(1.17549435e-38);
  let shifted = bitcast<I>(select(x, x * F(8388608.0), small)) - I(0x3f3504f3);
  let e = (shifted >> U(23u)) - select(I(0), I(23), small);
  let f = bitcast<F>((shifted & I(0x007fffff)) + I(0x3f3504f3)) - F(1.0);
  let z = f * f;
  var y = fma(F(7.0376836292e-2), f, F(-1.1514610310e-1));
  y = fma(y, f, F(1.1676998740e-1));
  y = fma(y, f, F(-1.2420140846e-1));
  y = fma(y, f, F(1.4249322787e-1));
  y = fma(y, f, F(-1.6668057665e-1));
  y = fma(y, f, F(2.0000714765e-1));
  y = fma(y, f, F(-2.4999993993e-1));
  y = fma(y, f, F(3.3333331174e-1));
  y = fma(F(e), F(-2.12194440e-4), y * f * z);
  y = fma(F(e * I(355)), F(0.001953125), fma(z, F(-0.5), y) + f);
  y = select(y, infinity(), x > F(3.4028234e38));
  y = select(y, -infinity(), x == F(0.0));
  return select(select(y, not_a_number(), x < F(0.0)), x, is_nan(x));
}`,
  },
  // log(1 + x) = 2 artanh(x / (2 + x)), by its series where |x| < 0.5: relative error below 2e-7.
  log1p: {
    needs: ["logarithm"],
    text: `fn log1p(x: F) -> F {
  let s = x / (F(2.0) + x);
  let q = s * s;
  let series = F(2.0) * s * (F(1.0) + q * (F(0.33333334) + q * (F(0.2) + q * (F(0.14285715) + q * (F(0.11111111) + q * (F(0.09090909) + q * F(0.07692308)))))));
  return select(logarithm(F(1.0) + x), series, abs(x) < F(0.5));
}`,
  },
  // The Taylor series where |x| < 0.5: relative error below 2e-7.
  expm1: {
    needs: ["exponential"],
    text: `fn expm1(x: F) -> F {
  let series = x * (F(1.0) + x * (F(0.5) + x * (F(0.16666667) + x * (F(0.041666668) + x * (F(0.008333334) + x * (F(0.0013888889) + x * F(0.0001984127)))))));
  return select(exponential(x) - F(1.0), series, abs(x) < F(0.5));
}`,
  },
  // Cephes tanhf: relative error below 2e-7. The clamp keeps exp finite.
  tanh_of: {
    needs: ["is_nan", "exponential"],
    text: `fn tanh_of(x: F) -> F {
  let q = x * x;
  let series = x + x * q * (F(-0.333332819422) + q * (F(0.133314422036) + q * (F(-0.0537397155531) + q * (F(0.0206390887954) + q * F(-0.00570498872745)))));
  let size = min(abs(x), F(20.0));
  let far = sign(x) * (F(1.0) - F(2.0) / (exponential(F(2.0) * size) + F(1.0)));
  return select(select(far, series, abs(x) < F(0.625)), x, is_nan(x));
}`,
  },
  sigmoid: {
    needs: ["exponential"],
    text: `fn sigmoid(x: F) -> F { return F(1.0) / (F(1.0) + exponential(-x)); }`,
  },
  softplus: {
    needs: ["log1p", "maximum", "exponential"],
    text: `fn softplus(x: F) -> F { return maximum(x, F(0.0)) + log1p(exponential(-abs(x))); }`,
  },
  // Below 1 the polynomial of Cephes erff, above it Abramowitz and Stegun 7.1.26: absolute error below 3e-7.
  erf: {
    needs: ["is_nan", "exponential"],
    text: `fn erf(x: F) -> F {
  let q = x * x;
  let near = x * (F(1.128379165726710) + q * (F(-0.3761262582423300) + q * (F(0.1128358514861418) + q * (F(-0.02685381193529856) + q * (F(0.005188327685732524) + q * (F(-0.0008010193625184903) + q * F(0.00007853861353153693)))))));
  let size = min(abs(x), F(6.0));
  let t = F(1.0) / (F(1.0) + F(0.3275911) * size);
  let tail = t * (F(0.254829592) + t * (F(-0.284496736) + t * (F(1.421413741) + t * (F(-1.453152027) + t * F(1.061405429)))));
  let far = sign(x) * (F(1.0) - tail * exponential(-size * size));
  return select(select(far, near, abs(x) < F(1.0)), x, is_nan(x));
}`,
  },
  // A division may be off by 2.5 ulp: the remainder tells whether the floor of an integral quotient is right.
  floor_divide: {
    text: `fn floor_divide(x: F, y: F) -> F {
  let q = floor(x / y);
  let r = fma(-q, y, x);
  let low = ((y > F(0.0)) & (r < F(0.0))) | ((y < F(0.0)) & (r > F(0.0)));
  let high = ((y > F(0.0)) & (r >= y)) | ((y < F(0.0)) & (r <= y));
  return q + select(F(0.0), F(1.0), high) - select(F(0.0), F(1.0), low);
}`,
  },
  modulo: {
    needs: ["floor_divide", "is_inf"],
    text: `fn modulo(x: F, y: F) -> F {
  let r = fma(-floor_divide(x, y), y, x);
  let kept = select(x + y, x, ((x < F(0.0)) == (y < F(0.0))) | (x == F(0.0)));
  return select(r, kept, is_inf(y) & !is_inf(x));
}`,
  },
  // WGSL's pow is undefined below 0.
  power: {
    needs: ["is_nan", "is_inf", "not_a_number", "infinity"],
    text: `fn power(x: F, y: F) -> F {
  let integral = (floor(y) == y) & !is_inf(y);
  let odd = integral & (abs(y - F(2.0) * floor(y * F(0.5))) == F(1.0));
  var size = pow(abs(x), y);
  size = select(size, select(F(0.0), infinity(), y < F(0.0)), x == F(0.0));
  size = select(size, select(F(0.0), infinity(), y > F(0.0)), is_inf(x));
  size = select(size, select(F(0.0), infinity(), (abs(x) > F(1.0)) == (y > F(0.0))), is_inf(y));
  size = select(size, not_a_number(), is_inf(y) & (abs(x) == F(1.0)));
  size = select(size, -size, odd & ((bitcast<U>(x) >> U(31u)) == U(1u)));
  size = select(size, not_a_number(), (x < F(0.0)) & !integral & !is_inf(x) & !is_inf(y));
  size = select(size, x + y, is_nan(x) | is_nan(y));
  return select(size, F(1.0), y == F(0.0));
}`,
  },
  // By squaring; of an exponent below 0 the integer part.
  int_power_one: {
    text: `fn int_power_one(x: i32, y: i32) -> i32 {
  if (y < 0) { return select(select(0, select(1, -1, (y & 1) == 1), x == -1), 1, x == 1); }
  var base = x;
  var rest = y;
  var result = 1;
  while (rest > 0) {
    if ((rest & 1) == 1) { result *= base; }
    base *= base;
    rest >>= 1u;
  }
  return result;
}`,
  },
  // Whole numbers in the order of the floats, both zeros the same one, and `unknown` for NaN.
  order_of: {
    text: `fn order_of(x: f32, unknown: u32) -> u32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let order = select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
  return select(select(order, 0x80000000u, size == 0u), unknown, size > 0x7f800000u);
}`,
  },
  arcsine: {
    needs: ["not_a_number", "is_nan", "arctangent2"],
    text: `fn arcsine(x: F) -> F {
  return select(arctangent2(x, sqrt((F(1.0) - x) * (F(1.0) + x))), not_a_number(), (abs(x) > F(1.0)) | is_nan(x));
}`,
  },
  arccosine: {
    needs: ["not_a_number", "is_nan", "arctangent2"],
    text: `fn arccosine(x: F) -> F {
  return select(arctangent2(sqrt((F(1.0) - x) * (F(1.0) + x)), x), not_a_number(), (abs(x) > F(1.0)) | is_nan(x));
}`,
  },
  arctangent: {
    needs: ["is_nan"],
    text: `fn arctangent(x: F) -> F { return select(atan(x), x, is_nan(x)); }`,
  },
  // By the quotient of the smaller by the larger, which no driver's atan2 does for zeros and infinities.
  arctangent2: {
    needs: ["is_nan"],
    text: `fn arctangent2(y: F, x: F) -> F {
  let large = max(abs(x), abs(y));
  let small = min(abs(x), abs(y));
  let equal = (small == large) & (large > F(0.0));
  let quotient = select(small / select(large, F(1.0), large == F(0.0)), F(1.0), equal);
  var angle = atan(quotient);
  angle = select(angle, F(1.5707964) - angle, abs(y) > abs(x));
  angle = select(angle, F(3.1415927) - angle, (bitcast<U>(x) >> U(31u)) == U(1u));
  angle = select(angle, -angle, (bitcast<U>(y) >> U(31u)) == U(1u));
  return select(angle, x + y, is_nan(x) | is_nan(y));
}`,
  },
  // The upper half of a product of 64 bits, by halves of the factors (Knuth, volume 2, 4.3.1).
  high_word: {
    text: `fn high_word(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let carry = (middle & 0xffffu) + a0 * b1;
  return a1 * b1 + (middle >> 16u) + (carry >> 16u);
}`,
  },
  // Payne and Hanek: the fraction of x / 2 pi in 64 bits, from the 96 bits of 1 / 2 pi that the exponent asks for.
  angle_of: {
    needs: ["high_word"],
    text: `struct Angle { rest: f32, quadrant: u32 }
fn joined_bits(high: u32, low: u32, by: u32) -> u32 {
  return select((high << by) | (low >> (32u - by)), high, by == 0u);
}
fn angle_of(size: f32) -> Angle {
  if (size < 0.7853982) { return Angle(size, 0u); }
  let bits = bitcast<u32>(size);
  let mantissa = (bits << 8u) | 0x80000000u;
  var turn = array<u32, 8>(0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u, 0x7f9458eau);
  let at = ((bits >> 23u) - 126u) / 32u;
  let by = ((bits >> 23u) - 126u) % 32u;
  let first = mantissa * joined_bits(turn[at], turn[at + 1u], by);
  let second = joined_bits(turn[at + 1u], turn[at + 2u], by);
  let third = joined_bits(turn[at + 2u], turn[at + 3u], by);
  var low = mantissa * second + high_word(mantissa, third);
  var high = first + high_word(mantissa, second) + select(0u, 1u, low < mantissa * second);
  let quadrant = (high + 0x20000000u) >> 30u;
  high -= quadrant << 30u;
  let negative = (high >> 31u) == 1u;
  if (negative) {
    low = ~low + 1u;
    high = ~high + select(0u, 1u, low == 0u);
  }
  let zeros = min(countLeadingZeros(high), 31u);
  let rest = f32(joined_bits(high, low, zeros)) * 1.4629181e-9 * bitcast<f32>((127u - zeros) << 23u);
  return Angle(select(rest, -rest, negative), quadrant);
}
fn sine_near(x: f32) -> f32 {
  let q = x * x;
  return fma(x * q, fma(fma(-1.9515295891e-4, q, 8.3321608736e-3), q, -1.6666654611e-1), x);
}
fn cosine_near(x: f32) -> f32 {
  let q = x * x;
  return fma(q * q, fma(fma(2.443315711809948e-5, q, -1.388731625493765e-3), q, 4.166664568298827e-2), fma(-0.5, q, 1.0));
}
fn finite_or_not(x: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(y, bitcast<f32>(bits | 0x7fc00000u), (bits & 0x7f800000u) == 0x7f800000u);
}`,
  },
  sine: {
    needs: ["angle_of"],
    text: `fn sine(x: f32) -> f32 {
  let angle = angle_of(abs(x));
  let y = select(sine_near(angle.rest), cosine_near(angle.rest), (angle.quadrant & 1u) == 1u);
  return finite_or_not(x, select(y, -y, (bitcast<u32>(x) >> 31u) != (angle.quadrant >> 1u)));
}`,
  },
  cosine: {
    needs: ["angle_of"],
    text: `fn cosine(x: f32) -> f32 {
  let angle = angle_of(abs(x));
  let y = select(cosine_near(angle.rest), sine_near(angle.rest), (angle.quadrant & 1u) == 1u);
  return finite_or_not(x, select(y, -y, ((angle.quadrant + 1u) & 2u) == 2u));
}`,
  },
  // Cephes tanf.
  tangent: {
    needs: ["angle_of"],
    text: `fn tangent(x: f32) -> f32 {
  let angle = angle_of(abs(x));
  let q = angle.rest * angle.rest;
  var y = fma(9.38540185543e-3, q, 3.11992232697e-3);
  y = fma(y, q, 2.44301354525e-2);
  y = fma(y, q, 5.34112807005e-2);
  y = fma(y, q, 1.33387994085e-1);
  y = fma(y, q, 3.33331568548e-1);
  y = fma(y, q * angle.rest, angle.rest);
  if ((angle.quadrant & 1u) == 1u) { y = -1.0 / y; }
  return finite_or_not(x, select(y, -y, (bitcast<u32>(x) >> 31u) == 1u));
}`,
  },
  // By e = exp(|x|) - 1, which keeps what is near 0; beyond 20, exp(-|x|) is below half an ulp, and exp(|x|) may overflow.
  sinh_of: {
    needs: ["expm1", "exponential", "is_nan"],
    text: `fn sinh_of(x: F) -> F {
  let e = expm1(min(abs(x), F(20.0)));
  let near = F(0.5) * (e + e / (e + F(1.0)));
  let size = select(near, exponential(abs(x) - F(0.6931472)), abs(x) > F(20.0));
  return select(select(F(1.0), F(-1.0), x < F(0.0)) * size, x, is_nan(x));
}`,
  },
  cosh_of: {
    needs: ["exponential"],
    text: `fn cosh_of(x: F) -> F {
  let near = F(0.5) * (exponential(x) + exponential(-x));
  return select(near, exponential(abs(x) - F(0.6931472)), abs(x) > F(20.0));
}`,
  },
  // This and the next two by log1p, which keeps what is near 0, as fdlibm has them.
  asinh_of: {
    needs: ["log1p", "logarithm"],
    text: `fn asinh_of(x: F) -> F {
  let size = abs(x);
  let near = log1p(size + size * size / (F(1.0) + sqrt(size * size + F(1.0))));
  return select(F(1.0), F(-1.0), x < F(0.0)) * select(near, logarithm(size) + F(0.6931472), size > F(1e8));
}`,
  },
  acosh_of: {
    needs: ["log1p", "logarithm", "not_a_number"],
    text: `fn acosh_of(x: F) -> F {
  let t = x - F(1.0);
  let near = log1p(t + sqrt(t * (F(2.0) + t)));
  return select(select(near, logarithm(x) + F(0.6931472), x > F(1e8)), not_a_number(), x < F(1.0));
}`,
  },
  atanh_of: {
    needs: ["log1p"],
    text: `fn atanh_of(x: F) -> F {
  return select(F(1.0), F(-1.0), x < F(0.0)) * F(0.5) * log1p(F(2.0) * abs(x) / (F(1.0) - abs(x)));
}`,
  },
  to_int: {
    // Towards 0 and modulo 2^32, by the bits; of NaN and the infinities 0.
    text: `fn to_int(x: F) -> I {
  let bits = bitcast<U>(x);
  let exponent = (bits >> U(23u)) & U(255u);
  let shift = min(max(exponent, U(150u)) - U(150u), U(31u));
  let size = select(((bits & U(0x7fffffu)) | U(0x800000u)) << shift, U(0u), exponent > U(181u));
  let wrapped = bitcast<I>(select(size, U(0u) - size, (bits >> U(31u)) == U(1u)));
  return select(wrapped, I(x), exponent < U(158u));
}`,
  },
  int_divide: {
    text:
      `fn int_divide(x: I, y: I) -> I { return select(x / select(y, I(1), y == I(0)), I(0), y == I(0)); }`,
  },
  int_floor_divide: {
    needs: ["int_divide"],
    text: `fn int_floor_divide(x: I, y: I) -> I {
  let q = int_divide(x, y);
  return select(q, q - I(1), (q * y != x) & ((x < I(0)) != (y < I(0))) & (y != I(0)));
}`,
  },
  // The mean of `count` numbers whose sum is high * 65536 + low, towards 0; low >= 0, and both from as many numbers.
  int_mean: {
    needs: ["int_floor_divide"],
    text: `fn int_mean(high: I, low: I, count: I) -> I {
  let whole = int_floor_divide(high, count);
  let rest = (high - whole * count) * I(65536) + low;
  let mean = whole * I(65536) + int_divide(rest, count);
  return select(mean, mean + I(1), (mean < I(0)) & (int_divide(rest, count) * count != rest));
}`,
  },
  int_modulo: {
    needs: ["int_floor_divide"],
    text:
      `fn int_modulo(x: I, y: I) -> I { return select(x - y * int_floor_divide(x, y), I(0), y == I(0)); }`,
  },
};

/** Declares one of the functions above, and those that it calls. The aliases are the caller's to declare. */
export function need(shader: Shader, name: string): void {
  const { needs = [], text } = FUNCTIONS[name];
  for (const other of needs) need(shader, other);
  shader.declare(text);
}

/** Declares all functions above that `expression` calls. */
export function needCalled(shader: Shader, expression: string): void {
  for (const [, name] of expression.matchAll(/\b([a-z_0-9]+)\(/g)) {
    if (name in FUNCTIONS) need(shader, name);
  }
}
