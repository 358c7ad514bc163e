// Sums of looked-up rows of a kernel, and the kernel's gradient. Every sum is in a fixed order, whoever computes it.
import { A, applyEpilogue, B, C, EPILOGUE, K, M, N, ROW_INDEX } from "./gemm";
import { at, ceilDiv, minimum, word } from "./simd";
import { beat, first, last, scratch, share, take, threads } from "./thread";

// The words: a product's, whose left matrix are the tokens, and how many symbols there are.
const SYMBOLS = 18;
/** Rows that are summed before their epilogue. */
const ROWS = 12;
/** Columns whose sums, or gradients, are in registers. */
const STRIP = 32;
/** Additions that are worth sharing out. */
const LEAST_WORK: i64 = 32768;

@inline function add(to: usize, offset: usize, v: v128): void {
  v128.store(to + offset, f32x4.add(v128.load(to + offset), v));
}

/** The sum of the rows of the kernel that `count` tokens look up. */
function sumRows(tokens: usize, count: i32, kernel: usize, symbols: i32, n: i32, to: usize): void {
  const stride = <usize>n << 2, step = <usize>symbols * stride;
  let j = 0;
  for (; j + STRIP <= n; j += STRIP) {
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
    let rows = at(kernel, j);
    for (let t = 0; t < count; t++) {
      const token = word(tokens, t);
      if (<u32>token < <u32>symbols) {
        const row = rows + <usize>token * stride;
        c0 = f32x4.add(c0, v128.load(row, 0));
        c1 = f32x4.add(c1, v128.load(row, 16));
        c2 = f32x4.add(c2, v128.load(row, 32));
        c3 = f32x4.add(c3, v128.load(row, 48));
        c4 = f32x4.add(c4, v128.load(row, 64));
        c5 = f32x4.add(c5, v128.load(row, 80));
        c6 = f32x4.add(c6, v128.load(row, 96));
        c7 = f32x4.add(c7, v128.load(row, 112));
      }
      rows += step;
    }
    const target = at(to, j);
    v128.store(target, c0, 0);
    v128.store(target, c1, 16);
    v128.store(target, c2, 32);
    v128.store(target, c3, 48);
    v128.store(target, c4, 64);
    v128.store(target, c5, 80);
    v128.store(target, c6, 96);
    v128.store(target, c7, 112);
  }
  for (; j + 4 <= n; j += 4) {
    let c = f32x4.splat(0), rows = at(kernel, j);
    for (let t = 0; t < count; t++) {
      const token = word(tokens, t);
      if (<u32>token < <u32>symbols) c = f32x4.add(c, v128.load(rows + <usize>token * stride));
      rows += step;
    }
    v128.store(at(to, j), c);
  }
  for (; j < n; j++) {
    let c: f32 = 0, rows = at(kernel, j);
    for (let t = 0; t < count; t++) {
      const token = word(tokens, t);
      if (<u32>token < <u32>symbols) c += load<f32>(rows + <usize>token * stride);
      rows += step;
    }
    store<f32>(at(to, j), c);
  }
}

/** The command: bags. */
export function embeddingBag(p: usize): void {
  const m = word(p, M), n = word(p, N), places = word(p, K), symbols = word(p, SYMBOLS);
  const tokens = <usize>load<u32>(at(p, A)), kernel = <usize>load<u32>(at(p, B)), c = <usize>load<u32>(at(p, C));
  const epilogue = word(p, EPILOGUE) >= 0;
  share(ceilDiv(m, ROWS), <i32>(LEAST_WORK / (<i64>ROWS * <i64>places * <i64>n)) + 1);
  while (take()) {
    for (let row = first * ROWS, end = minimum(m, last * ROWS); row < end; row += ROWS) {
      const rows = minimum(ROWS, end - row);
      for (let r = row; r < row + rows; r++) {
        beat();
        sumRows(at(tokens, r * places), places, kernel, symbols, n, at(c, r * n));
      }
      if (epilogue) {
        store<i32>(scratch + ROW_INDEX, row);
        applyEpilogue(p, c, 0, rows, 0, n);
      }
    }
  }
}

// The words of the gradient.
const TOKENS = 0, DY = 1, GRADIENT = 2, BATCH = 3, PLACES = 4, COLUMNS = 5, GRADIENT_SYMBOLS = 6;

/** Adds columns j ... j+width of every dy to the rows that its tokens at places t0 ... t1 look up. */
function addRows(p: usize, t0: i32, t1: i32, j: i32, width: i32): void {
  const batch = word(p, BATCH), places = word(p, PLACES), n = word(p, COLUMNS), symbols = word(p, GRADIENT_SYMBOLS);
  const stride = <usize>n << 2, step = <usize>symbols * stride;
  const start = at(<usize>load<u32>(at(p, GRADIENT)), j) + <usize>t0 * step;
  for (let row = start, r = symbols * (t1 - t0); r > 0; r--) {
    memory.fill(row, 0, width << 2);
    row += stride;
  }
  let tokens = <usize>load<u32>(at(p, TOKENS)), dy = at(<usize>load<u32>(at(p, DY)), j);
  for (let b = 0; b < batch; b++) {
    if ((b & 255) == 0) beat();
    let rows = start;
    if (width == STRIP) {
      const d0 = v128.load(dy, 0), d1 = v128.load(dy, 16), d2 = v128.load(dy, 32), d3 = v128.load(dy, 48);
      const d4 = v128.load(dy, 64), d5 = v128.load(dy, 80), d6 = v128.load(dy, 96), d7 = v128.load(dy, 112);
      for (let t = t0; t < t1; t++) {
        const token = word(tokens, t);
        if (<u32>token < <u32>symbols) {
          const row = rows + <usize>token * stride;
          add(row, 0, d0);
          add(row, 16, d1);
          add(row, 32, d2);
          add(row, 48, d3);
          add(row, 64, d4);
          add(row, 80, d5);
          add(row, 96, d6);
          add(row, 112, d7);
        }
        rows += step;
      }
    } else {
      for (let t = t0; t < t1; t++) {
        const token = word(tokens, t);
        if (<u32>token < <u32>symbols) {
          const row = rows + <usize>token * stride;
          let i = 0;
          for (; i + 4 <= width; i += 4) add(at(row, i), 0, v128.load(at(dy, i)));
          for (; i < width; i++) store<f32>(at(row, i), load<f32>(at(row, i)) + load<f32>(at(dy, i)));
        }
        rows += step;
      }
    }
    tokens = at(tokens, places);
    dy += stride;
  }
}

/** The command: the kernel's gradient. A unit is some places by a strip of columns, which no other unit writes. */
export function embeddingBagGrad(p: usize): void {
  const batch = word(p, BATCH), places = word(p, PLACES), n = word(p, COLUMNS), strips = ceilDiv(n, STRIP);
  const parts = minimum(places, ceilDiv(4 * threads, strips)), units = strips * parts;
  share(units, <i32>(LEAST_WORK * <i64>units / (<i64>batch * <i64>places * <i64>n)) + 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const strip = unit / parts, part = unit - strip * parts, j = strip * STRIP;
      addRows(p, places * part / parts, places * (part + 1) / parts, j, minimum(STRIP, n - j));
    }
  }
}
