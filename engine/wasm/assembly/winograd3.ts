// Convolutions of 3 x 3 taps with fewer multiplications: minimal filtering F(2 x 2, 3 x 3) (Winograd 1980; Lavin and Gray
// 2016). Two neighbouring outputs of three taps, y0 = d0 g0 + d1 g1 + d2 g2 and y1 = d1 g0 + d2 g1 + d3 g2, are
//   y0 = m0 + m1 + m2, y1 = m1 - m2 - m3, where
//   m0 = (d0 - d2) g0, m1 = (d1 + d2) (g0 + g1 + g2) / 2, m2 = (d2 - d1) (g0 - g1 + g2) / 2, m3 = (d1 - d3) g2:
// four products rather than six, sixteen rather than thirty-six in two dimensions. The gradient of the input is a
// convolution of dy with the taps in reverse; that of the filter is the transpose of the above, summed over tiles.
// Neighbours are one place apart: no stride, no dilation. What is the same as for 2 x 2 taps is winograd.ts's.
import { at, ceilDiv, minimum, word } from "./simd";
import { ROWS } from "./micro";
import {
  A, applyEpilogue, C, CHANNELS, EPILOGUE, GRID, GRID_H, GRID_W, K, M, N, PACK_B, ROW_INDEX, SOURCE_H, SOURCE_W, TAP_TABLE,
} from "./gemm";
import { beat, first, last, scratch, share, take, thread, threads } from "./thread";
import {
  addProducts, DEPTH, DY, EACH_K, EACH_N, FILTER, GRAD_GRID, GRAD_K, GRAD_N, GRAD_WORKSPACE, GRADIENT, GROUP_TABLE,
  loadApart, multiply, packStrip, ROW, COLUMN, RUN, RUNS, SPAN, STRIP, SUM_CHANNELS, SUM_N, SUM_RUNS, SUM_TABLE, SUMS_OF,
  TILES, TO, total, WORKSPACE, X,
} from "./winograd";

/** Products of a tile. */
const PRODUCTS = 16;
/** Where a tile of the border is put together, in `scratch`: behind the strip. */
const TILE: usize = PACK_B + <usize>(PRODUCTS * ROWS * STRIP * 4);

/** The tile that `seek` found: its first place, and the bytes to the next row and the next column. */
export let origin: usize = 0, rowStep: usize = 0, columnStep: usize = 0;

/**
 * Finds the places under a tile of `out` x `out` outputs, two more along each side, n channels from c on; where they cross
 * the image's border, a copy with zeros, at `border`.
 */
export function seek(source: usize, grid: usize, tile: i32, c: i32, n: i32, out: i32, border: usize): void {
  const across = ceilDiv(word(grid, GRID_W), out), down = ceilDiv(word(grid, GRID_H), out), side = out + 2;
  const height = word(grid, SOURCE_H), width = word(grid, SOURCE_W), channels = word(grid, CHANNELS);
  const row = tile / across, image = row / down;
  const top = out * (row - image * down) + word(grid, TAP_TABLE);
  const left = out * (tile - row * across) + word(grid, TAP_TABLE + 1);
  const from = at(source, ((image * height + top) * width + left) * channels + c);
  const nextRow = <usize>(width * channels) << 2, nextColumn = <usize>channels << 2;
  if (top >= 0 && left >= 0 && top + side <= height && left + side <= width) {
    origin = from;
    rowStep = nextRow;
    columnStep = nextColumn;
    return;
  }
  const bytes = <usize>n << 2;
  origin = border;
  columnStep = bytes;
  rowStep = <usize>side * bytes;
  let to = origin;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (<u32>(top + y) < <u32>height && <u32>(left + x) < <u32>width) {
        memory.copy(to, from + <usize>y * nextRow + <usize>x * nextColumn, bytes);
      } else {
        memory.fill(to, 0, bytes);
      }
      to += bytes;
    }
  }
}

