// Matrix products and convolutions: panels packed from wherever the operands lie, one micro-kernel.
// A sum runs over k in ascending order whatever the blocking, so results depend on neither blocks nor threads.
import { at, ceilDiv, fma, maximum, minimum, word } from "./simd";
import { micro, microRow, ROWS } from "./micro";
import { beat, first, last, scratch, share, take, threads } from "./thread";
import { runProgram } from "./program";

export const KC = 256; // a panel of A is 12 KiB: L1
const FEW = 7; // rows for which packing b does not pay
const NC = 512; // a block of B is 512 KiB: L2
const THIN = 64; // columns at least of a strip that is not to be packed more than once
const LEAST_STRIP = 96; // columns of a strip for which packing a again and again pays
const LEAST_WORK: i64 = 32768; // products that are worth sharing out
const FINE = 32; // units for each thread from which one more or less does not matter
export const PACK_B: usize = 0;
const PACK_A: usize = 524288;
const TILE: usize = 524288 + 12288;
const TILE_ROWS: usize = TILE + 256;
export const ROW_INDEX: usize = TILE_ROWS + 64;
const ROW_POINTER: usize = ROW_INDEX + 64;
export const SOURCE: usize = ROW_POINTER + 64;
const ARGS: usize = SOURCE + 64;
const SPARE: usize = ARGS + 1024; // a row of NC elements for rows beyond the last
export const ZEROS: usize = SPARE + 2048; // KC zeros, what lies outside an image
const BORDER: usize = ZEROS + 1024; // 12 rows of KC, what lies across its edge

// The words of the command.
export const M = 0, N = 1, K = 2, A_KIND = 3, A = 4, A_ROW = 5, A_COLUMN = 6, B = 7, B_ROW = 8, B_COLUMN = 9, C = 10, C_ROW = 11,
  BATCHES = 12, BATCH_TABLE = 13, EPILOGUE = 14, OPERANDS = 15, OPERAND_TABLE = 16, GRID = 17;
// A's kinds.
const DENSE = 0, PIXELS = 1, PATCHES = 2;
// The words of the grid of a convolution. PIXELS: rows of A are places of the grid, its columns (tap, channel);
// PATCHES: the other way round. The table has runs of RUN taps, neighbours along a row, by their first: with few channels
// it is the runs that are long enough to copy. OUT_H is 0 where row m of the output is place m.
export const GRID_H = 0, GRID_W = 1, SOURCE_H = 2, SOURCE_W = 3, CHANNELS = 4, STRIDE_Y = 5, STRIDE_X = 6, TAPS = 7, OUT_H = 8,
  OUT_W = 9, STEP_Y = 10, STEP_X = 11, BASE_Y = 12, BASE_X = 13, PLACES = 14, RUN = 15, TAP_TABLE = 16;

/** Packs `k` elements of each of the 12 rows at `rows` (pointers) into [k][12]. */
export function packRows(rows: usize, k: i32, to: usize): void {
  for (let group = 0; group < 3; group++) {
    let r0 = <usize>load<u32>(rows, 0), r1 = <usize>load<u32>(rows, 4);
    let r2 = <usize>load<u32>(rows, 8), r3 = <usize>load<u32>(rows, 12);
    rows += 16;
    let out = to + (<usize>group << 4);
    let rest = k;
    for (; rest >= 4; rest -= 4) {
      const v0 = v128.load(r0), v1 = v128.load(r1), v2 = v128.load(r2), v3 = v128.load(r3);
      const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
      const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
      v128.store(out, v128.shuffle<i64>(x0, y0, 0, 2), 0);
      v128.store(out, v128.shuffle<i64>(x0, y0, 1, 3), 48);
      v128.store(out, v128.shuffle<i64>(x1, y1, 0, 2), 96);
      v128.store(out, v128.shuffle<i64>(x1, y1, 1, 3), 144);
      r0 += 16; r1 += 16; r2 += 16; r3 += 16; out += 192;
    }
    for (; rest > 0; rest--) {
      store<f32>(out, load<f32>(r0), 0);
      store<f32>(out, load<f32>(r1), 4);
      store<f32>(out, load<f32>(r2), 8);
      store<f32>(out, load<f32>(r3), 12);
      r0 += 4; r1 += 4; r2 += 4; r3 += 4; out += 48;
    }
  }
}

