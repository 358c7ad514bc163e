// Convolutions of 3 x 3 taps with fewer multiplications still: minimal filtering F(4 x 4, 3 x 3), 36 products where the
// definition has 144 (Winograd 1980; Lavin and Gray 2016). A tile of outputs is the product of two polynomials modulo one
// of degree six, found by their values at 0, 3/4, -3/4, 3/2, -3/2 and infinity. With these points, all of whose powers are
// exact, the largest error is twice that of sums in float32; with 0, 1, -1, 2, -2 it would be four times.
// What is the same as for tiles of 2 x 2 is winograd3.ts's, and its words are the commands'.
import { at, ceilDiv, fma, minimum, word } from "./simd";
import { ROWS } from "./micro";
import { A, applyEpilogue, C, CHANNELS, EPILOGUE, GRID, GRID_H, GRID_W, K, M, N, PACK_B, packRows, ROW_INDEX, SOURCE } from "./gemm";
import { beat, first, last, scratch, share, take, thread, threads } from "./thread";
import {
  addProducts, COLUMN, DEPTH, DY, EACH_K, EACH_N, FILTER, GRAD_GRID, GRAD_K, GRAD_N, GRAD_WORKSPACE, GRADIENT, GROUP_TABLE,
  multiply, ROW, RUN, RUNS, SPAN, SUM_CHANNELS, SUM_N, SUM_RUNS, SUM_TABLE, SUMS_OF, TILES, TO, total, WORKSPACE, X,
} from "./winograd";
import { columnStep, origin, rowStep, seek, tap } from "./winograd3";

/** Products of a tile, and outputs along a side. */
const PRODUCTS = 36, SIDE = 6, OUT = 4;
/** Channels of twelve tiles that are spread before they are packed: of L1. */
const STRIP = 16;
/** Behind the strip: a tile between the two directions of a transform, and one of the border. */
const BETWEEN: usize = PACK_B + <usize>(PRODUCTS * ROWS * STRIP * 4);
const BORDER: usize = BETWEEN + <usize>(PRODUCTS * 16);

// The points and what is made of them.
const P: f32 = 0.75, P2: f32 = 0.5625, P3: f32 = 0.421875, Q: f32 = 1.5, Q2: f32 = 2.25, Q3: f32 = 3.375;
const BOTH: f32 = 1.265625, SUM: f32 = 2.8125;
/** What the values of the taps' polynomial are divided by. */
const AT_0: f32 = 1.0 / 1.265625, AT_P: f32 = 1.0 / -1.8984375, AT_Q: f32 = 1.0 / 7.59375;

/** Six places as values of the image at the six points, `stride` bytes apart. */
@inline function imageAt(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, out: usize, stride: usize): void {
  const evenP = fma(f32x4.splat(-Q2), d2, d4), oddP = fma(f32x4.splat(-Q2), d1, d3);
  const evenQ = fma(f32x4.splat(-P2), d2, d4), oddQ = fma(f32x4.splat(-P2), d1, d3);
  v128.store(out, fma(f32x4.splat(BOTH), d0, fma(f32x4.splat(-SUM), d2, d4)));
  out += stride;
  v128.store(out, fma(f32x4.splat(P), oddP, evenP));
  out += stride;
  v128.store(out, fma(f32x4.splat(-P), oddP, evenP));
  out += stride;
  v128.store(out, fma(f32x4.splat(Q), oddQ, evenQ));
  out += stride;
  v128.store(out, fma(f32x4.splat(-Q), oddQ, evenQ));
  out += stride;
  v128.store(out, fma(f32x4.splat(BOTH), d1, fma(f32x4.splat(-SUM), d3, d5)));
}