/** Writes four differences of a row, `stride` bytes apart. */
@inline function differences(t0: v128, t1: v128, t2: v128, t3: v128, out: usize, stride: usize): void {
  v128.store(out, f32x4.sub(t0, t2));
  out += stride;
  v128.store(out, f32x4.add(t1, t2));
  out += stride;
  v128.store(out, f32x4.sub(t2, t1));
  out += stride;
  v128.store(out, f32x4.sub(t1, t3));
}

/**
 * Writes the sixteen differences of n channels of the tile found, `stride` bytes apart. After every third vector, of which
 * `phase` are past, `to` jumps by `jump` bytes.
 */
function spread(n: i32, to: usize, stride: usize, phase: i32, jump: usize): void {
  let r0 = origin, r1 = r0 + rowStep, r2 = r1 + rowStep, r3 = r2 + rowStep;
  const s1 = columnStep, s2 = 2 * columnStep, s3 = 3 * columnStep, row = 4 * stride;
  for (let c = 0; c < n; c += 4) {
    const c0 = v128.load(r2), c1 = v128.load(r2 + s1), c2 = v128.load(r2 + s2), c3 = v128.load(r2 + s3);
    differences(
      f32x4.sub(v128.load(r0), c0), f32x4.sub(v128.load(r0 + s1), c1), f32x4.sub(v128.load(r0 + s2), c2),
      f32x4.sub(v128.load(r0 + s3), c3), to, stride,
    );
    const b0 = v128.load(r1), b1 = v128.load(r1 + s1), b2 = v128.load(r1 + s2), b3 = v128.load(r1 + s3);
    differences(f32x4.add(b0, c0), f32x4.add(b1, c1), f32x4.add(b2, c2), f32x4.add(b3, c3), to + row, stride);
    differences(f32x4.sub(c0, b0), f32x4.sub(c1, b1), f32x4.sub(c2, b2), f32x4.sub(c3, b3), to + 2 * row, stride);
    differences(
      f32x4.sub(b0, v128.load(r3)), f32x4.sub(b1, v128.load(r3 + s1)), f32x4.sub(b2, v128.load(r3 + s2)),
      f32x4.sub(b3, v128.load(r3 + s3)), to + 3 * row, stride,
    );
    r0 += 16; r1 += 16; r2 += 16; r3 += 16;
    to += 16;
    if (++phase == 3) {
      phase = 0;
      to += jump;
    }
  }
}

/** Writes four sums of three taps, `stride` bytes apart. */
@inline function sumsOfTaps(g0: v128, g1: v128, g2: v128, out: usize, stride: usize): void {
  const half = f32x4.splat(0.5), outer = f32x4.add(g0, g2);
  v128.store(out, g0);
  out += stride;
  v128.store(out, f32x4.mul(half, f32x4.add(outer, g1)));
  out += stride;
  v128.store(out, f32x4.mul(half, f32x4.sub(outer, g1)));
  out += stride;
  v128.store(out, g2);
}

/** Four taps of neighbouring n. */
@inline export function tap(base: usize, table: usize, index: i32, offset: usize, step: usize): v128 {
  const from = at(base, word(table, index)) + offset;
  return step == 4 ? v128.load(from) : loadApart(from, step);
}

