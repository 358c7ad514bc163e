// Convolutions with fewer multiplications: minimal filtering F(2 x 2, 2 x 2) (Winograd 1980; Lavin and Gray 2016).
// Two neighbouring outputs of two taps, y0 = d0 g0 + d1 g1 and y1 = d1 g0 + d2 g1, are
//   y0 = m0 + m1, y1 = m1 + m2, where m0 = (d0 - d1) g0, m1 = d1 (g0 + g1), m2 = (d2 - d1) g1:
// three products rather than four, nine rather than sixteen in two dimensions, and no factors but 1 and -1. A filter of
// more taps is a sum of groups of 2 x 2 of them, each a stride apart; a stride's phases are groups, too. So all that is
// left is nine matrix products of tiles x (group, channel) by (group, channel) x channels.
import { at, ceilDiv, minimum, word } from "./simd";
import { microRow, ROWS } from "./micro";
import {
  A, applyEpilogue, B, C, CHANNELS, EPILOGUE, GRID, GRID_H, GRID_W, K, KC, M, N, PACK_B, packRows, ROW_INDEX, SOURCE,
  SOURCE_H, SOURCE_W, STRIDE_X, STRIDE_Y, TAP_TABLE, TAPS, ZEROS,
} from "./gemm";
import { beat, first, last, scratch, share, take, thread, threads } from "./thread";

/** Products of a tile. */
const PRODUCTS = 9;
/** Channels of a tile that are spread before they are packed: twelve tiles of them are what is left of L1. */
export const STRIP = 64;
/** Zeros at ZEROS, in elements: as many channels are taken at a time. */
const MOST = 256;

// The words of `winograd` and `winogradInputGrad` are those of gemm (A: what is spread, B: what winogradFilter made), and
// these. The grid is the convolution's, its taps the groups' first ones. M is the number of tiles, or of images.
export const WORKSPACE = 18, SPAN = 19;

/** The 3 x 3 places under a tile: pointers to channel c of each, to zeros outside the image. */
function placesOf(source: usize, grid: usize, group: i32, tile: i32, c: i32, pointers: usize): void {
  const across = (word(grid, GRID_W) + 1) >> 1, down = (word(grid, GRID_H) + 1) >> 1;
  const height = word(grid, SOURCE_H), width = word(grid, SOURCE_W), channels = word(grid, CHANNELS);
  const row = tile / across, image = row / down;
  const strideY = word(grid, STRIDE_Y), strideX = word(grid, STRIDE_X);
  const top = 2 * (row - image * down) * strideY + word(grid, TAP_TABLE + 2 * group);
  const left = 2 * (tile - row * across) * strideX + word(grid, TAP_TABLE + 2 * group + 1);
  const first = at(source, ((image * height + top) * width + left) * channels + c);
  const nextRow = <usize>(strideY * width * channels) << 2, nextColumn = <usize>(strideX * channels) << 2;
  if (top >= 0 && left >= 0 && top + 2 * strideY < height && left + 2 * strideX < width) {
    for (let i = 0, from = first; i < 9; i += 3, from += nextRow) {
      store<u32>(at(pointers, i), <u32>from, 0);
      store<u32>(at(pointers, i), <u32>(from + nextColumn), 4);
      store<u32>(at(pointers, i), <u32>(from + 2 * nextColumn), 8);
    }
    return;
  }
  const zeros = scratch + ZEROS;
  let y = top, start = first;
  for (let i = 0; i < 9; i += 3) {
    let x = left, from = start;
    for (let j = 0; j < 3; j++) {
      store<u32>(at(pointers, i + j), <u32>(<u32>y < <u32>height && <u32>x < <u32>width ? from : zeros));
      x += strideX;
      from += nextColumn;
    }
    y += strideY;
    start += nextRow;
  }
}

/**
 * Writes the nine differences of n channels at the nine places, `stride` bytes apart: (d0 - d1, d1, d2 - d1) in both
 * directions. After every third vector, of which `phase` are past, `to` jumps by `jump` bytes.
 */