/** Packs columns m ... m+rows of a matrix whose row stride is `stride` bytes into [k][12]. */
function packColumns(from: usize, stride: usize, rows: i32, k: i32, to: usize): void {
  if (rows == ROWS) {
    for (; k > 0; k--) {
      v128.store(to, v128.load(from, 0), 0);
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      from += stride;
      to += 48;
    }
    return;
  }
  for (; k > 0; k--) {
    for (let r = 0; r < ROWS; r++) store<f32>(at(to, r), r < rows ? load<f32>(at(from, r)) : 0);
    from += stride;
    to += 48;
  }
}

/** Packs k rows and n columns of b into panels [k][4], zeros beyond column n. */
function packB(b: usize, rowStride: i32, columnStride: i32, k: i32, n: i32, to: usize): void {
  const panel = <usize>k * 16;
  let j = 0;
  if (columnStride == 1) {
    const stride = <usize>rowStride << 2;
    for (; j + 16 <= n; j += 16) {
      let from = at(b, j), p0 = to, p1 = p0 + panel, p2 = p1 + panel, p3 = p2 + panel;
      for (let i = 0; i < k; i++) {
        v128.store(p0, v128.load(from, 0));
        v128.store(p1, v128.load(from, 16));
        v128.store(p2, v128.load(from, 32));
        v128.store(p3, v128.load(from, 48));
        from += stride; p0 += 16; p1 += 16; p2 += 16; p3 += 16;
      }
      to += panel * 4;
    }
    for (; j + 4 <= n; j += 4) {
      let from = at(b, j), p = to;
      for (let i = 0; i < k; i++) {
        v128.store(p, v128.load(from));
        from += stride; p += 16;
      }
      to += panel;
    }
  } else if (rowStride == 1) {
    const stride = <usize>columnStride << 2;
    for (; j + 4 <= n; j += 4) {
      let r0 = b + <usize>j * stride, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride, p = to;
      let rest = k;
      for (; rest >= 4; rest -= 4) {
        const v0 = v128.load(r0), v1 = v128.load(r1), v2 = v128.load(r2), v3 = v128.load(r3);
        const x0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), x1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
        const y0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), y1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
        v128.store(p, v128.shuffle<i64>(x0, y0, 0, 2), 0);
        v128.store(p, v128.shuffle<i64>(x0, y0, 1, 3), 16);
        v128.store(p, v128.shuffle<i64>(x1, y1, 0, 2), 32);
        v128.store(p, v128.shuffle<i64>(x1, y1, 1, 3), 48);
        r0 += 16; r1 += 16; r2 += 16; r3 += 16; p += 64;
      }
      for (; rest > 0; rest--) {
        store<f32>(p, load<f32>(r0), 0);
        store<f32>(p, load<f32>(r1), 4);
        store<f32>(p, load<f32>(r2), 8);
        store<f32>(p, load<f32>(r3), 12);
        r0 += 4; r1 += 4; r2 += 4; r3 += 4; p += 16;
      }
      to += panel;
    }
  }
  for (; j < n; j += 4) {
    let p = to;
    for (let i = 0; i < k; i++) {
      for (let c = 0; c < 4; c++) {
        store<f32>(at(p, c), j + c < n ? load<f32>(at(b, i * rowStride + (j + c) * columnStride)) : 0);
      }
      p += 16;
    }
    to += panel;
  }
}

/** Copies elements first ... first+n of the run of taps at column `x` of a row of the image; 0 outside. */
function copyBorder(row: usize, x: i32, width: i32, channels: i32, first: i32, n: i32, to: usize): void {
  const limit = width * channels;
  let index = x * channels + first;
  for (let i = 0; i < n; i++) {
    store<f32>(at(to, i), <u32>index < <u32>limit ? load<f32>(at(row, index)) : 0);
    index++;
  }
}