/** Three taps as values at the six points. */
@inline function tapsAt(g0: v128, g1: v128, g2: v128, out: usize, stride: usize): void {
  const atP = f32x4.splat(AT_P), atQ = f32x4.splat(AT_Q);
  const evenP = fma(f32x4.splat(P2), g2, g0), oddP = f32x4.mul(f32x4.splat(P), g1);
  const evenQ = fma(f32x4.splat(Q2), g2, g0), oddQ = f32x4.mul(f32x4.splat(Q), g1);
  v128.store(out, f32x4.mul(f32x4.splat(AT_0), g0));
  out += stride;
  v128.store(out, f32x4.mul(atP, f32x4.add(evenP, oddP)));
  out += stride;
  v128.store(out, f32x4.mul(atP, f32x4.sub(evenP, oddP)));
  out += stride;
  v128.store(out, f32x4.mul(atQ, f32x4.add(evenQ, oddQ)));
  out += stride;
  v128.store(out, f32x4.mul(atQ, f32x4.sub(evenQ, oddQ)));
  out += stride;
  v128.store(out, g2);
}

/** Four outputs' gradients as values at the six points. */
@inline function gradientsAt(y0: v128, y1: v128, y2: v128, y3: v128, out: usize, stride: usize): void {
  const evenP = fma(f32x4.splat(P2), y2, y0), oddP = fma(f32x4.splat(P2), y3, y1);
  const evenQ = fma(f32x4.splat(Q2), y2, y0), oddQ = fma(f32x4.splat(Q2), y3, y1);
  v128.store(out, y0);
  out += stride;
  v128.store(out, fma(f32x4.splat(P), oddP, evenP));
  out += stride;
  v128.store(out, fma(f32x4.splat(-P), oddP, evenP));
  out += stride;
  v128.store(out, fma(f32x4.splat(Q), oddQ, evenQ));
  out += stride;
  v128.store(out, fma(f32x4.splat(-Q), oddQ, evenQ));
  out += stride;
  v128.store(out, y3);
}

/**
 * Writes the 36 values of n channels of the tile that `seek` found, `stride` bytes apart. After every third vector `to` jumps by `jump`
 * bytes.
 */
function spread(n: i32, to: usize, stride: usize, jump: usize): void {
  const between = scratch + BETWEEN;
  let base = origin;
  for (let c = 0, phase = 0; c < n; c += 4) {
    let from = base;
    for (let x = 0; x < SIDE; x++) {
      let place = from;
      const d0 = v128.load(place);
      place += rowStep;
      const d1 = v128.load(place);
      place += rowStep;
      const d2 = v128.load(place);
      place += rowStep;
      const d3 = v128.load(place);
      place += rowStep;
      const d4 = v128.load(place);
      place += rowStep;
      imageAt(d0, d1, d2, d3, d4, v128.load(place), between + (<usize>x << 4), 16 * SIDE);
      from += columnStep;
    }
    let row = between, out = to;
    for (let y = 0; y < SIDE; y++) {
      imageAt(
        v128.load(row, 0), v128.load(row, 16), v128.load(row, 32), v128.load(row, 48), v128.load(row, 64),
        v128.load(row, 80), out, stride,
      );
      row += 16 * SIDE;
      out += SIDE * stride;
    }
    base += 16;
    to += 16;
    if (++phase == 3) {
      phase = 0;
      to += jump;
    }
  }
}

/** The command, with the words of `winograd3Filter`: the filter's values [36, n / 4, k, 4]. */
export function winograd4Filter(p: usize): void {
  const k = word(p, EACH_K), panels = word(p, EACH_N) >> 2, table = at(p, GROUP_TABLE);
  const row = <usize>word(p, ROW) << 2, step = <usize>word(p, COLUMN) << 2;
  const stride = <usize>(panels * k) << 4, between = scratch + BETWEEN;
  share(panels, 1);
  while (take()) {
    for (let j = first; j < last; j++) {
      const base = <usize>load<u32>(at(p, FILTER)) + <usize>(4 * j) * step;
      let to = <usize>load<u32>(at(p, TO)) + (<usize>(j * k) << 4), offset: usize = 0;
      for (let c = 0; c < k; c++) {
        for (let x = 0; x < 3; x++) {
          tapsAt(
            tap(base, table, x, offset, step), tap(base, table, 3 + x, offset, step), tap(base, table, 6 + x, offset, step),
            between + (<usize>x << 4), 48,
          );
        }
        let from = between, out = to;
        for (let y = 0; y < SIDE; y++) {
          tapsAt(v128.load(from, 0), v128.load(from, 16), v128.load(from, 32), out, stride);
          from += 48;
          out += SIDE * stride;
        }
        offset += row;
        to += 16;
      }
    }
  }
}