/** The command, with the words of `winogradFilter` and nine taps: the filter's sums [16, n / 4, k, 4]. */
export function winograd3Filter(p: usize): void {
  const k = word(p, EACH_K), panels = word(p, EACH_N) >> 2, table = at(p, GROUP_TABLE);
  const row = <usize>word(p, ROW) << 2, step = <usize>word(p, COLUMN) << 2;
  const stride = <usize>(panels * k) << 4, half = f32x4.splat(0.5);
  share(panels, 1);
  while (take()) {
    for (let j = first; j < last; j++) {
      const base = <usize>load<u32>(at(p, FILTER)) + <usize>(4 * j) * step;
      let to = <usize>load<u32>(at(p, TO)) + (<usize>(j * k) << 4), offset: usize = 0;
      for (let c = 0; c < k; c++) {
        const g0 = tap(base, table, 0, offset, step), g1 = tap(base, table, 1, offset, step);
        const g2 = tap(base, table, 2, offset, step), g3 = tap(base, table, 3, offset, step);
        const g4 = tap(base, table, 4, offset, step), g5 = tap(base, table, 5, offset, step);
        const g6 = tap(base, table, 6, offset, step), g7 = tap(base, table, 7, offset, step);
        const g8 = tap(base, table, 8, offset, step);
        const o0 = f32x4.add(g0, g6), o1 = f32x4.add(g1, g7), o2 = f32x4.add(g2, g8);
        sumsOfTaps(g0, g1, g2, to, stride);
        sumsOfTaps(
          f32x4.mul(half, f32x4.add(o0, g3)), f32x4.mul(half, f32x4.add(o1, g4)), f32x4.mul(half, f32x4.add(o2, g5)),
          to + 4 * stride, stride,
        );
        sumsOfTaps(
          f32x4.mul(half, f32x4.sub(o0, g3)), f32x4.mul(half, f32x4.sub(o1, g4)), f32x4.mul(half, f32x4.sub(o2, g5)),
          to + 8 * stride, stride,
        );
        sumsOfTaps(g6, g7, g8, to + 12 * stride, stride);
        offset += row;
        to += 16;
      }
    }
  }
}

/** Spreads twelve tiles of the image and packs them: sixteen panels [k, 12], `stride` bytes apart. */
function packTiles(p: usize, tile: i32, to: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), source = <usize>load<u32>(at(p, A)), tiles = word(p, M);
  const channels = word(grid, CHANNELS), strip = scratch + PACK_B;
  for (let c = 0; c < channels; c += STRIP) {
    const n = minimum(STRIP, channels - c);
    for (let r = 0; r < ROWS; r++) {
      seek(source, grid, minimum(tile + r, tiles - 1), c, n, 2, scratch + TILE);
      spread(n, strip + <usize>(r * STRIP << 2), ROWS * STRIP << 2, 0, 0);
    }
    packStrip(PRODUCTS, n, to + <usize>c * 48, stride);
  }
}

/** The four outputs of a tile from its sixteen products, `stride` bytes apart; those beyond the grid are not kept. */
function collect(p: usize, tile: i32, products: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), c = <usize>load<u32>(at(p, C)), n = word(p, N);
  const height = word(grid, GRID_H), width = word(grid, GRID_W);
  const across = (width + 1) >> 1, down = (height + 1) >> 1;
  const row = tile / across, image = row / down, top = 2 * (row - image * down), left = 2 * (tile - row * across);
  const index = (image * height + top) * width + left;
  const isLow = top + 1 < height, isRight = left + 1 < width;
  // The products are of no use once they are summed: what is not kept goes there.
  let y0 = at(c, index * n), y1 = isRight ? y0 + (<usize>n << 2) : products;
  let y2 = isLow ? at(y0, width * n) : products, y3 = isLow && isRight ? y2 + (<usize>n << 2) : products;
  let r0 = products;
  const s1 = stride, s2 = 2 * stride, s3 = 3 * stride, next = 4 * stride;
  for (let j = 0; j < n; j += 4) {
    const r1 = r0 + next, r2 = r1 + next, r3 = r2 + next;
    const b0 = v128.load(r1), b1 = v128.load(r1 + s1), b2 = v128.load(r1 + s2), b3 = v128.load(r1 + s3);
    const c0 = v128.load(r2), c1 = v128.load(r2 + s1), c2 = v128.load(r2 + s2), c3 = v128.load(r2 + s3);
    const u0 = f32x4.add(v128.load(r0), f32x4.add(b0, c0)), u1 = f32x4.add(v128.load(r0 + s1), f32x4.add(b1, c1));
    const u2 = f32x4.add(v128.load(r0 + s2), f32x4.add(b2, c2));
    const u3 = f32x4.add(v128.load(r0 + s3), f32x4.add(b3, c3));
    const v0 = f32x4.sub(f32x4.sub(b0, c0), v128.load(r3)), v1 = f32x4.sub(f32x4.sub(b1, c1), v128.load(r3 + s1));
    const v2 = f32x4.sub(f32x4.sub(b2, c2), v128.load(r3 + s2));
    const v3 = f32x4.sub(f32x4.sub(b3, c3), v128.load(r3 + s3));
    v128.store(y3, f32x4.sub(f32x4.sub(v1, v2), v3));
    v128.store(y2, f32x4.add(v0, f32x4.add(v1, v2)));
    v128.store(y1, f32x4.sub(f32x4.sub(u1, u2), u3));
    v128.store(y0, f32x4.add(u0, f32x4.add(u1, u2)));
    r0 += 16; y0 += 16; y1 += 16; y2 += 16; y3 += 16;
  }
  if (word(p, EPILOGUE) < 0) return;
  const wide = isRight ? 2 : 1;
  store<i32>(scratch + ROW_INDEX, index);
  applyEpilogue(p, c, 0, wide, 0, n);
  if (!isLow) return;
  store<i32>(scratch + ROW_INDEX, index + width);
  applyEpilogue(p, c, 0, wide, 0, n);
}