function spread(pointers: usize, n: i32, to: usize, stride: usize, phase: i32, jump: usize): void {
  let p0 = <usize>load<u32>(pointers, 0), p1 = <usize>load<u32>(pointers, 4), p2 = <usize>load<u32>(pointers, 8);
  let p3 = <usize>load<u32>(pointers, 12), p4 = <usize>load<u32>(pointers, 16), p5 = <usize>load<u32>(pointers, 20);
  let p6 = <usize>load<u32>(pointers, 24), p7 = <usize>load<u32>(pointers, 28), p8 = <usize>load<u32>(pointers, 32);
  for (let c: usize = 0; c < <usize>n << 2; c += 16) {
    const d3 = v128.load(p3 + c), d4 = v128.load(p4 + c), d5 = v128.load(p5 + c);
    const a0 = f32x4.sub(v128.load(p0 + c), d3), a1 = f32x4.sub(v128.load(p1 + c), d4);
    const a2 = f32x4.sub(v128.load(p2 + c), d5);
    let out = to;
    v128.store(out, f32x4.sub(a0, a1));
    out += stride;
    v128.store(out, a1);
    out += stride;
    v128.store(out, f32x4.sub(a2, a1));
    out += stride;
    v128.store(out, f32x4.sub(d3, d4));
    out += stride;
    v128.store(out, d4);
    out += stride;
    v128.store(out, f32x4.sub(d5, d4));
    out += stride;
    const b0 = f32x4.sub(v128.load(p6 + c), d3), b1 = f32x4.sub(v128.load(p7 + c), d4);
    const b2 = f32x4.sub(v128.load(p8 + c), d5);
    v128.store(out, f32x4.sub(b0, b1));
    out += stride;
    v128.store(out, b1);
    out += stride;
    v128.store(out, f32x4.sub(b2, b1));
    to += 16;
    if (++phase == 3) {
      phase = 0;
      to += jump;
    }
  }
}

/** Writes the nine sums of 2 x 2 taps, `stride` bytes apart: (g0, g0 + g1, g1) in both directions. */
@inline function spreadTaps(g0: v128, g1: v128, g2: v128, g3: v128, to: usize, stride: usize): void {
  const left = f32x4.add(g0, g2), right = f32x4.add(g1, g3);
  let out = to;
  v128.store(out, g0);
  out += stride;
  v128.store(out, f32x4.add(g0, g1));
  out += stride;
  v128.store(out, g1);
  out += stride;
  v128.store(out, left);
  out += stride;
  v128.store(out, f32x4.add(left, right));
  out += stride;
  v128.store(out, right);
  out += stride;
  v128.store(out, g2);
  out += stride;
  v128.store(out, f32x4.add(g2, g3));
  out += stride;
  v128.store(out, g3);
}

/**
 * Writes the nine sums of channels c ... c+n of a tile of dy, `stride` bytes apart, and the vectors of each `step` bytes
 * apart; zeros stand beyond the grid.
 */
function spreadGradient(
  grid: usize, dy: usize, channels: i32, tile: i32, c: i32, n: i32, to: usize, stride: usize, step: usize,
): void {
  const height = word(grid, GRID_H), width = word(grid, GRID_W);
  const across = (width + 1) >> 1, down = (height + 1) >> 1;
  const row = tile / across, image = row / down, y = 2 * (row - image * down), x = 2 * (tile - row * across);
  const isLow = y + 1 < height, isRight = x + 1 < width;
  const g0 = at(dy, ((image * height + y) * width + x) * channels + c), g2 = at(g0, width * channels);
  const none = f32x4.splat(0);
  for (let j = 0; j < n; j += 4) {
    spreadTaps(
      v128.load(at(g0, j)),
      isRight ? v128.load(at(g0, channels + j)) : none,
      isLow ? v128.load(at(g2, j)) : none,
      isLow && isRight ? v128.load(at(g2, channels + j)) : none,
      to,
      stride,
    );
    to += step;
  }
}