/** Packs (tap, channel) k0 ... k0+k of places m ... m+rows of the grid. */
function packPixels(source: usize, grid: usize, m: i32, rows: i32, k0: i32, k: i32, to: usize): void {
  const gridH = word(grid, GRID_H), gridW = word(grid, GRID_W);
  const height = word(grid, SOURCE_H), width = word(grid, SOURCE_W), channels = word(grid, CHANNELS);
  const strideY = word(grid, STRIDE_Y), strideX = word(grid, STRIDE_X), run = word(grid, RUN), span = run * channels;
  const pointers = scratch + SOURCE, zeros = scratch + ZEROS;
  let tap = k0 / span, first = k0 - tap * span;
  while (k > 0) {
    const length = minimum(span - first, k);
    const dy = word(grid, TAP_TABLE + 2 * tap), dx = word(grid, TAP_TABLE + 2 * tap + 1);
    let x = m % gridW, y = (m / gridW) % gridH, image = m / gridW / gridH;
    for (let r = 0; r < ROWS; r++) {
      const sy = y * strideY + dy, sx = x * strideX + dx;
      let pointer = zeros;
      if (r < rows && <u32>sy < <u32>height && sx + run > 0 && sx < width) {
        const row = at(source, (image * height + sy) * width * channels);
        if (sx >= 0 && sx + run <= width) {
          pointer = at(row, sx * channels + first);
        } else {
          pointer = scratch + BORDER + <usize>(r * KC << 2);
          copyBorder(row, sx, width, channels, first, length, pointer);
        }
      }
      store<u32>(at(pointers, r), <u32>pointer);
      if (++x == gridW) {
        x = 0;
        if (++y == gridH) { y = 0; image++; }
      }
    }
    packRows(pointers, length, to);
    to += <usize>length * 48;
    k -= length;
    first = 0;
    tap++;
  }
}

/** Packs places p0 ... p0+k of the grid for the (tap, channel)s m ... m+rows. */
function packPatches(source: usize, grid: usize, m: i32, rows: i32, p0: i32, k: i32, to: usize): void {
  const gridH = word(grid, GRID_H), gridW = word(grid, GRID_W);
  const height = word(grid, SOURCE_H), width = word(grid, SOURCE_W), channels = word(grid, CHANNELS);
  const strideY = word(grid, STRIDE_Y), strideX = word(grid, STRIDE_X), run = word(grid, RUN), span = run * channels;
  for (let r = 0; r < rows;) {
    const tap = (m + r) / span, first = m + r - tap * span;
    const length = minimum(span - first, rows - r);
    const dy = word(grid, TAP_TABLE + 2 * tap), dx = word(grid, TAP_TABLE + 2 * tap + 1);
    let x = p0 % gridW, y = (p0 / gridW) % gridH, image = p0 / gridW / gridH;
    let out = at(to, r);
    for (let i = 0; i < k; i++) {
      const sy = y * strideY + dy, sx = x * strideX + dx;
      const row = at(source, (image * height + sy) * width * channels);
      if (<u32>sy >= <u32>height) {
        for (let j = 0; j < length; j++) store<f32>(at(out, j), 0);
      } else if (sx >= 0 && sx + run <= width) {
        const from = at(row, sx * channels + first);
        let j = 0;
        for (; j + 4 <= length; j += 4) v128.store(at(out, j), v128.load(at(from, j)));
        for (; j < length; j++) store<f32>(at(out, j), load<f32>(at(from, j)));
      } else {
        copyBorder(row, sx, width, channels, first, length, out);
      }
      out += 48;
      if (++x == gridW) {
        x = 0;
        if (++y == gridH) { y = 0; image++; }
      }
    }
    r += length;
  }
}

/** Whether rows of the product go to places of a larger grid. */
@inline function isStepped(p: usize): bool {
  const grid = <usize>load<u32>(at(p, GRID));
  return grid != 0 && word(grid, OUT_H) != 0;
}