/** Spreads twelve tiles of the image and packs them: 36 panels [k, 12], `stride` bytes apart. */
function packTiles(p: usize, tile: i32, to: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), source = <usize>load<u32>(at(p, A)), tiles = word(p, M);
  const channels = word(grid, CHANNELS), strip = scratch + PACK_B, pointers = scratch + SOURCE;
  for (let c = 0; c < channels; c += STRIP) {
    const n = minimum(STRIP, channels - c);
    for (let r = 0; r < ROWS; r++) {
      seek(source, grid, minimum(tile + r, tiles - 1), c, n, OUT, scratch + BORDER);
      spread(n, strip + <usize>(r * STRIP << 2), ROWS * STRIP << 2, 0);
    }
    for (let product = 0; product < PRODUCTS; product++) {
      for (let r = 0; r < ROWS; r++) {
        store<u32>(at(pointers, r), <u32>(strip + <usize>((product * ROWS + r) * STRIP << 2)));
      }
      packRows(pointers, n, to + <usize>product * stride + <usize>c * 48);
    }
  }
}

/** The sixteen outputs of a tile from its 36 products, `stride` bytes apart; those beyond the grid are not kept. */
function collect(p: usize, tile: i32, products: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), c = <usize>load<u32>(at(p, C)), n = word(p, N);
  const height = word(grid, GRID_H), width = word(grid, GRID_W);
  const across = ceilDiv(width, OUT), down = ceilDiv(height, OUT);
  const row = tile / across, image = row / down, top = OUT * (row - image * down), left = OUT * (tile - row * across);
  const index = (image * height + top) * width + left, tall = minimum(OUT, height - top), wide = minimum(OUT, width - left);
  const between = scratch + BETWEEN, next = SIDE * stride, pixel = <usize>n << 2, line = <usize>width * pixel;
  const p1 = f32x4.splat(P), p2 = f32x4.splat(P2), p3 = f32x4.splat(P3);
  const q1 = f32x4.splat(Q), q2 = f32x4.splat(Q2), q3 = f32x4.splat(Q3);
  let to = at(c, index * n);
  for (let j = 0; j < n; j += 4) {
    let from = products;
    for (let x: usize = 0; x < 16 * SIDE; x += 16) {
      let place = from;
      const m0 = v128.load(place);
      place += next;
      const m1 = v128.load(place);
      place += next;
      const m2 = v128.load(place);
      place += next;
      const m3 = v128.load(place);
      place += next;
      const m4 = v128.load(place);
      place += next;
      const evenP = f32x4.add(m1, m2), oddP = f32x4.sub(m1, m2), evenQ = f32x4.add(m3, m4), oddQ = f32x4.sub(m3, m4);
      const out = between + x;
      v128.store(out, f32x4.add(m0, f32x4.add(evenP, evenQ)), 0);
      v128.store(out, fma(p1, oddP, f32x4.mul(q1, oddQ)), 96);
      v128.store(out, fma(p2, evenP, f32x4.mul(q2, evenQ)), 192);
      v128.store(out, fma(p3, oddP, fma(q3, oddQ, v128.load(place))), 288);
      from += stride;
    }
    let place = between, out = to;
    for (let y = 0; y < tall; y++) {
      const m1 = v128.load(place, 16), m2 = v128.load(place, 32), m3 = v128.load(place, 48), m4 = v128.load(place, 64);
      const evenP = f32x4.add(m1, m2), oddP = f32x4.sub(m1, m2), evenQ = f32x4.add(m3, m4), oddQ = f32x4.sub(m3, m4);
      v128.store(out, f32x4.add(v128.load(place), f32x4.add(evenP, evenQ)));
      if (wide > 1) v128.store(out + pixel, fma(p1, oddP, f32x4.mul(q1, oddQ)));
      if (wide > 2) v128.store(out + 2 * pixel, fma(p2, evenP, f32x4.mul(q2, evenQ)));
      if (wide > 3) v128.store(out + 3 * pixel, fma(p3, oddP, fma(q3, oddQ, v128.load(place, 80))));
      place += 96;
      out += line;
    }
    products += 16;
    to += 16;
  }
  if (word(p, EPILOGUE) < 0) return;
  for (let y = 0; y < tall; y++) {
    store<i32>(scratch + ROW_INDEX, index + y * width);
    applyEpilogue(p, c, 0, wide, 0, n);
  }
}