// The words of `winogradFilter`: the filter, where its sums go, how many k and n a group has, how many groups there are
// along k and along n, the strides of k and n, and per group the elements before its four taps.
export const FILTER = 0, TO = 1, EACH_K = 2, EACH_N = 3, GROUPS_K = 4, GROUPS_N = 5, ROW = 6, COLUMN = 7, GROUP_TABLE = 8;

/** Four elements, `step` bytes apart. */
@inline export function loadApart(from: usize, step: usize): v128 {
  let v = v128.load32_zero(from);
  v = v128.load_lane<f32>(from + step, v, 1);
  v = v128.load_lane<f32>(from + 2 * step, v, 2);
  return v128.load_lane<f32>(from + 3 * step, v, 3);
}

/** The command: a filter's taps, summed for the nine products: [9, n / 4, k, 4]. */
export function winogradFilter(p: usize): void {
  const each = word(p, EACH_K), groups = word(p, GROUPS_K), panels = word(p, EACH_N) >> 2;
  const k = groups * each, all = word(p, GROUPS_N) * panels;
  const row = <usize>word(p, ROW) << 2, step = <usize>word(p, COLUMN) << 2;
  const stride = <usize>(all * k) << 4;
  share(all, 1);
  while (take()) {
    for (let j = first; j < last; j++) {
      const along = j / panels;
      const base = <usize>load<u32>(at(p, FILTER)) + <usize>(4 * (j - along * panels)) * step;
      let to = <usize>load<u32>(at(p, TO)) + (<usize>(j * k) << 4);
      for (let group = 0; group < groups; group++) {
        const table = at(p, GROUP_TABLE + 4 * (along * groups + group));
        let t0 = at(base, word(table, 0)), t1 = at(base, word(table, 1));
        let t2 = at(base, word(table, 2)), t3 = at(base, word(table, 3));
        for (let c = 0; c < each; c++) {
          if (step == 4) {
            spreadTaps(v128.load(t0), v128.load(t1), v128.load(t2), v128.load(t3), to, stride);
          } else {
            spreadTaps(
              loadApart(t0, step), loadApart(t1, step), loadApart(t2, step), loadApart(t3, step), to, stride,
            );
          }
          t0 += row; t1 += row; t2 += row; t3 += row;
          to += 16;
        }
      }
    }
  }
}

/** Packs the strip's n channels of twelve tiles: a panel [n, 12] a product, `stride` bytes apart. */
export function packStrip(count: i32, n: i32, to: usize, stride: usize): void {
  const strip = scratch + PACK_B, pointers = scratch + SOURCE;
  for (let product = 0; product < count; product++) {
    for (let r = 0; r < ROWS; r++) {
      store<u32>(at(pointers, r), <u32>(strip + <usize>((product * ROWS + r) * STRIP << 2)));
    }
    packRows(pointers, n, to + <usize>product * stride);
  }
}

/** Spreads twelve tiles of the image and packs them: nine panels [k, 12], `stride` bytes apart. */
function packTiles(p: usize, tile: i32, to: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), source = <usize>load<u32>(at(p, A)), tiles = word(p, M);
  const channels = word(grid, CHANNELS), groups = word(grid, TAPS);
  const strip = scratch + PACK_B, pointers = scratch + SOURCE;
  for (let group = 0; group < groups; group++) {
    for (let c = 0; c < channels; c += STRIP) {
      const n = minimum(STRIP, channels - c);
      for (let r = 0; r < ROWS; r++) {
        placesOf(source, grid, group, minimum(tile + r, tiles - 1), c, pointers);
        spread(pointers, n, strip + <usize>(r * STRIP << 2), ROWS * STRIP << 2, 0, 0);
      }
      packStrip(PRODUCTS, n, to + <usize>(group * channels + c) * 48, stride);
    }
  }
}