/** The output's row numbers and pointers of rows m ... m+rows; rows beyond point to a spare one. */
function placeRows(p: usize, c: usize, m: i32, rows: i32, offset: usize): void {
  const stride = <usize>word(p, C_ROW) << 2, indices = scratch + ROW_INDEX, pointers = scratch + ROW_POINTER;
  const grid = <usize>load<u32>(at(p, GRID));
  const stepped = isStepped(p);
  const gridH = stepped ? word(grid, GRID_H) : 1, gridW = stepped ? word(grid, GRID_W) : 1;
  let x = m % gridW, y = (m / gridW) % gridH, image = m / gridW / gridH;
  for (let r = 0; r < ROWS; r++) {
    if (r >= rows) {
      store<u32>(at(pointers, r), <u32>(scratch + SPARE));
      continue;
    }
    let index = m + r;
    if (stepped) {
      index = (image * word(grid, OUT_H) + y * word(grid, STEP_Y) + word(grid, BASE_Y)) * word(grid, OUT_W) +
        x * word(grid, STEP_X) + word(grid, BASE_X);
      if (++x == gridW) {
        x = 0;
        if (++y == gridH) { y = 0; image++; }
      }
    }
    store<i32>(at(indices, r), index);
    store<u32>(at(pointers, r), <u32>(c + <usize>index * stride + offset));
  }
}

/** The program of the product, on columns j ... j+n of the placed rows. */
export function applyEpilogue(p: usize, c: usize, batch: usize, rows: i32, j: i32, n: i32): void {
  const operands = word(p, OPERANDS), table = <usize>load<u32>(at(p, OPERAND_TABLE));
  const args = scratch + ARGS, indices = scratch + ROW_INDEX;
  const stride = word(p, C_ROW) << 2;
  const dense = !isStepped(p);
  for (let r = 0; r < rows; r += dense ? rows : 1) {
    const index = word(indices, r);
    const to = at(c + <usize>index * <usize>stride, j);
    store<u32>(args, <u32>to, 0);
    store<i32>(args, stride, 4);
    for (let i = 0; i < operands; i++) {
      const row = word(table, 3 * i + 1), column = word(table, 3 * i + 2);
      let from = <usize>load<u32>(at(table, 3 * i)) + (<usize>(index * row + j * column) << 2);
      if (batch) from = at(from, word(batch, 3 + i));
      store<u32>(at(args, 2 + 2 * i), <u32>from);
      store<i32>(at(args, 3 + 2 * i), row << 2);
    }
    store<u32>(at(args, 2 + 2 * operands), <u32>to);
    store<i32>(at(args, 3 + 2 * operands), stride);
    runProgram(word(p, EPILOGUE), args, dense ? rows : 1, n);
  }
}

/** One row times b, unpacked. */
function thin(a: usize, aColumn: i32, b: usize, bRow: i32, c: usize, k: i32, n: i32): void {
  const stride = <usize>bRow << 2, step = <usize>aColumn << 2;
  let j = 0;
  for (; j + 32 <= n; j += 32) {
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
    let from = at(b, j), left = a;
    for (let i = 0; i < k; i++) {
      const x = v128.load_splat<f32>(left);
      c0 = fma(x, v128.load(from, 0), c0);
      c1 = fma(x, v128.load(from, 16), c1);
      c2 = fma(x, v128.load(from, 32), c2);
      c3 = fma(x, v128.load(from, 48), c3);
      c4 = fma(x, v128.load(from, 64), c4);
      c5 = fma(x, v128.load(from, 80), c5);
      c6 = fma(x, v128.load(from, 96), c6);
      c7 = fma(x, v128.load(from, 112), c7);
      left += step; from += stride;
    }
    const to = at(c, j);
    v128.store(to, c0, 0);
    v128.store(to, c1, 16);
    v128.store(to, c2, 32);
    v128.store(to, c3, 48);
    v128.store(to, c4, 64);
    v128.store(to, c5, 80);
    v128.store(to, c6, 96);
    v128.store(to, c7, 112);
  }
  for (; j + 4 <= n; j += 4) {
    let c0 = f32x4.splat(0), from = at(b, j), left = a;
    for (let i = 0; i < k; i++) {
      c0 = fma(v128.load_splat<f32>(left), v128.load(from), c0);
      left += step; from += stride;
    }
    v128.store(at(c, j), c0);
  }
  for (; j < n; j++) {
    let c0 = f32x4.splat(0), from = at(b, j), left = a;
    for (let i = 0; i < k; i++) {
      c0 = fma(v128.load_splat<f32>(left), v128.load_splat<f32>(from), c0);
      left += step; from += stride;
    }
    store<f32>(at(c, j), f32x4.extract_lane(c0, 0));
  }
}