/** The command: a convolution, with the words of `winograd`. */
export function winograd3(p: usize): void {
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

/** Writes four sums of two outputs' gradients, `stride` bytes apart. */
@inline function sumsOfOutputs(y0: v128, y1: v128, out: usize, stride: usize): void {
  v128.store(out, y0);
  out += stride;
  v128.store(out, f32x4.add(y0, y1));
  out += stride;
  v128.store(out, f32x4.sub(y0, y1));
  out += stride;
  v128.store(out, f32x4.neg(y1));
}

/** Writes the sixteen sums of n channels of a tile of dy, `stride` bytes apart, and the vectors of each `step` bytes apart. */
function spreadGradient(grid: usize, dy: usize, n: i32, tile: i32, to: usize, stride: usize, step: usize): void {
  const height = word(grid, GRID_H), width = word(grid, GRID_W);
  const across = (width + 1) >> 1, down = (height + 1) >> 1;
  const row = tile / across, image = row / down, y = 2 * (row - image * down), x = 2 * (tile - row * across);
  const isLow = y + 1 < height, isRight = x + 1 < width, none = f32x4.splat(0);
  const g0 = at(dy, ((image * height + y) * width + x) * n), g2 = at(g0, width * n);
  for (let j = 0; j < n; j += 4) {
    const y0 = v128.load(at(g0, j)), y1 = isRight ? v128.load(at(g0, n + j)) : none;
    const y2 = isLow ? v128.load(at(g2, j)) : none, y3 = isLow && isRight ? v128.load(at(g2, n + j)) : none;
    sumsOfOutputs(y0, y1, to, stride);
    sumsOfOutputs(f32x4.add(y0, y2), f32x4.add(y1, y3), to + 4 * stride, stride);
    sumsOfOutputs(f32x4.sub(y0, y2), f32x4.sub(y1, y3), to + 8 * stride, stride);
    sumsOfOutputs(f32x4.neg(y2), f32x4.neg(y3), to + 12 * stride, stride);
    to += step;
  }
}

/** Spreads channels k0 ... k1 of `count` tiles into sixteen times panels [tile, 12], `stride` bytes apart. */
function spreadImage(p: usize, tile: i32, count: i32, k0: i32, k1: i32, to: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRAD_GRID)), source = <usize>load<u32>(at(p, X));
  const panel = <usize>word(p, DEPTH) * 48;
  for (let t = 0; t < count; t++) {
    // Channels that are a multiple of four keep the phase: panels of twelve are three vectors.
    seek(source, grid, tile + t, k0, k1 - k0, 2, scratch + TILE);
    spread(k1 - k0, to + <usize>t * 48, stride, 0, panel - 48);
  }
}