/** The `each` products of `count` times twelve tiles of packed panels: [each, span, 12, n]. */
export function multiply(p: usize, each: i32, count: i32, n: i32, spreads: usize, products: usize): void {
  const span = word(p, SPAN), k = word(p, K);
  const panels = <usize>(span * k) * 48, rows = <usize>(span * ROWS * n) << 2, pointers = scratch + SOURCE;
  for (let product = 0; product < each; product++) {
    for (let k0 = 0; k0 < k; k0 += KC) {
      const kc = minimum(KC, k - k0);
      for (let i = 0; i < count; i++) {
        beat();
        const a = spreads + <usize>product * panels + <usize>(i * k + k0) * 48;
        const out = products + <usize>product * rows + (<usize>(i * ROWS * n) << 2);
        for (let r = 0; r < ROWS; r++) store<u32>(at(pointers, r), <u32>at(out, r * n));
        const b = <usize>load<u32>(at(p, B)) + (<usize>(product * n * k) << 2) + (<usize>k0 << 4);
        microRow(kc, a, b, <usize>k << 4, pointers, 0, n, k0);
      }
    }
  }
}

/** The four outputs of a tile from its nine products, `stride` bytes apart; those beyond the grid are not kept. */
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
  let from = products;
  for (let j = 0; j < n; j += 4) {
    let m = from;
    const m0 = v128.load(m);
    m += stride;
    const m1 = v128.load(m);
    m += stride;
    const m2 = v128.load(m);
    m += stride;
    const m3 = v128.load(m);
    m += stride;
    const m4 = v128.load(m);
    m += stride;
    const m5 = v128.load(m);
    m += stride;
    const m6 = v128.load(m);
    m += stride;
    const m7 = v128.load(m);
    m += stride;
    const m8 = v128.load(m);
    const a0 = f32x4.add(m0, m3), a1 = f32x4.add(m1, m4), a2 = f32x4.add(m2, m5);
    const b0 = f32x4.add(m3, m6), b1 = f32x4.add(m4, m7), b2 = f32x4.add(m5, m8);
    v128.store(y3, f32x4.add(b1, b2));
    v128.store(y2, f32x4.add(b0, b1));
    v128.store(y1, f32x4.add(a1, a2));
    v128.store(y0, f32x4.add(a0, a1));
    from += 16; y0 += 16; y1 += 16; y2 += 16; y3 += 16;
  }
  if (word(p, EPILOGUE) < 0) return;
  const wide = isRight ? 2 : 1;
  store<i32>(scratch + ROW_INDEX, index);
  applyEpilogue(p, c, 0, wide, 0, n);
  if (!isLow) return;
  store<i32>(scratch + ROW_INDEX, index + width);
  applyEpilogue(p, c, 0, wide, 0, n);
}

