// Sums, products, maxima and minima of a program's values.
import { at, minimum, word } from "./simd";
import { beat, first, last, scratch, share, take } from "./thread";
import { pointTo, runProgram } from "./program";

// The words. The domain is [outer kept..., outer reduced..., rows, n]; `inner` says whether n is reduced (and rows kept)
// or kept (and rows reduced). The reduced axis of the two is cut into chunks of `chunk`; each gives a row of the output
// [outer kept, rows or 1, chunks] or [outer kept, chunks, n].
const REDUCER = 0, INNER = 1, PROGRAM = 2, OPERANDS = 3, KEPT = 4, REDUCED = 5, ROWS = 6, N = 7, CHUNK = 8, TO = 9,
  INTEGER = 10, EXTENTS = 11;
const SUM = 0, PROD = 1, MAX = 2;
const ARGS: usize = 0;
const VALUES: usize = 4096;
const TILE = 2048;
const SUMS: usize = VALUES + TILE * 4;
const COLUMNS = 512;

function start(reducer: i32, integer: i32): v128 {
  if (integer) {
    return i32x4.splat(reducer == SUM ? 0 : reducer == PROD ? 1 : reducer == MAX ? i32.MIN_VALUE : i32.MAX_VALUE);
  }
  return f32x4.splat(reducer == SUM ? 0 : reducer == PROD ? 1 : reducer == MAX ? -Infinity : Infinity);
}

@inline function combine(reducer: i32, integer: i32, a: v128, b: v128): v128 {
  if (integer) {
    if (reducer == SUM) return i32x4.add(a, b);
    if (reducer == PROD) return i32x4.mul(a, b);
    return reducer == MAX ? i32x4.max_s(a, b) : i32x4.min_s(a, b);
  }
  if (reducer == SUM) return f32x4.add(a, b);
  if (reducer == PROD) return f32x4.mul(a, b);
  return reducer == MAX ? f32x4.max(a, b) : f32x4.min(a, b);
}