/** The command: the sixteen products that a filter's gradient is made of, with the words of `winogradFilterGrad`. */
export function winograd3FilterGrad(p: usize): void {
  const k = word(p, GRAD_K), n = word(p, GRAD_N), tiles = word(p, TILES), runs = word(p, RUNS), run = word(p, RUN);
  const depth = word(p, DEPTH), panels = ceilDiv(k, ROWS);
  const grid = <usize>load<u32>(at(p, GRAD_GRID)), dy = <usize>load<u32>(at(p, DY));
  const parts = ceilDiv(2 * threads, runs);
  const tall = <usize>panels * <usize>depth * 48, wide = <usize>(n * depth) << 2, spare = <usize>n << 2;
  const images = <usize>load<u32>(at(p, GRAD_WORKSPACE)) + <usize>thread * (PRODUCTS * (tall + wide) + spare);
  const gradients = images + PRODUCTS * tall, beyond = gradients + PRODUCTS * wide;
  share(runs * parts, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const index = unit / parts, part = unit - index * parts;
      const panel0 = panels * part / parts, panel1 = panels * (part + 1) / parts;
      if (panel0 == panel1) continue;
      const start = index * run, end = minimum(tiles, start + run);
      for (let tile = start; tile < end; tile += depth) {
        const count = minimum(depth, end - tile);
        beat();
        spreadImage(p, tile, count, panel0 * ROWS, minimum(k, panel1 * ROWS), images, tall);
        for (let t = 0; t < count; t++) {
          spreadGradient(grid, dy, n, tile + t, gradients + (<usize>t << 4), wide, <usize>depth << 4);
        }
        addProducts(p, PRODUCTS, index, panel0, panel1, count, images, gradients, beyond, tile - start);
      }
    }
  }
}

/** The runs' sums of four products of a row, `stride` bytes apart, as three taps: written to `to`. */
@inline function taps(s0: v128, s1: v128, s2: v128, s3: v128, t0: usize, t1: usize, t2: usize): void {
  const half = f32x4.splat(0.5), even = f32x4.mul(half, f32x4.add(s1, s2));
  v128.store(t0, f32x4.add(s0, even));
  v128.store(t1, f32x4.mul(half, f32x4.sub(s1, s2)));
  v128.store(t2, f32x4.add(even, s3));
}

/** The command: the filter's gradient from the sixteen products of all runs, with the words of `winogradFilterSum`. */
export function winograd3FilterSum(p: usize): void {
  const channels = word(p, SUM_CHANNELS), n = word(p, SUM_N), runs = word(p, SUM_RUNS);
  const sums = <usize>load<u32>(at(p, SUMS_OF)), to = <usize>load<u32>(at(p, GRADIENT)), table = at(p, SUM_TABLE);
  const stride = <usize>(channels * n) << 2, whole = PRODUCTS * stride, next = 4 * stride, half = f32x4.splat(0.5);
  share(channels, 1);
  while (take()) {
    for (let c = first; c < last; c++) {
      for (let j = 0; j < n; j += 4) {
        const from = at(sums, c * n + j), place = at(to, c * n + j);
        for (let row = 0; row < 3; row++) {
          const r1 = from + next, r2 = r1 + next, outer = row == 0 ? from : r2 + next, scratchRow = scratch + TILE;
          for (let i = 0; i < 4; i++) {
            const column = <usize>i * stride;
            const s1 = total(r1 + column, runs, whole), s2 = total(r2 + column, runs, whole);
            let w: v128;
            if (row == 1) w = f32x4.mul(half, f32x4.sub(s1, s2));
            else w = f32x4.add(f32x4.mul(half, f32x4.add(s1, s2)), total(outer + column, runs, whole));
            v128.store(scratchRow + (<usize>i << 4), w);
          }
          taps(
            v128.load(scratchRow), v128.load(scratchRow, 16), v128.load(scratchRow, 32), v128.load(scratchRow, 48),
            at(place, word(table, 3 * row)), at(place, word(table, 3 * row + 1)), at(place, word(table, 3 * row + 2)),
          );
        }
      }
    }
  }
}