/** The command: a convolution, with the words of `winograd`. */
export function winograd4(p: usize): void {
  const tiles = word(p, M), n = word(p, N), k = word(p, K), span = word(p, SPAN);
  const groups = ceilDiv(tiles, ROWS);
  const panels = <usize>(span * k) * 48, rows = <usize>(span * ROWS * n) << 2;
  const spreads = <usize>load<u32>(at(p, WORKSPACE)) + <usize>thread * PRODUCTS * (panels + rows);
  const products = spreads + PRODUCTS * panels;
  share(groups, minimum(span, ceilDiv(groups, 2 * threads)));
  while (take()) {
    for (let group = first; group < last; group += span) {
      const count = minimum(span, last - group);
      for (let i = 0; i < count; i++) {
        beat();
        packTiles(p, (group + i) * ROWS, spreads + <usize>(i * k) * 48, panels);
      }
      multiply(p, PRODUCTS, count, n, spreads, products);
      for (let i = 0; i < count; i++) {
        const tile = (group + i) * ROWS;
        for (let r = 0; r < minimum(ROWS, tiles - tile); r++) {
          collect(p, tile + r, products + (<usize>((i * ROWS + r) * n) << 2), rows);
        }
      }
    }
  }
}

/** Writes the 36 values of n channels of a tile of dy, `stride` bytes apart, and the vectors of each `step` bytes apart. */
function spreadGradient(grid: usize, dy: usize, n: i32, tile: i32, to: usize, stride: usize, step: usize): void {
  const height = word(grid, GRID_H), width = word(grid, GRID_W);
  const across = ceilDiv(width, OUT), down = ceilDiv(height, OUT);
  const row = tile / across, image = row / down, y = OUT * (row - image * down), x = OUT * (tile - row * across);
  const tall = height - y, wide = minimum(OUT, width - x), none = f32x4.splat(0);
  const between = scratch + BETWEEN, pixel = <usize>n << 2, line = <usize>width * pixel;
  let base = at(dy, ((image * height + y) * width + x) * n);
  for (let j = 0; j < n; j += 4) {
    let from = base;
    for (let x = 0; x < OUT; x++) {
      const isInside = x < wide;
      gradientsAt(
        isInside ? v128.load(from) : none,
        isInside && tall > 1 ? v128.load(from + line) : none,
        isInside && tall > 2 ? v128.load(from + 2 * line) : none,
        isInside && tall > 3 ? v128.load(from + 3 * line) : none,
        between + (<usize>x << 4), 64,
      );
      from += pixel;
    }
    let place = between, out = to;
    for (let y = 0; y < SIDE; y++) {
      gradientsAt(v128.load(place, 0), v128.load(place, 16), v128.load(place, 32), v128.load(place, 48), out, stride);
      place += 64;
      out += SIDE * stride;
    }
    base += 16;
    to += step;
  }
}