/** The strip whose b is packed, all of it. */
let held: i32 = -1;

/**
 * Rows m0 ... m1 of one product, of columns n0 ... n1 those from left to right. All of b is packed, and kept, for a
 * `strip` that is not -1.
 */
function block(
  p: usize, batch: usize, m0: i32, m1: i32, n0: i32, n1: i32, left: i32, right: i32, strip: i32,
): void {
  const kind = word(p, A_KIND), aRow = word(p, A_ROW), aColumn = word(p, A_COLUMN);
  const bRow = word(p, B_ROW), bColumn = word(p, B_COLUMN), grid = <usize>load<u32>(at(p, GRID));
  let a = <usize>load<u32>(at(p, A)), b = <usize>load<u32>(at(p, B)), c = <usize>load<u32>(at(p, C));
  let k = word(p, K), p0 = 0;
  if (batch && kind == PATCHES) {
    // A batch is a run of places, the last of which may be shorter.
    p0 = word(batch, 0);
    k = minimum(k, word(grid, PLACES) - p0);
  } else if (batch) {
    a = at(a, word(batch, 0));
  }
  if (batch) {
    b = at(b, word(batch, 1));
    c = at(c, word(batch, 2));
  }
  const epilogue = word(p, EPILOGUE) >= 0;
  if (kind == DENSE && m1 - m0 <= FEW && bColumn == 1) {
    for (let j = left; j < right; j += 64) {
      for (let m = m0; m < m1; m++) {
        thin(at(a, m * aRow), aColumn, at(b, j), bRow, at(c, m * word(p, C_ROW) + j), k, minimum(64, right - j));
      }
    }
    if (epilogue) {
      placeRows(p, c, m0, m1 - m0, 0);
      applyEpilogue(p, c, batch, m1 - m0, left, right - left);
    }
    return;
  }
  const packedA = scratch + PACK_A, pointers = scratch + ROW_POINTER;
  const tile = scratch + TILE, tileRows = scratch + TILE_ROWS;
  for (let j0 = n0; j0 < n1; j0 += NC) {
    const n = minimum(NC, n1 - j0), begin = maximum(left - j0, 0), end = minimum(right - j0, n);
    for (let k0 = 0; k0 < k; k0 += KC) {
      const kc = minimum(KC, k - k0);
      const packedB = scratch + PACK_B + (strip < 0 ? 0 : <usize>(k0 * ((n + 3) & ~3)) << 2);
      if (strip < 0 || strip != held) packB(at(b, k0 * bRow + j0 * bColumn), bRow, bColumn, kc, n, packedB);
      for (let m = m0; m < m1; m += ROWS) {
        const rows = minimum(ROWS, m1 - m);
        beat();
        placeRows(p, c, m, rows, <usize>j0 << 2);
        if (kind == PIXELS) {
          packPixels(a, grid, m, rows, k0, kc, packedA);
        } else if (kind == PATCHES) {
          packPatches(a, grid, m, rows, p0 + k0, kc, packedA);
        } else if (aColumn == 1) {
          const sources = scratch + SOURCE;
          for (let r = 0; r < ROWS; r++) {
            store<u32>(at(sources, r), <u32>at(a, minimum(m + r, m1 - 1) * aRow + k0));
          }
          packRows(sources, kc, packedA);
        } else {
          packColumns(at(a, m + k0 * aColumn), <usize>aColumn << 2, rows, kc, packedA);
        }
        const panels = packedB + <usize>(begin * kc << 2);
        const j = microRow(kc, packedA, panels, <usize>kc << 4, pointers, begin, end, k0);
        if (j < end) {
          const width = end - j;
          if (k0 > 0) {
            for (let r = 0; r < rows; r++) {
              memory.copy(tile + (<usize>r << 4), <usize>load<u32>(at(pointers, r)) + (<usize>j << 2), width << 2);
            }
          }
          micro(kc, packedA, packedB + <usize>(j * kc << 2), tileRows, 0, k0);
          for (let r = 0; r < rows; r++) {
            for (let i = 0; i < width; i++) {
              store<f32>(at(<usize>load<u32>(at(pointers, r)), j + i), load<f32>(at(tile, 4 * r + i)));
            }
          }
        }
        if (epilogue && k0 + KC >= k) applyEpilogue(p, c, batch, rows, j0 + begin, end - begin);
      }
    }
  }
  held = strip;
}