/** The reduction of n elements, as one lane value in all lanes. */
export function reduceRun(reducer: i32, integer: i32, from: usize, n: i32): v128 {
  let a = start(reducer, integer), b = a, c = a, d = a;
  if (reducer == SUM && !integer) {
    for (; n >= 16; n -= 16) {
      a = f32x4.add(a, v128.load(from, 0));
      b = f32x4.add(b, v128.load(from, 16));
      c = f32x4.add(c, v128.load(from, 32));
      d = f32x4.add(d, v128.load(from, 48));
      from += 64;
    }
  } else {
    for (; n >= 16; n -= 16) {
      a = combine(reducer, integer, a, v128.load(from, 0));
      b = combine(reducer, integer, b, v128.load(from, 16));
      c = combine(reducer, integer, c, v128.load(from, 32));
      d = combine(reducer, integer, d, v128.load(from, 48));
      from += 64;
    }
  }
  for (; n >= 4; n -= 4) {
    a = combine(reducer, integer, a, v128.load(from));
    from += 16;
  }
  a = combine(reducer, integer, combine(reducer, integer, a, b), combine(reducer, integer, c, d));
  a = combine(reducer, integer, a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  a = combine(reducer, integer, a, v128.shuffle<i32>(a, a, 1, 0, 3, 2));
  for (; n > 0; n--) {
    a = combine(reducer, integer, a, v128.load_splat<f32>(from));
    from += 4;
  }
  return a;
}

/** sums[0 ... n] = combine(sums, values) for each of the rows. */
function addRows(reducer: i32, integer: i32, values: usize, stride: usize, rows: i32, n: i32, sums: usize): void {
  let j = 0;
  if (reducer == SUM && !integer) {
    // A sum waits for the one before it: four at once keep the adder busy.
    for (; j + 16 <= n; j += 16) {
      const to = at(sums, j);
      let from = at(values, j);
      let a = v128.load(to, 0), b = v128.load(to, 16), c = v128.load(to, 32), d = v128.load(to, 48);
      for (let r = 0; r < rows; r++) {
        a = f32x4.add(a, v128.load(from, 0));
        b = f32x4.add(b, v128.load(from, 16));
        c = f32x4.add(c, v128.load(from, 32));
        d = f32x4.add(d, v128.load(from, 48));
        from += stride;
      }
      v128.store(to, a, 0);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
  }
  for (; j + 4 <= n; j += 4) {
    let from = at(values, j), sum = v128.load(at(sums, j));
    for (let r = 0; r < rows; r++) {
      sum = combine(reducer, integer, sum, v128.load(from));
      from += stride;
    }
    v128.store(at(sums, j), sum);
  }
  for (; j < n; j++) {
    let from = at(values, j), sum = v128.load_splat<f32>(at(sums, j));
    for (let r = 0; r < rows; r++) {
      sum = combine(reducer, integer, sum, v128.load_splat<f32>(from));
      from += stride;
    }
    store<f32>(at(sums, j), f32x4.extract_lane(sum, 0));
  }
}

/**
 * Where rows x n elements of the domain from row `row` and element `element` of outer index `outer` lie: evaluated to
 * scratch, or in place where the program is none. Sets `rowStride`.
 */
let rowStride: usize = 0;
function evaluate(p: usize, outer: i32, row: i32, rows: i32, element: i32, n: i32): usize {
  const operands = word(p, OPERANDS), axes = word(p, KEPT) + word(p, REDUCED);
  const args = scratch + ARGS;
  pointTo(at(p, EXTENTS), axes, operands, outer, row, element, args);
  const fn = word(p, PROGRAM);
  if (fn < 0) {
    rowStride = <usize>word(args, 1);
    return <usize>load<u32>(args);
  }
  rowStride = <usize>n << 2;
  store<u32>(at(args, 2 * operands), <u32>(scratch + VALUES));
  store<i32>(at(args, 2 * operands + 1), n << 2);
  runProgram(fn, args, rows, n);
  return scratch + VALUES;
}

/** The command: reduce. */
export function reduce(p: usize): void {
  const reducer = word(p, REDUCER), integer = word(p, INTEGER), rows = word(p, ROWS), n = word(p, N);
  const chunk = word(p, CHUNK), to = <usize>load<u32>(at(p, TO));
  let kept = 1, reduced = 1;
  for (let axis = 0; axis < word(p, KEPT); axis++) kept *= word(p, EXTENTS + axis);
  for (let axis = 0; axis < word(p, REDUCED); axis++) reduced *= word(p, EXTENTS + word(p, KEPT) + axis);
  if (word(p, INNER)) {
    const chunks = (n + chunk - 1) / chunk;
    // Short rows are evaluated several at a time.
    const together = chunks == 1 && reduced == 1 && n < TILE ? TILE / n : 1;
    const groups = (rows + together - 1) / together, units = kept * groups * chunks;
    share(units, 1);
    while (take()) {
      for (let unit = first; unit < last; unit++) {
        beat();
        const part = unit % chunks, group = (unit / chunks) % groups, outer = unit / chunks / groups;
        const row = group * together, count = minimum(together, rows - row);
        const out = at(to, (outer * rows + row) * chunks + part);
        if (together > 1) {
          const values = evaluate(p, outer, row, count, 0, n);
          for (let r = 0; r < count; r++) {
            store<f32>(at(out, r), f32x4.extract_lane(reduceRun(reducer, integer, values + <usize>r * rowStride, n), 0));
          }
          continue;
        }
        const end = minimum(n, (part + 1) * chunk);
        let total: f64 = 0, result = start(reducer, integer);
        for (let i = 0; i < reduced; i++) {
          for (let j = part * chunk; j < end; j += TILE) {
            const length = minimum(TILE, end - j);
            const values = evaluate(p, outer * reduced + i, row, 1, j, length);
            const sum = reduceRun(reducer, integer, values, length);
            if (reducer == SUM && !integer) total += <f64>f32x4.extract_lane(sum, 0);
            else result = combine(reducer, integer, result, sum);
          }
        }
        store<f32>(out, reducer == SUM && !integer ? <f32>total : f32x4.extract_lane(result, 0));
      }
    }
    return;
  }
  const chunks = (rows + chunk - 1) / chunk;
  // Narrow strips of columns where there is little else to share out.
  const width = n > COLUMNS ? COLUMNS : kept * chunks >= 8 || n <= 64 ? n : 64;
  const strips = (n + width - 1) / width, units = kept * chunks * strips;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      beat();
      const strip = unit % strips, part = (unit / strips) % chunks, outer = unit / strips / chunks;
      const from = strip * width, columns = minimum(width, n - from);
      const end = minimum(rows, (part + 1) * chunk);
      const sums = scratch + SUMS;
      for (let j = 0; j < columns; j += 4) v128.store(at(sums, j), start(reducer, integer));
      const together = TILE / columns;
      for (let i = 0; i < reduced; i++) {
        for (let row = part * chunk; row < end; row += together) {
          const count = minimum(together, end - row);
          const values = evaluate(p, outer * reduced + i, row, count, from, columns);
          addRows(reducer, integer, values, rowStride, count, columns, sums);
        }
      }
      memory.copy(at(to, (outer * chunks + part) * n + from), sums, columns << 2);
    }
  }
}

// argreduce: x [outer, n, inner] -> int32 [outer, inner].
const ARG_MAX = 0, ARG_OUTER = 1, ARG_N = 2, ARG_INNER = 3, ARG_X = 4, ARG_TO = 5, ARG_INTEGER = 6;

/** The command: the index of the first largest or smallest element. */
export function argreduce(p: usize): void {
  const largest = word(p, ARG_MAX), n = word(p, ARG_N), inner = word(p, ARG_INNER);
  const x = <usize>load<u32>(at(p, ARG_X)), to = <usize>load<u32>(at(p, ARG_TO)), integer = word(p, ARG_INTEGER);
  const units = word(p, ARG_OUTER) * inner;
  share(units, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const outer = unit / inner, i = unit - outer * inner;
      let from = at(x, outer * n * inner + i), best = 0;
      // float64 holds every int32 and every float32.
      let value = integer ? <f64>load<i32>(from) : <f64>load<f32>(from);
      for (let j = 1; j < n; j++) {
        from += <usize>inner << 2;
        const other = integer ? <f64>load<i32>(from) : <f64>load<f32>(from);
        if (largest ? other > value : other < value) {
          value = other;
          best = j;
        }
      }
      store<i32>(at(to, unit), best);
    }
  }
}