/** The command: the 36 products that a filter's gradient is made of, with the words of `winogradFilterGrad`. */
export function winograd4FilterGrad(p: usize): void {
  const k = word(p, GRAD_K), n = word(p, GRAD_N), tiles = word(p, TILES), runs = word(p, RUNS), run = word(p, RUN);
  const depth = word(p, DEPTH), panels = ceilDiv(k, ROWS);
  const grid = <usize>load<u32>(at(p, GRAD_GRID)), dy = <usize>load<u32>(at(p, DY)), source = <usize>load<u32>(at(p, X));
  const parts = ceilDiv(2 * threads, runs), panel = <usize>depth * 48;
  const tall = <usize>panels * panel, wide = <usize>(n * depth) << 2, spare = <usize>n << 2;
  const images = <usize>load<u32>(at(p, GRAD_WORKSPACE)) + <usize>thread * (PRODUCTS * (tall + wide) + spare);
  const gradients = images + PRODUCTS * tall, beyond = gradients + PRODUCTS * wide;
  share(runs * parts, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const index = unit / parts, part = unit - index * parts;
      const panel0 = panels * part / parts, panel1 = panels * (part + 1) / parts;
      if (panel0 == panel1) continue;
      const start = index * run, end = minimum(tiles, start + run);
      const k0 = panel0 * ROWS, channels = minimum(k, panel1 * ROWS) - k0;
      for (let tile = start; tile < end; tile += depth) {
        const count = minimum(depth, end - tile);
        beat();
        for (let t = 0; t < count; t++) {
          // Panels of twelve are three vectors.
          seek(source, grid, tile + t, k0, channels, OUT, scratch + BORDER);
          spread(channels, images + <usize>t * 48, tall, panel - 48);
          spreadGradient(grid, dy, n, tile + t, gradients + (<usize>t << 4), wide, <usize>depth << 4);
        }
        addProducts(p, PRODUCTS, index, panel0, panel1, count, images, gradients, beyond, tile - start);
      }
    }
  }
}

/** The three taps that `toTaps` found from their values at the six points. */
let tap0: v128 = f32x4.splat(0), tap1: v128 = f32x4.splat(0), tap2: v128 = f32x4.splat(0);
@inline function toTaps(s0: v128, s1: v128, s2: v128, s3: v128, s4: v128, s5: v128): void {
  const atP = f32x4.splat(AT_P), atQ = f32x4.splat(AT_Q);
  const evenP = f32x4.mul(atP, f32x4.add(s1, s2)), oddP = f32x4.mul(atP, f32x4.sub(s1, s2));
  const evenQ = f32x4.mul(atQ, f32x4.add(s3, s4)), oddQ = f32x4.mul(atQ, f32x4.sub(s3, s4));
  tap0 = fma(f32x4.splat(AT_0), s0, f32x4.add(evenP, evenQ));
  tap1 = fma(f32x4.splat(P), oddP, f32x4.mul(f32x4.splat(Q), oddQ));
  tap2 = fma(f32x4.splat(P2), evenP, fma(f32x4.splat(Q2), evenQ, s5));
}

/** The command: the filter's gradient from the 36 products of all runs, with the words of `winogradFilterSum`. */
export function winograd4FilterSum(p: usize): void {
  const channels = word(p, SUM_CHANNELS), n = word(p, SUM_N), runs = word(p, SUM_RUNS);
  const sums = <usize>load<u32>(at(p, SUMS_OF)), to = <usize>load<u32>(at(p, GRADIENT)), table = at(p, SUM_TABLE);
  const stride = <usize>(channels * n) << 2, whole = PRODUCTS * stride, next = SIDE * stride, between = scratch + BETWEEN;
  share(channels, 1);
  while (take()) {
    for (let c = first; c < last; c++) {
      for (let j = 0; j < n; j += 4) {
        let from = at(sums, c * n + j);
        const place = at(to, c * n + j);
        for (let x: usize = 0; x < 16 * SIDE; x += 16) {
          toTaps(
            total(from, runs, whole), total(from + next, runs, whole), total(from + 2 * next, runs, whole),
            total(from + 3 * next, runs, whole), total(from + 4 * next, runs, whole), total(from + 5 * next, runs, whole),
          );
          v128.store(between + x, tap0, 0);
          v128.store(between + x, tap1, 96);
          v128.store(between + x, tap2, 192);
          from += stride;
        }
        for (let y = 0; y < 3; y++) {
          const row = between + <usize>(96 * y);
          toTaps(
            v128.load(row, 0), v128.load(row, 16), v128.load(row, 32), v128.load(row, 48), v128.load(row, 64),
            v128.load(row, 80),
          );
          v128.store(at(place, word(table, 3 * y)), tap0);
          v128.store(at(place, word(table, 3 * y + 1)), tap1);
          v128.store(at(place, word(table, 3 * y + 2)), tap2);
        }
      }
    }
  }
}