/** The command: a convolution. SPAN is how many times twelve tiles are spread at a time. */
export function winograd(p: usize): void {
  const tiles = word(p, M), n = word(p, N), k = word(p, K), span = word(p, SPAN);
  const groups = ceilDiv(tiles, ROWS);
  const panels = <usize>(span * k) * 48, rows = <usize>(span * ROWS * n) << 2;
  const spreads = <usize>load<u32>(at(p, WORKSPACE)) + <usize>thread * PRODUCTS * (panels + rows);
  const products = spreads + PRODUCTS * panels;
  memory.fill(scratch + ZEROS, 0, MOST * 4);
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

/** Spreads dy of twelve tiles and packs them: nine panels [k, 12], `stride` bytes apart. Tiles from `tiles` on are the last. */
function packGradient(p: usize, tile: i32, tiles: i32, to: usize, stride: usize): void {
  const k = word(p, K), strip = scratch + PACK_B;
  for (let c = 0; c < k; c += STRIP) {
    const n = minimum(STRIP, k - c);
    for (let r = 0; r < ROWS; r++) {
      spreadGradient(
        <usize>load<u32>(at(p, GRID)), <usize>load<u32>(at(p, A)), k, minimum(tile + r, tiles - 1), c, n,
        strip + <usize>(r * STRIP << 2), ROWS * STRIP << 2, 16,
      );
    }
    packStrip(PRODUCTS, n, to + <usize>c * 48, stride);
  }
}

/**
 * Adds to dx what comes from a tile's nine products of one group, `stride` bytes apart: the transpose of `spread`. Places
 * outside the image are not kept.
 */
function distribute(p: usize, group: i32, tile: i32, products: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRID)), n = word(p, N), pointers = scratch + SOURCE;
  placesOf(<usize>load<u32>(at(p, C)), grid, group, tile, 0, pointers);
  for (let i = 0; i < PRODUCTS; i++) {
    if (load<u32>(at(pointers, i)) == <u32>(scratch + ZEROS)) store<u32>(at(pointers, i), <u32>products);
  }
  let m = products;
  for (let c: usize = 0; c < <usize>n << 2; c += 16) {
    let from = m;
    const m0 = v128.load(from);
    from += stride;
    const m1 = v128.load(from);
    from += stride;
    const m2 = v128.load(from);
    from += stride;
    const m3 = v128.load(from);
    from += stride;
    const m4 = v128.load(from);
    from += stride;
    const m5 = v128.load(from);
    from += stride;
    const m6 = v128.load(from);
    from += stride;
    const m7 = v128.load(from);
    from += stride;
    const m8 = v128.load(from);
    const c1 = f32x4.sub(f32x4.sub(m1, m0), m2), c4 = f32x4.sub(f32x4.sub(m4, m3), m5);
    const c7 = f32x4.sub(f32x4.sub(m7, m6), m8);
    addTo(<usize>load<u32>(pointers, 0) + c, m0);
    addTo(<usize>load<u32>(pointers, 4) + c, c1);
    addTo(<usize>load<u32>(pointers, 8) + c, m2);
    addTo(<usize>load<u32>(pointers, 12) + c, f32x4.sub(f32x4.sub(m3, m0), m6));
    addTo(<usize>load<u32>(pointers, 16) + c, f32x4.sub(f32x4.sub(c4, c1), c7));
    addTo(<usize>load<u32>(pointers, 20) + c, f32x4.sub(f32x4.sub(m5, m2), m8));
    addTo(<usize>load<u32>(pointers, 24) + c, m6);
    addTo(<usize>load<u32>(pointers, 28) + c, c7);
    addTo(<usize>load<u32>(pointers, 32) + c, m8);
    m += 16;
  }
}
@inline function addTo(to: usize, v: v128): void { v128.store(to, f32x4.add(v128.load(to), v)); }

/** The command: the input's gradient, image by image. SPAN is how many times twelve tiles there is place for. */
export function winogradInputGrad(p: usize): void {
  const images = word(p, M), n = word(p, N), k = word(p, K), span = word(p, SPAN);
  const grid = <usize>load<u32>(at(p, GRID)), c = <usize>load<u32>(at(p, C));
  const groups = word(grid, TAPS), wide = groups * n;
  const each = ((word(grid, GRID_H) + 1) >> 1) * ((word(grid, GRID_W) + 1) >> 1), chunk = span * ROWS / each;
  const area = word(grid, SOURCE_H) * word(grid, SOURCE_W);
  const panels = <usize>(span * k) * 48, rows = <usize>(span * ROWS * wide) << 2;
  const spreads = <usize>load<u32>(at(p, WORKSPACE)) + <usize>thread * PRODUCTS * (panels + rows);
  const products = spreads + PRODUCTS * panels;
  share(images, minimum(chunk, ceilDiv(images, 2 * threads)));
  while (take()) {
    for (let image = first; image < last; image += chunk) {
      const count = minimum(chunk, last - image), tile = image * each, tiles = count * each;
      for (let i = 0; i < tiles; i += ROWS) {
        beat();
        packGradient(p, tile + i, tile + tiles, spreads + <usize>(i / ROWS * k) * 48, panels);
      }
      multiply(p, PRODUCTS, ceilDiv(tiles, ROWS), wide, spreads, products);
      memory.fill(at(c, image * area * n), 0, <usize>(count * area * n) << 2);
      for (let i = 0; i < tiles; i++) {
        for (let group = 0; group < groups; group++) {
          distribute(p, group, tile + i, products + (<usize>(i * wide + group * n) << 2), rows);
        }
      }
      if (word(p, EPILOGUE) < 0) continue;
      store<i32>(scratch + ROW_INDEX, image * area);
      applyEpilogue(p, c, 0, count * area, 0, n);
    }
  }
}

