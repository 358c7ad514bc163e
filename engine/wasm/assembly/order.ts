// Along one axis: running sums and products, and the largest elements.
import { at, word } from "./simd";
import { first, last, share, take } from "./thread";

const X = 0, TO = 1, OUTER = 2, N = 3, INNER = 4, PRODUCT = 5, EXCLUSIVE = 6, REVERSE = 7, INTEGER = 8;

/** The command: cumulate. */
export function cumulate(p: usize): void {
  const n = word(p, N), inner = word(p, INNER), units = word(p, OUTER) * inner;
  const product = word(p, PRODUCT), exclusive = word(p, EXCLUSIVE), integer = word(p, INTEGER);
  const step = word(p, REVERSE) ? -inner : inner;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const outer = unit / inner;
      let index = outer * n * inner + unit - outer * inner + (step < 0 ? (n - 1) * inner : 0);
      let whole = product ? 1 : 0, total: f64 = product ? 1 : 0;
      for (let i = 0; i < n; i++) {
        const from = at(<usize>load<u32>(at(p, X)), index), to = at(<usize>load<u32>(at(p, TO)), index);
        if (integer) {
          const previous = whole, value = load<i32>(from);
          whole = product ? whole * value : whole + value;
          store<i32>(to, exclusive ? previous : whole);
        } else {
          const previous = total, value = <f64>load<f32>(from);
          total = product ? total * value : total + value;
          store<f32>(to, <f32>(exclusive ? previous : total));
        }
        index += step;
      }
    }
  }
}

const TOP_X = 0, VALUES = 1, INDICES = 2, ROWS = 3, WIDTH = 4, K = 5, TOP_INTEGER = 6;

/** The command: the k largest of each row, kept in order while the row is gone through. NaN is larger than all numbers. */
export function topk(p: usize): void {
  const width = word(p, WIDTH), k = word(p, K), integer = word(p, TOP_INTEGER);
  share(word(p, ROWS), 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      const x = at(<usize>load<u32>(at(p, TOP_X)), row * width);
      const values = at(<usize>load<u32>(at(p, VALUES)), row * k), indices = at(<usize>load<u32>(at(p, INDICES)), row * k);
      let kept = 0;
      for (let i = 0; i < width; i++) {
        const value = numberAt(x, i, integer);
        if (kept == k && !isAbove(value, numberAt(values, k - 1, integer))) continue;
        let place = kept < k ? kept++ : k - 1;
        for (; place > 0 && isAbove(value, numberAt(values, place - 1, integer)); place--) {
          store<i32>(at(values, place), load<i32>(at(values, place - 1)));
          store<i32>(at(indices, place), load<i32>(at(indices, place - 1)));
        }
        store<i32>(at(values, place), load<i32>(at(x, i)));
        store<i32>(at(indices, place), i);
      }
    }
  }
}
@inline function isAbove(a: f64, b: f64): bool {
  return a > b || (a != a && b == b);
}
@inline function numberAt(from: usize, index: i32, integer: i32): f64 {
  return integer ? <f64>load<i32>(at(from, index)) : <f64>load<f32>(at(from, index));
}
