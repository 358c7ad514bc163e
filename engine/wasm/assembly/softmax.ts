// Over the last axis: softmax, its logarithm, and the cross-entropy with its gradient. Where there are vectors, the
// exponential is `expBelow`, which is inlined, as its arguments are not above 0; `exp` gives the same bits.
import { at, ceilDiv, minimum, word } from "./simd";
import { first, last, share, take } from "./thread";
import { exp, expBelow, log } from "./math";
import { reduceRun } from "./reduce";

const ROWS = 0, N = 1, X = 2, TO = 3, LOG = 4, TARGETS = 4, GRADIENT = 5;
const SUM = 0, MAX = 2;
/** Elements that are worth sharing out. */
const LEAST = 256;

/** to = exp(x - largest); returns the sum. */
function exponentials(x: usize, to: usize, n: i32, largest: v128): v128 {
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(at(to, i), expBelow(f32x4.sub(v128.load(at(x, i)), largest)));
  for (; i < n; i++) {
    store<f32>(at(to, i), f32x4.extract_lane(exp(f32x4.sub(v128.load_splat<f32>(at(x, i)), largest)), 0));
  }
  return reduceRun(SUM, 0, to, n);
}

/** The command: softmax. */
export function softmax(p: usize): void {
  const n = word(p, N), rows = word(p, ROWS);
  share(rows, LEAST / n + 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      const x = at(<usize>load<u32>(at(p, X)), row * n), to = at(<usize>load<u32>(at(p, TO)), row * n);
      const largest = reduceRun(MAX, 0, x, n);
      // `x` and `to` may be one place: the logarithm then needs x after `to` was written, so it is summed apart.
      if (word(p, LOG)) {
        let sum: f32 = 0;
        for (let i = 0; i < n; i += 4) {
          const count = minimum(4, n - i);
          if (count == 4) {
            const e = expBelow(f32x4.sub(v128.load(at(x, i)), largest));
            sum += (f32x4.extract_lane(e, 0) + f32x4.extract_lane(e, 1)) + (f32x4.extract_lane(e, 2) + f32x4.extract_lane(e, 3));
          } else {
            for (let j = i; j < n; j++) sum += f32x4.extract_lane(exp(f32x4.sub(v128.load_splat<f32>(at(x, j)), largest)), 0);
          }
        }
        const shift = log(f32x4.splat(sum));
        let i = 0;
        for (; i + 4 <= n; i += 4) v128.store(at(to, i), f32x4.sub(f32x4.sub(v128.load(at(x, i)), largest), shift));
        for (; i < n; i++) {
          store<f32>(at(to, i), f32x4.extract_lane(f32x4.sub(f32x4.sub(v128.load_splat<f32>(at(x, i)), largest), shift), 0));
        }
        continue;
      }
      const factor = f32x4.div(f32x4.splat(1), exponentials(x, to, n, largest));
      let i = 0;
      for (; i + 4 <= n; i += 4) v128.store(at(to, i), f32x4.mul(v128.load(at(to, i)), factor));
      for (; i < n; i++) store<f32>(at(to, i), load<f32>(at(to, i)) * f32x4.extract_lane(factor, 0));
    }
  }
}

/** The command: softmax_cross_entropy. */
export function softmaxCrossEntropy(p: usize): void {
  const n = word(p, N), rows = word(p, ROWS);
  share(rows, LEAST / n + 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      const x = at(<usize>load<u32>(at(p, X)), row * n), targets = at(<usize>load<u32>(at(p, TARGETS)), row * n);
      const gradient = at(<usize>load<u32>(at(p, GRADIENT)), row * n);
      const largest = reduceRun(MAX, 0, x, n);
      const mass = reduceRun(SUM, 0, targets, n);
      // The losses first: the gradient may lie where x or the targets lie.
      let sum: f32 = 0, dot: f32 = 0;
      const top = f32x4.extract_lane(largest, 0);
      for (let i = 0; i < n; i += 4) {
        const count = minimum(4, n - i);
        const e = count == 4
          ? exp(f32x4.sub(v128.load(at(x, i)), largest))
          : exp(f32x4.sub(few(at(x, i), count), largest));
        sum += f32x4.extract_lane(e, 0);
        if (count > 1) sum += f32x4.extract_lane(e, 1);
        if (count > 2) sum += f32x4.extract_lane(e, 2);
        if (count > 3) sum += f32x4.extract_lane(e, 3);
        for (let j = i; j < i + count; j++) {
          dot += load<f32>(at(targets, j)) * (load<f32>(at(x, j)) - top);
        }
      }
      const shift = f32x4.extract_lane(log(f32x4.splat(sum)), 0), total = f32x4.extract_lane(mass, 0);
      store<f32>(at(<usize>load<u32>(at(p, TO)), row), total * shift - dot);
      const factor = f32x4.splat(total / sum);
      let i = 0;
      for (; i + 4 <= n; i += 4) {
        const e = expBelow(f32x4.sub(v128.load(at(x, i)), largest));
        v128.store(at(gradient, i), f32x4.sub(f32x4.mul(e, factor), v128.load(at(targets, i))));
      }
      for (; i < n; i++) {
        const e = f32x4.extract_lane(exp(f32x4.sub(v128.load_splat<f32>(at(x, i)), largest)), 0);
        store<f32>(at(gradient, i), e * f32x4.extract_lane(factor, 0) - load<f32>(at(targets, i)));
      }
    }
  }
}

@inline function few(from: usize, count: i32): v128 {
  let v = f32x4.splat(load<f32>(from));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(from, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(from, 8));
  return v;
}