// The words of `winogradFilterGrad`: the image, dy, the sums [run, 9, (group, channel), n], the grid, how the tiles are cut
// into runs, and how many of them are spread at a time.
export const X = 0, DY = 1, SUMS = 2, GRAD_GRID = 3, GRAD_K = 4, GRAD_N = 5, TILES = 6, RUNS = 7, RUN = 8,
  GRAD_WORKSPACE = 9, DEPTH = 10;

/** Spreads channels k0 ... k1 of `count` tiles into nine times panels [tile, 12], `stride` bytes apart. */
function spreadImage(p: usize, tile: i32, count: i32, k0: i32, k1: i32, to: usize, stride: usize): void {
  const grid = <usize>load<u32>(at(p, GRAD_GRID)), source = <usize>load<u32>(at(p, X));
  const channels = word(grid, CHANNELS), pointers = scratch + SOURCE;
  const panel = <usize>word(p, DEPTH) * 48;
  for (let t = 0; t < count; t++) {
    for (let k = k0; k < k1;) {
      const group = k / channels, c = k - group * channels;
      const n = minimum(minimum(channels - c, k1 - k), MOST), index = k - k0;
      placesOf(source, grid, group, tile + t, c, pointers);
      const place = to + <usize>(index / ROWS) * panel + <usize>t * 48 + (<usize>(index % ROWS) << 2);
      spread(pointers, n, place, stride, (index % ROWS) >> 2, panel - 48);
      k += n;
    }
  }
}

/**
 * Adds to run `index` of a filter's gradient, or where not `accumulate` writes, the `each` products of `count` spread
 * tiles, for panels panel0 ... panel1 of (group, channel)s. What lies past the last of these goes to `beyond`.
 */
export function addProducts(
  p: usize, each: i32, index: i32, panel0: i32, panel1: i32, count: i32, images: usize, gradients: usize, beyond: usize,
  accumulate: i32,
): void {
  const k = word(p, GRAD_K), n = word(p, GRAD_N), depth = word(p, DEPTH), pointers = scratch + SOURCE;
  const tall = <usize>ceilDiv(k, ROWS) * <usize>depth * 48, wide = <usize>(n * depth) << 2;
  for (let product = 0; product < each; product++) {
    beat();
    const sums = <usize>load<u32>(at(p, SUMS)) + (<usize>((index * each + product) * k * n) << 2);
    for (let panel = panel0; panel < panel1; panel++) {
      for (let r = 0; r < ROWS; r++) {
        const row = panel * ROWS + r;
        store<u32>(at(pointers, r), <u32>(row < k ? at(sums, row * n) : beyond));
      }
      const a = images + <usize>product * tall + <usize>((panel - panel0) * depth) * 48;
      microRow(count, a, gradients + <usize>product * wide, <usize>depth << 4, pointers, 0, n, accumulate);
    }
  }
}