/** The command: products. */
export function gemm(p: usize): void {
  const m = word(p, M), n = word(p, N), k = word(p, K), batches = word(p, BATCHES);
  const table = <usize>load<u32>(at(p, BATCH_TABLE)), entry = 3 + word(p, OPERANDS), groups = ceilDiv(m, ROWS);
  // A unit is some rows by a strip of columns. Twelve rows, where all of the strip's b stays packed from unit to unit.
  const isThin = word(p, A_KIND) == DENSE && m <= FEW && word(p, B_COLUMN) == 1;
  const most = isThin ? THIN : minimum(NC, (NC * KC / k) & ~15);
  const keeps = isThin || most >= minimum(n, LEAST_STRIP);
  let strips = 1, tall = m, wide = n;
  if (keeps) {
    strips = maximum(ceilDiv(n, most), minimum(ceilDiv(n, THIN), ceilDiv(4 * threads, batches * groups)));
    // With a strip for each, threads do not pack the same columns of b; they pack the same rows of a, fewer here.
    if (batches == 1 && m < n && n >= threads * LEAST_STRIP) strips = maximum(strips, threads);
    wide = ceilDiv(ceilDiv(n, 16), strips) * 16;
    strips = ceilDiv(n, wide);
    if (!isThin) tall = ROWS;
  } else if (batches < 2 * threads) {
    // The cut into rows and columns that leaves the largest share smallest; packing costs about ten products an element.
    let best = f64.MAX_VALUE;
    for (let columns = 1; columns <= threads; columns++) {
      if (threads % columns) continue;
      const high = ceilDiv(groups, threads / columns) * ROWS, broad = ceilDiv(ceilDiv(n, 16), columns) * 16;
      const cost = <f64>high * <f64>broad + 8 * <f64>(high + broad);
      if (cost >= best) continue;
      best = cost;
      tall = high;
      wide = broad;
    }
    strips = ceilDiv(n, wide);
  }
  const chunks = ceilDiv(m, tall), units = batches * strips * chunks;
  const grain = <i32>(LEAST_WORK / (<i64>minimum(tall, m) * <i64>wide * <i64>k)) + 1;
  // The units that are left when all threads have as many are cut into a part for each.
  const isCut = keeps && !isThin && grain == 1 && units > threads && units < threads * FINE && wide >= threads * 16;
  const left = isCut ? units % threads : 0, whole = units / threads, each = whole + left;
  held = -1;
  memory.fill(scratch + ZEROS, 0, KC * 4);
  for (let r = 0; r < ROWS; r++) store<u32>(at(scratch + TILE_ROWS, r), <u32>(scratch + TILE + (<usize>r << 4)));
  share(left ? each * threads : units, grain);
  while (take()) {
    for (let i = first; i < last; i++) {
      let unit = i, part = 0, parts = 1;
      if (left) {
        const owner = i / each, turn = i - owner * each;
        if (turn < whole) {
          unit = owner * whole + turn;
        } else {
          unit = threads * whole + turn - whole;
          part = owner;
          parts = threads;
        }
      }
      const strip = unit / chunks, index = strip / strips;
      const m0 = (unit - strip * chunks) * tall, n0 = (strip - index * strips) * wide, n1 = minimum(n, n0 + wide);
      const width = ceilDiv(ceilDiv(n1 - n0, 16), parts) * 16, from = n0 + part * width;
      if (from >= n1) continue;
      block(
        p, table ? at(table, index * entry) : 0, m0, minimum(m, m0 + tall), n0, n1, from, minimum(n1, from + width),
        keeps ? strip : -1,
      );
    }
  }
}