/** The command: the nine products that a filter's gradient is made of. */
export function winogradFilterGrad(p: usize): void {
  const k = word(p, GRAD_K), n = word(p, GRAD_N), tiles = word(p, TILES), runs = word(p, RUNS), run = word(p, RUN);
  const depth = word(p, DEPTH), panels = ceilDiv(k, ROWS);
  const grid = <usize>load<u32>(at(p, GRAD_GRID)), dy = <usize>load<u32>(at(p, DY));
  const parts = ceilDiv(2 * threads, runs);
  const tall = <usize>panels * <usize>depth * 48, wide = <usize>(n * depth) << 2, spare = <usize>n << 2;
  const images = <usize>load<u32>(at(p, GRAD_WORKSPACE)) + <usize>thread * (PRODUCTS * (tall + wide) + spare);
  const gradients = images + PRODUCTS * tall, beyond = gradients + PRODUCTS * wide;
  memory.fill(scratch + ZEROS, 0, MOST * 4);
  share(runs * parts, 1);
  while (take()) {
    for (let unit = first; unit < last; unit++) {
      const index = unit / parts, part = unit - index * parts;
      const panel0 = panels * part / parts, panel1 = panels * (part + 1) / parts;
      const start = index * run, end = minimum(tiles, start + run);
      for (let tile = start; tile < end; tile += depth) {
        const count = minimum(depth, end - tile);
        beat();
        spreadImage(p, tile, count, panel0 * ROWS, minimum(k, panel1 * ROWS), images, tall);
        for (let t = 0; t < count; t++) {
          spreadGradient(grid, dy, n, tile + t, 0, n, gradients + (<usize>t << 4), wide, <usize>depth << 4);
        }
        addProducts(p, PRODUCTS, index, panel0, panel1, count, images, gradients, beyond, tile - start);
      }
    }
  }
}

// The words of `winogradFilterSum`: the sums, the gradient, channels and groups of k, n, the runs, and per group the elements
// before its four taps.
export const SUMS_OF = 0, GRADIENT = 1, SUM_CHANNELS = 2, SUM_GROUPS = 3, SUM_N = 4, SUM_RUNS = 5, SUM_TABLE = 6;

/** The runs' sums of one product. */
@inline export function total(from: usize, runs: i32, stride: usize): v128 {
  let v = v128.load(from);
  for (let run = 1; run < runs; run++) {
    from += stride;
    v = f32x4.add(v, v128.load(from));
  }
  return v;
}

/** The command: the filter's gradient from the nine products of all runs. */
export function winogradFilterSum(p: usize): void {
  const channels = word(p, SUM_CHANNELS), n = word(p, SUM_N), k = word(p, SUM_GROUPS) * channels;
  const runs = word(p, SUM_RUNS), sums = <usize>load<u32>(at(p, SUMS_OF)), to = <usize>load<u32>(at(p, GRADIENT));
  const stride = <usize>(k * n) << 2, whole = PRODUCTS * stride;
  share(k, 1);
  while (take()) {
    for (let row = first; row < last; row++) {
      const group = row / channels, c = row - group * channels;
      const table = at(p, SUM_TABLE + 4 * group);
      let from = at(sums, row * n);
      let t0 = at(to, word(table, 0) + c * n), t1 = at(to, word(table, 1) + c * n);
      let t2 = at(to, word(table, 2) + c * n), t3 = at(to, word(table, 3) + c * n);
      for (let j = 0; j < n; j += 4) {
        const m0 = total(from, runs, whole), m1 = total(from + stride, runs, whole);
        const m2 = total(from + 2 * stride, runs, whole), m3 = total(from + 3 * stride, runs, whole);
        const m4 = total(from + 4 * stride, runs, whole), m5 = total(from + 5 * stride, runs, whole);
        const m6 = total(from + 6 * stride, runs, whole), m7 = total(from + 7 * stride, runs, whole);
        const m8 = total(from + 8 * stride, runs, whole);
        const a0 = f32x4.add(m0, m3), a1 = f32x4.add(m1, m4), a2 = f32x4.add(m2, m5);
        const b0 = f32x4.add(m3, m6), b1 = f32x4.add(m4, m7), b2 = f32x4.add(m5, m8);
        v128.store(t0, f32x4.add(a0, a1));
        v128.store(t1, f32x4.add(a1, a2));
        v128.store(t2, f32x4.add(b0, b1));
        v128.store(t3, f32x4.add(b1, b2));
        from += 16; t0 += 16; t1 += 16; t2 += 16; t3 += 16;
      }
    }
  }
}
